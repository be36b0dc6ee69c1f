"""Makes the stack images: python3 stacks/build.py debian-14 [--force]. Root only; unchanged means no work.

Owns /var/lib/haibun/stacks, which every checkout on the machine shares: <name>.<variant>/ and its .stamp.
A tree appears by rename when it is complete; a failed build leaves nothing. Deletes no tree that a dyno of
this boot may still run on.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - `python3` may be older than the project's own Python
    sys.exit("The stack builder needs Python 3.11 or newer. Run `make stacks`, which uses the one in .venv.")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stacks import bootstrap, finish
from stacks.recipe import HERE, BadRecipe, Recipe, load, names, stamp

ROOT = Path("/var/lib/haibun/stacks")
UV = HERE.parent / ".venv" / "bin" / "uv"
VARIANTS = ("run", "build")


def current(recipe: Recipe, variant: str, root: Path) -> bool:
    """Whether the tree is there and was made of this very recipe."""
    mark = root / f"{recipe.name}.{variant}.stamp"
    return (
        (root / f"{recipe.name}.{variant}").is_dir()
        and mark.is_file()
        and (mark.read_text().strip() == stamp(recipe, variant))
    )


def ensure(recipe: Recipe, root: Path, force: bool) -> None:
    """Both variants up to date. Raises BuildFailed."""
    if not force and all(current(recipe, variant, root) for variant in VARIANTS):
        print(f"- stack {recipe.name} is up to date.")
        return
    if os.geteuid() != 0:
        sys.exit("Making a stack image needs root: it creates a root filesystem. Run it with sudo.")
    if not UV.is_file():
        sys.exit(f"{UV} is missing; the build variant carries it. Run `make setup`.")
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep(root)
        if force or not all(current(recipe, variant, root) for variant in VARIANTS):
            make(recipe, root)


def make(recipe: Recipe, root: Path) -> None:
    """Build both variants aside, then put them in place."""
    work = root / f".new-{recipe.name}"
    started = time.monotonic()
    try:
        work.mkdir(mode=0o755)
        for variant in VARIANTS:
            tree = f"{recipe.name}.{variant}"
            print(f"- stack {recipe.name}: making {tree} from {recipe.description} ...", flush=True)
            log = work / f"{variant}.log"
            if variant == "run":
                bootstrap.fresh(recipe, work / variant, log)
                finish.run(work / variant, recipe.name)
            else:
                bootstrap.extend(recipe, work / "run", work / variant, log)
                finish.build(work / variant, UV)
        for variant in VARIANTS:
            place(work / variant, root / f"{recipe.name}.{variant}", stamp(recipe, variant))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"- stack {recipe.name} is ready ({time.monotonic() - started:.0f} s).", flush=True)


def place(new: Path, final: Path, mark: str) -> None:
    """Rename into place. The tree that was there is set aside: a running dyno still has it mounted."""
    mark_path = final.with_name(f"{final.name}.stamp")
    mark_path.unlink(missing_ok=True)
    if final.exists():
        final.rename(final.with_name(f".old-{boot_id()}-{final.name}-{time.time_ns()}"))
    new.rename(final)
    mark_path.write_text(f"{mark}\n")


def sweep(root: Path) -> None:
    """Remove what a killed build left (we hold the lock) and trees that were replaced before this boot."""
    for path in root.glob(".new-*"):
        shutil.rmtree(path)
    for path in root.glob(".old-*"):
        if not path.name.startswith(f".old-{boot_id()}-"):
            shutil.rmtree(path)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make stack images.")
    parser.add_argument("stack", nargs="+", help=f"one of: {', '.join(names())}")
    parser.add_argument("--force", action="store_true", help="make it again though nothing changed")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the trees are kept (default: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` cleans up
    try:
        for name in options.stack:
            ensure(load(name), options.root, options.force)
    except (BadRecipe, bootstrap.BuildFailed) as error:
        sys.exit(f"The stack image was not made. {error}")


if __name__ == "__main__":
    main()
