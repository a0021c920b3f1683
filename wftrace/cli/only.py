"""The option that chooses among the runs of a TRACE, and what the others ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from .filters import KEYS, parse_filter
from .pictures import Order


def picture_asked(order: Order) -> bool:
    """Whether a command that writes lines is asked for a picture: by a file, or by a format."""
    source = click.get_current_context().get_parameter_source("form")
    return order.output is not None or source is click.core.ParameterSource.COMMANDLINE


def only_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --only; it takes a checked filter as ``only``."""

    @functools.wraps(command)
    def choosing(*others: Any, only: tuple[str, ...], **named: Any) -> Any:
        return command(*others, only=parse_filter(only, "--only"), **named)

    text = f"Only runs with this ({', '.join(KEYS)}); repeatable, or several with commas."
    return click.option("--only", metavar="KEY=VALUE", multiple=True, help=text)(choosing)
