"""Where a run's spans go besides the summary: a file, a backend, or both."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wftrace.engine.errors import WorkflowError
from wftrace.gate import safe_text
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

from .errors import CommandError, ToolMissing, closest

if TYPE_CHECKING:
    from wftrace.exporters.setup import Tracing

BACKENDS = ("jaeger", "phoenix")


@dataclass(slots=True)
class Exports:
    """The places that the spans of this process go to, the spans that went out, and what went wrong on the way."""

    places: Sequence[Tracing] = ()
    spans: list[Span] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def runs(self) -> list[Run]:
        """The runs among the spans that went out, with the ids that they have there."""
        return read_runs(self.spans)

    def links(self) -> dict[str, str]:
        """The pages of traces at the places that have pages, with ``{trace_id}`` to be filled in."""
        taken = [place for place in self.places if place.target not in self.refused]
        return {place.target.capitalize(): place.link("{trace_id}") for place in taken if place.link}

    def check(self) -> None:
        """Raise ``ToolMissing`` when a place did not take the spans."""
        for target in self.refused:
            raise ToolMissing(
                f"{target} did not take the trace",
                *self.reasons[-1:],
                cure="wftrace doctor, to see whether it runs; the trace waits, and wftrace spool flush sends it then",
            )


def check_export(export: str) -> None:
    """Refuse an --export that names no backend and is no address."""
    if export in BACKENDS or export.startswith(("http://", "https://")):
        return
    likely = closest(export, BACKENDS)
    cure = f"--export {likely}" if likely else "--export jaeger, --export phoenix, or --export http://HOST:PORT"
    raise CommandError(f"--export {export!r} is no backend and no http address", cure=cure)


@contextmanager
def exporting(trace: Path | None, export: str | None) -> Iterator[Exports]:
    """Send the spans that are made inside the block to a file, to a backend, to both, or to neither."""
    if trace is None and export is None:
        yield Exports()
        return
    from wftrace.exporters.setup import trace_to  # the OpenTelemetry SDK, which a run alone does not need

    from .collector import collecting

    with ExitStack() as stack:
        try:
            places = [stack.enter_context(trace_to(target)) for target in (trace and trace.resolve(), export) if target]
        except WorkflowError as error:
            raise CommandError(str(error), cure="choose another file or address") from error
        exports = Exports(places)
        stack.enter_context(collecting(exports.spans))
        complaints = _Complaints()
        stack.enter_context(_listening(complaints))
        yield exports
        for place in places:
            if not place.close() or (complaints.errors and place.target == export):
                exports.refused.append(place.target)
        exports.reasons = complaints.texts


_EXPORTERS = ("opentelemetry", "wftrace.exporters")


class _Complaints(logging.Handler):
    """Keeps what exporters complain about, in the place of the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a complaint."""
        text = safe_text(record.getMessage(), 300)
        self.texts.append(text)
        if record.levelno >= logging.ERROR:
            self.errors.append(text)


@contextmanager
def _listening(complaints: _Complaints) -> Iterator[None]:
    loggers = [(logger, logger.propagate) for logger in map(logging.getLogger, _EXPORTERS)]
    for logger, _ in loggers:
        logger.addHandler(complaints)
        logger.propagate = False
    try:
        yield
    finally:
        if not complaints.texts:  # an exporter that has failed once goes on complaining from its thread
            for logger, propagated in loggers:
                logger.removeHandler(complaints)
                logger.propagate = propagated
