"""Recipes, their stamps, and how trees come into place and go. No tree is built here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stacks import build, finish
from stacks.recipe import BadRecipe, Recipe, load, names, pinned_uv, stamp

RECIPE = 'description = "X"\nsuite = "s"\nsecurity = false\n[run]\npackages = "bash"\n[build]\npackages = "gcc"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x-1.toml").write_text(RECIPE)
    (tmp_path / "lock").write_text("uv==1.2.3 \\\n    --hash=sha256:00\n")
    return tmp_path


def marks(folder: Path) -> tuple[str, str]:
    recipe = load("x-1", folder)
    return stamp(recipe, "run", folder, folder / "lock"), stamp(recipe, "build", folder, folder / "lock")


def test_every_recipe_of_the_repository_can_be_read() -> None:
    assert {"debian-13", "debian-14"} <= set(names())
    for name in names():
        recipe = load(name)
        assert "tini" in recipe.run
        assert "build-essential" in recipe.build
        assert not set(recipe.run) & set(recipe.build)


def test_the_stamp_follows_the_recipe(folder: Path) -> None:
    before = marks(folder)
    assert before == marks(folder)
    (folder / "x-1.toml").write_text(RECIPE.replace("bash", "bash curl"))
    after = marks(folder)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_only_the_build_variant_follows_the_pinned_uv(folder: Path) -> None:
    before = marks(folder)
    (folder / "lock").write_text("uv==1.2.4 \\\n    --hash=sha256:00\n")
    after = marks(folder)
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_lock_without_uv_is_said(folder: Path) -> None:
    (folder / "lock").write_text("uvloop==0.22\n")
    with pytest.raises(BadRecipe, match="make lock"):
        pinned_uv(folder / "lock")


@pytest.mark.parametrize("name", ["nope", "../x-1", "X", ""])
def test_an_unknown_stack_is_said_with_those_there_are(folder: Path, name: str) -> None:
    with pytest.raises(BadRecipe, match="There are: x-1"):
        load(name, folder)


@pytest.mark.parametrize("package", ["-o=Dir=/", "a;b", "$(x)", "UPPER"])
def test_what_is_no_package_name_never_reaches_a_command_line(folder: Path, package: str) -> None:
    (folder / "x-1.toml").write_text(RECIPE.replace("bash", package))
    with pytest.raises(BadRecipe, match="is not a package name"):
        load("x-1", folder)


def recipe() -> Recipe:
    return load("debian-14")


def test_a_tree_without_its_stamp_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "debian-14.run").mkdir()
    assert not build.current(recipe(), "run", tmp_path)
    (tmp_path / "debian-14.run.stamp").write_text(stamp(recipe(), "run") + "\n")
    assert build.current(recipe(), "run", tmp_path)
    (tmp_path / "debian-14.run").rmdir()
    assert not build.current(recipe(), "run", tmp_path)


def test_a_replaced_tree_stays_until_the_next_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "x.run"
    for text in ("old", "new"):
        made = tmp_path / ".new-x"
        made.mkdir()
        (made / "file").write_text(text)
        build.place(made, final, text)
    assert (final / "file").read_text() == "new"
    assert (tmp_path / "x.run.stamp").read_text() == "new\n"
    build.sweep(tmp_path)
    assert [(path / "file").read_text() for path in tmp_path.glob(".old-*")] == ["old"]
    monkeypatch.setattr(build, "boot_id", lambda: "another-boot")
    build.sweep(tmp_path)
    assert not list(tmp_path.glob(".old-*"))


def test_what_a_killed_build_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".new-x" / "run").mkdir(parents=True)
    build.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real mmdebstrap, sent to a port where nobody listens."""
    monkeypatch.setenv("HAIBUN_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    with pytest.raises(build.bootstrap.BuildFailed, match="could not be reached"):
        build.make(recipe(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_etc_does_not_lead_the_cleaner_out_of_the_tree(tmp_path: Path) -> None:
    outside = tmp_path / "host-resolv.conf"
    outside.write_text("nameserver 192.0.2.1\n")
    tree = tmp_path / "tree"
    for name in (*finish.CACHES, "etc", "var/tmp"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "etc" / "resolv.conf").symlink_to(outside)
    finish.clean(tree)
    assert outside.read_text() == "nameserver 192.0.2.1\n"
    assert not (tree / "etc" / "resolv.conf").is_symlink()


def test_the_command_names_the_stacks_there_are() -> None:
    done = subprocess.run(
        [sys.executable, build.__file__, "debian-99"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "There are: debian-13, debian-14" in done.stderr
