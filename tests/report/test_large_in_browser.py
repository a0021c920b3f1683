"""The report of a large run in a browser: drawn from figures, only what is in view."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.report.conftest import Opened
from tests.report.large_runs import large_run
from wftrace.analysis import timeline
from wftrace.exporters.html import Report, report
from wftrace.exporters.html_run import views_of
from wftrace.trace import Run

Open = Callable[..., Opened]

COUNT = 6_000


@pytest.fixture(scope="module")
def run() -> Run:
    """A run of some 24 000 spans."""
    return large_run(COUNT)


@pytest.fixture(scope="module")
def page(run: Run) -> Report:
    """Its report."""
    return report([run], links={"Jaeger": "http://localhost:16686/trace/{trace_id}"})


def opened(open_report: Open, page: Report, fragment: str = "", **how: object) -> Opened:
    """The report, unfolded."""
    tab = open_report(page, fragment=fragment, **how)
    tab.ready()
    return tab


def test_the_page_holds_only_what_is_in_view(open_report: Open, page: Report) -> None:
    """A few thousand elements, however many rows there are; nothing is asked of the network."""
    tab = opened(open_report, page)
    assert tab.page.evaluate("document.querySelectorAll('*').length") < 8_000
    assert tab.page.locator(".rows tbody tr").count() < 120
    assert [url.partition(":")[0] for url in tab.requests] == ["file"]
    assert tab.complaints == []


def test_no_more_is_drawn_than_there_are_pixels(open_report: Open, page: Report, run: Run) -> None:
    """Bars that fall on one pixel are one mark."""
    tab = opened(open_report, page)
    lanes = sum(len(row.lanes) for row in timeline(run, float("inf")))
    width = int(tab.page.evaluate("document.querySelector('canvas').clientWidth"))
    marks = int(tab.page.evaluate("Number(document.querySelector('canvas').dataset.marks)"))
    assert 0 < marks < (lanes + 1) * width
    assert marks < len(run.attempts)


def test_the_excerpt_gives_way(open_report: Open, page: Report) -> None:
    """With scripts the whole log is there, and the note about the excerpt is not."""
    tab = opened(open_report, page)
    assert tab.count(".note.excerpt") == 0
    assert tab.count(".events > table") == 0
    assert tab.count("canvas") == 1


def test_every_attempt_can_be_selected(open_report: Open, page: Report) -> None:
    """One that has no card of its own gets one: its times, its causes as links, its ids and its page in Jaeger."""
    tab = opened(open_report, page, f"r1.judge.{COUNT - 3}.1")
    card = tab.page.locator(".card.on")
    assert card.get_attribute("id") == f"r1.judge.{COUNT - 3}.1"
    text = card.inner_text()
    assert f"Fetched ← fetch#{COUNT - 3}" in text
    assert "Query ← plan#1" in text
    assert "Start · the start" in text
    link = str(card.get_by_role("link", name="Jaeger").get_attribute("href"))
    assert link.startswith("http://localhost:16686/trace/dc6eeca3b1f04f0c9b8a7d6e5f4cd40f?uiFind=")


def test_a_cause_is_followed(open_report: Open, page: Report) -> None:
    """A click in the chain selects the attempt that caused this one, in card, log and address."""
    tab = opened(open_report, page, f"r1.judge.{COUNT - 3}.1")
    tab.page.locator(".card.on .chain a").first.click()
    assert tab.ref() == f"r1.fetch.{COUNT - 3}.1"
    assert tab.page.locator(".rows tr.sel").count() >= 1


def test_the_keys_walk_through_a_large_run(open_report: Open, page: Report) -> None:
    """``j`` and ``k`` in the order of time, ``e`` from error to error."""
    tab = opened(open_report, page)
    seen = []
    for key in ("j", "j", "k", "e", "e"):
        tab.page.keyboard.press(key)
        seen.append(tab.ref())
    assert seen[0] == seen[2]
    assert seen[3:] == ["r1.fetch.100.1", "r1.fetch.200.1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("outcome:failed", COUNT // 100),
        ("kind:retry", COUNT // 100),
        ("step:judge", COUNT + 1),
        ('"item 4200"', 1),
        ("step:fetch attempt>1 kind:step", COUNT // 100),
    ],
)
def test_the_search_finds_in_a_large_run(open_report: Open, page: Report, query: str, expected: int) -> None:
    """The same words as in a small one, over all rows."""
    tab = opened(open_report, page)
    tab.page.keyboard.press("/")
    tab.page.keyboard.type(query)
    assert tab.page.locator("output").inner_text().replace("\xa0", "").startswith(f"{expected} of ")
    assert tab.page.locator(".rows table").get_attribute("aria-rowcount") == str(expected + 1)


def test_script_and_page_tell_the_same_of_a_row(open_report: Open, page: Report, run: Run) -> None:
    """What the script unfolds is what would have been written: step, times, outcome and words of each row."""
    tab = opened(open_report, page)
    written = {row.seq: row.text for row in views_of([run], None, {})[0].log}
    tab.page.evaluate("document.querySelector('.rows').scrollTop = 24 * 9000")
    tab.until("Number(document.querySelector('.rows tr[aria-rowindex]').ariaRowIndex) > 8000")
    texts = tab.page.locator(".rows tr[aria-rowindex] td:nth-child(3)").all()
    shown = [str(each.get_attribute("title")) for each in texts]
    assert len(shown) > 10
    assert set(shown) <= set(written.values())


def test_a_click_on_the_picture_selects(open_report: Open, page: Report) -> None:
    """The bar below the pointer."""
    tab = opened(open_report, page)
    tab.page.locator("canvas").click(position={"x": 200, "y": 70})
    assert tab.ref().startswith("r1.fetch.")


def test_the_picture_is_moved_and_zoomed_with_keys(open_report: Open, page: Report) -> None:
    """With the timeline in focus; zoomed in there are fewer marks, and 0 shows all again."""
    tab = opened(open_report, page)
    marks = "Number(document.querySelector('canvas').dataset.marks)"
    whole = tab.page.evaluate(marks)
    tab.page.locator("canvas").focus()
    for _ in range(12):
        tab.page.keyboard.press("+")
    tab.page.keyboard.press("ArrowRight")
    tab.until(f"{marks} < {whole} / 4")
    tab.page.keyboard.press("0")
    tab.until(f"{marks} === {whole}")


def test_dragging_moves_and_selects_nothing(open_report: Open, page: Report) -> None:
    """Only a click without a move selects."""
    tab = opened(open_report, page)
    tab.page.locator("canvas").focus()
    for _ in range(6):
        tab.page.keyboard.press("+")
    box = tab.page.locator("canvas").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 300, box["y"] + 70)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 100, box["y"] + 70, steps=4)
    tab.page.mouse.up()
    assert tab.ref() in ("", "r1")


def test_without_scripts_there_is_a_summary(open_report: Open, page: Report) -> None:
    """Areas of busy workers, the first rows, the failures, and what is not there is said."""
    tab = open_report(page, scripts=False)
    assert tab.count(".area.busy") >= 3
    assert tab.count(".note.excerpt") >= 1
    assert tab.count("canvas, button, input") == 0
    assert tab.count(".events .log tr.bad") == 50


def test_without_inflating_the_excerpt_stays(open_report: Open, page: Report, browser: object) -> None:
    """A browser that cannot unfold says so, and keeps what was written."""
    tab = open_report(page)
    tab.page.add_init_script("delete window.DecompressionStream")
    tab.page.reload()
    tab.page.wait_for_selector(".events .note:has-text('cannot unfold')")
    assert tab.count(".events > table") == 1
