"""The writing side of a spool: the append-only files of one writer, which is one spool of one process.

A writer has a folder of its own and holds the lock in it as long as it lives. Its records stand in segments
(``00000001.log``, …); a segment that has grown past ``SEGMENT_BYTES`` is followed by the next one.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from pathlib import Path

from .spool_lock import FileLock
from .spool_record import NO_SPAN, NO_TRACE, Kind, pack

SEGMENT_BYTES = 4 * 1024 * 1024
SEGMENT_SUFFIX = ".log"
LOCK_FILE = "lock"

_APPEND = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class SpoolLog:
    """Appends records. Not for several threads at once: the spool has the lock.

    Raises ``OSError`` when the folder cannot be made or written; then nothing half-written is left behind.
    """

    def __init__(self, destination: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = destination / f"{os.getpid()}-{secrets.token_hex(6)}"
        self.folder.mkdir(mode=0o700)
        self.lock = FileLock(self.folder / LOCK_FILE)
        if not self.lock.acquire():
            raise BlockingIOError(errno.EAGAIN, "somebody else has it", str(self.folder))
        self.index = 0
        self.size = 0
        self.number = 0
        self._segment_bytes = segment_bytes
        self._handle = -1
        self._synced = True
        try:
            self.rotate()
        except OSError:
            self.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def append(self, kind: Kind, trace_id: bytes = NO_TRACE, span_id: bytes = NO_SPAN, payload: bytes = b"") -> None:
        """Write one record, with one call of the system. Spans get the next number."""
        number = self.number + 1 if kind in (Kind.SPAN, Kind.ROOT) else 0
        record = pack(kind, number, trace_id, span_id, payload)
        if self.size and self.size + len(record) > self._segment_bytes:
            self.rotate()
        written = os.write(self._handle, record)
        if written != len(record):
            os.ftruncate(self._handle, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        self.size += len(record)
        self.number = number or self.number
        self._synced = False

    def rotate(self) -> None:
        """Go on in a new segment."""
        handle = os.open(segment_path(self.folder, self.index + 1), _APPEND, 0o600)
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = handle
        self.index += 1
        self.size = 0

    def sync(self) -> None:
        """Have the disk keep what was written, also when the machine loses power."""
        if not self._synced and self._handle >= 0:
            self._synced = True
            os.fsync(self._handle)

    @property
    def exists(self) -> bool:
        """Whether the segment that is written to is still where it was."""
        try:
            return os.path.samestat(os.fstat(self._handle), segment_path(self.folder, self.index).stat())
        except OSError:
            return False

    def content(self) -> bytes:
        """What the present segment holds, also when its file was deleted meanwhile."""
        os.lseek(self._handle, 0, os.SEEK_SET)  # writes are not disturbed: they append
        parts = []
        while part := os.read(self._handle, 1024 * 1024):
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the files and the lock, as the child does after a fork."""
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)
        self.lock.release()


def segment_path(folder: Path, index: int) -> Path:
    """The file of a segment."""
    return folder / f"{index:08d}{SEGMENT_SUFFIX}"


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a writer, oldest first."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == SEGMENT_SUFFIX and path.stem.isdecimal()]
    except OSError:
        return []
    return sorted((int(path.stem), path) for path in found)
