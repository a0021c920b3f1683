"""Spans read back from Jaeger: by its newer interface (``/api/v3``, OTLP as JSON), else by the older one.

The names of parameters have changed between versions (``rawTraces``, ``raw_traces``), so both are sent. The older
interface searches by tags in every version that has it, and the newer one only in late versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from wftrace import semconv as words
from wftrace.trace import Span

from .jaeger_json import decode_traces
from .otlp_json import decode
from .plain_json import member, members, text
from .wanted import Wanted
from .web import BackendError, Params, Web

SEGMENTS = 50
"""Traces that one run may lie in."""

SERVICES = 200

FAILED = 200
"""Traces among which failed runs are looked for: not every storage can search for them."""

T = TypeVar("T")

_AHEAD = timedelta(hours=1)
_RAW = (("rawTraces", "true"), ("raw_traces", "true"))


@dataclass(frozen=True, slots=True)
class JaegerReader:
    """Reads from a Jaeger, through the address of its page."""

    web: Web

    @property
    def name(self) -> str:
        """What people call it."""
        return self.web.name

    def link(self, trace_id: str) -> str:
        """The page of a trace."""
        return f"{self.web.page}/trace/{trace_id}"

    def of_trace(self, trace_id: str, wanted: Wanted) -> list[Span]:
        """The spans of a trace, none when there is no such trace. Raises ``BackendError``."""
        path = quote(trace_id, safe="")
        try:
            return self._newer(f"/api/v3/traces/{path}", _RAW)
        except BackendError as error:
            if error.kind not in ("missing", "strange"):
                raise
            first = error
        try:
            return self._older(f"/api/traces/{path}", [("raw", "true")])
        except BackendError as error:
            if "missing" not in (first.kind, error.kind):
                raise first from error
        self.places()  # a server that knows no traces must at least know its services
        return []

    def of_run(self, run_id: str, wanted: Wanted) -> list[Span]:
        """The spans of all traces that a run lies in; none when there is no such run."""
        for service in self._services(wanted):
            found = self._search(service, "", {words.RUN_ID: run_id}, wanted, SEGMENTS)
            traces = dict.fromkeys(span.trace_id for span in found if span.attributes.get(words.RUN_ID) == run_id)
            if traces:
                return [span for trace in traces for span in self.of_trace(trace, wanted)]
        return []

    def run_spans(self, wanted: Wanted) -> list[Span]:
        """The newest run spans; where there is none, the newest spans of runs that have not ended."""
        found: list[Span] = []
        for service in self._services(wanted):
            names = self._operations(service)
            one = f"{words.RUN_SPAN} {wanted.workflow}" if wanted.workflow else ""
            runs = [name for name in names if name == one or (not one and name.startswith(f"{words.RUN_SPAN} "))]
            steps = [name for name in names if name.startswith(f"{words.STEP_SPAN} ")]
            for operation in runs or steps:
                traces = self._search(service, operation, {}, wanted, FAILED if wanted.errors else wanted.limit)
                found += [span for span in traces if span.name == operation and words.RUN_ID in span.attributes]
        failed = [span for span in found if span.status == "error"] if wanted.errors else found
        fitting = [s for s in failed if wanted.workflow in ("", s.attributes.get(words.WORKFLOW_NAME))]
        return sorted(fitting, key=lambda span: -span.start_ns)

    def places(self) -> list[str]:
        """The names of the services."""
        return self._either(
            lambda: _strings(self._object("/api/v3/services"), "services"),
            lambda: _strings(self._object("/api/services"), "data"),
        )

    def _services(self, wanted: Wanted) -> list[str]:
        """The services to look into: the one that is asked for, else all, our own name first."""
        known = self.places()
        if not wanted.place:
            return sorted(known, key=lambda name: (name != words.SCOPE, name))[:SERVICES]
        if wanted.place not in known:
            what = f"{self.name} at {self.web.shown} has no service {wanted.place!r}"
            cure = f"services: {', '.join(sorted(known)[:20]) or 'none yet'}; a run is jaeger:run=ID"
            raise BackendError(what, cure, "missing")
        return [wanted.place]

    def _operations(self, service: str) -> list[str]:
        """The names of the spans of a service."""
        asked = [("service", service)]
        return self._either(
            lambda: [
                text(each.get("name")) for each in members(self._object("/api/v3/operations", asked), "operations")
            ],
            lambda: [text(each.get("name")) for each in members(self._object("/api/operations", asked), "data")],
        )

    def _search(self, service: str, operation: str, tags: dict[str, str], wanted: Wanted, limit: int) -> list[Span]:
        now = datetime.now(UTC)
        begin, end = now - timedelta(seconds=wanted.since), now + _AHEAD
        older = [("service", service), ("limit", str(limit)), ("raw", "true"), ("start", _us(begin)), ("end", _us(end))]
        newer = [
            *((name, service) for name in ("query.serviceName", "query.service_name")),
            *((name, begin.isoformat()) for name in ("query.startTimeMin", "query.start_time_min")),
            *((name, end.isoformat()) for name in ("query.startTimeMax", "query.start_time_max")),
            *((name, str(limit)) for name in ("query.searchDepth", "query.num_traces")),
            *((f"query.{name}", value) for name, value in _RAW),
        ]
        if operation:
            older.append(("operation", operation))
            newer += [(name, operation) for name in ("query.operationName", "query.operation_name")]
        if tags:
            older.append(("tags", json.dumps(tags)))
            newer.append(("query.attributes", json.dumps(tags)))
        return self._either(
            lambda: self._older("/api/traces", older),
            lambda: self._or_none(lambda: self._newer("/api/v3/traces", newer)),
        )

    def _newer(self, path: str, params: Params) -> list[Span]:
        documents = self.web.documents(path, params)
        if not all(isinstance(each, dict) and ("result" in each or "resourceSpans" in each) for each in documents):
            raise BackendError(f"{self.name} at {self.web.shown} answered {path} with JSON of another shape")
        return [span for document in documents for span in decode(document)]

    def _older(self, path: str, params: Params) -> list[Span]:
        return list(decode_traces(self._object(path, params)))

    def _object(self, path: str, params: Params = ()) -> Any:
        answer = self.web.document(path, params)
        if not any(isinstance(answer.get(key), list) or key in answer for key in ("data", "services", "operations")):
            raise BackendError(f"{self.name} at {self.web.shown} answered {path} with JSON of another shape")
        return answer

    @staticmethod
    def _either(first: Callable[[], T], second: Callable[[], T]) -> T:
        """What the first call gives, or the second where the first finds no such interface."""
        try:
            return first()
        except BackendError as error:
            if error.kind not in ("missing", "strange"):
                raise
            try:
                return second()
            except BackendError as other:
                raise (error if other.kind in ("missing", "strange") else other) from None

    @staticmethod
    def _or_none(call: Callable[[], list[Span]]) -> list[Span]:
        """What the call gives; nothing where the newer interface answers 404 because it found nothing."""
        try:
            return call()
        except BackendError as error:
            if error.kind == "missing" and "No traces found" in error.what:
                return []
            raise


def _strings(answer: Any, name: str) -> list[str]:
    found = member(answer, name)
    return [text(each) for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _us(when: datetime) -> str:
    return str(int(when.timestamp() * 1_000_000))
