"""A flow with everything that a picture has to show: fan-out, retry, join, loop, human, a branch that is not taken.

    python examples/report_flow.py

``plan`` sends five queries; ``fetch`` works on three at a time, fails once and is retried; ``draft`` joins the
answers; ``review`` goes round three times; a human approves; ``publish`` might go back to the draft. ``audit`` waits
for an event that nobody makes.

The steps keep a ledger of their own: who made the event that a step got, and how the attempt ended. It knows nothing of
traces, so a trace can be checked against it.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import model_validator

from wftrace import (
    ConstantDelayRetryPolicy,
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

CALLER = "caller"
HUMAN = "human"
STREAM = "stream"

SECTIONS = ("summary", "method", "figures", "risks", "outlook")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An event that went from its producer to its consumer, and how the consumer's attempt ended.

    Producers and consumers are steps, or ``CALLER`` (who starts the run and gets the result), ``HUMAN`` or ``STREAM``.
    ``outcome`` is ``completed`` or ``failed`` for an attempt, and ``handed over`` where no step takes the event.
    """

    producer: str
    event: str
    consumer: str
    outcome: str


class QueryEvent(Event):
    """A section of the report that needs facts."""

    section: str
    made_by: str


class FetchedEvent(Event):
    """The facts for a section."""

    section: str
    text: str
    made_by: str


class ProgressEvent(Event):
    """For whoever watches: a fetch has begun."""

    section: str


class DraftEvent(Event):
    """A whole draft."""

    text: str
    made_by: str


class ReviseEvent(Event):
    """A draft that was changed and needs another look."""

    text: str
    round: int
    made_by: str


class ApprovalRequested(InputRequiredEvent):
    """The draft is good: may it be published?"""

    text: str = ""


class ApprovalGiven(HumanResponseEvent):
    """The human's answer. No: the draft goes back to the review."""

    approved: bool = True

    @model_validator(mode="after")
    def _read_response(self) -> "ApprovalGiven":
        if "approved" not in self.model_fields_set:
            self.approved = str(self.response).strip().lower() not in ("n", "no", "false")
        return self


class AuditEvent(Event):
    """An event that no step makes."""


class SourceUnavailableError(Exception):
    """A source did not answer; another attempt may help."""


class ReportFlow(Workflow):
    """Plans, fetches, drafts, reviews and publishes a report."""

    def __init__(
        self,
        *,
        fetch_seconds: float = 0.02,
        step_seconds: float = 0.003,
        failing_section: str = "figures",
        ledger: list[LedgerEntry] | None = None,
        disable_validation: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(disable_validation=disable_validation, **options)
        self.fetch_seconds = fetch_seconds
        self.step_seconds = step_seconds
        self.failing_section = failing_section
        self.ledger: list[LedgerEntry] = [] if ledger is None else ledger

    @step
    async def plan(self, ctx: Context, ev: StartEvent) -> QueryEvent | None:
        """Split the report into sections and send a query for each."""
        with self._attempt(CALLER, ev, "plan"):
            await asyncio.sleep(self.step_seconds)
            for section in SECTIONS:
                ctx.send_event(QueryEvent(section=section, made_by="plan"))
            return None

    @step(num_workers=3, retry_policy=ConstantDelayRetryPolicy(maximum_attempts=3, delay=0.01))
    async def fetch(self, ctx: Context, ev: QueryEvent) -> FetchedEvent:
        """Fetch the facts for a section; one source fails the first time it is asked."""
        with self._attempt(ev.made_by, ev, "fetch"):
            ctx.write_event_to_stream(ProgressEvent(section=ev.section))
            self._hand_over("fetch", "ProgressEvent", STREAM)
            await asyncio.sleep(self.fetch_seconds)
            if ev.section == self.failing_section and not await ctx.get("has_failed", default=False):
                await ctx.set("has_failed", True)
                raise SourceUnavailableError(f"the source for {ev.section!r} did not answer")
            return FetchedEvent(section=ev.section, text=f"Facts about the {ev.section}.", made_by="fetch")

    @step
    async def draft(self, ctx: Context, ev: FetchedEvent) -> DraftEvent | None:
        """Wait for all sections and put them together."""
        with self._attempt(ev.made_by, ev, "draft"):
            fetched = ctx.collect_events(ev, [FetchedEvent] * 5)
            if fetched is None:
                return None
            texts = {event.section: event.text for event in fetched}
            return DraftEvent(text=" ".join(texts[section] for section in SECTIONS), made_by="draft")

    @step
    async def review(self, ctx: Context, ev: DraftEvent | ReviseEvent) -> ReviseEvent | ApprovalRequested:
        """Improve the draft; after the third look ask a human to approve it."""
        with self._attempt(ev.made_by, ev, "review"):
            await asyncio.sleep(self.step_seconds)
            seen = ev.round if isinstance(ev, ReviseEvent) else 0
            if seen < 2:
                return ReviseEvent(text=f"{ev.text} (revised)", round=seen + 1, made_by="review")
            await ctx.set("draft", ev.text)
            self._hand_over("review", "ApprovalRequested", HUMAN)
            return ApprovalRequested(prefix="Publish the report? [Y/n] ", text=ev.text)

    @step
    async def publish(self, ctx: Context, ev: ApprovalGiven) -> StopEvent | DraftEvent:
        """Publish what was approved, send back what was not."""
        with self._attempt(HUMAN, ev, "publish"):
            text = await ctx.get("draft")
            if not ev.approved:
                return DraftEvent(text=text, made_by="publish")
            self._hand_over("publish", "StopEvent", CALLER)
            return StopEvent(result=text)

    @step
    async def audit(self, ev: AuditEvent) -> None:
        """Never runs: nobody makes its event."""
        with self._attempt("nobody", ev, "audit"):
            return

    @contextmanager
    def _attempt(self, producer: str, event: Event, consumer: str) -> Iterator[None]:
        outcome = "failed"
        try:
            yield
            outcome = "completed"
        finally:
            self.ledger.append(LedgerEntry(producer, type(event).__name__, consumer, outcome))

    def _hand_over(self, producer: str, event: str, consumer: str) -> None:
        self.ledger.append(LedgerEntry(producer, event, consumer, "handed over"))


async def main() -> None:
    """Make a report; ask on the terminal, or approve when there is none."""
    handler = ReportFlow(timeout=None).run()
    async for event in handler.stream_events():
        if isinstance(event, ProgressEvent):
            print(f"fetching {event.section}")
        if isinstance(event, ApprovalRequested):
            answer = await asyncio.to_thread(input, event.prefix) if sys.stdin.isatty() else "yes"
            handler.ctx.send_event(ApprovalGiven(response=answer))
    print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
