"""The pictures of docs/gallery.md: one flow and one run of it, drawn by wftrace and by llama-index-utils-workflow.

    python -m benchmarks.gallery

The other library gets an environment of its own, and the same flow with the names that it knows. Its pages fetch a
drawing library from the network and arrange the nodes while one looks on; here they are given the copy that comes with
it, and are photographed by Chromium when they have come to rest.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wftrace import overlay
from wftrace.drawing.view import View
from wftrace.exporters.file import read_trace
from wftrace.pictures import expand
from wftrace.render import Picture
from wftrace.trace_reader import read_runs

from .peers import Peer, PeerUnavailableError, interpreter_with

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs/pictures"
GALLERY = PICTURES / "gallery"
PEER = Peer("llama-index-utils-workflow", "0.11.0", "llama_index.utils.workflow")
SIZE = (1000, 770)

NAMES = (
    (
        "from wftrace import (",
        "from workflows import Context, Workflow, step\n"  # noqa: ISC004
        "from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent\n"
        "from workflows.retry_policy import ConstantDelayRetryPolicy\n_ = (",
    ),
    ("await ctx.get(", "await ctx.store.get("),
    ("await ctx.set(", "await ctx.store.set("),
)
"""What the flow says here, and what it has to say there."""

DRAW = """
import asyncio
from flow import ApprovalGiven, ApprovalRequested, ReportFlow
from llama_index.utils.workflow import draw_all_possible_flows, draw_most_recent_execution

async def run():
    handler = ReportFlow(timeout=None).run()
    async for event in handler.stream_events():
        if isinstance(event, ApprovalRequested):
            handler.ctx.send_event(ApprovalGiven(approved=True))
    await handler
    draw_most_recent_execution(handler, filename="run.html")

draw_all_possible_flows(ReportFlow, filename="flow.html")
asyncio.run(run())
"""


def main() -> int:
    """Draw everything; 0, or 5 when a tool is missing."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    for name, picture in ours():
        print(f"wrote {picture.save(GALLERY / f'{name}.svg').relative_to(ROOT)}")
    if shutil.which("chromium") is None:
        print("chromium is not on the PATH: the pictures of the other library stay as they were")
        return 5
    try:
        python = interpreter_with(PEER)
    except PeerUnavailableError as error:
        print(f"{PEER.name}: {error}")
        return 5
    with tempfile.TemporaryDirectory() as folder:
        theirs(Path(folder), python)
    return 0


def ours() -> Iterator[tuple[str, Picture]]:
    """Our pictures and their names; the run is the one in docs/pictures."""
    (run,) = read_runs(read_trace(PICTURES / "report_flow.otlp.jsonl"))
    yield "wftrace_beside", overlay(run, beside=True)
    yield "wftrace_expanded", expand(run)
    yield "wftrace_edges", overlay(run, view=View(events="edges"), legend=False)


def theirs(folder: Path, python: str) -> None:
    """Let the other library draw, photograph its pages, and say how many of its arrows are true."""
    text = (ROOT / "examples/report_flow.py").read_text(encoding="utf-8")
    for here, there in NAMES:
        text = text.replace(here, there)
    (folder / "flow.py").write_text(text, encoding="utf-8")
    subprocess.run([python, "-c", DRAW], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for name in ("flow", "run"):
        page = folder / f"{name}.html"
        content = page.read_text(encoding="utf-8")
        page.write_text(offline(content), encoding="utf-8")
        photograph(page, GALLERY / f"llamaindex_{name}.png")
        print(f"wrote docs/pictures/gallery/llamaindex_{name}.png: {told(content)}")


def offline(page: str) -> str:
    """The page with the drawing library that lies beside it instead of the one on the network."""
    page = re.sub(
        r"https://cdnjs\.cloudflare\.com/\S*/vis-network\.min\.(js|css)", r"lib/vis-9.1.2/vis-network.\1", page
    )
    page = page.replace("vis-network.js", "vis-network.min.js")
    page = re.sub(r'\s(integrity|crossorigin|referrerpolicy)="[^"]*"', "", page)
    return re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)


def photograph(page: Path, image: Path) -> None:
    """A picture of a page when its nodes have come to rest."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--virtual-time-budget=20000", f"--user-data-dir={profile}", f"--window-size={SIZE[0]},{SIZE[1]}",
                f"--screenshot={image}", page.as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def told(page: str) -> str:
    """How many arrows a page has, and how many of them say that the caller made what a step made."""
    found = re.search(r"edges = new vis\.DataSet\((\[.*?\])\);", page, re.DOTALL)
    nodes = re.search(r"nodes = new vis\.DataSet\((\[.*?\])\);", page, re.DOTALL)
    if found is None or nodes is None:
        return "no arrows found"
    labels = {node["id"]: node["label"] for node in json.loads(nodes[1])}
    arrows = [(labels[edge["from"]], labels[edge["to"]]) for edge in json.loads(found[1])]
    wrong = [end for start, end in arrows if start == "external_step" and end not in ("StartEvent", "ApprovalGiven")]
    return f"{len(arrows)} arrows, {len(wrong)} of them from the caller to an event that a step made"


if __name__ == "__main__":
    sys.exit(main())
