"""The search of the report: its grammar, word by word, as docs/howto/read-a-report.md tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.handmade import report_run
from tests.report.conftest import Opened
from wftrace.exporters.html import report

Open = Callable[..., Opened]


def found(tab: Opened, query: str) -> int:
    """How many rows of the log are left."""
    tab.page.keyboard.press("/")
    tab.page.keyboard.type(query)
    return tab.count(".events .log tbody tr")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("step:publish", 2),
        ("step:pub*", 2),
        ("outcome:failed", 1),
        ("outcome:retrying", 1),
        ("event:ApprovalGiven", 3),
        ("event:Approval*", 5),
        ("kind:human", 1),
        ("kind:retry", 1),
        ("dur>50ms", 2),
        ("dur>0.1s", 1),
        ("dur<=0.3ms", 6),
        ("queued>20ms", 2),
        ("at>384ms", 3),
        ("at<1 kind:step", 4),
        ("attempt>1 kind:step", 1),
        ("worker:2", 2),
        ("flaky", 1),
        ("FLAKY", 1),
        ('"asks a human"', 1),
        ('"human a asks"', 0),
        ("human asks a", 1),
        ("step:fetch outcome:failed dur>10ms flaky", 1),
        ("step:fetch -outcome:failed kind:step", 5),
        ("-step:*", 0),
        ("nothing-like-this", 0),
    ],
)
def test_the_search_finds(open_report: Open, query: str, expected: int) -> None:
    """Words of the grammar narrow the log; all must hold, and a minus turns one round."""
    tab = open_report(report([report_run()]))
    assert found(tab, query) == expected
    assert tab.page.locator("output").inner_text().startswith(f"{expected} of ")


@pytest.mark.parametrize("query", ["dur>soon", "dur>", "attempt:2ms", "step:", "at>1.2.3"])
def test_what_is_not_understood_is_said(open_report: Open, query: str) -> None:
    """The word is named, the field is marked as wrong, and the log stays as it was."""
    tab = open_report(report([report_run()]))
    before = tab.count(".events .log tbody tr")
    assert found(tab, query) == before
    assert tab.page.locator("output").inner_text() == f"not understood: {query}"
    assert tab.page.locator("section.on input").get_attribute("aria-invalid") == "true"


def test_the_search_dims_what_it_does_not_find(open_report: Open) -> None:
    """In the graph and in the timeline, too."""
    tab = open_report(report([report_run()]))
    found(tab, "step:publish")
    assert "dim" in str(tab.page.locator(".picture [data-id='step:fetch']").get_attribute("class"))
    assert "dim" not in str(tab.page.locator(".picture [data-id='step:publish']").get_attribute("class"))
    assert "dim" in str(tab.page.locator("a.failed[data-ref='r1.fetch.4.1']").get_attribute("class"))


def test_enter_goes_to_the_next_that_was_found(open_report: Open) -> None:
    """From the field, without the mouse; the keys j and k stay among what was found."""
    tab = open_report(report([report_run()]))
    found(tab, "step:publish")
    tab.page.keyboard.press("Enter")
    assert tab.ref() == "r1.publish.1.1"


def test_each_run_has_a_search_of_its_own(open_report: Open) -> None:
    """What was typed for one run does not narrow another."""
    tab = open_report(report([report_run(), replace(report_run(), run_id="second")]))
    whole = tab.count("section.on .events .log tbody tr")
    found(tab, "step:publish")
    tab.page.locator("section.on h1").click()
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.keyboard.press("]")
    assert tab.count("section.on .events .log tbody tr") == whole
