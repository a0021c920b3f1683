"""``wftrace diff``: what is different between two runs, two cohorts of runs, or two versions of the code."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from wftrace.engine.graph import FlowGraph
from wftrace.many import Aggregate, Change, Compared, Diff, Figure, compare_code, compare_runs
from wftrace.many.documents import diff_document
from wftrace.overlays import HUMAN

from .errors import FINDING, OK, CommandError
from .filters import Filter, parse_filter
from .many_runs import is_code, one_workflow, read_many, tallied
from .only import picture_asked
from .pictures import Order, deliver, picture_options
from .speech import Speech, say, speech_options
from .tables import cell
from .views import Look, view_options


@click.command()
@click.argument("a")
@click.argument("b", required=False)
@click.option("--a", "only_a", metavar="KEY=VALUE", multiple=True, help="Which runs of A; as --only of other commands.")
@click.option("--b", "only_b", metavar="KEY=VALUE", multiple=True, help="Which runs of B; without B of A.")
@click.option("--exit-code", is_flag=True, help="End with 1 when something is different.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document (wftrace/diff@1) instead of lines.")
@picture_options
@view_options
@speech_options
@click.pass_obj
def diff(
    speech: Speech,
    a: str,
    b: str | None,
    only_a: tuple[str, ...],
    only_b: tuple[str, ...],
    exit_code: bool,
    as_json: bool,
    order: Order,
    look: Look,
) -> int:
    """Say what is different in B: + only in B, − only in A, Δ changed, each with its numbers. With -o it is drawn.

    A and B are traces (files, folders, patterns in quotes, backends) or workflows: TARGET, or TARGET@GITREF for the
    code at a commit, tag or branch. One run on each side is compared as it is; more are compared by a rank test that
    is corrected for the number of questions, and what may be chance is called "not distinguishable".

    \b
    wftrace diff before/ after/ -o diff.svg
    wftrace diff runs.otlp.jsonl --a run=8f2c --b run=91d0
    wftrace diff traces/ --a until=2026-11-20 --b since=2026-11-20
    wftrace diff flow.py:Flow@main flow.py:Flow --exit-code
    """
    filters = parse_filter(only_a, "--a"), parse_filter(only_b, "--b")
    found = _compared(a, b, filters, speech)
    if as_json:
        say(json.dumps(diff_document(found), ensure_ascii=False, indent=2))
    elif not picture_asked(order):
        _print(found)
    for note in found.notes:
        speech.warn(note)
    if picture_asked(order):
        from wftrace.render.many import draw_diff  # slow, and only for who wants a picture

        picture = draw_diff(
            found,
            direction=order.direction,
            theme=order.theme,
            legend=order.legend,
            view=look.view(),
            source_link=look.source_link,
        )
        deliver(picture, order, speech, found.sentence)
    return FINDING if exit_code and not found.empty else OK


def _compared(a: str, b: str | None, filters: tuple[Filter, Filter], speech: Speech) -> Diff:
    codes = [is_code(text) for text in (a, b) if text is not None]
    if all(codes):
        if b is None or any(each.wanted for each in filters):
            target = a.partition("@")[0]
            raise CommandError(
                "two versions of a flow are two arguments, without --a and --b", cure=f"{_usage(target)}"
            )
        return compare_code(*_graphs(a, b, speech), (a, b))
    if any(codes):
        raise CommandError(
            "a workflow can only be compared with a workflow, and traces with traces", cure=_usage("flow.py")
        )
    if b is None and filters[0] == filters[1]:
        cure = f"wftrace diff {a} OTHER, or wftrace diff {a} --a run=ID --b run=ID"
        raise CommandError("A is compared with nothing", cure=cure)
    sides = ((a, filters[0]), (b or a, filters[1]))
    first, second = (_cohort(trace, only, speech) for trace, only in sides)
    return compare_runs(first, second, (_name(sides[0], first), _name(sides[1], second)))


def _graphs(a: str, b: str, speech: Speech) -> tuple[FlowGraph, FlowGraph]:
    from .code_versions import graph_at  # tar, git and subprocesses, for two versions of code only

    return graph_at(a, speech), graph_at(b, speech)


def _usage(target: str) -> str:
    return f"wftrace diff {target}@HEAD~1 {target}"


def _cohort(trace: str, only: Filter, speech: Speech) -> Aggregate:
    return one_workflow(tallied(read_many([trace], speech, only)), None, [f"{trace} {only.text}".strip()])


def _name(side: tuple[str, Filter], found: Aggregate) -> str:
    """What a side is called: its filter, its run, or where it was read."""
    trace, only = side
    if only.wanted:
        return only.text
    if found.runs == 1:
        return f"run {found.variants[0].example[:8]}"
    return trace.rstrip("/").rpartition("/")[2] or trace


def _print(found: Diff) -> None:
    """The diff as lines: whole runs, then steps, events and edges that changed."""
    from wftrace.drawing.comparison import pair_of, sentence_of  # the words of the picture

    sides = [f"{name} {cell(side.label).plain}" for name, side in (("A", found.a), ("B", found.b))]
    counts = f" ({found.a.runs} and {found.b.runs} runs)" if found.kind == "cohorts" else ""
    say(f"{cell(found.graph.name).plain}: {' → '.join(sides)}{counts}: {found.sentence}")
    for figure in found.whole:
        if figure.real or "→" in pair_of(figure):
            say(f"{'Δ' if figure.real else ' '} {sentence_of(figure)}")
    for each in found.changes:
        told = [sentence_of(figure) for figure in _told(each) if figure.real or "→" in pair_of(figure)]
        sign = each.change.sign if each.sure else f"({each.change.sign})"
        say(cell(f"{sign} {_named(each, found)}{': ' if told else ''}{', '.join(told)}").plain)


def _told(each: Compared) -> Sequence[Figure]:
    """The figures to tell: of what changed all, of what is new or gone how often, for cohorts in how many runs."""
    if each.change is Change.CHANGED:
        return each.figures
    runs = each.figure("runs")
    return [runs] if runs else each.figures[:1]


def _named(each: Compared, found: Diff) -> str:
    if isinstance(each.key, str):
        return f"{_kind(each.key)} {_label(each.key, found)}".strip()
    return f"edge {_label(each.key[0], found)} → {_label(each.key[1], found)}"


def _kind(node: str) -> str:
    return node.partition(":")[0] if ":" in node else ""


def _label(node: str, found: Diff) -> str:
    known = found.graph.nodes.get(node)
    return "human" if node == HUMAN else known.name if known else node.partition(":")[2]
