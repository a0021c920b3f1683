"""``SavedRun``: a run that was saved, ready to go on."""

from __future__ import annotations

from dataclasses import dataclass

from .events import Event
from .state import Envelope, RunState


@dataclass(frozen=True, slots=True)
class SavedRun:
    """The state of a run as it was; what was under way stands first in the queues.

    ``questions`` were on the stream and nobody had read them, ``held`` were made in a stepwise run and not passed on.
    """

    run_id: str
    state: RunState
    questions: tuple[Event, ...]
    held: tuple[Envelope, ...]
