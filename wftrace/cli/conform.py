"""``wftrace conform``: whether runs only did what a flow allows."""

from __future__ import annotations

import json

import click

from wftrace.many import Conformance
from wftrace.many.documents import conform_document
from wftrace.units import count_of

from .errors import FINDING, OK, UnreadableTrace
from .filters import Filter
from .many_runs import graph_named, read_many
from .only import only_option
from .speech import Speech, say, speech_options
from .tables import cell
from .traces import MAKE_ONE


@click.command()
@click.argument("target")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@only_option
@click.option("--any-version", is_flag=True, help="Let runs of other versions of the flow pass as such.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document (wftrace/conform@1) instead of lines.")
@speech_options
@click.pass_obj
def conform(
    speech: Speech, target: str, traces: tuple[str, ...], only: Filter, any_version: bool, as_json: bool
) -> int:
    """Check that each run in TRACEs only did what the graph of the workflow TARGET allows. Ends with 1 when not.

    Found are edges that the flow does not declare, unknown steps and events, and runs of another version of the flow.
    Runs of other workflows are passed over.

    \b
    wftrace conform flow.py:Flow traces/
    wftrace conform flow.py:Flow traces/ --any-version
    """
    flow = graph_named(target, "wftrace conform", speech)
    found = Conformance(flow, any_version)
    for run in read_many(traces, speech, only):
        if run.workflow == flow.name:
            found.add(run)
    if not found.runs:
        raise UnreadableTrace(f"no run of {flow.name} in {' '.join(traces)}", cure=MAKE_ONE)
    if found.unread:
        speech.warn(f"{found.unread} of {count_of(found.runs, 'trace')} incomplete: what is missing was not checked")
    if as_json:
        say(json.dumps(conform_document(found), ensure_ascii=False, indent=2))
    else:
        for each in found.deviations:
            times = f"{count_of(each.runs, 'run')}, {count_of(each.times, 'time')}"
            say(cell(f"{each.kind}: {each.sentence} ({times}; for example run {each.example[:12]})").plain)
    speech.note(_summary(found))
    return OK if found.conforms else FINDING


def _summary(found: Conformance) -> str:
    runs = count_of(found.runs, "run")
    if found.conforms:
        return f"ok: {runs} of {cell(found.graph.name).plain} did only what the flow allows"
    return f"{found.deviating} of {runs} did what the flow does not allow"
