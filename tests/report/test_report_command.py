"""``wftrace report`` as it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wftrace.cli import main

TRACE = "docs/pictures/report_flow.otlp.jsonl"


@pytest.fixture
def trace(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A recorded run; the current folder is empty."""
    for name in ("JAEGER_UI", "PHOENIX_COLLECTOR_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return os.fspath(repository / TRACE)


def test_links_are_asked_for(trace: str) -> None:
    """Each --link gives a link on every card, to the trace or to the span."""
    asked = ("--link", "jaeger", "--link", "phoenix=http://h:1", "--link", "T=https://t/{trace_id}/{span_id}")
    assert main(["report", trace, *asked, "-o", "r.html"]) == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert 'href="http://localhost:16686/trace/' in page
    assert "?uiFind=" in page
    assert 'href="http://h:1/redirects/traces/' in page
    assert 'href="http://h:1/redirects/spans/' in page
    assert 'href="https://t/' in page


@pytest.mark.parametrize("link", ["tempo", "jaeger=ftp://h", "T=http://t/"])
def test_a_wrong_link_is_wrong_use(trace: str, capsys: pytest.CaptureFixture[str], link: str) -> None:
    """Code 2, and a link that would do; nothing is written."""
    assert main(["report", trace, "--link", link, "-o", "r.html"]) == 2
    assert "try: --link jaeger=http://localhost:16686" in capsys.readouterr().err
    assert not Path("r.html").exists()


def test_what_the_page_cannot_hold_is_a_warning(
    trace: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, besides on the page."""
    monkeypatch.setattr("wftrace.exporters.html.RUNS_CAP", 1)
    assert main(["report", trace, trace, "-o", "r.html"]) == 0
    assert "warning: the page holds the last 1 of 2 runs" in capsys.readouterr().err
