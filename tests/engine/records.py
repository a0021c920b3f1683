"""A record to be kept, for the tests of keepers and for the processes that they start."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from wftrace.engine.keepers import CheckpointFilter, CheckpointRecord
from wftrace.engine.sqlite_keeper import SqliteKeeper

__all__ = ["ALL", "SqliteKeeper", "record"]

ALL = CheckpointFilter()


def record(id_: str = "a", run_id: str = "run", **changes: Any) -> CheckpointRecord:
    """A record with this id, not numbered yet."""
    moment = datetime(2026, 2, 3, 4, 5, 6, 7, UTC)
    made = CheckpointRecord(id_, run_id, 0, "Flow", "tell", "app.Start", "app.Joke", moment, '{"ä": "\\u0000"}')
    return replace(made, **changes)
