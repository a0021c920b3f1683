"""The ``wftrace`` command: which commands there are, and what becomes of an error."""

from __future__ import annotations

import errno
import os
import platform
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from wftrace.drawing.errors import LayoutError
from wftrace.engine.errors import GraphFormatError, TraceError, WorkflowError
from wftrace.version import VERSION

from .errors import INTERRUPTED, OK, CommandError, ToolMissing, UnreadableTrace
from .lazy import LazyGroup
from .speech import Speech, complain, prepare_streams, speech_options

SUMMARIES = {
    "draw": "Draw all possible flows of a workflow.",
    "check": "Say what about workflows cannot work.",
    "run": "Run a workflow, traced, and sum up what happened.",
    "overlay": "Draw one run over the possible flows.",
    "watch": "Follow runs on a page in the browser.",
    "report": "Write a trace as one HTML page.",
    "show": "Show a trace in the terminal.",
    "list": "List the runs that a backend has.",
    "stats": "Say in figures what many runs did.",
    "aggregate": "Draw many runs over the possible flows.",
    "variants": "List the ways that runs took.",
    "coverage": "Say what of a workflow no run did.",
    "conform": "Check that runs only did what a workflow allows.",
    "diff": "Say what is different between runs, cohorts or versions.",
    "spool": "Look after traces that wait for their backend.",
    "doctor": "Check the installation.",
}

EPILOG = (
    "Exit codes: 0 ok, 1 run or check failed, 2 usage, 3 target not importable, 4 trace unreadable, 5 tool missing."
)


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"wftrace {VERSION} (Python {platform.python_version()})")
        context.exit(OK)


@click.group(
    cls=LazyGroup,
    package=__package__,
    summaries=SUMMARIES,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version, help="Say the version."
)
@speech_options
def wftrace() -> None:
    """Run workflows, trace them, and draw what they can do and what they did."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Without arguments it runs with the process's own, and ends it."""
    prepare_streams()
    if arguments is not None:
        return _guarded(list(arguments))
    code = _guarded(sys.argv[1:])
    if code != OK:
        _leave_threads(code)
    return code


def _leave_threads(code: int) -> None:
    """End the process when a step's thread is left: it cannot be stopped, and Python would wait for it."""
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _guarded(arguments: list[str]) -> int:
    """The exit code of a call; whatever goes wrong is told in one message."""
    speech = Speech()
    try:
        return _called(arguments or ["--help"], speech)
    except CommandError as error:
        complain(error)
        return error.exit_code
    except click.ClickException as error:
        complain(_translated(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, as head does
        _mute_output()
        return OK
    except Exception as error:
        known = _known(error)
        if known is None:
            return _bug(error, speech)
        complain(known)
        return known.exit_code


def _called(arguments: list[str], speech: Speech) -> int:
    """Call the command. Not by click's own ``main``: that turns a closed pipe into a failure."""
    try:
        with wftrace.make_context("wftrace", arguments, obj=speech) as context:
            code = wftrace.invoke(context)
    except click.exceptions.Exit as end:
        code = end.exit_code
    sys.stdout.flush()
    return code if isinstance(code, int) else OK


def _translated(error: click.ClickException) -> CommandError:
    """An error of click as one of ours."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "wftrace"
    message = error.format_message().rstrip(".")
    return CommandError(message[:1].lower() + message[1:], cure=f"{path} --help")


def _known(error: Exception) -> CommandError | None:
    """What the library or the system refused, as an error of the command line; None for what must be our fault."""
    if isinstance(error, TraceError | GraphFormatError):
        return UnreadableTrace(str(error))
    if isinstance(error, LayoutError):
        return ToolMissing(str(error), cure="wftrace doctor")
    if isinstance(error, WorkflowError):
        missing = getattr(error, "exit_code", None) == ToolMissing.exit_code
        return ToolMissing(str(error), cure="wftrace doctor") if missing else CommandError(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("wftrace"):
        return ToolMissing(f"the package {error.name} is not installed", cure="pip install --force-reinstall wftrace")
    if isinstance(error, OSError) and error.filename:
        return CommandError(f"{error.filename}: {error.strerror}", cure="choose another file, or free this one")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
        _mute_output()
        return CommandError(f"standard output cannot be written: {error.strerror}", cure="-o FILE, on a disk with room")
    return None


def _mute_output() -> None:
    """Keep Python from complaining at its end about output that nobody takes."""
    with suppress(OSError, ValueError, AttributeError):  # standard output may be no real file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception, speech: Speech) -> int:
    details = traceback.format_exc() if speech.verbose else "the same command with -v shows where"
    complain(
        CommandError(
            f"this is a fault in wftrace, not in your flow: {type(error).__name__}: {error}",
            details,
            cure="report it, with that output and the command, as an issue of wftrace",
        )
    )
    return 70
