"""What of a flow a picture shows: the options of ``draw`` and ``overlay`` that fold, cut and group."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from wftrace.drawing.view import View


@dataclass(frozen=True, slots=True)
class Look:
    """How closely a flow is looked at, as the options say it; ``source_link`` is where its nodes lead to."""

    events: Literal["auto", "nodes", "edges"] = "auto"
    focus: tuple[str, ...] = ()
    between: tuple[str, str] | None = None
    group_by: Literal["module", "class", "file", "prefix"] | None = None
    fold: tuple[Literal["chains", "groups"], ...] = ()
    source_link: str = ""

    def view(self) -> View:
        """The same for the drawing, which is loaded only now.

        Raises ``ViewError`` when the options do not go together.
        """
        from wftrace.drawing.view import View

        return View(self.events, self.focus, self.between, self.group_by, frozenset(self.fold))


_OPTIONS = (
    click.option(
        "--events",
        type=click.Choice(["auto", "nodes", "edges"]),
        default="auto",
        help="Events as nodes or written on the edges; auto writes them there from 31 steps on.",
    ),
    click.option("--focus", metavar="NAME[~N]", multiple=True, help="Only N steps (1) around a step; repeatable."),
    click.option("--between", metavar="A B", nargs=2, help="Only what lies on a way from A to B."),
    click.option(
        "--group-by", type=click.Choice(["module", "class", "file", "prefix"]), help="Frame steps that belong together."
    ),
    click.option(
        "--fold", type=click.Choice(["chains", "groups"]), multiple=True, help="One box for each chain or group."
    ),
    click.option(
        "--link-source",
        "source_link",
        metavar="URL",
        default="",
        help="Link nodes to their source; the URL has {file} and {line} in it.",
    ),
)


def view_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that fold, cut and group; it takes them as one ``look``."""

    @functools.wraps(command)
    def looking(
        *others: Any,
        events: Any,
        focus: tuple[str, ...],
        between: tuple[str, str] | None,
        group_by: Any,
        fold: tuple[Any, ...],
        source_link: str,
        **named: Any,
    ) -> Any:
        look = Look(events, focus, between or None, group_by, fold, source_link)
        return command(*others, look=look, **named)

    return functools.reduce(lambda function, option: option(function), reversed(_OPTIONS), looking)
