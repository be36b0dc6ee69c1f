"""The scripts of setup and stacks are no part of the installed package: find them in the checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
