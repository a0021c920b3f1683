"""What has just happened in a run, as lines for the terminal: one for each span that ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from wftrace import semconv as words
from wftrace.gate import clean_text, cut_text
from wftrace.trace import Span
from wftrace.units import format_ms

from .tree import SIGNS

MESSAGE = 120
"""How many characters of an error's message are shown."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened. ``text`` is one safe line, ``bad`` whether it went wrong."""

    time_ns: int
    text: str
    kind: str
    bad: bool = False


def happenings(spans: Iterable[Span]) -> list[Happening]:
    """What some spans tell, in their order; neighbours that say the same are one: ``plan#1 → QueryEvent ×5``."""
    return list(_folded(found for span in spans if (found := happening(span)) is not None))


def happening(span: Span) -> Happening | None:
    """What an ended span tells; None for what is no news: a run's own span, a join, and spans of others."""
    told = span.attributes
    execution = str(told.get(words.EXECUTION_ID, ""))
    if words.EVENT_ID in told:
        return _made(span)
    if words.WAIT_KIND in told:
        return _waited(span, execution)
    if words.STEP_NAME in told and execution:
        return _ran(span, execution)
    return None


def _made(span: Span) -> Happening:
    maker = str(span.attributes.get(words.EVENT_EXECUTION_ID, "")) or "outside"
    if span.attributes.get(words.EVENT_MODE) == "start":
        maker = "start"
    kind = _short(span.attributes.get(words.EVENT_TYPE, ""))
    lost = span.attributes.get(words.EVENT_DELIVERED) == "unhandled"
    return Happening(span.end_ns, _line(f"{maker} → {kind}{' (nobody takes it)' if lost else ''}"), "event", bad=lost)


def _waited(span: Span, execution: str) -> Happening | None:
    took = format_ms((span.end_ns - span.start_ns) / 1e6)
    kind = span.attributes.get(words.WAIT_KIND)
    if kind == "retry":
        return Happening(span.end_ns, _line(f"{execution} ↻ tries again after {took}"), "wait")
    if kind not in ("human", "event"):
        return None
    who = "☺ human" if kind == "human" else execution
    over = "answered with" if kind == "human" else "got"
    if span.attributes.get(words.OUTCOME) != "completed":
        over = "did not answer with" if kind == "human" else "did not get"
    return Happening(
        span.end_ns, _line(f"{who} {over} {_short(span.attributes.get(words.WAITING_FOR))}, {took}"), "wait"
    )


def _ran(span: Span, execution: str) -> Happening:
    outcome = str(span.attributes.get(words.OUTCOME, ""))
    took = format_ms((span.end_ns - span.start_ns) / 1e6)
    sign = SIGNS.get(outcome, "?")
    word = "" if outcome in ("completed", "failed", "retrying") else f"{outcome.replace('_', ' ')} "
    text = f"{execution} {sign} {word}{took}"
    if span.status == "error":
        text += f" {_short(span.attributes.get(words.ERROR_TYPE, 'error'))}: {_message(span)}"
    return Happening(span.end_ns, _line(text), "attempt", bad=span.status == "error")


def _message(span: Span) -> str:
    said = [event.attributes.get(words.EXCEPTION_MESSAGE, "") for event in span.events]
    message = str(said[0]) if said else span.status_message
    return cut_text(message.partition("\n")[0], MESSAGE)


def _folded(found: Iterable[Happening]) -> Iterator[Happening]:
    for _, group in groupby(found, key=lambda each: (each.text, each.kind)):
        same = list(group)
        last = same[-1]
        yield last if len(same) == 1 else Happening(last.time_ns, f"{last.text} ×{len(same)}", last.kind, last.bad)


def _short(kind: object) -> str:
    return str(kind).rpartition(".")[2]


def _line(text: str) -> str:
    return " ".join(clean_text(text).split())
