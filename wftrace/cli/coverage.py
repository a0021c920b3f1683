"""``wftrace coverage``: how much of what a flow can do some runs did."""

from __future__ import annotations

import json

import click

from wftrace.many import Coverage, Hole, coverage_of
from wftrace.many.coverage import shown_percent
from wftrace.many.documents import coverage_document

from .errors import FINDING, OK
from .filters import Filter
from .many_runs import graph_named, one_workflow, read_many, tallied
from .only import only_option, picture_asked
from .pictures import Order, deliver, picture_options
from .speech import Speech, say, speech_options
from .tables import cell


@click.command()
@click.argument("target")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@only_option
@click.option("--min", "least", type=click.FloatRange(0, 100), help="End with 1 when fewer percent of the edges.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document (wftrace/coverage@1) instead of lines.")
@picture_options
@speech_options
@click.pass_obj
def coverage(
    speech: Speech,
    target: str,
    traces: tuple[str, ...],
    only: Filter,
    least: float | None,
    as_json: bool,
    order: Order,
) -> int:
    """Say which edges, steps and events of the workflow TARGET the runs in TRACEs never took, with file and line.

    The percentage is that of the edges. With -o the runs are drawn too; what no run did is dashed.

    \b
    wftrace coverage flow.py:Flow test-traces/
    wftrace coverage flow.py:Flow test-traces/ --min 90
    wftrace coverage flow.py:Flow test-traces/ --json -o coverage.svg
    """
    flow = graph_named(target, "wftrace coverage", speech)
    found = coverage_of(one_workflow(tallied(read_many(traces, speech, only), flow), flow, traces))
    for note in found.figures.notes:
        speech.warn(note)
    if as_json:
        say(json.dumps(coverage_document(found, least), ensure_ascii=False, indent=2))
    elif order.output is not None or not picture_asked(order):
        _print(found)
    if picture_asked(order):
        from wftrace.render.many import draw_aggregate  # slow, and only for who wants a picture

        picture = draw_aggregate(found.figures, direction=order.direction, theme=order.theme, legend=order.legend)
        deliver(picture, order, speech, found.sentence)
    if least is None or found.reaches(least):
        return OK
    speech.note(f"coverage {shown_percent(found.percent)} % is less than {least:g} %")
    return FINDING


def _print(found: Coverage) -> None:
    parts = [
        found.sentence,
        f"{found.steps[0]} of {found.steps[1]} steps",
        f"{found.events[0]} of {found.events[1]} events",
    ]
    say(f"{cell(found.figures.workflow).plain}: {', '.join(parts)}")
    for hole in found.holes:
        say(cell(_line(hole)).plain)


def _line(hole: Hole) -> str:
    place = f"{hole.file}:{hole.line}: " if hole.file else ""
    words = (
        "no run can get there"
        if hole.dead
        else {"edge": "never taken", "step": "never ran"}.get(hole.kind, "never made")
    )
    return f"{place}{hole.kind} {hole.what}: {words}"
