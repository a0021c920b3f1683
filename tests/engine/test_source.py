"""Users' source is read whatever else goes on."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor

from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace.engine import source
from wftrace.engine.source import place_of, tree_of


def test_many_threads_read_at_once() -> None:
    """Flows may be built in many threads while others parse: each gets its tree and its place."""

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent()

    stop = threading.Event()

    def disturb() -> None:
        text = "x = " + "(" * 60 + "1" + ")" * 60
        while not stop.is_set():
            try:
                ast.parse(text)
            except SystemError:  # what this Python does to whoever parses meanwhile
                continue

    disturber = threading.Thread(target=disturb)
    disturber.start()
    function = Flow.__dict__["work"]
    try:
        with ThreadPoolExecutor(8) as pool:
            trees = list(pool.map(lambda _: tree_of.__wrapped__(function), range(200)))
            places = list(pool.map(lambda _: place_of(Flow), range(40)))
    finally:
        stop.set()
        disturber.join()
    assert all(isinstance(tree, ast.Module) for tree in trees)
    assert len({place[1] for place in places if place}) == 1


def test_what_has_no_source_is_none() -> None:
    """Classes and functions from nowhere are no error."""
    names: dict[str, type] = {}
    exec("class Made: pass\n\ndef made(): pass", names)
    assert place_of(names["Made"]) is None
    assert tree_of(names["made"]) is None


def test_reading_gives_up_in_the_end() -> None:
    """An interpreter that always trips costs some tries, not a run."""
    tries: list[int] = []

    def trip() -> None:
        tries.append(1)
        raise SystemError("AST constructor recursion depth mismatch")

    assert source._read(trip) is None
    assert len(tries) == source._TRIES
