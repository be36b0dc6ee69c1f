"""The buildpacks are programs of their own, not part of the package: found by path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "buildpacks"))
