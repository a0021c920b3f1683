"""``wftrace watch`` and ``wftrace run --watch``: the page as the command line serves it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.watch.conftest import get, stream, until

from .conftest import ASKING, JOKE, Call, Terminal, needs_terminal, started

Write = Callable[..., Path]


def address(process: subprocess.Popen[str]) -> str:
    """The address that a command has said."""
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
    assert found
    return found[0]


def test_a_folder_is_followed_until_ctrl_c(flow: Write, call: Call, tmp_path: Path) -> None:
    """The address is on standard output; a trace that comes later is on the page; the end is a plain 130."""
    flow(JOKE)
    with started(tmp_path, "watch", ".") as process:
        url = address(process)
        with stream(f"{url}events") as following:
            assert following()["title"] == "no run yet"
            assert call("run", "flow.py", "topic=cats", "--trace", "run.otlp.jsonl").code == 0
            until(lambda: following()["title"] == "✓ ok JokeFlow")
        assert "JokeFlow" in get(f"{url}report/1").text
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_file_that_is_not_there_yet_is_waited_for(flow: Write, call: Call, tmp_path: Path) -> None:
    """Watch first, run then."""
    flow(JOKE)
    with started(tmp_path, "watch", "run.otlp.jsonl") as process:
        url = address(process)
        assert call("run", "flow.py", "topic=cats", "--trace", "run.otlp.jsonl").code == 0
        until(lambda: "JokeFlow" in get(url).text)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_folder_that_is_not_there_is_refused(call: Call) -> None:
    """With what is missing."""
    done = call("watch", "nowhere/run.otlp.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "there is no folder nowhere" in done.err


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_refused(call: Call, port: str) -> None:
    """As any value that does not fit."""
    assert call("watch", "--port", port).code == 2


def test_a_port_that_is_taken_is_refused(call: Call, tmp_path: Path) -> None:
    """The error says which, and the cure."""
    with started(tmp_path, "watch") as process:
        port = address(process).split(":")[2].partition("/")[0]
        done = call("watch", "--port", port)
        assert done.code == 2
        assert f"port {port} of 127.0.0.1 cannot be used" in done.err
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_run_without_a_terminal_ends_with_its_page(flow: Write, call: Call) -> None:
    """A script does not hang on a page that nobody looks at."""
    flow(JOKE)
    done = call("run", "flow.py", "topic=cats", "--watch")
    assert done.code == 0
    assert re.search(r"watch it at http://127\.0\.0\.1:\d+/", done.err)


@needs_terminal
def test_the_page_of_a_run_stays_until_ctrl_c(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """While a question is open the page shows it; after the end it stays; Ctrl-C then is no failure of the run."""
    flow(ASKING)
    seen = terminal("run", "flow.py", "--watch")
    seen.until("watch it at ")
    seen.until("approved (bool): ")
    found = re.search(r"http://\S+/", seen.seen)
    assert found
    until(lambda: "waits for an answer" in get(found[0]).text)
    seen.type("yes\n")
    seen.until("note (str): ")
    seen.type("\n")
    seen.until("the page stays at")
    assert "✓ ok" in get(found[0]).text
    seen.type("\x03")
    assert seen.end() == 0
    assert "Traceback" not in seen.seen
