"""bin/release: YAML for the builder, printed by hand."""

from __future__ import annotations

from pathlib import Path


def main(build_dir: Path) -> None:
    packages = next((build_dir / ".heroku" / "python" / "lib").glob("python3*/site-packages"), None)
    django = packages is not None and (build_dir / "manage.py").is_file() and (packages / "django").is_dir()
    print("---")
    if django and packages is not None and any((packages / name).is_dir() for name in ("psycopg2", "psycopg")):
        print("addons:\n  - heroku-postgresql")
