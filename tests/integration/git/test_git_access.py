"""Who may push and fetch, and what git shows to who may not."""

from __future__ import annotations

from haibun.control import apps


def test_a_wrong_token_and_none_are_asked_to_sign_in(host):
    work = host.checkout()
    work.commit(app="1")
    code, said = work.push("main", token="HRKU-wrong")
    assert code == 128
    assert "Authentication failed" in said
    code, said = work.run("push", f"http://127.0.0.1:{host.port}/old-pond.git", "main")
    assert code == 128
    assert "could not read Username" in said
    assert host.room.rows() == []


def test_an_unknown_app_and_a_foreign_one_look_the_same(host):
    stranger, token = host.user_with_token("issa@example.com")
    apps.create(host.control, stranger, name="snail-fuji")
    work = host.checkout()
    work.commit(app="1")
    answers = []
    for name, secret in (("no-such-app", host.token), ("snail-fuji", host.token), ("old-pond", token)):
        code, said = work.push("main", app=name, token=secret)
        assert code == 128
        answers.append(said.replace(name, "APP").replace(secret, "TOKEN"))
    assert answers[0].startswith("remote: !       Couldn't find that app.\nfatal: repository ")
    assert len(set(answers)) == 1
    assert host.room.rows() == []


def test_a_token_that_only_reads_can_clone_and_not_push(host):
    from haibun.control import authorizations

    work = host.checkout()
    work.commit(app="1")
    assert work.push("main")[0] == 0
    _, token = authorizations.authorize(host.control, host.user.user_id, description="ci", scope=("read",))
    copy = host.checkout()
    copy.git("clone", "-q", host.url(token=token), "here")
    work.commit(app="2")
    code, said = work.push("main", token=token)
    assert code == 128
    assert "remote: !       This token's scope (read) does not allow that." in said


def test_a_destroyed_app_is_gone(host):
    work = host.checkout()
    work.commit(app="1")
    assert work.push("main")[0] == 0
    apps.destroy(host.control, host.user, "old-pond")
    code, said = work.push("main")
    assert code == 128
    assert "Couldn't find that app." in said
