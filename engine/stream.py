"""The stream of a run: what it tells the caller while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from .events import Event

CAPACITY = 100_000
"""How many unread events a stream keeps. Beyond that the oldest is dropped and counted."""


_logger = logging.getLogger("wftrace")


class Stream:
    """Events in order, each read once. Reading may be broken off and taken up again where it stopped."""

    __slots__ = ("_closed", "_events", "_readers", "dropped")

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=CAPACITY)
        self._readers: list[asyncio.Future[None]] = []
        self._closed = False
        self.dropped = 0

    def put(self, event: Event) -> None:
        """Add an event. When the stream is full the oldest unread one goes."""
        if len(self._events) == CAPACITY:
            if not self.dropped:
                _logger.warning(
                    "nobody reads a run's stream: of more than %d events the oldest are dropped; read "
                    "handler.stream_events(), handler.statistics() counts them",
                    CAPACITY,
                )
            self.dropped += 1
        self._events.append(event)
        self._wake()

    def unread(self) -> list[Event]:
        """What nobody has read yet."""
        return list(self._events)

    def close(self) -> None:
        """Nothing more will come: readers end after what is there."""
        self._closed = True
        while self._readers:
            self._wake()

    async def read(self) -> AsyncIterator[Event]:
        """Each event as it comes, until the run has ended."""
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except BaseException:
                if reader in self._readers:
                    self._readers.remove(reader)
                elif self._events:
                    self._wake()  # another reader takes what this one was woken for
                raise

    def _wake(self) -> None:
        while self._readers:
            reader = self._readers.pop(0)
            if not reader.done():
                reader.set_result(None)
                return
