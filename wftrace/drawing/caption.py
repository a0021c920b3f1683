"""What stands around a drawing of several runs: the title's words, the notes, and the legend's own entries."""

from __future__ import annotations

from dataclasses import dataclass

from .legend import Entry
from .scene import Mode


@dataclass(frozen=True, slots=True)
class Caption:
    """``mode`` names the kind of picture, ``words`` follow the flow's name, ``entries`` begin the legend."""

    mode: Mode
    words: str
    notes: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    heat_words: str = ""
