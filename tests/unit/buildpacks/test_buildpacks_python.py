"""The Python buildpack's decisions: version, package manager, cache, and what a failure means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.say import BuildError
from python.lib import cache, django, installing, managers, versions
from python.lib.interpreters import Interpreter
from python.lib.managers import Manager


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("text", ["3.14", "3.14\n", "  3.14\r\n", "# why\n\n3.14\n"])
def test_version_file(text: str) -> None:
    assert versions.parse_python_version(text.encode()) == "3.14"


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b"", "No Python version found"),
        (b"# 3.14", "No Python version found"),
        (b"3.14\n3.13\n", "Multiple Python versions"),
        (b"python-3.14", "Invalid Python version"),
        (b"'3.14'", "Invalid Python version"),
        (b"3.x", "Invalid Python version"),
        (b"03.14", "Invalid Python version"),
        (b"\xef\xbb\xbf3.14", "Unable to read"),
        ("3.14".encode("utf-16"), "Unable to read"),
    ],
)
def test_bad_version_file(raw: bytes, title: str) -> None:
    with pytest.raises(BuildError, match=title):
        versions.parse_python_version(raw)


@given(st.binary(max_size=40))
def test_a_version_file_is_a_version_or_an_explanation(raw: bytes) -> None:
    try:
        said = versions.parse_python_version(raw)
    except BuildError as error:
        said, explained = "", error.lines
    assert versions.VERSION.fullmatch(said) if said else explained


@pytest.mark.parametrize(
    ("files", "manager", "cached", "expected"),
    [
        (
            {"runtime.txt": "python-3.13.1", ".python-version": "3.14"},
            Manager.PIP,
            None,
            ("3.13.1", "runtime.txt"),
        ),
        ({".python-version": "3.13"}, Manager.PIP, "3.14.2", ("3.13", ".python-version")),
        ({}, Manager.PIP, "3.13.4", ("3.13", "cached")),
        ({}, Manager.PIP, None, ("3.14", "default")),
        (
            {"Pipfile.lock": '{"_meta": {"requires": {"python_version": "3", "python_full_version": "3.13.2"}}}'},
            Manager.PIPENV,
            None,
            ("3.13.2", "Pipfile.lock"),
        ),
        ({"Pipfile.lock": "{}"}, Manager.PIPENV, None, ("3.14", "default")),
    ],
)
def test_who_says_the_version(
    tmp_path: Path, files: dict[str, str], manager: Manager, cached: str | None, expected: tuple[str, str]
) -> None:
    assert versions.asked(lay(tmp_path, files), manager, cached) == expected


@pytest.mark.parametrize(
    ("files", "manager", "title"),
    [
        ({}, Manager.UV, "No Python version was specified"),
        ({"runtime.txt": "python-3.14"}, Manager.UV, "runtime.txt file isn't supported"),
        ({"runtime.txt": "3.14"}, Manager.PIP, "Invalid Python version in runtime.txt"),
        ({".python_version": "3.14"}, Manager.PIP, "spelled incorrectly"),
        ({".python-version": "3.9"}, Manager.PIP, "end-of-life"),
        ({".python-version": "2.7.18"}, Manager.PIP, "end-of-life"),
        ({".python-version": "3.99"}, Manager.PIP, "isn't recognised"),
        ({".python-version": "4.0"}, Manager.PIP, "isn't recognised"),
        ({"Pipfile.lock": "["}, Manager.PIPENV, "Can't parse Pipfile.lock"),
        ({"Pipfile.lock": '{"_meta": {"requires": {"python_version": "3"}}}'}, Manager.PIPENV, "Invalid"),
    ],
)
def test_versions_that_are_refused(tmp_path: Path, files: dict[str, str], manager: Manager, title: str) -> None:
    with pytest.raises(BuildError, match=title):
        versions.asked(lay(tmp_path, files), manager, None)


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({"requirements.txt": ""}, Manager.PIP),
        ({"Pipfile": "", "Pipfile.lock": ""}, Manager.PIPENV),
        ({"pyproject.toml": "", "poetry.lock": ""}, Manager.POETRY),
        ({"pyproject.toml": "", "uv.lock": ""}, Manager.UV),
    ],
)
def test_one_package_manager(tmp_path: Path, files: dict[str, str], manager: Manager) -> None:
    assert managers.determine(lay(tmp_path, files)) is manager


@pytest.mark.parametrize(
    ("files", "title", "said"),
    [
        ({"Pipfile": ""}, "No 'Pipfile.lock'", "pipenv lock"),
        ({"requirements.txt": "", "uv.lock": ""}, "Multiple", "uv.lock (uv)"),
        ({"requirments.txt": ""}, "name of your requirements", "requirments.txt"),
        ({"setup.py": ""}, "setup.py alone", "--editable ."),
        ({"pyproject.toml": ""}, "no lockfile", "uv lock"),
        ({"app.py": ""}, "Couldn't find", "app.py"),
    ],
)
def test_no_one_package_manager(tmp_path: Path, files: dict[str, str], title: str, said: str) -> None:
    with pytest.raises(BuildError, match=title) as caught:
        managers.determine(lay(tmp_path, files))
    assert said in "\n".join(caught.value.lines)


def state(root: Path, version: str = "3.14.2", stack: str = "debian-14") -> cache.State:
    return cache.wanted(root, stack, Interpreter(version, Path("/usr/bin/python3.14")), Manager.PIP, {})


def test_code_alone_does_not_change_the_cache_key(tmp_path: Path) -> None:
    lay(tmp_path, {"requirements.txt": "flask", "app.py": "1"})
    before = state(tmp_path)
    lay(tmp_path, {"app.py": "2"})
    assert cache.differences(before, state(tmp_path)) == []


@pytest.mark.parametrize("changed", ["requirements.txt", "base.txt", "sub/deep.txt"])
def test_every_included_file_is_part_of_the_key(tmp_path: Path, changed: str) -> None:
    lay(
        tmp_path,
        {
            "requirements.txt": "-r base.txt\n-c sub/deep.txt",
            "base.txt": "-r requirements.txt",
            "sub/deep.txt": "",
        },
    )
    before = state(tmp_path)
    with (tmp_path / changed).open("a") as file:
        file.write("\nsix\n")
    assert cache.differences(before, state(tmp_path)) == [f"The contents of {changed} changed"]


def test_stack_and_version_are_part_of_the_key(tmp_path: Path) -> None:
    lay(tmp_path, {"requirements.txt": ""})
    assert cache.differences(state(tmp_path), state(tmp_path, "3.14.3", "debian-15")) == [
        "The stack has changed from debian-14 to debian-15",
        "The Python version has changed from 3.14.2 to 3.14.3",
    ]


def test_a_build_that_dies_leaves_no_cached_venv(tmp_path: Path) -> None:
    lay(tmp_path, {"src/requirements.txt": ""})
    kept = cache.Cache(tmp_path / "cache")
    kept.begin(keep=False)
    kept.finish(state(tmp_path / "src"))
    assert kept.load() == state(tmp_path / "src")
    kept.begin(keep=True)
    assert cache.Cache(tmp_path / "cache").load() is None


def test_a_cache_of_another_format_is_no_cache(tmp_path: Path) -> None:
    lay(tmp_path, {"venv/x": "", "state.json": '{"stack": "debian-14"}'})
    assert cache.Cache(tmp_path).load() is None


@pytest.mark.parametrize(
    ("manager", "said", "expected"),
    [
        (
            Manager.PIP,
            "Because no-such\n  was not found in the package registry and you require no-such",
            "no package named 'no-such'",
        ),
        (Manager.PIP, "Because there is no version of flask==99 and you require flask==99", "flask==99."),
        (Manager.UV, "The lockfile at `uv.lock` needs to be updated, but", "Run 'uv lock'"),
        (Manager.POETRY, "pyproject.toml changed since poetry.lock was made. Run `poetry lock`", "poetry lock"),
        (Manager.PIP, "cause: dns error", "could not be reached"),
        (Manager.PIP, "gcc: error", "lines above"),
    ],
)
def test_what_a_failed_install_means(manager: Manager, said: str, expected: str) -> None:
    assert expected in " ".join(installing.explain(manager, 1, said).lines)


def test_killed_means_memory() -> None:
    assert "memory" in " ".join(installing.explain(Manager.PIP, 137, "").lines)


def test_manage_py_nearest_to_the_root(tmp_path: Path) -> None:
    assert django.find_manage(tmp_path) is None
    lay(tmp_path, {"a/b/c/manage.py": ""})
    assert django.find_manage(tmp_path) is None
    lay(tmp_path, {"a/b/manage.py": "", "z/manage.py": ""})
    assert django.find_manage(tmp_path) == "z/manage.py"
