"""Whoever watches a run from the command line, besides the one who answers its questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wftrace.engine.handler import WorkflowHandler


class Audience:
    """Watches nothing. Others override what they need; every method is called on the loop's thread."""

    def began(self, handler: WorkflowHandler) -> None:
        """The run has begun."""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Keep out of the way while a question is put and answered."""
        yield

    def close(self) -> None:
        """The run is over, or never began."""
