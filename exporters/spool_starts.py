"""Spans that were begun and never ended, because their process died: made from their start records.

A run and a step attempt leave a record when they begin. Whoever takes a dead writer's records over looks for those
whose end is missing, and adds a span for each, with the outcome *interrupted* and the writer's last sign of life as
its end. So a backend shows the run that was killed, and the step that it was in.
"""

from __future__ import annotations

import os
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from wftrace import semconv as words

from .span_bytes import DecodeError
from .spool_accounts import State
from .spool_log import segment_path, segments
from .spool_queue import count_waiting, every_record
from .spool_record import Kind, Record, pack

INTERRUPTED = "interrupted"


def add_interrupted(folder: Path, state: State) -> int:
    """Append the spans that a dead writer had begun and not ended; return how many. Raises ``OSError``.

    They stand in a segment of their own, which is written whole or not at all and closes the writer: whoever comes next
    does not add them again.
    """
    open_spans, number = _left_open(folder)
    if not open_spans:
        return 0
    files = segments(folder)
    last_sign = max(path.stat().st_mtime_ns for _, path in files)
    waiting, lost = count_waiting(folder, state)
    number = max(number, state.passed + waiting + sum(lost.values()))
    made: list[bytes] = []
    for record in open_spans:
        ended = interrupted_span(record.payload, last_sign)
        if ended is not None:
            kind = Kind.ROOT if not ended[1] else Kind.SPAN
            made.append(pack(kind, number + len(made) + 1, record.trace_id, record.span_id, ended[0]))
    beside = folder / "interrupted.tmp"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"".join(made) + pack(Kind.CLOSED, 0))
    beside.replace(segment_path(folder, files[-1][0] + 1))
    return len(made)


def _left_open(folder: Path) -> tuple[list[Record], int]:
    """The start records without an end, and the highest number of a span."""
    begun: dict[bytes, Record] = {}
    number = 0
    for record in every_record(folder):
        number = max(number, record.number)
        if record.kind is Kind.START:
            begun[record.span_id] = record
        elif record.kind is Kind.CLOSED:
            begun.clear()
        else:
            begun.pop(record.span_id, None)
    return list(begun.values()), number


def interrupted_span(start: bytes, end_ns: int) -> tuple[bytes, bytes] | None:
    """The span of a start record, ended, and its parent's id; None when the record cannot be read."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(start)
        span = request.resource_spans[0].scope_spans[0].spans[0]
    except (DecodeError, IndexError):
        return None
    span.end_time_unix_nano = max(end_ns, span.start_time_unix_nano)
    span.attributes.append(KeyValue(key=words.OUTCOME, value=AnyValue(string_value=INTERRUPTED)))
    return request.SerializeToString(), span.parent_span_id
