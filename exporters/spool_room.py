"""Room in a spool that is full: whole traces are dropped, oldest first, those that are complete before the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .spool_log import segments
from .spool_record import HEADER_BYTES, Kind, Record, pack_gone, records


@dataclass(slots=True)
class _Trace:
    first: int
    size: int = 0
    complete: bool = False


def make_room(folder: Path, passed: int, size: int, before: int | None = None) -> int:
    """Drop traces of a writer's waiting spans until about ``size`` bytes are free; return how many spans that were.

    The segments that held them are written anew, each as a whole, with a note of how many are gone. Segments from
    ``before`` on are left alone: they are still written to. Raises ``OSError``.
    """
    files = [path for index, path in segments(folder) if before is None or index < before]
    victims = _victims(files, passed, size)
    return sum(_rewrite(path, victims, passed) for path in files) if victims else 0


def _victims(files: Sequence[Path], passed: int, size: int) -> set[bytes]:
    traces: dict[bytes, _Trace] = {}
    for record in (record for path in files for record in records(path.read_bytes())):
        if record.is_span and record.number > passed:
            trace = traces.setdefault(record.trace_id, _Trace(record.number))
            trace.size += HEADER_BYTES + len(record.payload)
            trace.complete = trace.complete or record.kind is Kind.ROOT
    victims: set[bytes] = set()
    for trace_id, trace in sorted(traces.items(), key=lambda item: (not item[1].complete, item[1].first)):
        if size <= 0:
            break
        victims.add(trace_id)
        size -= trace.size
    return victims


def _rewrite(path: Path, victims: set[bytes], passed: int) -> int:
    """Write a segment without some traces; return how many spans are gone from it."""
    kept: list[bytes] = []
    gone = dropped = last = 0
    for record in records(path.read_bytes()):
        count = _weight(record, victims, passed)
        if gone and (not count or record.number - count != last):
            kept.append(pack_gone(last, gone))
            gone = 0
        if count:
            gone, last = gone + count, record.number
            dropped += record.is_span
        elif record.kind is not Kind.START or record.trace_id not in victims:  # its end is gone: it would seem open
            kept.append(record.packed())
    if dropped:
        beside = path.with_suffix(".tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"".join([*kept, pack_gone(last, gone)] if gone else kept))
        beside.replace(path)
    return dropped


def _weight(record: Record, victims: set[bytes], passed: int) -> int:
    """How many spans a record stands for that are gone: dropped now, or before."""
    return record.gone or int(record.is_span and record.number > passed and record.trace_id in victims)
