"""A run as a tree for the terminal: its executions in causal order, their attempts and waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wftrace.analysis import Causes, queue_reason
from wftrace.analysis.lanes import Workers
from wftrace.trace import Attempt, Run, Wait
from wftrace.units import format_ms

from .tables import bar_width, cell, columns, duration, place

SIGNS = {
    "completed": "✓",
    "failed": "✗",
    "retrying": "✗",
    "timed_out": "✗",
    "interrupted": "✗",
    "abandoned": "✗",
    "cancelled": "⊘",
    "waiting": "…",
    "suspended": "…",
}
TEXT_COLUMNS = 84
"""What a line needs beside its bar to be read without wrapping."""


def tree(run: Run, console: Console, chosen: Callable[[Attempt], bool] = lambda _: True) -> Table:
    """The chosen executions of a run, one line each; below it its attempts when it was retried, and its waits."""
    return _Tree(run, bar_width(console, TEXT_COLUMNS)).table(chosen)


class _Tree:
    def __init__(self, run: Run, width: int) -> None:
        self._run = run
        self._width = width
        self._workers = Workers(run)
        self._causes = Causes(run)

    def table(self, chosen: Callable[[Attempt], bool]) -> Table:
        headers = ("step", "start", "queued", "ran", *(("time",) if self._width else ()), "what")
        table = columns(*headers, right=("start", "queued", "ran"))
        groups = _executions(attempt for attempt in self._run.attempts if chosen(attempt))
        waits = _waits(self._run.waits)
        for position, (execution, attempts) in enumerate(groups.items()):
            last = position == len(groups) - 1
            children = list(_children(attempts, waits[execution]))
            self._add_execution(table, "└─ " if last else "├─ ", attempts, bool(children))
            for number, child in enumerate(children):
                branch = ("   " if last else "│  ") + ("└─ " if number == len(children) - 1 else "├─ ")
                if isinstance(child, Attempt):
                    self._add_attempt(table, branch, child)
                else:
                    self._add_wait(table, branch, child)
        return table

    def _add_execution(self, table: Table, branch: str, attempts: Sequence[Attempt], parent: bool) -> None:
        first, last = attempts[0], attempts[-1]
        what = Text.assemble(_outcome(last), " ", cell(self._inputs(first)))
        if len(attempts) == 1:
            what.append_text(self._remarks(first))
        self._add(
            table,
            cell(branch + first.execution_id),
            first.start_ns,
            last.end_ns,
            sum(attempt.queue_wait_ms for attempt in attempts),
            sum(attempt.duration_ms for attempt in attempts),
            what,
            "─" if parent and len(attempts) > 1 else "█",
        )

    def _add_attempt(self, table: Table, branch: str, attempt: Attempt) -> None:
        what = Text.assemble(_outcome(attempt), self._remarks(attempt))
        name = cell(f"{branch}attempt {attempt.number}")
        ran = attempt.duration_ms
        self._add(table, name, attempt.start_ns, attempt.end_ns, attempt.queue_wait_ms, ran, what, "█")

    def _add_wait(self, table: Table, branch: str, wait: Wait) -> None:
        words = {"retry": "back-off", "human": "☺ human", "event": "wait", "join": "join"}
        what = "" if wait.kind == "retry" else wait.waiting_for.rpartition(".")[2]
        text = Text.assemble(SIGNS.get(wait.outcome, "?"), " ", cell(what)) if what else Text("")
        name = cell(branch + words.get(wait.kind, wait.kind))
        self._add(table, name, wait.start_ns, wait.end_ns, 0.0, wait.duration_ms, text, "┄")

    def _inputs(self, attempt: Attempt) -> str:
        """What set an execution off: ``QueryEvent from plan#1``, and how many events it joined."""
        if not attempt.inputs:
            return ""
        event, execution = self._causes.last_input(attempt)
        made = self._causes.emission.get(event)
        source = execution or ("the start" if made and made.mode == "start" else "outside")
        kind = attempt.input_types[attempt.inputs.index(event)].rpartition(".")[2]
        joined = f" · joined {len(attempt.joined)}" if len(attempt.joined) > 1 else ""
        return f"{kind} from {source}{joined}"

    def _remarks(self, attempt: Attempt) -> Text:
        text = Text()
        reason = queue_reason(attempt, self._workers, self._run.graph)
        if reason:
            text.append(f" · queued: {reason}")
        if attempt.error is not None:
            message = attempt.error.message.partition("\n")[0]
            text.append(" ").append_text(cell(f"{attempt.error.type}: {message}", "red"))
        return text

    def _add(
        self,
        table: Table,
        name: Text,
        start: int,
        end: int,
        queued: float,
        ran: float,
        what: Text,
        glyph: str,
    ) -> None:
        row = [name, Text(f"+{format_ms((start - self._run.start_ns) / 1e6)}"), duration(queued or None), duration(ran)]
        if self._width:
            before, length = place(start, end, self._run.start_ns, self._run.end_ns, self._width)
            row.append(Text(" " * before + glyph * length))
        table.add_row(*row, what)


def _executions(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    groups: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        groups.setdefault(attempt.execution_id, []).append(attempt)
    return groups


def _waits(waits: Iterable[Wait]) -> defaultdict[str, list[Wait]]:
    groups: defaultdict[str, list[Wait]] = defaultdict(list)
    for wait in waits:
        groups[wait.execution_id].append(wait)
    return groups


def _children(attempts: Sequence[Attempt], waits: Sequence[Wait]) -> Iterator[Attempt | Wait]:
    """What stands below an execution, in order: its attempts when there were several, and what it waited for."""
    children: list[Attempt | Wait] = [*attempts] if len(attempts) > 1 else []
    yield from sorted([*children, *waits], key=lambda each: each.seq)


def _outcome(attempt: Attempt) -> Text:
    sign = SIGNS.get(attempt.outcome, "?")
    if attempt.outcome in ("completed", "failed", "retrying"):
        return Text(sign, style="red" if sign == "✗" else "")
    return Text(f"{sign} {attempt.outcome.replace('_', ' ')}")
