"""A TRACE that is not a file: where it is read from, which runs are taken, and the page that shows them.

``open_source("jaeger:run=8f2c41d0").spans()`` are the spans; ``wftrace.trace_reader.read_runs`` makes runs of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wftrace import semconv as words
from wftrace.trace import Run, Span
from wftrace.trace_reader import read_runs

from .jaeger import jaeger_web
from .jaeger_json import decode_traces
from .jaeger_reader import JaegerReader
from .otlp_json import decode
from .phoenix import phoenix_project, phoenix_web
from .phoenix_reader import DEFAULT_PROJECT, PhoenixReader, decode_span
from .plain_json import members
from .wanted import Address, Wanted, names_backend, parse_address
from .web import BackendError, Web

__all__ = ["BackendError", "Source", "names_backend", "open_source"]

ARRIVING = "what was just sent takes some seconds to arrive"


class Reader(Protocol):
    """A backend that traces are read from. All calls raise ``BackendError``."""

    @property
    def name(self) -> str: ...
    def link(self, trace_id: str) -> str: ...
    def of_trace(self, trace_id: str, wanted: Wanted) -> list[Span]: ...
    def of_run(self, run_id: str, wanted: Wanted) -> list[Span]: ...
    def run_spans(self, wanted: Wanted) -> list[Span]: ...
    def places(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A backend, and what is wanted of it. ``reader`` is None where a file is read from the web."""

    address: Address
    reader: Reader | None
    web: Web

    @property
    def links(self) -> dict[str, str]:
        """The pages of the backend by its name, with ``{trace_id}`` to be filled in."""
        return {self.reader.name: self.reader.link("{trace_id}")} if self.reader else {}

    def spans(self) -> list[Span]:
        """The spans of what is wanted: a trace, a run in all its traces, or the last run.

        Raises ``BackendError``, of the kind ``missing`` where there is nothing.
        """
        if self.reader is None:
            return _spans_of_file(self.web)
        wanted = self.address.wanted
        if wanted.trace_id:
            return _trace(self.reader, wanted, self.web)
        if wanted.run_id:
            return _run(self.reader, wanted, self.web)
        newest = self.recent(limit=1)
        if not newest:
            raise _nothing(self.reader, wanted, self.web)
        return _last(self.reader, newest[0], wanted)

    def recent(self, **changes: Any) -> list[Run]:
        """The newest top-level runs, the last one first, as far as their run spans tell: they have no attempts.

        ``changes`` are fields of ``Wanted``: ``workflow``, ``since``, ``errors``, ``limit``, ``place``.
        """
        if self.reader is None:
            raise BackendError(f"{self.web.shown} is a file, not a backend that could be searched", "", "wrong")
        wanted = replace(self.address.wanted, **changes)
        runs = [run for run in read_runs(self.reader.run_spans(wanted)) if not run.parent_run_id]
        return sorted(runs, key=lambda run: -run.start_ns)[: wanted.limit]


def open_source(text: str, run_id: str = "") -> Source:
    """What a TRACE such as ``phoenix:run=8f2c`` or ``https://tracing/trace/…`` names.

    ``run_id`` is the run to be taken where the text names neither a run nor a trace. Raises ``BackendError`` when it is
    written wrongly. A web address without more is asked what it is.
    """
    address = parse_address(text)
    if run_id and not (address.wanted.run_id or address.wanted.trace_id):
        address = replace(address, wanted=replace(address.wanted, run_id=run_id))
    if not address.backend:
        address = _recognised(address)
    web = _web(address)
    if address.backend == "phoenix":
        return Source(address, PhoenixReader(web, phoenix_project() or DEFAULT_PROJECT), web)
    return Source(address, JaegerReader(web) if address.backend == "jaeger" else None, web)


def _web(address: Address) -> Web:
    if address.backend == "phoenix":
        return phoenix_web(address.url)
    return jaeger_web(address.url) if address.backend == "jaeger" else Web("the file", address.url)


def _recognised(address: Address) -> Address:
    """Which backend answers at the root of an address; the address as it is when it is neither."""
    if address.url.partition("://")[2].rstrip("/").count("/"):
        return address
    base = replace(address, url=address.url.rstrip("/"))
    for backend, path in (("phoenix", "/v1/projects"), ("jaeger", "/api/v3/services"), ("jaeger", "/api/services")):
        found = replace(base, backend=backend)
        try:
            _web(found).document(path)
        except BackendError as error:
            if error.kind == "away":
                raise
            if error.kind == "refused":
                return found
            continue
        return found
    raise BackendError(
        f"{_web(base).shown} is neither Phoenix nor Jaeger", "give the address of the page, or of a file", "strange"
    )


def _trace(reader: Reader, wanted: Wanted, web: Web) -> list[Span]:
    spans = reader.of_trace(wanted.trace_id, wanted)
    if not spans:
        raise BackendError(f"{reader.name} at {web.shown} has no trace {wanted.trace_id}", ARRIVING, "missing")
    return _completed(reader, spans, wanted)


def _completed(reader: Reader, spans: list[Span], wanted: Wanted) -> list[Span]:
    """The spans, and those of the same runs in other traces: a run that paused has a trace for each segment."""
    for run in read_runs(spans):
        last = run.segments[-1].number if run.segments else 1
        ended = run.outcome in ("completed", "failed")
        if not run.parent_run_id and (last > 1 or not ended):
            spans = spans + reader.of_run(run.run_id, _near(spans[0], wanted))
    return _once(spans)


def _run(reader: Reader, wanted: Wanted, web: Web) -> list[Span]:
    spans = reader.of_run(wanted.run_id, wanted)
    if spans:
        return spans
    ids = {str(span.attributes.get(words.RUN_ID, "")): span for span in reader.run_spans(replace(wanted, limit=200))}
    found = [run_id for run_id in ids if run_id.startswith(wanted.run_id)]
    if len(found) == 1:
        return reader.of_run(found[0], _near(ids[found[0]], wanted))
    where = f"{reader.name} at {web.shown}"
    if found:
        raise BackendError(
            f"{len(found)} runs in {where} begin with {wanted.run_id!r}", ", ".join(found[:10]), "missing"
        )
    known = f"runs: {', '.join(list(ids)[:10])}; " if ids else ""
    raise BackendError(f"{where} has no run {wanted.run_id!r}", f"{known}{ARRIVING}", "missing")


def _last(reader: Reader, run: Run, wanted: Wanted) -> list[Span]:
    near = replace(wanted, place=wanted.place or run.service)
    spans = reader.of_run(run.run_id, near)
    if not spans and run.trace_id:
        spans = reader.of_trace(run.trace_id, near)
    return spans


def _near(span: Span, wanted: Wanted) -> Wanted:
    """The same, sought where a span of it was found."""
    place = span.resource.get(words.PROJECT_NAME) or span.resource.get("service.name") or ""
    return replace(wanted, place=wanted.place or str(place))


def _nothing(reader: Reader, wanted: Wanted, web: Web) -> BackendError:
    of = f" of {wanted.workflow}" if wanted.workflow else ""
    within = f" in {wanted.place!r}" if wanted.place else ""
    what = f"{reader.name} at {web.shown} has no run{of}{within} from the last {wanted.since / 86400:g} days"
    return BackendError(what, f"since=7d looks further back; {ARRIVING}", "missing")


def _spans_of_file(web: Web) -> list[Span]:
    """The spans of a file in the web: OTLP-JSON lines, or what Jaeger or Phoenix answer."""
    spans = [span for document in web.documents("") for span in decode_any(document)]
    if not spans:
        raise BackendError(f"{web.shown} holds no spans", "give the address of a trace file, or of a trace's page")
    return spans


def decode_any(document: Any) -> Sequence[Span]:
    """The spans in a document of any of the kinds that are known: OTLP, Jaeger's older JSON, Phoenix's."""
    if not isinstance(document, Mapping):
        return []
    found = [*decode(document), *decode_traces(document)]
    return found or [span for item in members(document, "data") for span in decode_span(item)]


def _once(spans: Sequence[Span]) -> list[Span]:
    return list({(span.trace_id, span.span_id): span for span in spans}.values())
