"""Run every case, again and again, one after the other: what slows the machine for a while slows all of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cases import Case, Ratio

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 120.0
"""Seconds after which a process is given up."""


class CaseFailedError(Exception):
    """A measured process did not end well; the message is the last line that it said."""


@dataclass(slots=True)
class Measured:
    """The samples of one case in seconds, one a round, or why there are none."""

    case: Case
    samples: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def median(self) -> float:
        """The middle sample."""
        return statistics.median(self.samples)


def measure(cases: Sequence[Case], rounds: int, tell: Callable[[str], None]) -> dict[str, Measured]:
    """Take one sample of each case a round. A case that fails once is not tried again."""
    measured = {case.name: Measured(case) for case in cases}
    for number in range(1, rounds + 1):
        for one in measured.values():
            if one.failure:
                continue
            tell(f"round {number} of {rounds}: {one.case.what}")
            try:
                one.samples.append(_sample(one.case))
            except CaseFailedError as error:
                one.failure = str(error)
    return measured


def ratio(measured: dict[str, Measured], wanted: Ratio) -> float | None:
    """The median of the rounds' ratios: both sides of each were taken within seconds. None where a side is missing."""
    above, below = measured.get(wanted.case), measured.get(wanted.to)
    if above is None or below is None or above.failure or below.failure:
        return None
    return statistics.median(a / b for a, b in zip(above.samples, below.samples, strict=True))


def _sample(case: Case) -> float:
    given = _run(case.stdin) if case.stdin else ""
    begin = time.perf_counter()
    for _ in range(case.times):
        said = _run(case.command, given)
    if case.whole:
        return (time.perf_counter() - begin) / case.times
    return float(json.loads(said.strip().splitlines()[-1])["seconds"])


def _run(command: Sequence[str], given: str = "") -> str:
    """What the process wrote. Settings of telemetry in our own environment do not reach it."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    with tempfile.TemporaryDirectory() as out:
        words = [word.replace("{out}", out) for word in command]
        try:
            done = subprocess.run(
                words,
                cwd=ROOT,
                env=surroundings,
                input=given,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CaseFailedError(f"took longer than {LONGEST:.0f} s") from error
        except OSError as error:
            raise CaseFailedError(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CaseFailedError(lines[-1])
    return done.stdout
