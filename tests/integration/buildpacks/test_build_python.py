"""The Python buildpack inside the real stack: caches, hooks, package managers, failures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stage

pytestmark = pytest.mark.root
PIN = {".python-version": "3.14\n"}


def test_changed_requirements_discard_the_cache(app: stage.App) -> None:
    app.build(stage.tar_of({**PIN, "requirements.txt": "six==1.16.0\n"}))
    built = app.build(stage.tar_of({**PIN, "requirements.txt": "iniconfig==2.0.0\n"}))
    assert "-----> Discarding cache since:\n       - The contents of requirements.txt changed\n" in built.output
    assert app.output_of(built, "python -c 'import iniconfig, six' 2>&1 | tail -1").startswith(
        "ModuleNotFoundError"
    )
    assert "No module named 'six'" in app.output_of(built, "python -c 'import iniconfig, six'")


def test_sticky_version_and_default(app: stage.App) -> None:
    first = app.build(stage.tar_of({".python-version": "3.13", "requirements.txt": ""}))
    second = app.build(stage.tar_of({"requirements.txt": ""}))
    assert "-----> Using Python 3.13 specified in .python-version\n" in first.output
    assert "Using the same major version as the last build: Python 3.13\n" in second.output
    assert app.output_of(second, "python -V").startswith("Python 3.13.")


def test_hooks_see_config_vars_and_packages_they_install_stay(app: stage.App) -> None:
    files = {
        **PIN,
        "requirements.txt": "",
        "bin/pre_compile": "#!/bin/bash\necho pre $COLOUR; [ $PATH != nowhere ]",
        "bin/post_compile": "#!/bin/bash\npip install -q six==1.16.0 && echo made > made.txt",
    }
    built = app.build(stage.tar_of(files), {"COLOUR": "teal", "PATH": "nowhere"})
    assert built.code == 0, built.output
    assert "-----> Running bin/pre_compile hook\n       pre teal\n" in built.output
    assert app.output_of(built, "python -c 'import six'; cat made.txt") == "made\n"


def test_a_failing_hook_fails_the_build(app: stage.App) -> None:
    files = {**PIN, "requirements.txt": "", "bin/post_compile": "#!/bin/bash\necho about to fail\nexit 3"}
    built = app.build(stage.tar_of(files))
    assert built.code == 22
    assert "       about to fail\n\n !     Error: Your bin/post_compile script failed.\n" in built.output
    assert built.output.endswith(" !     Push rejected, failed to compile Python app.\n\n !     Push failed\n")
    assert built.result == {}


MANAGE = """
import os, sys
print("SECRET is", os.environ["SECRET"])
sys.exit(int(os.environ["CODE"]))
"""


@pytest.mark.parametrize(("config", "code"), [({"CODE": "0"}, 0), ({"CODE": "4"}, 22)])
def test_collectstatic_has_config_vars(app: stage.App, config: dict[str, str], code: int) -> None:
    files = {**PIN, "requirements.txt": "django==6.0.10", "backend/manage.py": MANAGE}
    built = app.build(stage.tar_of(files), {"SECRET": "abc", **config})
    assert built.code == code
    assert "-----> $ python backend/manage.py collectstatic --noinput\n       SECRET is abc\n\n" in built.output
    assert (" !     Error: Unable to generate Django static files.\n" in built.output) == bool(code)


def test_collectstatic_can_be_disabled(app: stage.App) -> None:
    files = {**PIN, "requirements.txt": "django==6.0.10", "manage.py": "1/0"}
    built = app.build(stage.tar_of(files), {"DISABLE_COLLECTSTATIC": "1"})
    assert built.code == 0
    assert "Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set.\n" in built.output


def test_a_name_that_the_index_does_not_have(app: stage.App) -> None:
    built = app.build(stage.tar_of({**PIN, "requirements.txt": "six\nno-such-package-of-haibun\n"}))
    assert built.code == 22
    assert " !     There is no package named 'no-such-package-of-haibun' in the package index.\n" in built.output
    assert " !     Check its spelling in requirements.txt." in built.output


def test_a_version_that_cannot_be_had_says_what_to_ask_for(app: stage.App) -> None:
    unreachable = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}
    built = app.build(stage.tar_of({".python-version": "3.14.0", "requirements.txt": ""}), extra=unreachable)
    assert built.code == 22
    assert " !     Error: Python 3.14.0 is not part of the stack and could not be downloaded.\n" in built.output
    assert " !     Ask for 3.14 instead of 3.14.0 in your .python-version file.\n" in built.output


def test_twice_in_one_build_is_refused(app: stage.App) -> None:
    built = app.build(stage.tar_of({**PIN, "requirements.txt": ""}), buildpacks=("heroku/python", "heroku/python"))
    assert built.code == 22
    assert "The Python buildpack has already been run this build." in built.output


def locked(folder: Path, pyproject: str) -> dict[str, str]:
    """A uv project with its lockfile, made by uv here and now."""
    (folder / "pyproject.toml").write_text(pyproject)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "lock", "-q", "--python", sys.executable], cwd=folder, check=True, env=os.environ)
    return {**PIN, "pyproject.toml": pyproject, "uv.lock": (folder / "uv.lock").read_text()}


PROJECT = """
[project]
name = "demo"
version = "1"
requires-python = ">=3.11"
dependencies = ["six==1.16.0"]
[dependency-groups]
dev = ["iniconfig"]
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools.packages.find]
where = ["src"]
"""


def test_uv_project_of_its_own_package(app: stage.App, tmp_path: Path) -> None:
    files = {**locked(tmp_path, PROJECT), "src/demo/__init__.py": "ANSWER = 1\n"}
    files_later = {**files, "src/demo/__init__.py": "ANSWER = 2\n"}
    show = (
        "python -c 'import demo, six; print(demo.__file__, demo.ANSWER); import iniconfig' 2>&1 | grep -v '^[ T]'"
    )
    built = app.build(stage.tar_of(files))
    assert built.code == 0, built.output
    assert "-----> Installing dependencies using 'uv sync --locked --no-default-groups'\n" in built.output
    assert app.output_of(built, show) == (
        "/app/src/demo/__init__.py 1\nModuleNotFoundError: No module named 'iniconfig'\n"
    )
    later = app.build(stage.tar_of(files_later))
    assert "-----> Restoring cache\n" in later.output
    assert app.output_of(later, show).startswith("/app/src/demo/__init__.py 2\n")


def test_uv_lock_that_is_out_of_date(app: stage.App, tmp_path: Path) -> None:
    files = locked(tmp_path, PROJECT.replace("six==1.16.0", "six"))
    built = app.build(stage.tar_of({**files, "pyproject.toml": PROJECT}))
    assert built.code == 22
    assert " !     uv.lock does not match pyproject.toml.\n !     Run 'uv lock'" in built.output


def test_web_concurrency_follows_memory_and_cores(app: stage.App, tmp_path: Path) -> None:
    built = app.build(stage.tar_of({**PIN, "requirements.txt": ""}))
    profile = (built.tree / ".profile.d" / "python.sh").read_text()

    def said(limit: str, cores: int, **env: str) -> list[str]:
        (tmp_path / "limit").write_text(limit)
        script = profile.replace("/sys/fs/cgroup/memory.max", str(tmp_path / "limit"))
        script = f"nproc() {{ echo {cores}; }}\n{script}\necho $DYNO_RAM $WEB_CONCURRENCY $WEB_CONCURRENCY_SET_BY"
        done = subprocess.run(
            ["bash", "-c", script], env={"PATH": stage.PATH, "HOME": "/app", **env}, capture_output=True, text=True
        )
        return [*done.stderr.splitlines(), done.stdout.strip()]

    assert said(str(512 << 20), 8) == ["512 2 heroku/python"]
    assert said(str(1 << 30), 8) == ["1024 4 heroku/python"]
    assert said(str(14 << 30), 8) == ["14336 17 heroku/python"]
    assert said(str(64 << 20), 8) == ["64 1 heroku/python"]
    assert said(str(512 << 20), 8, WEB_CONCURRENCY="7") == ["512 7"]
    assert said("max", 8) == [""]
    assert said(str(512 << 20), 8, DYNO="web.1") == [
        "Python buildpack: Detected 512 MB available memory and 8 CPU cores.",
        "Python buildpack: Defaulting WEB_CONCURRENCY to 2 based on the available memory.",
        "512 2 heroku/python",
    ]
