"""Notebooks: what they show, without a network, and in a real one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wftrace
from tests.drawing.report_flow import CRITICAL, REPORT_FLOW, report_overlay
from tests.needs import need
from tests.render.parsers import svg_counts
from wftrace.exporters.file import read_trace
from wftrace.render import Picture, draw_beside, draw_graph, draw_overlay
from wftrace.trace_reader import read_runs

PICTURES = {
    "flow": lambda: draw_graph(REPORT_FLOW),
    "run": lambda: draw_overlay(report_overlay(), critical=CRITICAL),
    "both": lambda: draw_beside(report_overlay()),
}
CELLS = (
    "from wftrace import draw, overlay, report\nfrom report_flow import ReportFlow\ndraw(ReportFlow)",
    "from wftrace.exporters.file import read_trace\nfrom wftrace.trace_reader import read_runs\n(run,) = read_runs(read_trace({trace!r}))\noverlay(run)",  # noqa: E501
    "report([run])",
)


RUNNER = """
import json, sys
import nbclient, nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in json.load(sys.stdin)])
manager = AsyncKernelManager()
manager._kernel_spec = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
)
nbclient.NotebookClient(notebook, timeout=50, km=manager).execute()
print(json.dumps([cell["outputs"][-1]["data"] for cell in notebook.cells]))
"""
"""Executes the cells given as JSON on standard input, in a kernel of this very interpreter."""


@pytest.fixture(params=PICTURES)
def picture(request: pytest.FixtureRequest) -> Picture:
    """A picture of each kind."""
    return PICTURES[request.param]()


def test_a_picture_shows_itself_as_svg_and_as_text(picture: Picture) -> None:
    """The bundle holds the very SVG that is saved, and the outline for where there are no pictures."""
    assert picture._repr_mimebundle_() == {"image/svg+xml": picture.to_svg(), "text/plain": picture.to_ascii()}


def test_a_bundle_has_what_is_asked_for(picture: Picture) -> None:
    """A notebook may ask for some formats only, or for all but some."""
    assert list(picture._repr_mimebundle_(include=["text/plain"])) == ["text/plain"]
    assert list(picture._repr_mimebundle_(exclude=["text/plain"])) == ["image/svg+xml"]


def test_a_bundle_needs_no_network(picture: Picture) -> None:
    """Nothing in it names another place."""
    for text in picture._repr_mimebundle_().values():
        assert not re.search(
            r"https?://|@import|url\(|<script|<image|<use", text.replace("http://www.w3.org/2000/svg", "")
        )


def test_a_picture_says_little_as_a_value(picture: Picture) -> None:
    """Printed as a value it is its first line, not thousands of numbers."""
    assert len(repr(picture)) < 200


def report_html(repository: Path) -> str:
    """What a notebook shows of the report about the run in the documents."""
    (run,) = read_runs(read_trace(repository / "docs/pictures/report_flow.otlp.jsonl"))
    shown: Any = wftrace.report([run])
    found = getattr(shown, "_repr_mimebundle_", None)
    return str(found()["text/html"] if found else shown._repr_html_())


def test_a_report_stands_in_a_frame_of_its_own(repository: Path) -> None:
    """The page is inside the document, and its sandbox keeps it away from the notebook."""
    html = report_html(repository)
    sandbox = re.search(r'<iframe[^>]* sandbox="([^"]*)"', html)
    assert sandbox is not None
    assert set(sandbox[1].split()) <= {"allow-scripts", "allow-downloads"}
    assert " srcdoc=" in html
    assert " src=" not in html.partition("srcdoc=")[0]


def test_a_real_notebook_shows_all_three(repository: Path) -> None:
    """Executed by a kernel, the cells put out SVG for the pictures and HTML for the report."""
    need(importlib.util.find_spec("nbclient"), "nbclient is not installed", "pip install nbclient ipykernel")
    need(importlib.util.find_spec("ipykernel"), "ipykernel is not installed", "pip install nbclient ipykernel")
    outputs = _executed(repository)
    assert svg_counts(outputs[0]["image/svg+xml"]) == (17, 17)
    assert svg_counts(outputs[1]["image/svg+xml"]) == (17, 17)
    assert "srcdoc=" in outputs[2]["text/html"]
    assert all("ReportFlow" in each["text/plain"] for each in outputs[:2])


def _executed(repository: Path) -> list[dict[str, str]]:
    """The data of the last output of each cell."""
    trace = str(repository / "docs/pictures/report_flow.otlp.jsonl")
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps([cell.format(trace=trace) for cell in CELLS]),
        env={**os.environ, "PYTHONPATH": f"{repository}{os.pathsep}{repository / 'examples'}"},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found
