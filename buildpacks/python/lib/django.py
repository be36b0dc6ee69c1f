"""Django: collectstatic, as part of the build."""

from __future__ import annotations

import os
from pathlib import Path

from kit import children, say
from kit.say import BuildError

MAX_DEPTH = 3


def collect_static(build_dir: Path, packages: Path, env: dict[str, str]) -> None:
    """Run it if there are Django and a manage.py. `env` has the config vars. BuildError if it fails."""
    if (build_dir / ".heroku" / "collectstatic_disabled").is_file():
        say.step("Skipping Django collectstatic since the file '.heroku/collectstatic_disabled' exists.")
        say.warning(
            "The .heroku/collectstatic_disabled file is deprecated.",
            "Remove it, and set the config var DISABLE_COLLECTSTATIC=1 instead.",
        )
        return
    if env.get("DISABLE_COLLECTSTATIC", "0") != "0":
        say.step("Skipping Django collectstatic since the env var DISABLE_COLLECTSTATIC is set.")
        return
    if not (packages / "django").is_dir():
        return
    manage = find_manage(build_dir)
    if manage is None:
        say.step("Skipping Django collectstatic since no manage.py file found.")
        return
    say.step(f"$ python {manage} collectstatic --noinput")
    argv = ["python", manage, "collectstatic", "--noinput", "--traceback"]
    code, _ = children.indented(argv, env={"PYTHONPATH": ".", **env}, cwd=build_dir)
    say.line()
    if code:
        raise _failed(manage, env)


def find_manage(build_dir: Path) -> str | None:
    """The manage.py nearest to the root, at most three levels down; relative, or None."""
    found = []
    for folder, folders, files in os.walk(build_dir):
        relative = Path(folder).relative_to(build_dir)
        if len(relative.parts) >= MAX_DEPTH - 1:
            folders.clear()
        folders[:] = [name for name in folders if name not in (".heroku", ".git", "node_modules")]
        if "manage.py" in files:
            found.append(relative / "manage.py")
    return str(min(found, key=lambda path: (len(path.parts), str(path)))) if found else None


def _failed(manage: str, env: dict[str, str]) -> BuildError:
    if env.get("DEBUG_COLLECTSTATIC") == "1":
        say.line("****** Collectstatic environment variables:")
        say.line()
        for name in sorted(env):
            say.detail(f"{name}={env[name]}")
    return BuildError(
        "Unable to generate Django static files.",
        f"'python {manage} collectstatic --noinput' failed; its traceback is above.",
        "",
        "Mend the app (it is run with the app's config vars), or do without static files:",
        "",
        "  config:set DISABLE_COLLECTSTATIC=1",
    )
