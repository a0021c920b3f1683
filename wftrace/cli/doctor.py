"""``wftrace doctor``: is everything there that wftrace needs?"""

from __future__ import annotations

import os

import click
from rich.text import Text

from wftrace.version import VERSION

from .checkup import Result, all_checks
from .errors import ToolMissing
from .speech import Speech, speech_options
from .tables import cell, columns, make_console, show_on


@click.command()
@speech_options
@click.pass_obj
def doctor(speech: Speech) -> None:
    """Check the installation: versions, layout, Graphviz, variables, tracing backends.

    Ends with exit code 5 when something is missing that wftrace cannot do without.
    """
    results = [Result("wftrace", True, VERSION), *all_checks(os.environ)]
    table = columns("", "what", "found")
    for result in results:
        cure = f"\ntry: {result.cure}" if result.cure else ""
        table.add_row(_sign(result), cell(result.name), cell(result.text) + Text(cure))
    show_on(make_console(), table)
    faults = [result for result in results if result.fault]
    if faults:
        names = ", ".join(result.name for result in faults)
        raise ToolMissing(f"missing or broken: {names}", cure=faults[0].cure)
    speech.detail("nothing that is needed is missing")


def _sign(result: Result) -> Text:
    if result.ok is None:
        return Text("·")
    if result.ok:
        return Text("✓", style="green")
    return Text("✗" if result.needed else "–", style="red" if result.needed else "yellow")
