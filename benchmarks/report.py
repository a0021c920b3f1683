"""The result of one run, told three ways: a text for the terminal, a page for docs/, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.cases import Ratio
from benchmarks.measure import Measured, ratio

SCHEMA = "wftrace/bench@1"

VERDICTS = {True: "kept", False: "missed", None: ""}

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one run found out. ``missing`` says of each peer that was not measured why."""

    rounds: int
    measured: dict[str, Measured]
    ratios: Sequence[Ratio]
    missing: Mapping[str, str]


def as_text(result: Result) -> str:
    """Two tables, their columns in line."""
    tables = [("Ratios", _ratio_rows(result)), ("Medians", _median_rows(result))]
    return "\n\n".join(f"{title}\n{_aligned(rows)}" for title, rows in tables) + "\n" + _missing_lines(result)


def as_page(result: Result) -> str:
    """The page docs/benchmarks.md."""
    return PAGE.format(
        rounds=result.rounds,
        python=platform.python_version(),
        cores=os.cpu_count(),
        ratios=_markdown(_ratio_rows(result)),
        medians=_markdown(_median_rows(result)),
        missing=_missing_lines(result),
    )


def as_json(result: Result) -> str:
    """All samples, with the schema's name and version."""
    document = {
        "schema": SCHEMA,
        "wftrace": version("wftrace"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": result.rounds,
        "ratios": [
            {"what": one.what, "case": one.case, "to": one.to, "goal": one.goal, "value": ratio(result.measured, one)}
            for one in result.ratios
        ],
        "seconds": {name: one.samples for name, one in result.measured.items() if not one.failure},
        "failed": {name: one.failure for name, one in result.measured.items() if one.failure},
        "missing": dict(result.missing),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


PAGE = """# Benchmarks

Written by `make bench`; do not edit. Each case runs as a process of its own, all cases in turn, {rounds} rounds. A
ratio is the median of the ratios of the rounds. Times belong to the machine that measured them (Python {python},
{cores} cores); only ratios are worth comparing. All samples are in `benchmarks/results.json`; where the time goes, and
why a goal is missed, stands in [another page](explanation/speed.md).

## Ratios

{ratios}

## Medians

{medians}
{missing}"""


def _ratio_rows(result: Result) -> list[Row]:
    rows: list[Row] = [("what", "ratio", "goal", "")]
    for one in result.ratios:
        value = ratio(result.measured, one)
        if value is None:
            rows.append((one.what, "–", one.goal, "not measured"))
        else:
            rows.append((one.what, f"{value:.3g}", one.goal, VERDICTS[one.holds(value)]))
    return rows


def _median_rows(result: Result) -> list[Row]:
    rows: list[Row] = [("what", "µs", "lowest – highest")]
    for one in result.measured.values():
        if one.failure:
            rows.append((one.case.what, "–", f"failed: {one.failure}"))
        else:
            low, high = min(one.samples) * 1e6, max(one.samples) * 1e6
            rows.append((one.case.what, f"{one.median * 1e6:.1f}", f"{low:.1f} – {high:.1f}"))
    return rows


def _missing_lines(result: Result) -> str:
    return "".join(f"\n{name}: {reason}\n" for name, reason in result.missing.items())


def _aligned(rows: Sequence[Row]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _markdown(rows: Sequence[Row]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])
