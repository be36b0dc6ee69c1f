"""References to buildpacks: which are names, which are addresses, which are refused."""

from pathlib import Path

import pytest
from engine.outcome import Exit, Rejected
from engine.packs import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for name in ("python", "static"):
        folder = tmp_path / "builtin" / name / "bin"
        folder.mkdir(parents=True)
        for script in ("detect", "compile"):
            (folder / script).write_text("")
    (tmp_path / "work").mkdir()
    return Shelf(tmp_path / "builtin", tmp_path / "work", {})


@pytest.mark.parametrize(
    "reference",
    [
        "heroku/python",
        "urn:buildpack:heroku/python",
        "python",
        "haibun/python",
        "https://buildpack-registry.example.com/buildpacks/heroku/python.tgz",
    ],
)
def test_names(shelf: Shelf, reference: str) -> None:
    pack = shelf.get(reference)
    assert pack.reference == reference
    assert pack.script("detect").resolve().parts[-3:] == ("python", "bin", "detect")


def test_a_built_in_pack_can_write_export(shelf: Shelf) -> None:
    pack = shelf.get("heroku/python")
    (pack.home / "export").write_text("x")
    assert not (shelf.builtin / "python" / "export").exists()


@pytest.mark.parametrize(
    "reference",
    [
        "heroku/cobol",
        "someone/else",
        "../python",
        "",
        "ext::sh -c true",
        "file:///etc",
        "-u",
        "https://host/x.git#--upload-pack=x",
        "https://host/x y.git",
    ],
)
def test_refused(shelf: Shelf, reference: str) -> None:
    with pytest.raises(Rejected) as caught:
        shelf.get(reference)
    assert caught.value.code is Exit.BAD_REFERENCE
    assert reference in caught.value.lines[0]


def test_order_of_detection_ends_with_static(shelf: Shelf) -> None:
    assert [one.reference for one in shelf.defaults()] == ["heroku/python", "heroku/static"]
