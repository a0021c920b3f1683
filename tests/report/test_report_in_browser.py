"""The report as a reader meets it: in a browser, without a network, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.handmade import crowded_run, report_run
from tests.report.conftest import Opened
from wftrace.exporters.html import report
from wftrace.trace import Run

Open = Callable[..., Opened]

PARTS = (".graph svg", ".plot", ".events .log tbody tr", ".cards .card")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_page_needs_no_network_and_has_no_complaints(open_report: Open, scripts: bool) -> None:
    """One request, for the file itself; nothing on the console."""
    tab = open_report(report([report_run()]), scripts=scripts)
    assert [url.partition(":")[0] for url in tab.requests] == ["file"]
    assert tab.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [1680, 900, 420])
def test_all_parts_are_to_be_seen(open_report: Open, scripts: bool, width: int) -> None:
    """Graph, timeline, log and details, on wide and narrow screens."""
    tab = open_report(report([report_run()]), scripts=scripts, width=width)
    assert all(tab.count(part) > 0 for part in PARTS)
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth") if scripts else True


def test_without_scripts_everything_is_there(open_report: Open) -> None:
    """The traceback, the cause chain and the ids of every attempt can be read, and no dead control is shown."""
    tab = open_report(report([report_run()]), scripts=False)
    assert tab.count(".card") == tab.page.locator(".card").count()
    assert 'raise RuntimeError("flaky")' in tab.page.locator("body").inner_text()
    assert tab.count("button, input") == 0


def test_without_scripts_links_lead_to_cards(open_report: Open) -> None:
    """A click in the log goes to the attempt's card."""
    tab = open_report(report([report_run()]), scripts=False)
    tab.page.get_by_role("link", name="fetch#4 ✗ RuntimeError").first.click()
    assert tab.ref() == "r1.fetch.4.1"
    assert tab.page.locator(".card:target h3").inner_text().startswith("fetch#4")


def test_the_overview_comes_first(open_report: Open) -> None:
    """Before anything is selected the card of the run is shown, and no other."""
    tab = open_report(report([report_run()]))
    assert [each.get_attribute("id") for each in tab.page.locator(".card.on").all()] == ["r1"]


def test_one_selection_is_shared_by_all_parts(open_report: Open) -> None:
    """A click on a bar selects the attempt in graph, timeline, log, details and address."""
    tab = open_report(report([report_run()]))
    tab.page.locator("a.failed[data-ref='r1.fetch.4.1'] rect").click()
    assert tab.ref() == "r1.fetch.4.1"
    assert tab.count(".card.on") == 1
    assert tab.page.locator(".card.on").get_attribute("id") == "r1.fetch.4.1"
    assert tab.page.locator(".log tr.sel").count() >= 1
    assert tab.page.locator(".plot a.sel.failed").count() == 1
    assert tab.page.locator(".picture .sel-node").get_attribute("data-id") == "step:fetch"


def test_a_step_of_the_graph_selects_all_its_attempts(open_report: Open) -> None:
    """A click on a node opens the step's card and marks its bars."""
    tab = open_report(report([report_run()]))
    tab.page.locator(".picture [data-id='step:review']").click()
    assert tab.ref() == "r1.review"
    assert tab.page.locator(".plot a.sel.run").count() == 3


def test_the_address_brings_the_selection_back(open_report: Open) -> None:
    """A link that was passed on opens at what was selected."""
    tab = open_report(report([report_run()]), fragment="r1.fetch.4.2")
    assert tab.page.locator(".card.on").get_attribute("id") == "r1.fetch.4.2"


def test_an_address_that_leads_nowhere_shows_the_overview(open_report: Open) -> None:
    """Also when it holds markup."""
    tab = open_report(report([report_run()]), fragment="r9.<img src=x>%ZZ")
    assert tab.page.locator(".card.on").get_attribute("id") == "r1"
    assert tab.complaints == []


def test_the_keys_walk_through_the_run(open_report: Open) -> None:
    """``j`` and ``k`` through the attempts, ``e`` through the errors, Escape back to the overview."""
    tab = open_report(report([report_run()]))
    seen = []
    for key in ("j", "j", "k", "e", "E", "Escape"):
        tab.page.keyboard.press(key)
        seen.append(tab.ref())
    assert seen == ["r1.plan.1.1", "r1.fetch.1.1", "r1.plan.1.1", "r1.fetch.4.1", "r1.fetch.4.1", "r1"]


def test_c_shows_the_critical_path_and_dims_the_rest(open_report: Open) -> None:
    """The card lists its parts; what is beside it fades."""
    tab = open_report(report([report_run()]))
    tab.page.keyboard.press("c")
    assert tab.ref() == "r1.critical-path"
    dimmed = {each.get_attribute("data-ref") for each in tab.page.locator(".plot a.run.dim").all()}
    assert "r1.fetch.1.1" in dimmed
    assert "r1.fetch.4.2" not in dimmed


def test_the_question_mark_explains_the_keys(open_report: Open) -> None:
    """A dialog opens, and Escape closes it."""
    tab = open_report(report([report_run()]))
    tab.page.keyboard.press("?")
    assert "next, previous error" in tab.page.locator("dialog").inner_text()
    tab.page.keyboard.press("Escape")
    assert tab.count("dialog") == 0


def test_the_axis_can_be_made_even(open_report: Open) -> None:
    """Broken, the wait for the human is drawn short; even, it takes its share of the width."""
    tab = open_report(report([report_run()]))
    share = "document.querySelector('.plot a.human rect').getAttribute('width')"
    broken = float(tab.page.evaluate(share).rstrip("%"))
    tab.page.keyboard.press("b")
    even = float(tab.page.evaluate(share).rstrip("%"))
    assert broken < 40
    assert even == pytest.approx(100 * 301 / 385, abs=0.1)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [1680, 900])
@pytest.mark.parametrize("made", [report_run, crowded_run])
def test_texts_of_the_timeline_do_not_overlap(
    open_report: Open, made: Callable[[], Run], width: int, scripts: bool
) -> None:
    """Every text that is drawn stands clear of every other."""
    tab = open_report(report([made()]), width=width, scripts=scripts)
    assert tab.page.evaluate(_OVERLAPS) == []


def test_texts_do_not_overlap_on_an_even_axis(open_report: Open) -> None:
    """Also when the long wait takes its share, so that all the rest is narrow."""
    tab = open_report(report([report_run()]))
    tab.page.keyboard.press("b")
    assert tab.page.evaluate(_OVERLAPS) == []


def test_several_runs_have_a_picker(open_report: Open) -> None:
    """One run is shown at a time; its name in the picker and the key ``]`` change it."""
    tab = open_report(report([report_run(), replace(report_run(), run_id="second")]))
    assert tab.count("section.run") == 1
    tab.page.get_by_role("link", name="second").click()
    assert tab.page.locator("section.run.on").get_attribute("data-run") == "r2"
    tab.page.keyboard.press("[")
    assert tab.page.locator("section.run.on").get_attribute("data-run") == "r1"


def test_several_runs_stand_below_each_other_without_scripts(open_report: Open) -> None:
    """Nothing is hidden that only a script could show."""
    tab = open_report(report([report_run(), replace(report_run(), run_id="second")]), scripts=False)
    assert tab.count("section.run") == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(open_report: Open, theme: str) -> None:
    """Contrast of at least 4.5:1 between a text and what is behind it, in both themes."""
    tab = open_report(report([report_run()]), theme=theme, fragment="r1.fetch.4.1")
    assert tab.page.evaluate(_CONTRAST) == []


_OVERLAPS = """() => {
  const shown = (each) => each.textContent && each.checkVisibility();
  const texts = [...document.querySelectorAll(".plot text")].filter(shown);
  const boxes = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
  const bad = [];
  boxes.forEach(([first, a], index) => boxes.slice(index + 1).forEach(([second, b]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 3) bad.push(first + " / " + second);
  }));
  return bad;
}"""

_CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const judge = (element, ink, ground) => {
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(ratio.toFixed(2) + " " + element.tagName + "." + element.getAttribute("class") + " " +
      element.textContent.slice(0, 40));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("svg, script, style, dialog")) continue;
    if (element.checkVisibility()) judge(element, parse(getComputedStyle(element).color), behind(element));
  }
  for (const text of document.querySelectorAll(".plot text")) {
    if (!text.textContent || text.closest(".dim")) continue;
    const rect = text.parentElement.querySelector("rect");
    const inside = text.getAttribute("class") === "in" && rect;
    const fill = inside ? getComputedStyle(rect).fill : "none";
    const ground = fill.startsWith("rgb") ? parse(fill) : behind(text.closest("svg").parentElement);
    judge(text, parse(getComputedStyle(text).fill), ground);
  }
  return bad;
}"""
