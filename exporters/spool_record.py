"""One record of a spool file: a header with a checksum, then the payload. Pure; no file is touched here.

    magic 4 | length u32 | number u64 | trace id 16 | span id 8 | kind u8 | crc32 u32 | payload

The magic begins with 0xFF, which no UTF-8 text holds: a text inside a payload cannot pass for a record when the reader
looks for the next good one after damage. Spans are numbered 1, 2, 3 …, so that a gap says how many were lost.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MAGIC = b"\xffwf\x01"
NO_TRACE = bytes(16)
NO_SPAN = bytes(8)

_HEAD = struct.Struct(">4sIQ16s8sB")
_CHECK = struct.Struct(">I")
_COUNT = struct.Struct(">Q")
HEADER_BYTES = _HEAD.size + _CHECK.size


class Kind(IntEnum):
    """What a record is.

    ``SPAN`` and ``ROOT`` (a span without a parent in this process) are numbered; ``GONE`` has the number of the last
    span that it stands for; ``START`` and ``CLOSED`` have none.
    """

    SPAN = 1
    ROOT = 2
    START = 3
    GONE = 4
    CLOSED = 5


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read; ``begin`` and ``end`` are its place in the bytes that it was read from."""

    kind: Kind
    number: int
    trace_id: bytes
    span_id: bytes
    payload: bytes
    begin: int = 0
    end: int = 0

    @property
    def is_span(self) -> bool:
        """Whether it is an ended span."""
        return self.kind in (Kind.SPAN, Kind.ROOT)

    @property
    def gone(self) -> int:
        """How many dropped spans a ``GONE`` record stands for, up to its number; 0 for others."""
        return int(_COUNT.unpack(self.payload)[0]) if self.kind is Kind.GONE else 0

    def packed(self) -> bytes:
        """Its bytes."""
        return pack(self.kind, self.number, self.trace_id, self.span_id, self.payload)


def pack(kind: Kind, number: int, trace_id: bytes = NO_TRACE, span_id: bytes = NO_SPAN, payload: bytes = b"") -> bytes:
    """The bytes of a record."""
    head = _HEAD.pack(MAGIC, len(payload), number, trace_id, span_id, kind)
    return b"".join((head, _CHECK.pack(zlib.crc32(payload, zlib.crc32(head))), payload))


def pack_gone(number: int, count: int) -> bytes:
    """The bytes that stand for ``count`` spans up to ``number`` that were dropped."""
    return pack(Kind.GONE, number, payload=_COUNT.pack(count))


def unpack(data: bytes, at: int) -> Record | None:
    """The record that begins at ``at``; None when there is none, or not a whole and undamaged one."""
    body = at + HEADER_BYTES
    if body > len(data):
        return None
    magic, length, number, trace_id, span_id, kind = _HEAD.unpack_from(data, at)
    end = body + length
    if magic != MAGIC or end > len(data):
        return None
    payload = data[body:end]
    check = zlib.crc32(payload, zlib.crc32(data[at : at + _HEAD.size]))
    if _CHECK.unpack_from(data, at + _HEAD.size)[0] != check or kind not in _KINDS:
        return None
    if kind == Kind.GONE and length != _COUNT.size:
        return None
    return Record(Kind(kind), number, trace_id, span_id, payload, at, end)


def records(data: bytes, at: int = 0) -> Iterator[Record]:
    """The undamaged records from ``at`` on; damage is passed over to the next good record."""
    while at < len(data):
        record = unpack(data, at)
        if record is None:
            at = data.find(MAGIC, at + 1)
            if at < 0:
                return
            continue
        yield record
        at = record.end


def damaged_tail(data: bytes, at: int) -> int:
    """How many whole but damaged spans lie behind the last good record, which ends at ``at``.

    A record that was cut short does not count: whoever wrote it died before the write was done.
    """
    count = 0
    while at + HEADER_BYTES <= len(data):
        magic, length, number, _, _, _ = _HEAD.unpack_from(data, at)
        at += HEADER_BYTES + length
        if at > len(data):
            break
        count += magic != MAGIC or number > 0
    return count


_KINDS = frozenset(int(kind) for kind in Kind)
