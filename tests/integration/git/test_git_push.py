"""Pushes by the real git client: what it prints, what is stored, what is built."""

from __future__ import annotations

import pytest

SUCCESS = """\
remote: Compressing source files... done.
remote: Building source:
remote:
remote: -----> Building on the Heroku-24 stack
remote: -----> Launching...
remote:        Released v3
remote:        http://app.test/ deployed
remote:
remote: Verifying deploy... done.
"""


def test_first_push_prints_the_whole_transcript(host):
    work = host.checkout()
    commit = work.commit(app="print()")
    code, said = work.push("main")
    assert code == 0
    assert said.startswith(SUCCESS)
    assert "* [new branch]      main -> main" in said
    assert work.remote_refs() == {"HEAD": commit, "refs/heads/main": commit}
    assert host.room.sources == [{"app": 7}]
    assert [(row.status, row.source_version) for row in host.room.rows()] == [("succeeded", commit)]


@pytest.mark.parametrize("host", ["asyncio"], indirect=True)
def test_a_push_works_on_the_plain_event_loop_too(host):
    work = host.checkout()
    work.commit(app="1")
    code, said = work.push("main")
    assert code == 0, said
    assert "Verifying deploy... done." in said


def test_second_push_builds_and_a_third_is_up_to_date(host):
    work = host.checkout()
    work.commit(app="1")
    assert work.push("main")[0] == 0
    second = work.commit(app="22")
    code, said = work.push("main")
    assert code == 0
    assert "Released v4" in said
    assert host.room.sources == [{"app": 1}, {"app": 2}]
    code, said = work.push("main")
    assert (code, said) == (0, "Everything up-to-date")
    assert work.remote_refs()["refs/heads/main"] == second
    assert len(host.room.rows()) == 2


def test_a_failing_build_refuses_the_ref_and_the_same_commit_builds_again(host):
    work = host.checkout()
    work.commit(fail="")
    for attempt in (1, 2):
        code, said = work.push("main")
        assert code == 1
        assert "remote:  !     Push failed\nremote: Verifying deploy...\nremote:\n" in said
        assert "remote: !       Push rejected to old-pond.\nremote:\n" in said
        assert "! [remote rejected] main -> main (pre-receive hook declined)" in said
        assert work.remote_refs() == {}
        assert len(host.room.rows()) == attempt


def test_another_branch_is_stored_and_not_built(host):
    work = host.checkout()
    commit = work.commit(app="1")
    code, said = work.push("main:feature")
    assert code == 0
    assert "remote: Pushed to non-main branch, skipping build.\n" in said
    assert "git push haibun feature:main" in said
    assert work.remote_refs() == {"refs/heads/feature": commit}
    assert host.room.rows() == []


def test_master_builds_and_is_what_a_clone_checks_out(host):
    work = host.checkout()
    work.commit(app="1")
    code, said = work.push("main:master")
    assert code == 0
    assert "Released v3" in said
    copy = host.checkout()
    copy.git("clone", "-q", host.url(), "here")
    assert (copy.path / "here" / "app").read_text() == "1"


def test_main_and_master_at_once_build_main(host):
    work = host.checkout()
    work.commit(app="1")
    code, said = work.push("main", "main:master")
    assert code == 0
    assert "Both main and master were pushed; main is built." in said
    assert len(host.room.rows()) == 1
    assert set(work.remote_refs()) == {"HEAD", "refs/heads/main", "refs/heads/master"}


def test_tags_are_stored(host):
    work = host.checkout()
    work.commit(app="1")
    work.git("tag", "-a", "v1", "-m", "one")
    code, said = work.push("main", "v1")
    assert code == 0
    assert "refs/tags/v1" in work.remote_refs()
    assert "Released v3" in said
    work.git("tag", "light")
    code, said = work.push("light")
    assert code == 0
    assert "No branch was pushed, skipping build." in said
    assert len(host.room.rows()) == 1


def test_an_annotated_tag_on_main_is_refused_before_the_build(host):
    work = host.checkout()
    work.commit(app="1")
    work.git("tag", "-a", "v1", "-m", "one")
    code, said = work.run("push", host.url(), "v1:refs/heads/main")
    assert code == 1
    assert "git push haibun 'TAG^{commit}:main'" in said
    assert host.room.rows() == []
    assert list(host.layout.sources.iterdir()) == []
    assert work.push("v1^{commit}:refs/heads/main")[0] == 0


def test_main_cannot_be_deleted_and_other_branches_can(host):
    work = host.checkout()
    work.commit(app="1")
    assert work.push("main", "main:feature")[0] == 0
    code, said = work.push(":main")
    assert code == 1
    assert "The main branch cannot be deleted" in said
    assert work.push(":feature")[0] == 0
    assert set(work.remote_refs()) == {"HEAD", "refs/heads/main"}
    assert len(host.room.rows()) == 1


def test_master_can_go_once_main_is_there(host):
    work = host.checkout()
    work.commit(app="1")
    assert work.push("main:master")[0] == 0
    assert work.push(":master")[0] == 1
    assert work.push("main")[0] == 0
    assert work.push(":master")[0] == 0
    assert set(work.remote_refs()) == {"HEAD", "refs/heads/main"}


def test_a_forced_push_replaces_history(host):
    work = host.checkout()
    work.commit(app="1")
    assert work.push("main")[0] == 0
    work.git("commit", "-q", "--amend", "-m", "other")
    code, said = work.push("main")
    assert code == 1
    assert "non-fast-forward" in said
    code, said = work.push("--force", "main")
    assert code == 0
    assert "Released v4" in said


def test_a_shallow_clone_can_push(host):
    work = host.checkout()
    for number in range(3):
        work.commit(app=str(number))
    shallow = host.checkout()
    shallow.git("pull", "-q", "--depth=1", f"file://{work.path}", "main")
    commit = shallow.commit(app="shallow")
    code, said = shallow.push("main")
    assert code == 0, said
    assert shallow.remote_refs()["refs/heads/main"] == commit


def test_submodules_and_lfs_pointers_are_told(host):
    work = host.checkout()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    (work.path / ".gitmodules").write_text('[submodule "lib"]\n\tpath = lib\n\turl = http://127.0.0.1/lib\n')
    work.commit(picture=pointer)
    code, said = work.push("main")
    assert code == 0, said
    assert "!     Submodules are not fetched" in said
    assert "!     picture is a Git LFS pointer: the build sees the pointer" in said


def test_a_clone_is_equal_to_what_was_pushed(host):
    work = host.checkout()
    for number in range(5):
        work.commit(app=str(number), other="x" * number)
    assert work.push("main")[0] == 0
    for protocol in ("0", "1", "2"):
        copy = host.checkout()
        copy.git("-c", f"protocol.version={protocol}", "clone", "-q", host.url(), "here")
        assert copy.git("-C", "here", "log", "--format=%H %T") == work.git("log", "--format=%H %T")
    commit = work.commit(app="more")
    assert work.push("main")[0] == 0
    copy.git("-C", "here", "pull", "-q")
    assert copy.git("-C", "here", "rev-parse", "HEAD") == commit


def test_an_app_that_has_nothing_can_be_cloned(host):
    assert "empty repository" in host.checkout().git("clone", host.url(), "here")
