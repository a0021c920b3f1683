"""Spans read back from Phoenix by its REST interface, project by project, page by page.

Phoenix keeps names, ids, times to the microsecond, status, events and attributes. Links, resources and scopes are lost
there; nothing that is read from a trace needs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal
from urllib.parse import quote

from wftrace import semconv as words
from wftrace.trace import Span, SpanEvent

from .plain_json import attributes, hex_id, iso_ns, member, members, text
from .wanted import Wanted
from .web import BackendError, Web

PAGE = 1000
PAGES_LIMIT = 1000
SPANS_LIMIT = 200_000
DEFAULT_PROJECT = "default"

_STATUS: Mapping[object, Literal["ok", "error"]] = {"OK": "ok", "ERROR": "error"}


@dataclass(frozen=True, slots=True)
class PhoenixReader:
    """Reads from a Phoenix. ``project`` is looked into first where no other is asked for."""

    web: Web
    project: str = DEFAULT_PROJECT

    @property
    def name(self) -> str:
        """What people call it."""
        return self.web.name

    def link(self, trace_id: str) -> str:
        """The page of a trace."""
        return f"{self.web.page}/redirects/traces/{trace_id}"

    def of_trace(self, trace_id: str, wanted: Wanted) -> list[Span]:
        """The spans of a trace, none when there is no such trace. Raises ``BackendError``."""
        return self._first_found([("trace_id", trace_id)], wanted)

    def of_run(self, run_id: str, wanted: Wanted) -> list[Span]:
        """The spans of a run in all its traces, with those of the runs nested in it; none when there is no such run."""
        spans = [span for span in self._first_found([_is(words.RUN_ID, run_id)], wanted) if _run_id(span) == run_id]
        nested = [_is(words.PARENT_RUN_ID, run_id)]
        if not spans or not any(self._spans(_project(spans[0]), nested, limit=1)):
            return spans
        traces = dict.fromkeys(span.trace_id for span in spans)
        return list(self._spans(_project(spans[0]), [("trace_id", trace) for trace in traces]))

    def run_spans(self, wanted: Wanted) -> list[Span]:
        """The newest run spans; where there is none, the newest spans of runs that have not ended."""
        since = datetime.now(UTC) - timedelta(seconds=wanted.since)
        newest = [("sort", "start_time"), ("order", "desc"), ("start_time", since.isoformat())]
        runs = [*newest, _is(words.OPERATION_NAME, words.INVOKE_WORKFLOW)]
        if wanted.workflow:
            runs.append(_is(words.WORKFLOW_NAME, wanted.workflow))
        if wanted.errors:
            runs.append(("status_code", "ERROR"))
        for project in self._projects(wanted):
            spans = list(islice(self._spans(project, runs), 50 * wanted.limit))
            if not spans and not wanted.errors:
                spans = list(islice(self._spans(project, newest), PAGE))
            found = [span for span in spans if _fits(span, wanted)]
            if found:
                return found
        return []

    def places(self) -> list[str]:
        """The names of the projects."""
        return [name for name, _ in self._listed()]

    def _first_found(self, params: Sequence[tuple[str, str]], wanted: Wanted) -> list[Span]:
        for project in self._projects(wanted):
            spans = list(self._spans(project, params))
            if spans:
                return spans
        return []

    def _projects(self, wanted: Wanted) -> Iterator[str]:
        """The projects to look into: the one that is asked for, else the configured one before all others."""
        if wanted.place:
            names = [name for name, ident in self._listed() if wanted.place in (name, ident)]
            if not names:
                known = ", ".join(self.places()[:20])
                what = f"{self.name} at {self.web.shown} has no project {wanted.place!r}"
                raise BackendError(what, f"projects: {known}; a run is phoenix:run=ID", "missing")
            yield names[0]
            return
        names = self.places()
        yield from sorted(names, key=lambda name: name != self.project)

    def _listed(self) -> list[tuple[str, str]]:
        """Names and ids of the projects."""
        listed = [(text(each.get("name")), text(each.get("id"))) for each in self._pages("/v1/projects", [], PAGE)]
        return [(name, ident) for name, ident in listed if name]

    def _spans(self, project: str, params: Sequence[tuple[str, str]], limit: int = PAGE) -> Iterator[Span]:
        path = f"/v1/projects/{quote(self._identifier(project), safe='')}/spans"
        order = [] if any(key == "sort" for key, _ in params) else [("sort", "id"), ("order", "asc")]
        for count, item in enumerate(self._pages(path, [*order, *params], limit)):
            if count >= SPANS_LIMIT:
                what = f"{self.name} at {self.web.shown} answers with more than {SPANS_LIMIT} spans"
                raise BackendError(what, "ask for less (one run or trace)")
            yield from decode_span(item, project)

    def _identifier(self, project: str) -> str:
        """What stands for a project in a path: its name, or its id where the name cannot stand there."""
        if any(mark in project for mark in "/?#"):
            return next((ident for name, ident in self._listed() if name == project), project)
        return project

    def _pages(self, path: str, params: Sequence[tuple[str, str]], limit: int) -> Iterator[Mapping[str, Any]]:
        """What all pages of a list hold, one after the other."""
        cursor, seen = "", set[str]()
        while True:
            more = [("cursor", cursor)] if cursor else []
            answer = self.web.document(path, [*params, ("limit", str(limit)), *more])
            if not isinstance(answer.get("data"), list):
                raise BackendError(f"{self.name} at {self.web.shown} answered {path} without data", "is it Phoenix?")
            yield from members(answer, "data")
            cursor = text(answer.get("next_cursor"))
            if not cursor:
                return
            if cursor in seen or len(seen) >= PAGES_LIMIT:
                how = "goes round in circles" if cursor in seen else f"has more than {PAGES_LIMIT} pages"
                raise BackendError(
                    f"{self.name} at {self.web.shown} {how} of {path}", "ask for less (one run or trace)"
                )
            seen.add(cursor)


def decode_span(item: Mapping[str, Any], project: str = "") -> Iterator[Span]:
    """The span in an item of Phoenix's answer; nothing when it has no ids."""
    context = item.get("context")
    trace_id, span_id = hex_id(member(context, "trace_id"), 16), hex_id(member(context, "span_id"), 8)
    if not trace_id or not span_id:
        return
    yield Span(
        name=text(item.get("name")),
        trace_id=trace_id,
        span_id=span_id,
        parent_id=hex_id(item.get("parent_id"), 8),
        start_ns=iso_ns(item.get("start_time")),
        end_ns=iso_ns(item.get("end_time")),
        attributes=attributes(item.get("attributes")),
        events=tuple(
            SpanEvent(text(event.get("name")), iso_ns(event.get("timestamp")), attributes(event.get("attributes")))
            for event in members(item, "events")
        ),
        status=_STATUS.get(text(item.get("status_code")), "unset"),
        status_message=text(item.get("status_message")),
        resource={words.PROJECT_NAME: project} if project else {},
    )


def _is(key: str, value: str) -> tuple[str, str]:
    """The condition that an attribute has a value; in JSON, as a name of digits would be a number."""
    return ("attribute", f"{key}:{json.dumps(value, ensure_ascii=False)}")


def _fits(span: Span, wanted: Wanted) -> bool:
    workflow = span.attributes.get(words.WORKFLOW_NAME)
    return bool(_run_id(span)) and wanted.workflow in ("", workflow)


def _run_id(span: Span) -> object:
    return span.attributes.get(words.RUN_ID, "")


def _project(span: Span) -> str:
    return str(span.resource.get(words.PROJECT_NAME, DEFAULT_PROJECT))
