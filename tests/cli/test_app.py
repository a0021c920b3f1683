"""The command itself: version, help, unknown commands, errors that are ours, and what is loaded when."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest

from wftrace.cli.app import SUMMARIES, main

from .conftest import JOKE, Call, environment, needs_terminal, started


def test_version(call: Call) -> None:
    """--version says the version and the Python on standard output."""
    done = call("--version")
    assert done.code == 0
    assert done.out.startswith("wftrace ")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands(call: Call, arguments: tuple[str, ...]) -> None:
    """Without arguments or with --help all commands are listed."""
    done = call(*arguments)
    assert done.code == 0
    assert all(name in done.out for name in SUMMARIES)


@pytest.mark.parametrize("name", SUMMARIES)
def test_each_command_has_help_with_an_example(call: Call, name: str) -> None:
    """Each command explains itself."""
    done = call(name, "--help")
    assert done.code == 0
    assert f"Usage: wftrace {name}" in done.out


@pytest.mark.parametrize("name", SUMMARIES)
def test_each_command_is_where_the_group_looks(name: str) -> None:
    """Each name in the group is a command in the module of that name."""
    assert isinstance(getattr(import_module(f"wftrace.cli.{name}"), name), click.Command)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [(("drw",), "wftrace draw --help"), (("zzz",), "wftrace --help"), (("--colour",), "wftrace --help")],
)
def test_unknown_words(call: Call, arguments: tuple[str, ...], cure: str) -> None:
    """An unknown command or option ends with code 2 and names what to type."""
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"try: {cure}\n")


def test_a_fault_of_ours_is_one_message(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in wftrace asks to be reported, without a traceback."""
    monkeypatch.setattr(platform, "python_version", lambda: 1 / 0)
    assert main(["--version"]) == 70
    told = capsys.readouterr().err
    assert "fault in wftrace" in told
    assert "Traceback" not in told


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    """Until a command needs them neither rich, the OpenTelemetry SDK nor the layout engine is loaded."""
    code = (
        "import sys, wftrace.cli, wftrace.cli.draw;"
        "heavy = {'rich', 'wasmtime', 'graphviz', 'opentelemetry.sdk', 'opentelemetry'} & set(sys.modules);"
        "sys.exit(str(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_is_silent(tmp_path: Path) -> None:
    """Whoever reads only the beginning of our output gets no complaint."""
    with started(tmp_path, "--help") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told() -> None:
    """Output that cannot be written ends with code 2 and the reason, not with a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wftrace", "--help"],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)
    assert done.stderr.startswith("error: standard output cannot be written")


@needs_terminal
def test_closed_streams_are_silent(flow: Callable[..., Path], shell: Call, tmp_path: Path) -> None:
    """A command whose standard streams are closed works, without a word."""
    flow(JOKE)
    assert shell("run", "flow.py:JokeFlow", "topic=x", "--trace", "run.jsonl").code == 0
    for closing in (">&-", ">&- 2>&-", "<&- >&-"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" -m wftrace show run.jsonl {closing}', sys.executable],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_while_loading_is_silent() -> None:
    """Ctrl-C while the command line is still being imported ends with code 130 and no traceback."""
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'wftrace.cli.app':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from wftrace.cli import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_graph_of_the_users_own_hides_nothing(flow: Callable[..., Path], call: Call) -> None:
    """A workflow with an attribute called graph is drawn and run like any other."""
    flow(JOKE.replace("    @step\n", "    graph = None\n\n    @step\n", 1))
    assert "[tell]" in call("draw", "flow.py", "-f", "ascii").out
    assert call("run", "flow.py", "topic=x").code == 0
