"""Stepwise runs: what steps make is held until the caller passes it on.

Each event is handed out once; sent back by the caller it goes its way as the event that the step made, with its id
and its producer.
"""

from __future__ import annotations

import asyncio

from .events import Event
from .state import Envelope


class Stepwise:
    """What a stepwise run holds back, and what the caller has in hand."""

    __slots__ = ("_handed_out", "_held", "_waiting")

    def __init__(self) -> None:
        self._held: list[Envelope] = []
        self._handed_out: dict[int, Envelope] = {}
        self._waiting: asyncio.Future[None] | None = None

    def hold(self, envelope: Envelope) -> None:
        """Keep back what a step has made."""
        self._held.append(envelope)
        self.wake()

    def take_back(self, event: Event) -> Envelope | None:
        """The envelope of an event that the caller sends back; None for one of his own."""
        return self._handed_out.pop(id(event), None)

    def hand_out(self) -> list[Event]:
        """All that is held, each event once."""
        held, self._held = self._held, []
        self._handed_out.update((id(envelope.event), envelope) for envelope in held)
        return [envelope.event for envelope in held]

    def all(self) -> list[Envelope]:
        """What is held, and before it what the caller has in hand and has not sent back."""
        return [*self._handed_out.values(), *self._held]

    @property
    def holds(self) -> bool:
        """Whether something is there to be handed out."""
        return bool(self._held)

    def wake(self) -> None:
        """Let ``wait`` look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self) -> None:
        """Until something has changed."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting
