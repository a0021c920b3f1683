"""The reference flow: its result, and the ledger that it keeps."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from report_flow import CALLER, HUMAN, STREAM, ApprovalGiven, ApprovalRequested, LedgerEntry, ReportFlow

from wftrace import WorkflowValidationError


async def _run(flow: ReportFlow, answers: list[ApprovalGiven]) -> str:
    handler = flow.run()
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            handler.ctx.send_event(answers.pop(0))
    return str(await handler)


def run(*answers: ApprovalGiven, seconds: float = 0.001) -> tuple[str, Counter[LedgerEntry]]:
    """Run the flow with these answers; give its result and its ledger, counted."""
    flow = ReportFlow(fetch_seconds=seconds, step_seconds=0.0)
    result = asyncio.run(_run(flow, list(answers)))
    return result, Counter(flow.ledger)


APPROVED = {
    LedgerEntry(CALLER, "StartEvent", "plan", "completed"): 1,
    LedgerEntry("plan", "QueryEvent", "fetch", "completed"): 5,
    LedgerEntry("plan", "QueryEvent", "fetch", "failed"): 1,
    LedgerEntry("fetch", "ProgressEvent", STREAM, "handed over"): 6,
    LedgerEntry("fetch", "FetchedEvent", "draft", "completed"): 5,
    LedgerEntry("draft", "DraftEvent", "review", "completed"): 1,
    LedgerEntry("review", "ReviseEvent", "review", "completed"): 2,
    LedgerEntry("review", "ApprovalRequested", HUMAN, "handed over"): 1,
    LedgerEntry(HUMAN, "ApprovalGiven", "publish", "completed"): 1,
    LedgerEntry("publish", "StopEvent", CALLER, "handed over"): 1,
}


def test_the_ledger_of_an_approved_report() -> None:
    """5 queries, 6 fetches of which 1 failed, 5 arrivals at the join, 3 reviews, 1 approval."""
    _, ledger = run(ApprovalGiven(approved=True))
    assert ledger == APPROVED


def test_the_report_has_all_sections_in_their_order() -> None:
    """The retried section is in its place, and the text was revised twice."""
    result, _ = run(ApprovalGiven())
    sections = ("summary", "method", "figures", "risks", "outlook")
    assert result == " ".join(f"Facts about the {section}." for section in sections) + " (revised) (revised)"


@pytest.mark.parametrize("refusal", [ApprovalGiven(approved=False), ApprovalGiven(response="no")])
def test_a_refused_report_goes_back_to_the_review(refusal: ApprovalGiven) -> None:
    """A no makes publish send a draft, and three more reviews follow."""
    _, ledger = run(refusal, ApprovalGiven(approved=True))
    assert ledger[LedgerEntry("publish", "DraftEvent", "review", "completed")] == 1
    assert ledger[LedgerEntry("review", "ReviseEvent", "review", "completed")] == 4
    assert ledger[LedgerEntry(HUMAN, "ApprovalGiven", "publish", "completed")] == 2


def test_every_run_of_one_flow_fails_once() -> None:
    """The failure belongs to the run, so that a second run of the same object shows it again."""
    flow = ReportFlow(fetch_seconds=0.0, step_seconds=0.0)
    for _ in range(2):
        asyncio.run(_run(flow, [ApprovalGiven()]))
    assert Counter(flow.ledger)[LedgerEntry("plan", "QueryEvent", "fetch", "failed")] == 2


def test_the_ledger_may_be_the_callers() -> None:
    """Entries go into the list that was given, an empty one too."""
    mine: list[LedgerEntry] = []
    asyncio.run(_run(ReportFlow(fetch_seconds=0.0, ledger=mine), [ApprovalGiven()]))
    assert Counter(mine) == APPROVED


def test_validation_names_the_step_that_cannot_be_reached() -> None:
    """Constructed with validation on, the flow is refused because of audit's event."""
    with pytest.raises(WorkflowValidationError, match="AuditEvent"):
        asyncio.run(_run(ReportFlow(disable_validation=False), [ApprovalGiven()]))
