"""``wftrace run --watch``: the run on a page in the browser, while it is under way and as long as somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .speech import Speech, is_terminal

if TYPE_CHECKING:
    from wftrace.watch.pushing import Watching


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a run, or none."""

    speech: Speech
    watching: Watching | None = None

    def linger(self) -> None:
        """Leave the page up until Ctrl-C where a person sits at a terminal; elsewhere it ends with the run."""
        if self.watching is None or not is_terminal(sys.stderr):
            return
        self.speech.note(f"the page stays at {self.watching.url} until Ctrl-C")
        with suppress(KeyboardInterrupt):
            self.watching.wait()
        self.speech.note("")


@contextmanager
def watched(wanted: bool, speech: Speech) -> Iterator[Page]:
    """Serve the runs that start inside the block on a page, when that is wanted."""
    if not wanted:
        yield Page(speech)
        return
    from wftrace.watch.pushing import watching  # the report and its pictures, which take their time to load

    with watching() as page:
        speech.note(f"watch it at {page.url}")
        yield Page(speech, page)
