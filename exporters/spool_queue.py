"""The reading side of a spool: what of a writer's records is still to be dealt with, in their order.

``take`` hands out the next spans, or says that some are lost; ``settle`` and ``lose`` say that they are dealt with, and
only then are they passed. Whoever has the writer's lock may read: the writer itself, or who took it over when it died.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .spool_accounts import DAMAGED, FULL, State, load_state, save_state
from .spool_log import segment_path, segments
from .spool_record import Record, damaged_tail, records
from .spool_refused import set_aside

Place = tuple[int, int]
"""A segment's number and a place in it."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans with consecutive numbers, to be delivered."""

    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Lost:
    """Spans up to number ``last`` that are not there any more."""

    count: int
    reason: str
    last: int


class SpoolQueue:
    """What is left of one writer's records.

    ``end`` says how far the writer has come, when it still writes. ``leave(index)`` is called before a segment that is
    dealt with is deleted.
    """

    def __init__(
        self,
        folder: Path,
        end: Callable[[], Place] | None = None,
        leave: Callable[[int], None] = lambda index: None,
    ) -> None:
        self.folder = folder
        self.state = load_state(folder)
        self._end = end
        self._leave = leave
        self._place: Place = (0, 0)

    def take(self, limit: int, size: int) -> Spans | Lost | None:
        """The next spans, at most ``limit`` and about ``size`` bytes; None when there are none."""
        while True:
            if self._place[0] == 0 and not self._advance():
                return None
            index, at = self._place
            end = self._end() if self._end else None
            piece = self._next(self._bytes(index, end), at, limit, size)
            if piece is not None:
                return piece
            if end is not None and end[0] <= index:
                return None
            if not self._advance():
                return self._tail(index)

    def settle(self, done: Sequence[Record], *, refused: int = 0) -> None:
        """Some spans that were taken are delivered, but for ``refused`` of them that the backend turned away."""
        last = done[-1]
        self.state = self.state.settled(last.number, delivered=len(done) - refused, refused=refused)
        self._place = (self._place[0], last.end)
        self.save()

    def lose(self, lost: Lost) -> None:
        """Spans that are not there any more are dealt with."""
        self.state = self.state.settled(lost.last, dropped={lost.reason: lost.count})
        self.save()

    def aside(self, done: Sequence[Record], why: str, request: bytes) -> None:
        """Set aside what the backend turned away. A disk that takes no more must not stop the spans behind it."""
        with suppress(OSError):
            set_aside(self.folder, done[-1].number, why, request)

    def save(self) -> None:
        """Write the state. When the disk refuses, spans that were delivered are sent again after a crash."""
        with suppress(OSError):
            save_state(self.folder, self.state)

    def reread(self) -> None:
        """Begin again at the first segment: the files were written anew."""
        self._place = (0, 0)

    def _next(self, data: bytes, at: int, limit: int, size: int) -> Spans | Lost | None:
        """What comes next in a segment."""
        found: list[Record] = []
        number, held = self.state.passed, 0
        for record in records(data, at):
            if record.number <= number or not (record.is_span or record.gone):
                continue
            missing = record.number - max(1, record.gone) - number
            if found and (missing or record.gone or len(found) == limit or held + len(record.payload) > size):
                break
            if missing > 0:
                return Lost(missing, DAMAGED, number + missing)
            if record.gone:
                return Lost(record.number - number, FULL, record.number)
            found.append(record)
            number, held = record.number, held + len(record.payload)
        return Spans(found) if found else None

    def _advance(self) -> bool:
        """Go to the next segment and delete the one before, which is dealt with; False when there is none."""
        now = self._place[0]
        following = next((index for index, _ in segments(self.folder) if index > now), None)
        if following is None:
            return False
        if now:
            self._leave(now)
            segment_path(self.folder, now).unlink(missing_ok=True)
        self._place = (following, 0)
        return True

    def _tail(self, index: int) -> Lost | None:
        """What is damaged behind the last good record of a writer that writes no more; said once."""
        if self._end is not None or self.state.sealed:
            return None
        count = tail_of(self._bytes(index, None))
        self.state = replace(self.state, sealed=True)
        return Lost(count, DAMAGED, self.state.passed + count) if count else None

    def _bytes(self, index: int, end: Place | None) -> bytes:
        """The content of a segment, as far as its writer has come."""
        try:
            with segment_path(self.folder, index).open("rb") as file:
                return file.read(end[1]) if end is not None and end[0] == index else file.read()
        except OSError:
            return b""


def tail_of(data: bytes) -> int:
    """How many spans are damaged at the end of a segment."""
    end = 0
    for record in records(data):
        end = record.end
    return damaged_tail(data, end)


def count_waiting(folder: Path, state: State) -> tuple[int, dict[str, int]]:
    """How many spans of a writer are still to be delivered, and how many of those to come are lost, by reason."""
    waiting, number = 0, state.passed
    lost = {FULL: 0, DAMAGED: 0}
    data = b""
    for _, path in segments(folder):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        for record in records(data):
            if record.number <= number or not (record.is_span or record.gone):
                continue
            gone = min(record.gone, record.number - number)
            waiting += not gone
            lost[FULL] += gone
            lost[DAMAGED] += record.number - max(1, gone) - number
            number = record.number
    lost[DAMAGED] += 0 if state.sealed else tail_of(data)
    return waiting, {reason: count for reason, count in lost.items() if count}


def every_record(folder: Path) -> Iterator[Record]:
    """All good records of a writer, one segment in memory at a time."""
    for _, path in segments(folder):
        with suppress(OSError):
            yield from records(path.read_bytes())
