"""Who keeps checkpoints, and what is kept: texts, so that a keeper needs to know no event."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from .errors import CheckpointError


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint as it is kept.

    ``number`` counts the checkpoints of a run from 1; a keeper gives it, before that it is 0. ``workflow`` is the
    workflow's name; the event types are qualified names, ``""`` for none. ``body`` is JSON text: the events and the
    state of the run. ``saved_at`` is in UTC.
    """

    id_: str
    run_id: str
    number: int
    workflow: str
    last_completed_step: str
    input_event_type: str
    output_event_type: str
    saved_at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class CheckpointFilter:
    """Which records are asked for: those that agree with everything that is not None."""

    workflow: str | None = None
    run_id: str | None = None
    last_completed_step: str | None = None
    input_event_type: str | None = None
    output_event_type: str | None = None

    def chosen(self) -> dict[str, str]:
        """What must agree, by the name of the record's field."""
        fields = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in fields if value is not None}

    def takes(self, record: CheckpointRecord) -> bool:
        """Whether the record is one of those."""
        return all(getattr(record, name) == value for name, value in self.chosen().items())


class CheckpointKeeper(Protocol):
    """Keeps checkpoints. Any thread may call it, several at once.

    Everything raises ``CheckpointError`` when it cannot be done; what was kept before is still there then.
    """

    def save(self, record: CheckpointRecord) -> CheckpointRecord:
        """Keep a record as the next of its run, whole or not at all; return it with its number."""

    def load(self, id_: str) -> CheckpointRecord:
        """The record with this id."""

    def find(self, wanted: CheckpointFilter) -> Sequence[CheckpointRecord]:
        """The records that are wanted, in the order in which they were saved."""

    def runs(self, workflow: str | None = None) -> Sequence[str]:
        """The ids of the runs, of all workflows or one, in the order in which they began."""

    def delete(self, run_id: str, number: int | None = None) -> int:
        """Forget a run's checkpoints, or one of them; return how many there were."""


class MemoryKeeper:
    """Keeps checkpoints as long as it lives itself."""

    def __init__(self) -> None:
        self._records: dict[str, CheckpointRecord] = {}
        self._last: dict[str, int] = {}
        self._lock = threading.Lock()

    def save(self, record: CheckpointRecord) -> CheckpointRecord:
        """Keep a record as the next of its run; return it with its number."""
        with self._lock:
            if record.id_ in self._records:
                raise CheckpointError(f"checkpoint {record.id_!r} is kept already; give each an id of its own")
            number = self._last[record.run_id] = self._last.get(record.run_id, 0) + 1
            numbered = self._records[record.id_] = replace(record, number=number)
        return numbered

    def load(self, id_: str) -> CheckpointRecord:
        """The record with this id. Raises ``CheckpointError`` when there is none."""
        with self._lock:
            record = self._records.get(id_)
        if record is None:
            raise CheckpointError(f"there is no checkpoint {id_!r} in this keeper; find() lists those that there are")
        return record

    def find(self, wanted: CheckpointFilter) -> list[CheckpointRecord]:
        """The records that are wanted, in the order in which they were saved."""
        with self._lock:
            return [record for record in self._records.values() if wanted.takes(record)]

    def runs(self, workflow: str | None = None) -> list[str]:
        """The ids of the runs in the order in which they began."""
        return list(dict.fromkeys(record.run_id for record in self.find(CheckpointFilter(workflow=workflow))))

    def delete(self, run_id: str, number: int | None = None) -> int:
        """Forget a run's checkpoints, or one of them; return how many there were."""
        with self._lock:
            gone = [r.id_ for r in self._records.values() if r.run_id == run_id and number in (None, r.number)]
            for id_ in gone:
                del self._records[id_]
        return len(gone)
