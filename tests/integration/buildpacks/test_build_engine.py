"""The builder around the buildpacks: sources, detection, third-party packs, the rules of the Buildpack API."""

import functools
import http.server
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stage

pytestmark = pytest.mark.root
PIN = {".python-version": "3.14\n", "requirements.txt": ""}


def test_nothing_detected(app: stage.App) -> None:
    built = app.build(stage.tar_of({"README": "x"}))
    assert built.code == 20
    assert built.output.startswith(
        "-----> Building on the Debian-14 stack\n"
        "-----> Determining which buildpack to use for this app\n"
        " !     No default language could be detected for this app.\n"
        " !     HINT: "
    )
    assert " !     Found: README\n" in built.output
    assert built.output.endswith("\n\n !     Push failed\n")


@pytest.mark.parametrize("source", [b"", stage.tar_of({})])
def test_an_empty_tree(app: stage.App, source: bytes) -> None:
    built = app.build(source)
    assert built.code == 20
    assert "the pushed tree is empty" in built.output


def test_named_pack_that_does_not_fit(app: stage.App) -> None:
    built = app.build(stage.tar_of({"README": "x"}), buildpacks=("heroku/python",))
    assert built.code == 21
    assert (
        "-----> Using buildpack: heroku/python\n-----> App not compatible with buildpack: heroku/python\n"
        in built.output
    )
    assert built.output.endswith("\n\n !     Push failed\n")


def test_bad_references(app: stage.App) -> None:
    for reference in ("heroku/cobol", "http://127.0.0.1:9/none.git", "http://127.0.0.1:9/none.tgz"):
        built = app.build(stage.tar_of(PIN), buildpacks=(reference,))
        assert built.code == 25
        assert f" !     The buildpack {reference} cannot be used.\n" in built.output


def test_no_process_types_is_said(app: stage.App) -> None:
    built = app.build(stage.tar_of({**PIN, "procfile": "web: x"}))
    assert built.code == 0
    assert built.result["process_types"] == {}
    assert "       Procfile declares types -> (none)\n\n !     This app declares no process type" in built.output
    assert " !     Its file 'procfile' is not read: the name is 'Procfile', exactly.\n" in built.output


def test_slugignore_acts_before_detection(app: stage.App) -> None:
    built = app.build(stage.tar_of({**PIN, ".slugignore": "docs/\n*.txt\n", "docs/a": "", "index.html": ""}))
    assert "-----> Deleting 2 files matching .slugignore patterns.\n" in built.output
    assert not (built.tree / "docs").exists()
    assert built.code == 22  # .python-version says Python; what it needs is gone


def members(*entries: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as tar:  # type: ignore[call-overload]
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def entry(name: str, content: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def test_an_archive_of_one_folder_through_the_api(app: stage.App) -> None:
    inside = [entry("app-1.0/app-1.0/x"), entry("app-1.0/index.html", b"x"), entry("app-1.0/.git/HEAD")]
    built = app.build(members(*inside, mode="w:gz"))
    assert built.result["buildpack_provided_description"] == "Static"
    assert sorted(one.name for one in built.tree.iterdir()) == [".heroku", "app-1.0", "index.html"]
    pushed = app.build(members(*inside))
    assert pushed.code == 20  # a push is taken as it is


def test_members_that_lead_out_are_left_out(app: stage.App) -> None:
    built = app.build(
        members(
            entry("index.html", b"x"),
            entry("../../evil", b"x"),
            entry("link", type=tarfile.SYMTYPE, linkname="/etc"),
            entry("device", type=tarfile.CHRTYPE),
            entry("inner", type=tarfile.SYMTYPE, linkname="index.html"),
        )
    )
    assert built.code == 0, built.output
    assert built.output.count(" !     Left out of the build: ") == 3
    assert sorted(one.name for one in built.tree.iterdir()) == [".heroku", "index.html", "inner"]


@pytest.mark.parametrize("source", [b"not a tar at all" * 100, stage.tar_of({"a": "x" * 2000})[:1024]])
def test_source_that_is_no_archive(app: stage.App, source: bytes) -> None:
    built = app.build(source)
    assert built.code == 24
    assert " !     The source cannot be unpacked.\n" in built.output


DETECT = "#!/bin/sh\necho Teal\n"
COMPILE = """#!/bin/bash
echo "-----> Teal at work"
echo "args $# ref $(cat "$(dirname "$0")/../version")"
echo "var in environment: ${COLOUR:-none}; in ENV_DIR: $(cat "$3/COLOUR")"
echo "ours: ${BUILD_DIR:-}${CACHE_DIR:-}${ENV_DIR:-}${HAIBUN_BUILDPACKS:-}"
echo "stack $STACK version ${#SOURCE_VERSION} home $HOME"
echo kept >> "$2/teal"; wc -l < "$2/teal"
echo "export TEAL='a b'" > "$(dirname "$0")/../export"
touch "$1/index.html"
"""
RELEASE = "#!/bin/sh\nprintf -- '---\\ndefault_process_types:\\n  web: ./teal\\n  rake: bin/rake\\n'\n"


@pytest.fixture
def teal(tmp_path: Path) -> Iterator[str]:
    """A third-party pack in a git repository, over http: main says 2, the tag v1 says 1."""
    work = tmp_path / "work"
    (work / "bin").mkdir(parents=True)
    for name, text in (("detect", DETECT), ("compile", COMPILE), ("release", RELEASE)):
        (work / "bin" / name).write_text(text)  # not executable: the builder sees to it
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for version in ("1", "2"):
        (work / "version").write_text(version)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", version], check=True)
        subprocess.run([*git, "tag", f"v{version}"], check=True)
    site = tmp_path / "site"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(site / "teal.git")], check=True)
    subprocess.run(["git", "-C", str(site / "teal.git"), "update-server-info"], check=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/teal.git"
        server.shutdown()
        thread.join()


def test_third_party_pack_by_tag_and_the_rules_of_the_api(app: stage.App, teal: str) -> None:
    source = stage.tar_of({"README": "x", "Procfile": "web: mine\n"})
    app.build(source, {"COLOUR": "teal"}, (f"{teal}#v1",))
    built = app.build(source, {"COLOUR": "teal"}, (f"{teal}#v1",))
    assert built.code == 0, built.output
    assert built.output == (
        "-----> Building on the Debian-14 stack\n"
        f"-----> Using buildpack: {teal}#v1\n"
        "-----> Teal app detected\n"
        "-----> Teal at work\n"
        "args 3 ref 1\n"
        "var in environment: none; in ENV_DIR: teal\n"
        "ours: \n"
        "stack debian-14 version 40 home /app\n"
        "2\n"
        "-----> Discovering process types\n"
        "       Procfile declares types -> web\n"
        "       Default types for buildpack -> rake\n"
        "\n"
    )
    assert built.result["process_types"] == {"web": "mine", "rake": "bin/rake"}
    assert built.result["buildpacks"] == [f"{teal}#v1"]


def test_packs_in_turn_pass_on_their_exports_and_the_last_decides(app: stage.App, teal: str) -> None:
    files = {**PIN, "bin/pre_compile": '#!/bin/bash\necho "teal exported $TEAL"'}
    built = app.build(stage.tar_of(files), {"COLOUR": "x"}, (teal, "heroku/python"))
    assert built.code == 0, built.output
    assert (
        f"-----> Using buildpacks:\n       1. {teal}\n       2. heroku/python\n-----> Teal app detected\n"
        in built.output
    )
    assert "ref 2\n" in built.output
    assert "       teal exported a b\n" in built.output
    assert built.result["buildpack_provided_description"] == "Python"
    assert built.result["process_types"] == {}
    # static fits only because of what teal made
    assert app.build(stage.tar_of({"a": ""}), {"COLOUR": "x"}, (teal, "heroku/static")).code == 0


def test_a_repository_that_is_no_buildpack(app: stage.App, teal: str) -> None:
    built = app.build(stage.tar_of({"a": ""}), buildpacks=(f"{teal}#nowhere",))
    assert built.code == 25
    assert "git could not fetch it" in built.output
