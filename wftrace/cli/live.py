"""``wftrace run --live``: a table that moves while the run is under way, or plain lines where nothing can move."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wftrace.engine.graph import FlowGraph
from wftrace.engine.handler import WorkflowHandler
from wftrace.trace import Span
from wftrace.units import format_ms

from .audience import Audience
from .happening import happenings
from .pulse import Pulse
from .speech import Speech, colours, is_terminal

if TYPE_CHECKING:
    from rich.live import Live

REDRAWS = 8
"""How often a second the table is drawn anew."""

PAUSE = 0.2
"""Seconds between two looks for new lines."""

LINES = 20
"""How many lines are written for one look; what is more is counted."""


def live_audience(graph: FlowGraph, spans: Sequence[Span], speech: Speech, *, asks: bool) -> Audience:
    """Whoever shows the run: a table on a terminal that can move, lines elsewhere, nobody with -q.

    ``spans`` grows while the run is under way. ``asks`` says whether a person may be asked something meanwhile.
    """
    if speech.verbosity < 0:
        return Audience()
    return LiveTable(graph, spans, asks=asks) if colours(sys.stderr) else LiveLines(spans, speech)


class LiveTable(Audience):
    """A table on standard error that is drawn over itself, by a thread: a step that blocks the loop is seen as well."""

    def __init__(self, graph: FlowGraph, spans: Sequence[Span], *, asks: bool) -> None:
        self._graph = graph
        self._spans = spans
        self._asks = asks
        self._live: Live | None = None
        self._pulse: Pulse | None = None

    def began(self, handler: WorkflowHandler) -> None:
        """Begin to draw."""
        self._pulse = Pulse(handler)
        self._start()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Take the table away while somebody types."""
        if not self._asks:
            yield
            return
        self._stop()
        try:
            yield
        finally:
            self._start()

    def close(self) -> None:
        """Take the table away; the summary takes its place."""
        self._stop()

    def _start(self) -> None:
        from rich.console import Console  # rich takes as long to load as a small flow takes to run
        from rich.live import Live

        from .live_table import live_table

        console = Console(file=sys.stderr, markup=False, highlight=False, emoji=False, legacy_windows=False)
        pulse = self._pulse
        if pulse is None:
            return

        def drawn() -> object:
            pulse.ask()
            return live_table(self._graph, pulse.figures, self._spans, pulse.held_up, console.height)

        self._live = Live(
            console=console,
            get_renderable=drawn,  # type: ignore[arg-type]  # a Group, which rich takes for any renderable
            refresh_per_second=REDRAWS,
            transient=True,
            redirect_stdout=is_terminal(sys.stdout),
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class LiveLines(Audience):
    """A line on standard error for each attempt and wait that ended, looked for on the run's own loop."""

    def __init__(self, spans: Sequence[Span], speech: Speech) -> None:
        self._spans = spans
        self._speech = speech
        self._seen = 0
        self._first_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def began(self, handler: WorkflowHandler) -> None:
        """Begin to look."""
        self._speech.note(f"run {handler.run_id} has begun")
        self._look()

    def close(self) -> None:
        """Say what is left to say."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell()

    def _look(self) -> None:
        self._tell()
        self._timer = asyncio.get_running_loop().call_later(PAUSE, self._look)

    def _tell(self) -> None:
        new = self._spans[self._seen :]
        self._seen += len(new)
        if new and not self._first_ns:
            self._first_ns = min(span.start_ns for span in new)
        told = [each for each in happenings(new) if each.kind != "event" or each.bad]
        for each in told[:LINES]:
            since = format_ms(max(0, each.time_ns - self._first_ns) / 1e6)
            self._speech.note(click.style(f"+{since}  {each.text}", fg="red" if each.bad else None))
        if len(told) > LINES:
            self._speech.note(f"… and {len(told) - LINES} more")
