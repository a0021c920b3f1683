"""A thousand runs out of a file: ``python -m benchmarks.many make FILE COUNT``, then ``… read FILE``.

``make`` runs the reference flow once and writes its spans under so many run ids; ``read`` counts them up and prints the
seconds a run as JSON, with the most memory that the process had, in MB.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from wftrace import recording, semconv
from wftrace.exporters.file import FileSpanExporter
from wftrace.exporters.run_files import iter_runs
from wftrace.many import aggregate_of, tally_of
from wftrace.trace import Span


def make(path: str, count: int) -> None:
    """Write a trace file of so many runs, each with times of its own."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    spans = asyncio.run(_one_run())
    Path(path).unlink(missing_ok=True)
    exporter = FileSpanExporter(path)
    for number in range(count):
        exporter.write([_renamed(span, number) for span in spans])
    exporter.shutdown()


def read(path: str) -> None:
    """Read the file, and print what it took."""
    begin = time.perf_counter()
    found = aggregate_of(tally_of(iter_runs(path)))
    seconds = time.perf_counter() - begin
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds / found.runs, "runs": found.runs, "whole": seconds, "megabytes": round(most)}))


async def _one_run() -> list[Span]:
    from report_flow import ApprovalGiven, ApprovalRequested, ReportFlow

    with recording() as recorder:
        handler = ReportFlow(fetch_seconds=0.002, step_seconds=0.0, timeout=60).run()
        async for event in handler.stream_events():
            if isinstance(event, ApprovalRequested):
                handler.ctx.send_event(ApprovalGiven(approved=True))
        await handler
    return list(recorder.spans)


def _renamed(span: Span, number: int) -> Span:
    """The span as that of another run, a little longer than the last one's."""
    attributes = {**span.attributes, semconv.RUN_ID: f"run-{number}"}
    return replace(span, attributes=attributes, end_ns=span.end_ns + number * 997)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        read(sys.argv[2])
