"""Follows what a build dyno writes (conmon's k8s-file records) and gives back plain bytes."""

from __future__ import annotations

from pathlib import Path

from haibun.wire.k8s_log import HEAD


class Output:
    """Reads what is new in a build dyno's output file, without the records' heads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._skip = 0

    def skip(self, number_of_bytes: int) -> None:
        """Leave out the first bytes of text: they were passed on before a restart of ours."""
        self._skip = number_of_bytes

    def read(self) -> bytes:
        """The text since the last call; b'' if there is nothing new (or all of it is skipped) or no file yet."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read(1 << 20)
        except (FileNotFoundError, PermissionError):
            return b""  # not made yet, or not yet given to us
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(whole)
        text = b"".join(_text(row) for row in whole.split(b"\n")[:-1])
        skipped = min(self._skip, len(text))
        self._skip -= skipped
        return text[skipped:] or (self.read() if skipped else b"")


def _text(row: bytes) -> bytes:
    partial = row[HEAD - 2 : HEAD - 1] == b"P"
    return row[HEAD:] + (b"" if partial else b"\n")
