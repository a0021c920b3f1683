"""The report of a large run as a file: what it weighs, what it holds, what it says of what it does not hold."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from typing import Any

import pytest

from tests.report.large_runs import FAILS_EVERY, large_run
from wftrace.exporters.html import report
from wftrace.exporters.html_cut import FIRST, SPANS_CAP, held, is_large, shares, spans_in
from wftrace.exporters.html_run import views_of
from wftrace.trace import ErrorFacts, Run


@pytest.fixture(scope="module")
def run() -> Run:
    """A run of a few thousand spans."""
    return large_run(1_500)


@pytest.fixture(scope="module")
def html(run: Run) -> str:
    """Its report."""
    return report([run]).html


def figures(html: str, ref: str = "r1") -> dict[str, Any]:
    """The figures of a run, unfolded as the page's script does it."""
    found = re.search(rf'<script type="text/plain" id="{ref}-figures">([^<]*)</script>', html)
    assert found is not None
    document: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(found[1]), -15))
    return document


def test_a_hundred_thousand_spans_fit_into_a_report() -> None:
    """At most 2.5 MB, and nothing is left out."""
    made = report([large_run(SPANS_CAP // 4 - 200)])
    assert len(made.html.encode()) <= 2_500_000
    assert made.cuts == ()


def test_every_attempt_and_every_row_is_there(run: Run, html: str) -> None:
    """As many attempts as the run has; the log folds what was sent to the same step at once."""
    packed = figures(html)
    assert len(packed["attempts"]["k"]) == len(run.attempts)
    assert len(packed["rows"]["k"]) == len(views_of([run], None, {})[0].log)


def test_the_columns_tell_the_times_of_the_run(run: Run, html: str) -> None:
    """Starts and durations come back to the microsecond, in the order of time."""
    packed = figures(html)
    rows, kinds, at, times = packed["rows"], packed["kinds"], 0, []
    for index, change in enumerate(rows["s"]):
        at += change
        if kinds[rows["k"][index]] in ("step", "error"):
            times.append((at, rows["t"][index]))
    ordered = sorted(run.attempts, key=lambda each: (each.start_ns, each.seq))
    assert times == [
        (round((each.start_ns - run.start_ns) / 1000), round((each.end_ns - each.start_ns) / 1000)) for each in ordered
    ]


def test_the_causes_are_in_the_columns(run: Run, html: str) -> None:
    """Each fetch was caused by the one plan, each judge by the fetch of its number."""
    packed = figures(html)
    ordered = sorted(run.attempts, key=lambda each: (each.start_ns, each.seq))
    for place, attempt in enumerate(ordered):
        back = packed["attempts"]["c"][place]
        cause = ordered[place - back].execution_id if back else ""
        assert cause == attempt.cause


def test_only_an_excerpt_is_written_out(run: Run, html: str) -> None:
    """The first attempts and the first failures have cards; the page says how many have none."""
    failed = [each for each in run.attempts if each.error is not None]
    assert len(failed) == 1_500 // FAILS_EVERY
    assert all(f'id="r1.fetch.{each.execution_id.partition("#")[2]}.1"' in html for each in failed)
    assert html.count('<article class="card" id="r1.fetch.') + html.count('id="r1.judge.') < 4 * FIRST
    assert "attempts are not written out here" in html.replace("\xa0", " ")


def test_a_run_is_cut_to_what_a_page_can_hold(run: Run) -> None:
    """Failures stay, then the first attempts; emissions and waits stay with their attempts."""
    cut = held(run, (), 1_000)
    assert spans_in(cut) <= 1_000
    assert {each.key for each in run.attempts if each.error} <= {each.key for each in cut.attempts}
    names = {"", *(each.execution_id for each in cut.attempts)}
    assert {each.execution_id for each in cut.emissions} | {each.execution_id for each in cut.waits} <= names


def test_a_cut_is_stated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the page and in the value: how many spans are not there. Counts are those of the whole run."""
    monkeypatch.setattr("wftrace.exporters.html_run.SPANS_CAP", 1_000)
    monkeypatch.setattr("wftrace.exporters.html_cut.SPANS_CAP", 1_000)
    monkeypatch.setattr("wftrace.exporters.html_run.shares", lambda runs: shares(runs, 1_000))
    made = report([run])
    left = spans_in(run) - 1_000
    said = [cut.replace("\xa0", " ").replace(" ", "") for cut in made.cuts]
    assert [cut.partition(":")[0] for cut in made.cuts] == [f"run {run.run_id}"]
    assert abs(int(re.sub(r"\D", "", said[0].partition(":")[2])) - left) <= 60
    assert made.cuts[0] in made.html
    assert f"{len(run.attempts):,}".replace(",", "\xa0") in made.html


def test_several_large_runs_share_the_room() -> None:
    """A smaller one is not cut for a larger one."""
    runs = [large_run(700), large_run(2_000)]
    given = shares(runs, 6_000)
    assert given[0] == spans_in(runs[0])
    assert sum(given) == 6_000


def test_more_than_a_hundred_runs_are_cut_and_it_is_said() -> None:
    """The last hundred are kept."""
    small = large_run(1)
    made = report([replace(small, run_id=f"run-{number}") for number in range(103)])
    assert made.cuts == ("the page holds the last 100 of 103 runs",)
    assert "run-2<" not in made.html
    assert "run-102" in made.html


def test_a_flood_of_texts_does_not_burst_the_page() -> None:
    """Twenty thousand long messages, no two alike and none compressible, are cut short."""
    run = large_run(6_000)
    noisy = tuple(
        replace(each, error=ErrorFacts("E", f"{index * 2654435761 % 2**64:x}" * 40)) if each.step == "fetch" else each
        for index, each in enumerate(run.attempts)
    )
    assert len(report([replace(run, attempts=noisy)]).html.encode()) <= 2_500_000


def test_small_runs_are_not_folded() -> None:
    """What can be written out needs no figures."""
    small = large_run(100)
    assert not is_large(small)
    assert "-figures" not in report([small]).html


def test_the_same_large_run_gives_the_same_bytes(run: Run, html: str) -> None:
    """Folding depends on nothing but the run."""
    assert report([run]).html == html
