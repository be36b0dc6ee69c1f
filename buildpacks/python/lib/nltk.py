"""NLTK's corpora: if nltk is installed, download what nltk.txt names."""

from __future__ import annotations

from pathlib import Path

from kit import children, say
from kit.say import BuildError

DATA = ".heroku/python/nltk_data"


def download(build_dir: Path, packages: Path, env: dict[str, str]) -> bool:
    """Whether corpora were downloaded, into .heroku/python/nltk_data. BuildError if that failed."""
    if not (packages / "nltk").is_dir():
        return False
    listed = build_dir / "nltk.txt"
    if not listed.is_file():
        say.step("Skipping NLTK corpora since there is no nltk.txt.")
        return False
    names = listed.read_text("utf-8", "replace").split()
    say.step(f"Downloading NLTK corpora: {' '.join(names)}")
    argv = ["python", "-m", "nltk.downloader", "-d", str(build_dir / DATA), *names]
    if children.indented(argv, env=env, cwd=build_dir)[0]:
        raise BuildError("Unable to download NLTK data.", "Check the names in nltk.txt; the lines above say more.")
    return True
