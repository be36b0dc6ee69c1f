"""Makes a machine ready for Haibun: /usr/bin/python3 setup/setup.py [--heroku-cli | --only-heroku-cli]. Root only.

Checks first, changes after; a second run changes nothing and takes seconds. What it places outside the
checkout: system packages, the user haibun, /usr/local/bin/haibun, /var/lib/haibun/stacks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from setup import checks, heroku_cli, system, venv  # noqa: E402 - found by the line above
from setup.say import Stop, step  # noqa: E402

STACK = "debian-14"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make this machine ready for Haibun.")
    parser.add_argument("--heroku-cli", action="store_true", help="the Heroku CLI for the tests as well")
    parser.add_argument("--only-heroku-cli", action="store_true", help="nothing but the Heroku CLI for the tests")
    options = parser.parse_args()
    os.umask(0o022)  # the unprivileged user reads what is made here
    os.environ.pop("VIRTUAL_ENV", None)
    try:
        if not options.only_heroku_cli:
            platform()
        if options.heroku_cli or options.only_heroku_cli:
            heroku_cli.ensure(CHECKOUT)
    except Stop as stop:
        sys.exit(f"setup: {stop}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run `make setup` again, it goes on where it was.")


def platform() -> None:
    """Everything but the tests' tools."""
    checks.root()
    checks.system()
    checks.disk(CHECKOUT)
    checks.readable(CHECKOUT)
    system.packages(venv.needed_packages())
    checks.kernel()
    system.user()
    system.reachable(CHECKOUT)
    made = venv.ensure(CHECKOUT)
    stacks(made)
    system.link(made)
    step("done. Try `make demo`, or `haibun up`.")


def stacks(made: Path) -> None:
    """The default stack; the builder says itself what it does, and why if it cannot."""
    done = subprocess.run([made / "bin" / "python", CHECKOUT / "stacks" / "build.py", STACK], check=False)
    if done.returncode != 0:
        raise Stop("the stack image is missing, so no dyno can run; see above.")


if __name__ == "__main__":
    main()
