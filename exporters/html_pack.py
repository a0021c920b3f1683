"""A large run in figures: columns of numbers and one table of texts, deflated. The page's script unfolds them.

Times are microseconds since the run's start. Log rows stand in their order; each attempt has one row of its own, so its
start and its duration stand there. ``docs/howto/read-a-report.md`` says what the page makes of it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable

from wftrace.analysis import Bar, BarKind, LogRow, timeline
from wftrace.trace import Attempt
from wftrace.units import format_ms

from .html_run import RunView

KINDS = ("event", "send", "step", "error", "retry", "human", "wait", "segment", "checkpoint")
BARS = tuple(kind.value for kind in BarKind)
LANES_CAP = 24

TEXTS_CAP = 600_000
"""How many characters of text are kept; what comes after that is cut short."""

TEXT_CAP = 200
SHORT = 24


class _Texts:
    """A table of texts, each once; when it is full, new ones are cut short."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._index: dict[str, int] = {}
        self._room = TEXTS_CAP

    def index(self, text: str) -> int:
        """The place of a text."""
        text = text if len(text) <= TEXT_CAP else text[: TEXT_CAP - 1] + "…"
        if text not in self._index and len(text) > self._room:
            text = text[:SHORT] + "…" if self._room > -TEXTS_CAP else "…"
        if text not in self._index:
            self._index[text] = len(self.all)
            self.all.append(text)
            self._room -= len(text)
        return self._index[text]


def packed(view: RunView) -> str:
    """The figures of a run as base64 of deflated JSON."""
    text = json.dumps(_Packing(view).document(), ensure_ascii=True, separators=(",", ":"))
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(squeezed.compress(text.encode()) + squeezed.flush()).decode("ascii")


class _Packing:
    """The figures of one run while they are gathered."""

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._texts = _Texts()
        self._rows = view.log
        attempts = {attempt.key: attempt for attempt in view.held.attempts}
        own = (row for row in self._rows if row.kind in ("step", "error"))
        self._attempts = [attempts[row.execution_id, row.number] for row in own]
        self._place = {attempt.key: place for place, attempt in enumerate(self._attempts)}
        self._steps: dict[str, int] = {}

    def document(self) -> dict[str, object]:
        """The columns by their names; the texts last, as the others fill them."""
        document: dict[str, object] = {
            "rows": self._row_columns(),
            "attempts": self._attempt_columns(),
            "lanes": self._lanes(),
            "path": self._path(),
        }
        return {**document, "steps": self._step_refs(), "kinds": KINDS, "bars": BARS, "texts": self._texts.all}

    def _row_columns(self) -> dict[str, list[int]]:
        """``a`` is the attempt of a row as a step from that of the row above (-1 for none at all, in ``f``)."""
        columns: dict[str, list[int]] = {name: [] for name in "kfaxtsloeq"}
        at = own = last = number = 0
        for row in self._rows:
            start = round(row.ms * 1000)
            mine = row.kind in ("step", "error")
            place = own if mine else self._place.get((row.execution_id, row.number), -1)
            own += mine
            named, rest = _rest(row)
            values = {
                "k": KINDS.index(row.kind),
                "f": named if place >= 0 else 0,
                "a": 0 if mine else place + 1 - last,
                "x": self._texts.index(rest if place >= 0 else row.text),
                "t": -1 if row.took_ms is None else round(row.took_ms * 1000),
                "s": start - at,
                "l": self._texts.index(row.late),
                "o": self._texts.index(f"{row.status} {row.outcome}"),
                "e": self._texts.index("\n".join(kind.rpartition(".")[2] for kind in row.events)),
                "q": row.seq - number,
            }
            for name, value in values.items():
                columns[name].append(value)
            at, last, number = start, place + 1, row.seq
        return columns

    def _attempt_columns(self) -> dict[str, object]:
        """``c`` is how many places above it the attempt stands that caused one (0: none), ``e`` the event between."""
        columns: dict[str, list[int]] = {name: [] for name in "snkqwcerb"}
        odd: dict[int, list[str]] = {}
        counts: dict[str, int] = {}
        reasons = [row.queue_reason for row in self._rows if row.kind in ("step", "error")]
        for place, (attempt, reason) in enumerate(zip(self._attempts, reasons, strict=True)):
            number = 0
            if self._view.name_of(attempt) is None:
                ref = self._view.attempt_ref(*attempt.key) or f"{self._view.ref}.b-{place}.{attempt.number}"
                odd[place] = [ref, attempt.execution_id]
            else:
                number = int(attempt.execution_id.rpartition("#")[2])
            cause, event = self._cause(attempt)
            delay = attempt.retry_delay_ms
            values = {
                "s": self._steps.setdefault(attempt.step, len(self._steps)),
                "n": number - counts.get(attempt.step, 0),
                "k": attempt.number,
                "q": round(attempt.queue_wait_ms * 1000),
                "w": attempt.worker,
                "c": 0 if cause is None else place - cause,
                "e": self._texts.index(event),
                "r": -1 if delay is None else round(delay * 1000),
                "b": self._texts.index(reason),
            }
            for name, value in values.items():
                columns[name].append(value)
            counts[attempt.step] = number
        spans = "".join(f"{attempt.span_id:0>16.16}" for attempt in self._attempts)
        traces = [self._texts.index(attempt.trace_id or self._view.run.trace_id) for attempt in self._attempts]
        segments = [attempt.segment for attempt in self._attempts]
        return {**columns, "odd": odd, "spans": spans, "traces": traces, "segments": segments}

    def _cause(self, attempt: Attempt) -> tuple[int | None, str]:
        causes = self._view.causes
        event, execution = causes.last_input(attempt)
        made = causes.emission.get(event)
        kind = (made.type if made else next(iter(attempt.input_types), "an event")).rpartition(".")[2]
        if made is not None and made.mode == "outside":
            wait = causes.human.get(event)
            cause = causes.emitter(wait.events[0]) if wait else None
            return (self._place.get(cause.key) if cause else None), f"{kind} from outside"
        cause = causes.emitter(event, execution)
        if cause is None:
            return None, f"{kind} · the start"
        place = self._place.get(cause.key)
        return place, kind if place is not None else f"{kind} ← {cause.execution_id}, not in this page"

    def _step_refs(self) -> list[list[str]]:
        return [[step, self._view.step_ref(step)] for step in self._steps]

    def _lanes(self) -> list[dict[str, object]]:
        rows = []
        for row in timeline(self._view.held, least_queue_ms=float("inf")):
            lanes = [self._lane(lane) for lane in row.lanes[:LANES_CAP]]
            more = len(row.lanes) - len(lanes)
            step = -1 if row.human else self._steps.get(row.name, -2)
            rows.append({"name": row.name, "human": row.human, "step": step, "lanes": lanes, "more": more})
        return rows

    def _lane(self, bars: Iterable[Bar]) -> list[list[int]]:
        """Kind, start (from the start before), duration, attempt (from the one before) and text of each bar.

        The bar of an attempt itself has neither start nor duration, which are those of its row.
        """
        columns: list[list[int]] = [[], [], [], [], []]
        at = last = 0
        for bar in bars:
            start = round((bar.start_ns - self._view.run.start_ns) / 1000)
            attempts = self._view.causes.attempts.get(bar.execution_id, ())
            key = (bar.execution_id, bar.number or (attempts[-1].number if attempts else 0))
            place = self._place.get(key, -1)
            numbered = bar.kind in (BarKind.RUN, BarKind.FAILED, BarKind.CANCELLED)
            kind, moved = BARS.index(bar.kind), place - last
            took = round((bar.end_ns - bar.start_ns) / 1000)
            values = (
                (kind, 0, 0, moved, -1) if numbered else (kind, start - at, took, moved, self._texts.index(bar.text))
            )
            for column, value in zip(columns, values, strict=True):
                column.append(value)
            at, last = at if numbered else start, place
        return columns

    def _path(self) -> list[list[object]]:
        """Kind, start, end, attempt and text of the parts; the shortest are left out when there are too many."""
        longest = sorted(self._view.path, key=lambda part: part.start_ns - part.end_ns)[: self._view.cap // 4]
        start = self._view.run.start_ns
        return [
            [
                part.kind.value,
                round((part.start_ns - start) / 1000),
                round((part.end_ns - part.start_ns) / 1000),
                self._place.get((part.execution_id, part.number), -1),
                self._texts.index(f"{part.text}, {format_ms(part.duration_ms)}"),
            ]
            for part in sorted(longest, key=lambda part: part.start_ns)
        ]


def _rest(row: LogRow) -> tuple[int, str]:
    """How a row's text begins (1: execution, 2: execution and attempt), and what the page cannot work out of it."""
    text = row.text
    if row.queue_reason:
        text = text.removesuffix(f" · queued {format_ms(row.queued_ms)}, {row.queue_reason}")
    name = f"{row.execution_id} attempt {row.number}"
    if row.number > 1 and text.startswith(name):
        return 2, text[len(name) :]
    if row.execution_id and text.startswith(row.execution_id):
        return 1, text[len(row.execution_id) :]
    return 0, text
