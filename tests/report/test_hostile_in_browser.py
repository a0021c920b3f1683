"""Texts that mean something to HTML, in every name, key, value and message: they are shown, and do nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.handmade import report_run
from tests.render.hostile import HOSTILE
from tests.report.conftest import Opened
from tests.report.large_runs import large_run
from tests.report.poison import poisoned
from wftrace.exporters.html import report
from wftrace.trace import Run

Open = Callable[..., Opened]

POISON = (
    "</script></title></style></svg><script>window.pwned=1</script>"
    "<img src=x onerror=window.pwned=1>\"'><b>&lt;\x1b[31m\ud800"
)

ELEMENTS = """() => {
  const counts = {};
  for (const each of document.querySelectorAll("*"))
    if (!each.closest(".picture svg, .rows tbody")) counts[each.tagName] = (counts[each.tagName] || 0) + 1;
  const tags = Array.from(document.querySelectorAll(".rows tbody *"), (each) => each.tagName);
  counts.rows = [...new Set(tags)].sort().join();
  for (const tag of ["script", "img", "a", "b", "foreignObject", "style", "use"])
    counts["picture " + tag] = document.querySelectorAll(".picture svg " + tag).length;
  return counts;
}"""

WALK = ("j", "e", "c", "Escape", "b")


def walked(tab: Opened) -> dict[str, object]:
    """How many elements of each kind the page has after a walk through it; of the rows in view, which kinds."""
    tab.ready()
    for key in WALK:
        tab.page.keyboard.press(key)
    tab.page.keyboard.press("j")
    counts: dict[str, object] = tab.page.evaluate(ELEMENTS)
    return counts


def pages_asked_for(tab: Opened) -> set[str]:
    """The kinds of addresses that were asked for."""
    return {url.partition(":")[0] for url in tab.requests}


def test_sixty_hostile_texts_make_no_markup(open_report: Open) -> None:
    """Each one, everywhere in a run: the same elements as with letters, no dialog, no request, no complaint."""
    tab = open_report(report([poisoned(report_run(), "z-z")]))
    tame = walked(tab)
    assert len(HOSTILE) >= 60
    for text in HOSTILE:
        tab.show(report([poisoned(report_run(), text)]))
        assert walked(tab) == tame, repr(text)
        assert tab.complaints == [], repr(text)
    assert pages_asked_for(tab) <= {"file", "about"}


@pytest.fixture(scope="module")
def large() -> Run:
    """A run that the page's script draws."""
    return large_run(700)


@pytest.mark.parametrize("text", [POISON, *HOSTILE[:9]])
def test_hostile_texts_in_a_large_run_make_no_markup(open_report: Open, large: Run, text: str) -> None:
    """What the script makes (names, rows, cards, links) has the same elements, too."""
    tab = open_report(report([poisoned(large, "z-z")]), fragment="r1.s-1.650.1")
    tame = walked(tab)
    tab.show(report([poisoned(large, text)]), "r1.s-1.650.1")
    assert walked(tab) == tame
    assert tab.page.evaluate("window.pwned") is None
    assert tab.complaints == []


def test_hostile_texts_stay_readable(open_report: Open) -> None:
    """What was written is shown, character by character; only control characters are replaced."""
    tab = open_report(report([poisoned(report_run(), POISON)]), scripts=False)
    text = tab.page.locator("body").inner_text()
    assert "<script>window.pwned=1</script>" in text
    assert "\x1b" not in text


def test_a_hostile_search_is_only_searched_for(open_report: Open) -> None:
    """Markup in the field stays text, also where it is not understood."""
    tab = open_report(report([report_run()]))
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("<img src=x onerror=alert(1)> dur><b>")
    assert tab.page.locator("output").inner_text() == "not understood: dur><b>"
    assert tab.count("output b, output img") == 0
    assert tab.complaints == []
