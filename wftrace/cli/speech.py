"""How the command line speaks: results go to standard output, everything else to standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from wftrace.gate import clean_text

from .errors import CommandError

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Speech:
    """How much is said: below 0 only errors, 0 the usual notes, above 0 everything."""

    verbosity: int = 0

    @property
    def verbose(self) -> bool:
        """Whether -v was given."""
        return self.verbosity > 0

    def note(self, text: str) -> None:
        """Say something beside the result, unless -q was given."""
        if self.verbosity >= 0:
            _to_stderr(text)

    def detail(self, text: str) -> None:
        """Say something that only -v asks for."""
        if self.verbose:
            _to_stderr(text)

    def warn(self, text: str) -> None:
        """Say that something is not as it should be, unless -q was given."""
        self.note(click.style("warning: ", fg="yellow") + text)


def speech_options(command: Command) -> Command:
    """Give a command the options -q and -v; both may also stand before the command's name."""
    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_lower, help="Say nothing but errors."
    )
    verbose = click.option(
        "-v", "--verbose", is_flag=True, expose_value=False, callback=_raise, help="Say more; whole tracebacks."
    )
    return quiet(verbose(command))


def say(text: str) -> None:
    """Write a result to standard output."""
    click.echo(text, color=colours(sys.stdout))


def complain(error: CommandError) -> None:
    """Write an error to standard error: what, details, cure."""
    _to_stderr(click.style("error: ", fg="red", bold=True) + click.style(clean_text(error.what), bold=True))
    for detail in error.details:
        for line in clean_text(detail).splitlines():
            _to_stderr(f"  {line}")
    if error.cure:
        _to_stderr(f"  try: {clean_text(error.cure)}")


def colours(stream: Any) -> bool:
    """Whether a stream gets colours: it is a terminal and nobody asked for none (``NO_COLOR``, ``TERM=dumb``)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def is_terminal(stream: Any) -> bool:
    """Whether a person sits at the other end of a stream."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # a stream that is closed, or none at all under pythonw
        return False


def prepare_streams() -> None:
    """Let neither a closed stream nor a character that the terminal's encoding lacks end a command."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _to_stderr(text: str) -> None:
    click.echo(text, err=True, color=colours(sys.stderr))


def _lower(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        context.ensure_object(Speech).verbosity = -1


def _raise(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        context.ensure_object(Speech).verbosity = 1
