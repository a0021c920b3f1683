"""The page around the report: the list of runs, how the chosen one stands, and the frame that shows its report."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from wftrace.exporters.html_words import esc, line
from wftrace.units import count_of, format_ms

from .board import Board, Entry
from .standing import Open
from .views import View, Views

SHOWN_OPENS = 12

_SIGNS = {"completed": "✓ ok", "failed": "✗ failed", "timed_out": "✗ timed out", "running": "● under way"}
_CSS = {"completed": "good", "failed": "bad", "timed_out": "bad", "interrupted": "bad", "running": "now"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the page says: the list and the standing as HTML, and which version of which report it shows."""

    runs: str
    now: str
    number: int
    version: int
    title: str

    def as_json(self) -> dict[str, object]:
        """The document that is pushed."""
        return {"schema": "wftrace/watch@1", **asdict(self)}


def tell(board: Board, views: Views, base: str, number: int | None) -> Told | None:
    """What the page of a run says now; without a number, that of the newest run. None for a run that is gone.

    ``base`` is the path that all its addresses begin with.
    """
    entries = board.entries()
    chosen = _chosen(entries, number)
    if chosen is None:
        return None if number is not None else Told(_runs_html([], 0, base), _nothing_html(), 0, 0, "no run yet")
    view = views.view(chosen.number)
    now_ns = time.time_ns()
    return Told(
        _runs_html(entries, chosen.number, base, now_ns),
        _now_html(chosen, view, now_ns) if chosen.under_way else "",
        chosen.number,
        view.version if view and view.run else 0,
        f"{_sign(chosen)} {chosen.workflow}",
    )


def page_html(told: Told, title: str, base: str, number: int | None) -> str:
    """The page as one HTML document. It follows the newest run where no number is given."""
    events = f"{base}events" if number is None else f"{base}events/{number}"
    here = base if number is None else f"{base}run/{number}"
    frame = f'<iframe title="Report" src="{base}report/{told.number}"></iframe>' if told.version else ""
    newest = "<b>follows the newest run</b>" if number is None else f'<a href="{base}">follow the newest run</a>'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{esc(page_policy())}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{line(told.title)} · wftrace watch</title><style>{_asset('watch.css')}</style></head>"
        f'<body data-events="{events}" data-base="{base}" data-number="{told.number}" data-version="{told.version}">'
        f'<header><h1>wftrace watch</h1><span class="source">{line(title)}</span>{newest}'
        f'<span class="tools"><output id="link" role="status"></output>'
        f'<button type="button" id="pause" aria-pressed="false" hidden>Pause</button>'
        f'<a href="{here}" id="reload">Reload</a></span></header>'
        f'<div class="room"><nav aria-label="Runs"><h2>Runs</h2><div id="runs">{told.runs}</div></nav>'
        f'<main><section id="now" aria-live="off">{told.now}</section><div id="frames">{frame}</div></main></div>'
        f"<script>{_asset('watch.js')}</script></body></html>\n"
    )


@cache
def page_policy() -> str:
    """What the page may do: its own style and script, its own server, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_asset("watch.js").encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


@cache
def _asset(name: str) -> str:
    return (resources.files("wftrace.watch") / "assets" / name).read_text(encoding="utf-8")


def _chosen(entries: Sequence[Entry], number: int | None) -> Entry | None:
    """The run of that number; without one the newest, and of nested runs the one that they belong to."""
    if number is not None:
        return next((entry for entry in entries if entry.number == number), None)
    tops = [entry for entry in entries if not entry.parent_run_id]
    return next(iter(tops or entries), None)


def _runs_html(entries: Sequence[Entry], chosen: int, base: str, now_ns: int = 0) -> str:
    if not entries:
        return "<p>none yet</p>"
    return f"<ol>{''.join(_run_html(entry, chosen, base, now_ns) for entry in entries)}</ol>"


def _run_html(entry: Entry, chosen: int, base: str, now_ns: int) -> str:
    current = ' aria-current="true"' if entry.number == chosen else ""
    nested = '<span class="nested">↳ part of another run</span>' if entry.parent_run_id else ""
    facts = [_when(entry), _lasted(entry, now_ns), count_of(entry.attempts, "attempt")]
    if entry.retried:
        facts.append(count_of(entry.retried, "retry", "retries"))
    if entry.failed > entry.retried:
        facts.append(f"{entry.failed} failed")
    sign = f'<b class="{_CSS.get(entry.outcome, "")}">{esc(_sign(entry))}</b>'
    return (
        f'<li><a href="{base}run/{entry.number}"{current}>{sign} '
        f"<strong>{line(entry.workflow, 60)}</strong> <code>{line(entry.run_id[:12])}</code>"
        f"<small>{esc(' · '.join(facts))}</small><small>{line(entry.source, 60)} {nested}</small></a></li>"
    )


def _now_html(entry: Entry, view: View | None, now_ns: int) -> str:
    opens = view.opens if view else ()
    heard = "" if entry.open_run else f" · last heard of {format_ms(_seconds(now_ns - entry.end_ns) * 1000)} ago"
    left = f" · {count_of(entry.left_out, 'span')} too many are left out" if entry.left_out else ""
    if not opens:
        hint = "" if entry.open_run else ": what is at work is not in a file until it has ended"
        return f"<h2>Now</h2><p>nothing is known to be at work{esc(hint)}{esc(heard)}{esc(left)}</p>"
    rows = "".join(f"<li>{_open_html(each, now_ns)}</li>" for each in opens[:SHOWN_OPENS])
    more = f"<li>… and {len(opens) - SHOWN_OPENS} more</li>" if len(opens) > SHOWN_OPENS else ""
    return f"<h2>Now{esc(heard)}{esc(left)}</h2><ul>{rows}{more}</ul>"


def _open_html(each: Open, now_ns: int) -> str:
    since = f"for {format_ms(_seconds(now_ns - each.since_ns) * 1000)}"
    name = f"<strong>{line(each.what, 80)}</strong>"
    words = {
        "at work": f'<b class="now">●</b> {name} is at work {esc(since)}',
        "asked": f'<b class="human">☺</b> {name} waits for an answer {esc(since)}',
        "back-off": f'<b class="bad">↻</b> {name} failed and is to be tried again',
        "queued": f"◌ {esc(count_of(each.count, 'event'))} queued at {name} {esc(since)}",
    }
    return words[each.kind]


def _nothing_html() -> str:
    return "<h2>Now</h2><p>No run yet. It appears here as soon as it begins.</p>"


def _sign(entry: Entry) -> str:
    if entry.under_way and entry.open_run is None:
        return "… no end yet"
    return _SIGNS.get(entry.outcome, f"⊘ {entry.outcome.replace('_', ' ')}")


def _when(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.start_ns / 1e9, UTC).strftime("%H:%M:%S UTC")


def _lasted(entry: Entry, now_ns: int) -> str:
    if entry.open_run is None:
        return format_ms((entry.end_ns - entry.start_ns) / 1e6)
    return format_ms(_seconds(now_ns - entry.start_ns) * 1000)


def _seconds(ns: int) -> float:
    """Whole seconds from the first on, so that what is shown changes once a second."""
    return max(0, ns // 1_000_000_000)
