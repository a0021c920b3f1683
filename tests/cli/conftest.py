"""The command line as it is called: in this process for most tests, in one of its own for the rest."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wftrace
from wftrace.cli import main

JOKE = '''
from wftrace import Event, StartEvent, StopEvent, Workflow, step

class JokeEvent(Event):
    joke: str

class JokeFlow(Workflow):
    """Tell a joke, then judge it."""

    @step
    async def tell(self, ev: StartEvent) -> JokeEvent:
        return JokeEvent(joke=f"a joke about {ev.topic}")

    @step
    async def judge(self, ev: JokeEvent) -> StopEvent:
        return StopEvent(result=f"{ev.joke}: funny")
'''

STRICT = """
from wftrace import StartEvent, StopEvent, Workflow, step

class Order(StartEvent):
    size: int

class Shop(Workflow):
    @step
    async def sell(self, ev: Order) -> StopEvent:
        return StopEvent(result=ev.size * 2)
"""

FAILING = """
from wftrace import StartEvent, StopEvent, Workflow, step

class Broken(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return self.deeper({})

    def deeper(self, known):
        return known["missing"]
"""

RETRYING = """
from wftrace import ConstantDelayRetryPolicy, StartEvent, StopEvent, Workflow, step

class Stubborn(Workflow):
    tries = 0

    @step(retry_policy=ConstantDelayRetryPolicy(maximum_attempts=3, delay=0.001))
    async def fetch(self, ev: StartEvent) -> StopEvent:
        Stubborn.tries += 1
        if Stubborn.tries < 3:
            raise ConnectionError("reset by \\x1b[31mpeer")
        return StopEvent(result=Stubborn.tries)
"""

ASKING = """
from wftrace import HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent, Workflow, step

class Approval(HumanResponseEvent):
    approved: bool
    note: str = ""

class Audit(Workflow):
    @step
    async def ask(self, ev: StartEvent) -> InputRequiredEvent:
        return InputRequiredEvent(prefix="Publish it?")

    @step
    async def end(self, ev: Approval) -> StopEvent:
        return StopEvent(result="published" if ev.approved else f"kept: {ev.note}")
"""

SLOW = """
import asyncio
from wftrace import StartEvent, StopEvent, Workflow, step

class Slow(Workflow):
    @step
    async def sleep(self, ev: StartEvent) -> StopEvent:
        print("asleep", flush=True)
        await asyncio.sleep(60)
        return StopEvent()
"""

TWO = """
import asyncio
from wftrace import Event, StartEvent, StopEvent, Workflow, step

class Other(Event):
    pass

class Two(Workflow):
    @step
    async def begin(self, ev: StartEvent) -> Other:
        return Other()

    @step
    async def end(self, ev: Other) -> StopEvent:
        await asyncio.sleep(0.05)
        raise SystemExit(7)

    @step
    async def stay(self, ev: Other) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            print("cleaned up")
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a module into the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "flow.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Call the command line in this process; modules that it imports are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)

    def run(*arguments: str | Path) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    yield run
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path)):
            del sys.modules[name]


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has no Graphviz and no settings of tracing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PHOENIX_", "PYTHON"))}
    house = Path(wftrace.__path__[0]).parent
    return {**kept, "PATH": "", "PYTHONPATH": str(house), "PYTHONIOENCODING": "utf-8", **more}


@pytest.fixture
def shell(tmp_path: Path) -> Call:
    """Call the command line in a process of its own."""

    def run(*arguments: str | Path, stdin: str = "", **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "wftrace", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(**more),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


LIMIT = 30.0
"""Seconds after which a process under test is given up."""

SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def _kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that a test has started, and what belongs to it."""
    with suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command line as a process that is killed when it has not ended in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wftrace", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    limit = threading.Timer(LIMIT, _kill_group, [process])
    limit.start()
    try:
        with process:
            yield process
    finally:
        limit.cancel()
        _kill_group(process)


class Terminal:
    """The command line in a terminal of its own, as a person uses it. All that is done with it has one deadline."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SPAWN, sys.executable, "-m", "wftrace", *arguments],
            cwd=folder,
            env=environment(COLUMNS="100"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._deadline = time.monotonic() + LIMIT
        self._found = 0
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until a text appears behind the one that was waited for last."""
        while (place := self.seen.find(text, self._found)) < 0:
            block = self._read(text)
            assert block, f"{text!r} never came; seen: {self.seen}"
            self.seen += block
        self._found = place + len(text)

    def type(self, text: str) -> None:
        """Press keys."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())

    def end(self) -> int:
        """Read the rest and return the exit code."""
        while block := self._read("the end"):
            self.seen += block
        code = self._process.wait(timeout=LIMIT)
        self.close()
        return code

    def close(self) -> None:
        """Take the terminal away, and with it whatever still runs in it."""
        _kill_group(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(timeout=LIMIT)

    def _read(self, awaited: str) -> str:
        assert self._process.stdout is not None
        left = max(0.0, self._deadline - time.monotonic())
        if not select.select([self._process.stdout], [], [], left)[0]:
            self.close()
            pytest.fail(f"{awaited!r} did not come within {LIMIT:g} s; seen: {self.seen}")
        return os.read(self._process.stdout.fileno(), 4096).decode("utf-8", "replace")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Call the command line in a terminal; what still runs at the end of the test is ended."""
    opened: list[Terminal] = []

    def open_one(*arguments: str) -> Terminal:
        opened.append(Terminal(tmp_path, *arguments))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
