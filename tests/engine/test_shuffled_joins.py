"""Joins under shuffled interleavings: twelve shapes, each under many seeds.

How many seeds each shape is tried with stands in the name of the test. ``WFTRACE_SEEDS=10000`` sets another number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.engine.shapes import SHAPES, FedFromOutside, Shape, feed
from wftrace import Observer, StartEvent, Workflow, observing
from wftrace.engine.observers import AttemptEnded, AttemptStarted, EventSent, RunEnded
from wftrace.testing import run_deterministic, running_loop
from wftrace.testing.seeds import seeds_to_try

COUNT = seeds_to_try(250)


class Ledger(Observer):
    """What was sent, dispatched and joined in one run, and how many of each step were at work at once."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.dispatched: Counter[tuple[str, str]] = Counter()
        self.joined: Counter[tuple[str, str]] = Counter()
        self.at_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.outcome = ""

    def event_sent(self, fact: EventSent) -> None:
        self.sent[fact.event_id] += 1

    def attempt_started(self, fact: AttemptStarted) -> None:
        if fact.attempt == 1:
            self.dispatched[(fact.step, fact.event_id)] += 1
        self.at_work[fact.step] += 1
        self.most[fact.step] = max(self.most[fact.step], self.at_work[fact.step])

    def attempt_ended(self, fact: AttemptEnded) -> None:
        name = fact.execution.rpartition("#")[0]
        self.at_work[name] -= 1
        if fact.outcome == "completed":
            self.joined.update((name, event) for event in fact.joined)

    def run_ended(self, fact: RunEnded) -> None:
        self.outcome = fact.outcome


async def run_once(shape: Shape) -> Ledger:
    """One run with fields that the seed draws: its result is the model's."""
    fields = shape.draw(running_loop().random)
    ledger = Ledger()
    with observing(lambda: ledger):
        handler = shape.flow(timeout=1000).run(start_event=StartEvent(**fields))
    if shape.flow is FedFromOutside:
        await feed(handler, fields)
    batches = await handler
    assert shape.holds(fields, batches), (fields, batches)
    return ledger


def each_once(flow: type[Workflow], ledger: Ledger) -> None:
    """No event is made, dispatched to a step, or joined there twice."""
    assert {*ledger.sent.values(), *ledger.dispatched.values(), *ledger.joined.values()} == {1}
    assert all((name, event) in ledger.dispatched for name, event in ledger.joined)
    assert ledger.outcome == "completed"


def never_too_many(flow: type[Workflow], ledger: Ledger) -> None:
    """No step has more at work than it has workers, and nobody is left at work."""
    workers = {spec.name: spec.num_workers for spec in flow._class_specs()}
    assert all(most <= workers[name] for name, most in ledger.most.items())
    assert not +ledger.at_work


@pytest.mark.parametrize("law", [each_once, never_too_many])
@pytest.mark.parametrize("shape", SHAPES, ids=[f"{shape.name}, {COUNT} seeds" for shape in SHAPES])
def test_a_join_under_any_interleaving(shape: Shape, law: Callable[[type[Workflow], Ledger], None]) -> None:
    """Whatever the order, a shape makes what its model says, and the law holds."""

    async def main() -> None:
        law(shape.flow, await run_once(shape))

    for seed in range(COUNT):
        run_deterministic(main(), seed)


def test_the_seeds_make_different_orders() -> None:
    """The shapes are really shuffled: fan-out arrives in more than half as many orders as there are seeds."""
    shape = next(shape for shape in SHAPES if shape.name == "surplus")

    async def main() -> str:
        handler = shape.flow().run(count=7, size=1)
        return str(await handler)

    assert len({run_deterministic(main(), seed) for seed in range(40)}) > 20
