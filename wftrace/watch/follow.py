"""Trace files that grow: what is new in them goes to the board, line by line, each line once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wftrace.exporters.otlp_json import decode
from wftrace.trace import Span

from .board import Board

SUFFIX = ".jsonl"
FILES = 500
"""How many files of a folder are followed: those that were written to last."""

BLOCK = 4 * 1024 * 1024
"""How many bytes are read at once."""

LINE = 64 * 1024 * 1024
"""A line that is longer is passed over."""


@dataclass(slots=True)
class _Place:
    """How far a file is read. ``rest`` is the beginning of a line whose end is not written yet."""

    inode: int
    offset: int = 0
    rest: bytes = b""
    skipping: bool = False


class Follower:
    """Follows one file, or the files ``*.jsonl`` of one folder. ``unread`` counts the lines that held no spans."""

    def __init__(self, path: Path, board: Board) -> None:
        self.path = path
        self.unread = 0
        self._board = board
        self._places: dict[Path, _Place] = {}

    def poll(self) -> None:
        """Read what is new. A file that has become shorter, or another one, is read from its beginning."""
        for path in self.files():
            with suppress(OSError):
                self._read(path)

    def files(self) -> list[Path]:
        """The files that are followed, the newest last."""
        if not self.path.is_dir():
            return [self.path] if self.path.is_file() else []
        dated: list[tuple[float, Path]] = []
        for path in self.path.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                if path.is_file():
                    dated.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(dated)[-FILES:]]

    def _read(self, path: Path) -> None:
        status = path.stat()
        place = self._places.get(path)
        if place is None or place.inode != status.st_ino or status.st_size < place.offset:
            if place is not None:
                self._board.forget(path.name)
            place = self._places[path] = _Place(status.st_ino)
        if status.st_size == place.offset:
            return
        with path.open("rb") as file:
            file.seek(place.offset)
            while block := file.read(BLOCK):
                place.offset += len(block)
                self._board.add(path.name, self._spans(place, block))

    def _spans(self, place: _Place, block: bytes) -> Iterator[Span]:
        *lines, rest = (place.rest + block).split(b"\n")
        for line in lines:
            if place.skipping:
                place.skipping = False
            elif line.strip():
                yield from self._decoded(line)
        place.rest = rest
        if len(rest) > LINE:
            place.rest, place.skipping = b"", True
            self.unread += 1

    def _decoded(self, line: bytes) -> list[Span]:
        try:
            spans = list(decode(json.loads(line)))
        except (ValueError, RecursionError):
            spans = []
        self.unread += not spans
        return spans
