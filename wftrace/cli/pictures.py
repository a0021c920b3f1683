"""Pictures on the command line: the options that say how and where to, and the delivery."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .errors import CommandError
from .output import BINARY, FORMATS, check_output, picture_format
from .speech import Speech, say

if TYPE_CHECKING:
    from wftrace.render import Picture


@dataclass(frozen=True, slots=True)
class Order:
    """What picture was ordered. ``output`` is None for standard output; ``form`` is settled, whatever was left open."""

    output: Path | None
    form: str
    direction: Literal["TB", "LR", "auto"]
    theme: Literal["auto", "light", "dark"]
    legend: bool | None


def picture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a picture; it takes them as one checked ``order``."""

    @functools.wraps(command)
    def ordered(
        *others: Any,
        output: Path | None,
        form: str | None,
        direction: Literal["TB", "LR", "auto"],
        theme: Literal["auto", "light", "dark"],
        legend: bool | None,
        force: bool,
        **named: Any,
    ) -> Any:
        settled = picture_format(output, form)
        if output is not None and not named.get("check"):
            check_output(output, force=force)
        return command(*others, order=Order(output, settled, direction, theme, legend), **named)

    options = (
        click.option(
            "-o", "--output", type=click.Path(path_type=Path), help="File to write; its suffix says the format."
        ),
        click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Format, where no suffix says it."),
        click.option(
            "--direction",
            type=click.Choice(["TB", "LR", "auto"]),
            default="TB",
            help="Downwards, to the right, or what fits a screen better.",
        ),
        click.option("--theme", type=click.Choice(["auto", "light", "dark"]), default="auto", help="Colours."),
        click.option("--legend/--no-legend", default=None, help="Explain the shapes that occur."),
        click.option("--force", is_flag=True, help="Overwrite whatever is there."),
    )
    return functools.reduce(lambda function, option: option(function), reversed(options), ordered)


def deliver(picture: Picture, order: Order, speech: Speech, facts: str) -> None:
    """Write a picture to its file, and say so with its ``facts``; or write it to standard output.

    Raises ``PictureError`` when the format needs a program that is not installed, or the file cannot be written.
    """
    if order.output is not None:
        picture.save(order.output, format=order.form)
        speech.note(f"wrote {order.output} ({facts})")
        return
    made = _made(picture, order.form)
    if isinstance(made, bytes):
        click.echo(made, nl=False)
    else:
        say(made.rstrip("\n"))


def is_stale(picture: Picture, order: Order) -> bool:
    """Whether the file of an order holds anything else than the picture.

    Raises ``CommandError`` without a file, and for formats whose bytes depend on the system's Graphviz.
    """
    if order.output is None:
        raise CommandError("--check compares with a file, and none is named", cure="-o flow.svg --check")
    if order.form in BINARY:
        cure = f"-o {order.output.with_suffix('.svg')} --check"
        raise CommandError(f"--check cannot compare {order.form.upper()} files: they depend on the machine", cure=cure)
    made = _made(picture, order.form)
    try:
        return order.output.read_bytes() != (made.encode() if isinstance(made, str) else made)
    except FileNotFoundError:
        return True


def _made(picture: Picture, form: str) -> str | bytes:
    writers: dict[str, Callable[[], str | bytes]] = {
        "svg": picture.to_svg,
        "png": picture.to_png,
        "pdf": picture.to_pdf,
        "dot": picture.to_dot,
        "mermaid": picture.to_mermaid,
        "ascii": picture.to_ascii,
        "json": picture.to_json,
        "html": picture.to_html,
    }
    return writers[form]()
