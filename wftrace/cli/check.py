"""``wftrace check``: what about workflows cannot work, with place and cure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from wftrace.engine.graph import Finding, FlowGraph
from wftrace.engine.workflow import graph_of
from wftrace.gate import clean_text
from wftrace.units import count_of

from .errors import FINDING, OK, CommandError, closest
from .speech import Speech, complain, say, speech_options
from .target import Finder

SCHEMA = "wftrace/check@1"

CODES = tuple(f"WF{number:03}" for number in range(1, 11))


@dataclass(frozen=True, slots=True)
class Checked:
    """A workflow that was checked: the TARGET that named it, the name it has there, and what was found."""

    target: str
    name: str
    graph: FlowGraph
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A TARGET in which no workflow could be checked, and why."""

    target: str
    error: CommandError


@click.command()
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option(
    "--ignore", "ignored", metavar="CODE", multiple=True, help="Leave findings with this code out; repeatable."
)
@click.option("--strict", is_flag=True, help="Let warnings fail the check as errors do.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document instead of lines.")
@speech_options
@click.pass_obj
def check(speech: Speech, targets: tuple[str, ...], ignored: tuple[str, ...], strict: bool, as_json: bool) -> int:
    """Say what about each workflow in TARGET cannot work: where, and how to cure it.

    TARGET is module:Attr, path/file.py:Attr, path/file.py or module; of a file or module every workflow is checked.
    Ends with exit code 1 when something is found that keeps a workflow from running.

    \b
    wftrace check flow.py
    wftrace check shop.flows:Checkout orders.py --ignore WF006
    wftrace check flow.py --json
    """
    codes = frozenset(_known_code(code) for each in ignored for code in each.split(","))
    results = list(_checked(targets, codes, speech))
    found = [each for each in results if isinstance(each, Checked)]
    unread = [each for each in results if isinstance(each, Unread)]
    if as_json:
        say(json.dumps(_document(found, unread), ensure_ascii=False, indent=2))
    else:
        for each in found:
            for finding in each.findings:
                say(_line(each, finding))
    for failed in unread:
        complain(failed.error)
    if found:
        speech.note(_summary(found))
    if unread:
        return max(failed.error.exit_code for failed in unread)
    return FINDING if any(finding.fatal or strict for each in found for finding in each.findings) else OK


def _known_code(text: str) -> str:
    code = text.strip().upper()
    if code in CODES:
        return code
    raise CommandError(
        f"there is no finding {text.strip()!r}",
        f"codes: {', '.join(CODES)}",
        cure=f"--ignore {closest(code, CODES) or CODES[-1]}",
    )


def _checked(targets: Sequence[str], ignored: frozenset[str], speech: Speech) -> Iterator[Checked | Unread]:
    """Check each workflow once, in the order in which they are named; a TARGET that fails does not stop the others."""
    finder = Finder(speech, "wftrace check")
    seen: set[int] = set()
    for text in targets:
        try:
            for target in finder.find_all(text):
                if id(target.flow) not in seen:
                    seen.add(id(target.flow))
                    graph = graph_of(target.flow)
                    left = tuple(finding for finding in graph.findings if finding.code not in ignored)
                    yield Checked(text, target.name, graph, left)
        except CommandError as error:
            yield Unread(text, error)


def _line(checked: Checked, finding: Finding) -> str:
    """A finding as a linter tells it, and its cure on a line below."""
    place = f"{finding.file}:{finding.line}" if finding.file else checked.target
    code = click.style(finding.code, fg="red" if finding.fatal else "yellow", bold=True)
    kind = "" if finding.fatal else "warning: "
    text = f"{clean_text(place)}: {code} {kind}{clean_text(checked.name)}: {clean_text(finding.message)}"
    return f"{text}\n    {click.style(clean_text(finding.cure), dim=True)}" if finding.cure else text


def _summary(found: Sequence[Checked]) -> str:
    errors = sum(finding.fatal for each in found for finding in each.findings)
    warnings = sum(len(each.findings) for each in found) - errors
    steps = sum(len(each.graph.steps) for each in found)
    checked = f"{count_of(len(found), 'workflow')}, {count_of(steps, 'step')} checked"
    if not errors and not warnings:
        return f"ok: {checked}"
    return f"{count_of(errors, 'error')}, {count_of(warnings, 'warning')}: {checked}"


def _document(found: Sequence[Checked], unread: Sequence[Unread]) -> dict[str, object]:
    fatal = any(finding.fatal for each in found for finding in each.findings)
    return {
        "schema": SCHEMA,
        "ok": not fatal and not unread,
        "workflows": [
            {
                "target": each.target,
                "name": each.name,
                "file": each.graph.file,
                "line": each.graph.line,
                "steps": len(each.graph.steps),
                "findings": [_plain(finding) for finding in each.findings],
            }
            for each in found
        ],
        "unread": [{"target": each.target, "error": each.error.what, "cure": each.error.cure} for each in unread],
    }


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": "error" if finding.fatal else "warning",
        "message": finding.message,
        "cure": finding.cure,
        "node": finding.node,
        "file": finding.file,
        "line": finding.line,
    }
