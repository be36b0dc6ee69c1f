"""bin/compile of the Python buildpack: the steps in order. Each step's how is in a module of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from kit import config, say
from kit.say import BuildError
from python.lib import cache as caching
from python.lib import checks, django, hooks, installing, interpreters, managers, nltk, profile, venv, versions
from python.lib.interpreters import Interpreter
from python.lib.managers import Manager

ORIGINS = {
    "default": "No Python version was specified. Using the buildpack default: Python {}",
    "cached": "No Python version was specified. Using the same major version as the last build: Python {}",
}


class Dirs(NamedTuple):
    """`build`, `cache` as given; `app`: /app; `python`: the venv's path in a dyno."""

    build: Path
    cache: Path
    app: Path

    @property
    def python(self) -> Path:
        return self.app / ".heroku" / "python"

    @property
    def slug_python(self) -> Path:
        """The same, as it goes into the slug."""
        return self.build / ".heroku" / "python"


def main(build_dir: Path, cache_dir: Path, env_dir: Path, *, export: Path) -> int:
    """The exit code: 1 with the reason said if the build cannot go on."""
    dirs = Dirs(build_dir, cache_dir, config.root() / "app")
    try:
        _compile(dirs, config.read(env_dir), export)
    except BuildError as error:
        error.show()
        return 1
    return 0


def _compile(dirs: Dirs, config_vars: dict[str, str], export: Path) -> None:
    cache = caching.Cache(dirs.cache / "python")
    env = environment(dict(os.environ), config_vars, dirs, cache)
    # A hook's own `uv pip install` copies across mounts: nothing to be warned of.
    with_config = config.exported({"UV_LINK_MODE": "copy", **env}, config_vars)
    checks.not_twice(dirs.build, export)
    hooks.run("pre_compile", dirs.build, with_config)
    checks.nothing_in_the_way(dirs.build)
    manager = managers.determine(dirs.build)
    checks.no_venv(dirs.build)
    old = cache.load()
    interpreter = _choose(dirs, cache, manager, old, env)
    new = caching.wanted(dirs.build, env.get("STACK", ""), interpreter, manager, env)
    _provide(dirs, cache, manager, interpreter, (old, new), env)
    packages = venv.site_packages(cache.venv, interpreter)
    copy = cache.restoring(dirs.slug_python)
    try:
        # From the cache's venv, which is the same, while its copy is being made.
        django.collect_static(dirs.build, packages, with_config)
    finally:
        copy.join()
    venv.point(dirs.python, dirs.slug_python)
    corpora = nltk.download(dirs.build, packages, env)
    profile.write(dirs.build, export, nltk=corpora)
    hooks.run("post_compile", dirs.build, with_config)
    venv.rewrite_paths(venv.site_packages(dirs.slug_python, interpreter), dirs.build, dirs.app)


def environment(
    own: dict[str, str], config_vars: dict[str, str], dirs: Dirs, cache: caching.Cache
) -> dict[str, str]:
    """For installers and hooks. Of the config vars only the extra index is passed on, as Heroku does."""
    env = {name: value for name, value in own.items() if name not in ("PYTHONHOME", "PYTHONPATH", "HAIBUN_ROOT")}
    env |= {
        "PATH": f"{dirs.python}/bin:{own.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "VIRTUAL_ENV": str(dirs.python),
        "PYTHONUNBUFFERED": "1",
        "LANG": "en_US.UTF-8",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": str(cache.uv),
        "UV_PROJECT_ENVIRONMENT": str(dirs.python),
        "UV_PYTHON_DOWNLOADS": "manual",
    }
    if index := own.get("UV_DEFAULT_INDEX") or own.get("UV_INDEX_URL") or own.get("PIP_INDEX_URL"):
        env["UV_DEFAULT_INDEX"] = index
    env.pop("UV_INDEX_URL", None)
    if extra := config_vars.get("PIP_EXTRA_INDEX_URL") or own.get("PIP_EXTRA_INDEX_URL"):
        env["PIP_EXTRA_INDEX_URL"] = extra
        env["UV_INDEX"] = extra
    if strategy := config_vars.get("UV_INDEX_STRATEGY"):
        env["UV_INDEX_STRATEGY"] = strategy
    return env


def _choose(
    dirs: Dirs, cache: caching.Cache, manager: Manager, old: caching.State | None, env: dict[str, str]
) -> Interpreter:
    """The interpreter, and the line that says whose wish it is."""
    default = interpreters.default_major(versions.DEFAULT)
    asked = versions.asked(dirs.build, manager, old.version if old else None, default)
    say.step(ORIGINS.get(asked.origin, f"Using Python {{}} specified in {asked.origin}").format(asked.version))
    interpreter = interpreters.find(asked, cache.tools, dirs.app, env)
    checks.warn_about_version(asked, interpreter)
    return interpreter


def _provide(
    dirs: Dirs,
    cache: caching.Cache,
    manager: Manager,
    interpreter: Interpreter,
    states: tuple[caching.State | None, caching.State],
    env: dict[str, str],
) -> None:
    """The venv, whole, in the cache; /app/.heroku/python leads to it."""
    old, new = states
    reasons = caching.differences(old, new) if old else []
    if reasons:
        say.step("Discarding cache since:")
        for reason in reasons:
            say.detail(f"- {reason}")
    usable = old is not None and not reasons
    runtime = dirs.build / ".heroku" / "python-runtime"
    if interpreter.managed is not None:
        interpreters.place_runtime(interpreter, dirs.build)
        venv.point(dirs.app / ".heroku" / "python-runtime", runtime)
    if usable:
        say.step("Restoring cache")
        say.step(f"Using cached install of Python {interpreter.version}")
    else:
        say.step(f"Installing Python {interpreter.version}")
    if usable and old is not None and not old.local:
        say.step(f"Installing dependencies using '{installing.TITLES[manager]}'")
        say.detail(f"Nothing changed in {', '.join(new.files)} since the last build: using its packages.")
    else:
        _install(dirs, cache, manager, interpreter, new, env, keep=usable)
    venv.point(dirs.python, cache.venv)


def _install(
    dirs: Dirs,
    cache: caching.Cache,
    manager: Manager,
    interpreter: Interpreter,
    new: caching.State,
    env: dict[str, str],
    *,
    keep: bool,
) -> None:
    folder = cache.begin(keep=keep)
    if not keep:
        venv.make(folder, interpreter)
    venv.point(dirs.python, folder)
    installing.install(manager, installing.Job(dirs.build, dirs.python, cache.tools, interpreter, env))
    venv.add_pip_shim(folder)
    (folder / ".lock").unlink(missing_ok=True)
    say.step("Saving cache")
    local = venv.has_local_packages(venv.site_packages(folder, interpreter))
    cache.finish(new._replace(local=local))
