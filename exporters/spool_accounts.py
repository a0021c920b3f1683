"""What became of the spans of a spool: ``written = delivered + waiting + dropped + refused``, always."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

STATE_FORMAT = "wftrace/spool-state@1"
STATE_FILE = "state.json"

FULL = "spool full"
DAMAGED = "damaged on disk"
MEMORY_FULL = "memory full"
UNENCODABLE = "cannot be encoded"
BY_HAND = "dropped by hand"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Counts of spans.

    ``refused`` spans were turned away by the backend and set aside; ``dropped`` are counted by reason. ``interrupted``
    says how many of the written ones were made from start records after their process had died.
    """

    delivered: int = 0
    waiting: int = 0
    refused: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    interrupted: int = 0

    @property
    def written(self) -> int:
        """Every span that was handed over."""
        return self.delivered + self.waiting + self.refused + sum(self.dropped.values())

    def __add__(self, other: Accounts) -> Accounts:
        return Accounts(
            self.delivered + other.delivered,
            self.waiting + other.waiting,
            self.refused + other.refused,
            added(self.dropped, other.dropped),
            self.interrupted + other.interrupted,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "written": self.written,
            "delivered": self.delivered,
            "waiting": self.waiting,
            "refused": self.refused,
            "dropped": dict(sorted(self.dropped.items())),
            "interrupted": self.interrupted,
        }


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Two counts by reason, added.

    >>> added({"full": 2}, {"full": 1, "damaged": 3})
    {'full': 3, 'damaged': 3}
    """
    return {reason: one.get(reason, 0) + other.get(reason, 0) for reason in (*one, *(set(other) - set(one)))}


@dataclass(frozen=True, slots=True)
class State:
    """How far a writer's spans are dealt with: all up to number ``passed``, and what became of them.

    Position and counts stand in one file that is replaced as a whole, so that no crash can part them. ``sealed`` says
    that what was damaged at the very end is counted.
    """

    passed: int = 0
    accounts: Accounts = field(default_factory=Accounts)
    sealed: bool = False

    def settled(
        self,
        passed: int,
        *,
        delivered: int = 0,
        refused: int = 0,
        dropped: Mapping[str, int] | None = None,
        interrupted: int = 0,
    ) -> State:
        """The state after some more spans were dealt with."""
        more = Accounts(delivered, 0, refused, dropped or {}, interrupted)
        return replace(self, passed=max(passed, self.passed), accounts=self.accounts + more)


def load_state(folder: Path) -> State:
    """The state of a writer's folder; a fresh one when it has none or a damaged one: then spans are sent twice."""
    try:
        data = json.loads((folder / STATE_FILE).read_bytes())
        if data["format"] != STATE_FORMAT:
            return State()
        return State(_count(data["passed"]), accounts_from(data), data["sealed"] is True)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return State()


def save_state(folder: Path, state: State) -> None:
    """Write the state of a writer's folder. Raises ``OSError``."""
    accounts = state.accounts.to_dict()
    del accounts["written"], accounts["waiting"]
    data = {"format": STATE_FORMAT, "passed": state.passed, "sealed": state.sealed, **accounts}
    replace_file(folder / STATE_FILE, json.dumps(data).encode())


def accounts_from(data: Mapping[str, Any]) -> Accounts:
    """Counts from JSON data. Raises ``KeyError``, ``TypeError`` or ``ValueError`` when they are none."""
    dropped = {str(reason): _count(count) for reason, count in data["dropped"].items()}
    return Accounts(_count(data["delivered"]), 0, _count(data["refused"]), dropped, _count(data["interrupted"]))


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises ``OSError``."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no count")
    return value
