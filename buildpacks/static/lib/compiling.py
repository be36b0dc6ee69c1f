"""bin/compile of the static buildpack: decides the folder to serve, says so, copies the server into the slug."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kit import say
from kit.say import BuildError

SERVER = Path(__file__).with_name("server.py")
# What static.json may say. The rest of the nginx-based buildpack's settings is named when it is used.
KNOWN = frozenset({"root", "clean_urls", "error_page", "https_only"})


def main(build_dir: Path) -> int:
    """The exit code: 1 with the reason said if static.json makes no sense."""
    try:
        settings = read(build_dir)
    except BuildError as error:
        error.show()
        return 1
    say.step(f"Serving {settings['root']}/ as a static site")
    folder = build_dir / ".heroku" / "static"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SERVER, folder / "server.py")
    (folder / "settings.json").write_text(json.dumps(settings) + "\n")
    return 0


def read(build_dir: Path) -> dict[str, object]:
    """{root, clean_urls, error_page} from static.json and its defaults; BuildError if they make no sense."""
    said = _static_json(build_dir / "static.json")
    for name in sorted(set(said) - KNOWN):
        say.problem([f"static.json: {name!r} is not supported, and ignored."])
    root = said.get("root", "public_html" if (build_dir / "public_html").is_dir() else ".")
    if not isinstance(root, str) or not (build_dir / root).resolve().is_relative_to(build_dir.resolve()):
        raise BuildError("static.json: 'root' must name a folder of your app.", f"It says: {root!r}")
    if not (build_dir / root).is_dir():
        raise BuildError(
            f"The folder to serve, {root!r}, is not there.",
            "If another buildpack makes it, list that one first (buildpacks:add --index 1).",
            "Otherwise name it in static.json as 'root', commit and push again.",
        )
    error_page = said.get("error_page", "404.html")
    if not isinstance(error_page, str):
        raise BuildError("static.json: 'error_page' must name a file below 'root'.", f"It says: {error_page!r}")
    return {"root": root, "clean_urls": bool(said.get("clean_urls", False)), "error_page": error_page}


def _static_json(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BuildError("static.json is not valid JSON.", f"Reason: {error}") from None
    if not isinstance(said, dict):
        raise BuildError("static.json must be a JSON object.", 'For example: {"root": "public"}')
    return said
