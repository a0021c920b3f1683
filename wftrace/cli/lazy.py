"""A group of commands that loads a command's module only when the command is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from .errors import CommandError, closest


class LazyGroup(click.Group):
    """Commands by name, each the function of that name in the module of that name, with the line that help shows."""

    def __init__(self, *, package: str, summaries: Mapping[str, str], **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.package = package
        self.summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order in which they were given."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in self.summaries:
            return None
        command: click.Command = getattr(import_module(f"{self.package}.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called; an unknown one is told its closest name."""
        name = args[0]
        if name in self.summaries or name.startswith("-"):
            return super().resolve_command(ctx, args)
        likely = closest(name, self.summaries)
        cure = f"wftrace {likely} --help" if likely else "wftrace --help"
        raise CommandError(f"there is no command {name!r}", f"commands: {', '.join(self.summaries)}", cure=cure)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))
