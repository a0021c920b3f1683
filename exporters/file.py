"""A trace as a file: OTLP-JSON lines, which Jaeger's page opens as they are.

Sent there: ``FileSpanExporter`` appends one line for each batch. Read back: ``read_trace``. The file itself is the
link.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from wftrace.engine.errors import TraceError
from wftrace.trace import Span

from .otlp_json import decode, encode
from .readable import plain_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class FileSpanExporter(SpanExporter):
    """Appends spans to a file, one OTLP-JSON line for each export, written at once.

    Raises ``TraceError`` when the file cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise TraceError(f"the trace cannot be written to {self.path}: {error.strerror or error}") from error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write one line; FAILURE when the disk refuses it."""
        return self.write([plain_span(span) for span in spans])

    def write(self, spans: Sequence[Span]) -> SpanExportResult:
        """Write spans that are plain values already."""
        if not spans:
            return SpanExportResult.SUCCESS
        line = json.dumps(encode(spans), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        try:
            self._file.write(line.encode("ascii") + b"\n")
        except (OSError, ValueError):
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()


def read_trace(source: str | Path, problems: list[str] | None = None) -> list[Span]:
    """The spans in an OTLP-JSON file, or on standard input for ``-``: JSON lines, or one document.

    Lines that cannot be read are passed over, and a sentence about each is added to ``problems``. Raises ``TraceError``
    when the file cannot be read or has no span at all.
    """
    said = problems if problems is not None else []
    name = "standard input" if str(source) == "-" else str(source)
    spans = list(_spans(_lines(source, name), name, said))
    if not spans:
        reason = f" ({said[0]})" if said else ""
        raise TraceError(f"{name} holds no spans{reason}")
    return spans


def _lines(source: str | Path, name: str) -> list[str]:
    try:
        raw = sys.stdin.buffer.read() if name == "standard input" else Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise TraceError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return raw.decode("utf-8-sig", errors="replace").split("\n")


def _spans(lines: list[str], name: str, problems: list[str]) -> Iterator[Span]:
    text = "\n".join(lines)
    whole = _parsed(text) if lines and not lines[0].rstrip().endswith("}") else None
    documents: Iterable[tuple[int, object]] = [(1, whole)] if whole is not None else _documents(lines, name, problems)
    for number, document in documents:
        found = False
        for span in decode(document):
            found = True
            yield span
        if not found:
            problems.append(f"{name}, line {number}: no OTLP spans in it")


def _documents(lines: list[str], name: str, problems: list[str]) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            document = _parsed(line)
            if document is None:
                cut = " (cut short)" if number == len(lines) else ""
                problems.append(f"{name}, line {number}: not JSON{cut}")
            else:
                yield number, document


def _parsed(text: str) -> object | None:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed
