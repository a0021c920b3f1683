"""``wftrace spool``: what waits for a backend, sending it now, dropping it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .errors import OK, CommandError, ToolMissing
from .speech import Speech, say, speech_options
from .tables import cell, columns, make_console, show_on

if TYPE_CHECKING:
    from wftrace.exporters.spool_care import Flushed, SpoolStatus
    from wftrace.exporters.spool_folder import Destination

CURE = "start the backend (wftrace doctor says how), then wftrace spool flush"

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.group()
@speech_options
def spool() -> None:
    """Look after traces that wait for their backend.

    What a process traces to a backend is on the disk before it is sent. What an outage or a crash has left there is
    sent by the next process that traces to the same place, or by `flush`.
    """


@spool.command()
@_json_option
@click.pass_obj
def status(speech: Speech, as_json: bool) -> None:
    """Show what was written, delivered, waits, was refused and dropped: written is the sum of the others."""
    from wftrace.exporters.spool_care import spool_status
    from wftrace.exporters.spool_folder import spool_root

    found = spool_status()
    if as_json:
        say(json.dumps({"folder": str(spool_root()), "spools": [_facts(each) for each in found]}, indent=2))
        return
    if not found:
        speech.note(f"nothing was traced to a backend yet: {spool_root()} holds no spool")
        return
    table = columns("spool", "to", "written", "delivered", "waiting", "refused", "dropped", "MiB", "writing")
    for each in found:
        sums = each.accounts
        counts = (sums.written, sums.delivered, sums.waiting, sums.refused, sum(sums.dropped.values()))
        size = f"{each.size / 2**20:.1f}"
        texts = (each.destination.folder.name[:8], each.destination.target, *map(str, counts), size, str(each.writing))
        table.add_row(*map(cell, texts))
    show_on(make_console(), table)
    for each in found:
        _explain(each, speech)


@spool.command()
@click.argument("target", required=False)
@click.option("--timeout", default=30.0, metavar="SECONDS", type=click.FloatRange(0.1), help="How long it may take.")
@_json_option
@click.pass_obj
def flush(speech: Speech, target: str | None, timeout: float, as_json: bool) -> None:
    """Send what waits, of processes that have ended.

    TARGET is the word or address that was traced to, or the beginning of a spool's name; then it goes there with the
    keys and headers that the environment has now. Without TARGET each spool is sent where it belongs.
    Ends with exit code 5 when something is left.
    """
    from wftrace.exporters.spool_care import address_for
    from wftrace.exporters.spool_care import flush as send

    done: list[Flushed] = []
    strangers: list[Destination] = []
    for place in _waiting(target):
        address = address_for(place, target)
        if address is None:
            strangers.append(place)
        else:
            done.append(send(place, address, timeout))
    if as_json:
        say(json.dumps([_outcome(each) for each in done], indent=2))
    for each in done:
        speech.note(f"{each.destination.target}: {each.delivered} spans delivered")
        if each.writing:
            speech.note(f"{each.destination.target}: {each.writing} processes still write there, and send themselves")
    _check(done, strangers)
    if not done and not as_json:
        speech.note("nothing waits")


@spool.command()
@click.argument("target", required=False)
@click.option("--force", is_flag=True, help="Really drop it: nothing brings it back.")
@_json_option
@click.pass_obj
def drop(speech: Speech, target: str | None, force: bool, as_json: bool) -> None:
    """Delete what waits, of processes that have ended, and what was refused. The counts are kept."""
    from wftrace.exporters.spool_care import drop as delete
    from wftrace.exporters.spool_care import status_of

    places = _places(target)
    sums = [status_of(place).accounts for place in places]
    if not force:
        waiting, refused = sum(each.waiting for each in sums), sum(each.refused for each in sums)
        cure = f"wftrace spool drop {target + ' ' if target else ''}--force"
        raise CommandError(f"this would delete {waiting} spans that wait and {refused} that were refused", cure=cure)
    dropped = {place.folder.name: delete(place) for place in places}
    if as_json:
        say(json.dumps(dropped, indent=2))
    speech.note(f"{sum(dropped.values())} waiting spans dropped")


def _places(target: str | None) -> list[Destination]:
    from wftrace.exporters.spool_care import chosen
    from wftrace.exporters.spool_folder import spool_root

    places = chosen(target)
    if target is not None and not places:
        raise CommandError(f"there is no spool for {target!r} in {spool_root()}", cure="wftrace spool status")
    return places


def _waiting(target: str | None) -> list[Destination]:
    from wftrace.exporters.spool_folder import accounts_of, writers

    return [place for place in _places(target) if writers(place.folder) or accounts_of(place.folder).waiting]


def _check(done: list[Flushed], strangers: list[Destination]) -> int:
    """Raise ``ToolMissing`` when something is left that could have been sent."""
    for each in done:
        if each.left.waiting and (each.problem or not each.writing):
            what = f"{each.left.waiting} spans for {each.destination.target} are left"
            raise ToolMissing(what, *([each.problem] if each.problem else []), cure=CURE)
    for place in strangers:
        raise ToolMissing(
            f"the spool {place.folder.name[:8]} was written for {place.endpoint} with other keys or headers than now",
            cure=f"set them as they were, or send it with those of now: wftrace spool flush {place.folder.name[:8]}",
        )
    return OK


def _explain(each: SpoolStatus, speech: Speech) -> None:
    name = each.destination.folder.name[:8]
    for reason, count in sorted(each.accounts.dropped.items()):
        speech.note(f"{name}: {count} dropped: {reason}")
    if each.refusal:
        speech.note(f"{name}: refused: {each.refusal}")


def _facts(each: SpoolStatus) -> dict[str, Any]:
    return {
        "spool": each.destination.folder.name,
        "target": each.destination.target,
        "endpoint": each.destination.endpoint,
        **each.accounts.to_dict(),
        "bytes": each.size,
        "writing": each.writing,
        "refusal": each.refusal,
    }


def _outcome(each: Flushed) -> dict[str, Any]:
    return {
        "spool": each.destination.folder.name,
        "target": each.destination.target,
        "delivered": each.delivered,
        "left": each.left.waiting,
        "writing": each.writing,
        "problem": each.problem,
    }
