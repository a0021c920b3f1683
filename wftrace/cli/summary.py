"""What ``wftrace run`` says at the end, on one screen."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wftrace.gate import payload
from wftrace.overlays import Overlay, step_id
from wftrace.trace import Wait
from wftrace.units import format_ms

from .headline import headline
from .tables import cell, columns, duration, show_on

RESULT_LINES = 20


def print_summary(overlay: Overlay, result: Any, console: Console, *, whole: bool = False) -> None:
    """The verdict, a line per step, the waits, and the result of a run; ``whole`` keeps a long result whole."""
    for line in headline(overlay.run):
        show_on(console, line)
    if overlay.steps:
        show_on(console)
        show_on(console, _steps(overlay))
    waits = [wait for wait in overlay.run.waits if wait.kind != "join"]
    if waits:
        show_on(console)
        show_on(console, _waits(waits))
    if overlay.run.outcome == "completed":
        show_on(console)
        show_on(console, Text("result", style="bold"))
        show_on(console, Text(_shown(result, whole)))


def _steps(overlay: Overlay) -> Table:
    numbers = ("calls", "p50", "p95", "queued", "failed")
    table = columns("step", *numbers, "", right=numbers)
    for step in overlay.graph.steps:
        facts = overlay.steps.get(step_id(step.name))
        if facts is None:
            table.add_row(cell(step.name), "0", "–", "–", "–", "–", "did not run")
            continue
        table.add_row(
            cell(step.name),
            str(facts.calls),
            duration(facts.p50_ms),
            duration(facts.p95_ms),
            duration(facts.queued_ms or None),
            Text(str(facts.failed) if facts.failed else "–", style="red" if not facts.recovered else ""),
            f"↻ {facts.retried} retried" if facts.retried else "",
        )
    return table


def _waits(waits: Iterable[Wait]) -> Table:
    groups: defaultdict[tuple[str, str], list[Wait]] = defaultdict(list)
    for wait in waits:
        groups[wait.kind, "" if wait.kind == "retry" else wait.waiting_for.rpartition(".")[2]].append(wait)
    table = columns("waited for", "times", "in all", "", right=("times", "in all"))
    for (kind, name), group in groups.items():
        words = {"retry": "back-off", "human": f"☺ human: {name}", "event": f"event: {name}"}
        open_ones = sum(wait.outcome != "completed" for wait in group)
        table.add_row(
            cell(words.get(kind, f"{kind}: {name}")),
            str(len(group)),
            format_ms(sum(wait.duration_ms for wait in group)),
            f"{open_ones} without an answer" if open_ones and kind != "retry" else "",
        )
    return table


def _shown(result: Any, whole: bool) -> str:
    """The result for a terminal: text as it is, the rest as JSON; cleaned, and cut to what fits."""
    text, mime = payload(result, limit=1_000_000)
    if mime == "application/json":
        value = json.loads(text)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    lines = text.splitlines() or [""]
    if whole or len(lines) <= RESULT_LINES:
        return text
    return "\n".join([*lines[:RESULT_LINES], f"… {len(lines) - RESULT_LINES} more lines (-v shows them)"])
