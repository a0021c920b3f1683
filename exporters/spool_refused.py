"""What a backend turned away: set aside in files beside the spool, so that it neither blocks nor is lost.

A file has a record for each batch: the reason in one line, then the request as it was sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .spool_log import SEGMENT_SUFFIX
from .spool_record import Kind, Record, pack, records

REFUSED_FOLDER = "refused"


def set_aside(writer: Path, number: int, why: str, request: bytes) -> None:
    """Keep a request that was turned away, with the reason before it. Raises ``OSError``.

    ``number`` is that of its last span: what was set aside before a crash is not set aside again after it.
    """
    folder = writer.parent / REFUSED_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{writer.name}{SEGMENT_SUFFIX}"
    if path.exists() and any(record.number == number for record in records(path.read_bytes())):
        return
    payload = why.replace("\n", " ").encode("utf-8", "replace") + b"\n" + request
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.write(pack(Kind.SPAN, number, payload=payload))


def refusals(destination: Path) -> list[str]:
    """Why spans were turned away: a sentence for each batch that was set aside."""
    return [record.payload.partition(b"\n")[0].decode("utf-8", "replace") for record in _set_aside(destination)]


def refused_requests(destination: Path) -> list[bytes]:
    """The requests that were set aside."""
    return [record.payload.partition(b"\n")[2] for record in _set_aside(destination)]


def _set_aside(destination: Path) -> Iterator[Record]:
    for path in sorted((destination / REFUSED_FOLDER).glob(f"*{SEGMENT_SUFFIX}")):
        with suppress(OSError):
            yield from records(path.read_bytes())
