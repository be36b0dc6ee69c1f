"""Keeps the compiled form of our own modules in the app's cache: their folder is read-only inside a build dyno,
and compiling them anew takes longer than the rest of a small build. The standard library has its own.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from types import CodeType


def keep(home: str, cache_dir: str) -> None:
    """From now on modules below `home` are compiled once per change of theirs, into `cache_dir`."""
    prefix = os.path.join(cache_dir, ".bytecode")

    class Loader(SourceFileLoader):
        """The usual loader, looking for bytecode elsewhere. Times and sizes of sources are checked as always."""

        def get_code(self, fullname: str) -> CodeType | None:
            before, sys.pycache_prefix = sys.pycache_prefix, prefix
            try:
                return super().get_code(fullname)
            finally:
                sys.pycache_prefix = before

    def hook(path: str) -> FileFinder:
        if path != home and not path.startswith(home + "/"):
            raise ImportError
        return FileFinder(path, (Loader, [".py"]))

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
