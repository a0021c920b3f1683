"""Lines from the terminal without holding up the run that asks for them."""

from __future__ import annotations

import asyncio
import os
import sys

import click


class Keyboard:
    """Reads lines from standard input while the event loop goes on."""

    def __init__(self) -> None:
        self._buffer = b""

    async def line(self, prompt: str) -> str:
        """Ask, and wait for one line. Raises ``EOFError`` when there will be none."""
        click.echo(prompt, nl=False, err=True)
        while b"\n" not in self._buffer:
            block = await self._block()
            if not block:
                click.echo(err=True)
                raise EOFError
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(sys.stdin.encoding or "utf-8", "replace").strip()

    async def _block(self) -> bytes:
        """The next bytes. Not by a thread: one that reads the keyboard cannot be stopped by Ctrl-C."""
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()
        ready = loop.create_future()
        try:
            loop.add_reader(descriptor, _wake, ready)
        except NotImplementedError:  # the Windows loop
            return await asyncio.to_thread(sys.stdin.buffer.readline)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
        return os.read(descriptor, 4096)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
