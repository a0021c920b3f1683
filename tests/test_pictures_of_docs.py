"""The pictures in the documents are what the code draws today."""

from __future__ import annotations

from pathlib import Path

import pytest

from wftrace import draw, overlay
from wftrace.exporters.file import read_trace
from wftrace.trace_reader import read_runs

CURE = "make pictures"


def test_the_static_picture_is_fresh(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow in the README is drawn as the code draws it, from the root of the checkout."""
    from report_flow import ReportFlow

    monkeypatch.chdir(repository)
    monkeypatch.setattr(ReportFlow, "_cached_flow", None)  # it may have been built in another folder
    drawn = draw(ReportFlow).to_svg()
    assert (repository / "docs/pictures/report_flow.svg").read_text(encoding="utf-8") == drawn, CURE


def test_the_picture_of_a_run_is_fresh(repository: Path) -> None:
    """The run in the README is drawn from the trace beside it."""
    (run,) = read_runs(read_trace(repository / "docs/pictures/report_flow.otlp.jsonl"))
    drawn = overlay(run).to_svg()
    assert (repository / "docs/pictures/report_flow_run.svg").read_text(encoding="utf-8") == drawn, CURE
