"""The reference of spans says what is written, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.telemetry.test_checkpoint_spans import told
from tests.telemetry.test_detail import STEPS
from tests.telemetry.test_endings import Failing, Slow
from tests.telemetry.test_nesting import Outer
from tests.telemetry.test_outside import sent
from tests.telemetry.test_segments import both
from tests.telemetry.test_span_sheet import FanOut
from tests.telemetry.test_waits import Asking, Waiting, answer
from tests.telemetry.watching import RecorderWatch, SdkWatch
from wftrace import semconv as words
from wftrace.labels import using
from wftrace.trace import Span

PAGE = (Path(__file__).parents[2] / "docs/reference/spans.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \| ([\w, ]+) \| (yes)? ?\| ", re.MULTILINE)
DOCUMENTED = {
    name: {"run", "attempt", "emission", "wait", "checkpoint"} if on == "all" else set(on.split(", "))
    for name, on, _ in ROW.findall(PAGE)
}
KINDS = {
    "invoke_workflow": "run",
    "run_step": "attempt",
    "send": "emission",
    "wait": "wait",
    "checkpoint": "checkpoint",
}
NO_ATTRIBUTES = {"wftrace", "wftrace.recorder"}


def keys() -> set[str]:
    """Every attribute name in ``semconv``."""
    return {
        value
        for name, value in vars(words).items()
        if name.isupper() and isinstance(value, str) and "." in value and value not in NO_ATTRIBUTES
    } | {words.METADATA}


def test_every_word_is_documented() -> None:
    """Each attribute of ``semconv`` stands on the page, and each on the page in ``semconv``."""
    named = {name for name in re.findall(r"`([a-z_]+(?:\.[a-z_.]+)+)`", PAGE) if not name.endswith(".md")}
    assert keys() == named | {words.METADATA}
    assert set(DOCUMENTED) <= keys()


@pytest.fixture(scope="module")
def spans() -> list[Span]:
    """The spans of runs that do everything."""
    found: list[Span] = []
    for flow, drive in ((FanOut(), None), (Asking(), answer), (Waiting(), answer), (Failing(9), None), (Outer(), None)):
        for how in ("full", STEPS):
            with using(user_id="joe", metadata={"a": 1}, tags=["t"]):
                found += RecorderWatch().run(flow, drive, how).spans
    found += RecorderWatch().run(Slow(timeout=0.01)).spans
    found += RecorderWatch().main(both).spans
    found += told(RecorderWatch()).spans
    found += sent(SdkWatch(), False).spans
    return [span for span in found if words.RUN_ID in span.attributes]


def test_spans_say_nothing_that_is_not_documented(spans: list[Span]) -> None:
    """Each attribute stands on the kinds of spans that the page names."""
    for span in spans:
        kind = KINDS[span.name.split(maxsplit=1)[0]]
        assert [key for key in span.attributes if kind not in DOCUMENTED[key]] == []
        for event in span.events:
            inner = KINDS.get(event.name.split(maxsplit=1)[0])
            assert inner is None or [key for key in event.attributes if inner not in DOCUMENTED[key]] == []


def test_spans_say_everything_that_is_documented(spans: list[Span]) -> None:
    """Each attribute was seen on each kind of span, but for what needs a longer story."""
    seen = {(KINDS[span.name.split(maxsplit=1)[0]], key) for span in spans for key in span.attributes}
    seen |= {
        (KINDS.get(each.name.split()[0], ""), key) for span in spans for each in span.events for key in each.attributes
    }
    elsewhere = {("run", words.DROPPED_EVENT_IDS), ("emission", words.EVENT_TARGET)}
    wanted = {(kind, key) for key, kinds in DOCUMENTED.items() for kind in kinds if kind != "links"}
    assert wanted - seen <= elsewhere


def test_links_have_a_documented_type(spans: list[Span]) -> None:
    """One of the five."""
    types = {str(link.attributes[words.LINK_TYPE]) for span in spans for link in span.links}
    assert types <= {"event", "retry_of", "resume", "caller", "external"}
    assert types >= {"event", "retry_of", "resume", "external"}
