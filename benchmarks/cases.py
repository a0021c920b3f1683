"""What is measured, and which ratios are drawn from it: two tables of plain values."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import PEERS, Peer

BATCH = 10
"""How often a short process is started for one sample."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured. ``command`` is run as a process of its own.

    A ``whole`` case is timed from its start to its end, ``times`` in a row; the others print their own seconds.
    ``stdin`` is a command whose output the process is given. In a command, ``{out}`` stands for a fresh folder.
    """

    name: str
    what: str
    command: tuple[str, ...]
    whole: bool = False
    times: int = 1
    stdin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long ``case`` takes as ``to``, and what that should be (``""`` where nothing is set)."""

    what: str
    case: str
    to: str
    goal: str = ""

    def holds(self, value: float) -> bool | None:
        """Whether the value keeps the goal; None without one."""
        if not self.goal:
            return None
        sign, limit = self.goal.split()
        return value <= float(limit) if sign == "≤" else value >= float(limit)


def cases(interpreters: Mapping[Peer, str]) -> list[Case]:
    """Every case; a peer's only where there is an interpreter that has it."""
    return [*_floors(), *_ours(), *_peers(interpreters), *_processes()]


def _program(module: str, *words: str, python: str = sys.executable) -> tuple[str, ...]:
    return (python, "-m", f"benchmarks.{module}", *words)


def _floors() -> Iterator[Case]:
    shape = _program("shape", "wftrace")
    yield Case("floor.hop", "bare task, create_task and await", _program("floors", "task", "20000"))
    yield Case("floor.spans", "the spans of one hop, SDK alone", _program("floors", "spans", "5000"), stdin=shape)
    yield Case("floor.fan_out", "bare tasks, fan-out 1 000 and join, an event", _program("floors", "fan_out", "1000"))
    yield Case("floor.runs", "bare tasks, 1 000 chains of five at once, a chain", _program("floors", "runs", "1000"))


def _ours() -> Iterator[Case]:
    yield Case("hop", "wftrace, one hop", _program("flows", "wftrace", "hop", "5000"))
    yield Case("traced", "wftrace, one hop traced", _program("flows", "wftrace", "hop", "5000", "traced"))
    yield Case("fan_out", "wftrace, fan-out 1 000 and join, an event", _program("flows", "wftrace", "fan_out", "1000"))
    yield Case("fan_out.large", "the same with 100 000", _program("flows", "wftrace", "fan_out", "100000"))
    yield Case("runs", "wftrace, 1 000 runs of five steps at once, a run", _program("flows", "wftrace", "runs", "1000"))


def _peers(interpreters: Mapping[Peer, str]) -> Iterator[Case]:
    for peer, python in interpreters.items():
        label = f"{peer.name} {peer.version}"
        for case, count, unit in (
            ("hop", "1000", "one hop"),
            ("fan_out", "1000", "fan-out 1 000 and join, an event"),
            ("runs", "1000", "1 000 runs of five steps at once, a run"),
        ):
            command = _program("flows", peer.module, case, count, python=python)
            yield Case(f"{peer.name}.{case}", f"{label}, {unit}", command)


def _processes() -> Iterator[Case]:
    script = str(Path(sys.executable).parent / "wftrace")
    draw = (script, "draw", "examples/joke.py:JokeFlow", "-o", "{out}/flow.svg")
    for name, what, command in (
        ("python", "python -c pass", (sys.executable, "-c", "pass")),
        ("import.pydantic", "import pydantic", (sys.executable, "-c", "import pydantic")),
        ("import.model", "from pydantic import BaseModel", (sys.executable, "-c", "from pydantic import BaseModel")),
        ("import", "import wftrace", (sys.executable, "-c", "import wftrace")),
        ("draw", "wftrace draw of the joke flow", draw),
    ):
        yield Case(name, f"{what}, a process", command, whole=True, times=BATCH)


def ratios() -> list[Ratio]:
    """Every conclusion that is drawn."""
    compared = [
        Ratio(f"{peer.name} {peer.version} to wftrace: {unit}", f"{peer.name}.{case}", case, goal)
        for peer, least in zip(PEERS, (25, 4), strict=True)
        for case, unit, goal in (
            ("hop", "one hop", f"≥ {least}"),
            ("fan_out", "fan-out 1 000 and join", ""),
            ("runs", "1 000 runs at once", ""),
        )
    ]
    return [
        Ratio("one hop to create_task and await", "hop", "floor.hop", "≤ 1.5"),
        Ratio("one traced hop to the same spans alone", "traced", "floor.spans", "≤ 1.5"),
        Ratio("one traced hop to one untraced", "traced", "hop"),
        Ratio("fan-out 1 000 and join to bare tasks", "fan_out", "floor.fan_out", "≤ 4"),
        Ratio("fan-out 100 000 to 1 000, an event", "fan_out.large", "fan_out", "≤ 1.2"),
        Ratio("1 000 runs at once to bare tasks", "runs", "floor.runs"),
        *compared,
        Ratio("import wftrace to import pydantic, whole process", "import", "import.pydantic"),
        Ratio("the same to from pydantic import BaseModel, which loads it", "import", "import.model"),
        Ratio("wftrace draw, cold, to python -c pass", "draw", "python"),
    ]
