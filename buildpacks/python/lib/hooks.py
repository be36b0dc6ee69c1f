"""bin/pre_compile and bin/post_compile of the app, run with its config vars."""

from __future__ import annotations

from pathlib import Path

from kit import children, say
from kit.say import BuildError


def run(name: str, build_dir: Path, env: dict[str, str]) -> None:
    """Run bin/<name> if there is one; BuildError if it fails."""
    script = build_dir / "bin" / name
    if not script.is_file():
        return
    say.step(f"Running bin/{name} hook")
    script.chmod(script.stat().st_mode | 0o755)
    code, _ = children.indented([str(script)], env=env, cwd=build_dir)
    if code:
        raise BuildError(
            f"Your bin/{name} script failed.",
            f"It ended with exit status {code}; its output is above.",
            "A first line such as '#!/usr/bin/env bash' says what runs it."
            if code == 126
            else "Mend it and push again.",
        )
