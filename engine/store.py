"""The state that the steps of a run share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_MISSING: Any = object()


class StateStore:
    """Values by name, and a lock for changes that belong together."""

    __slots__ = ("_lock", "_values")

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self._values: dict[str, Any] = {} if values is None else values
        self._lock: asyncio.Lock | None = None

    async def get(self, key: str, default: Any = _MISSING) -> Any:
        """The value of ``key``, or ``default``. Raises ``ValueError`` when there is neither."""
        value = self._values.get(key, default)
        if value is _MISSING:
            known = ", ".join(map(repr, self._values)) or "nothing"
            raise ValueError(f"the run's state has no {key!r} (it has {known}); set it first or give a default")
        return value

    async def set(self, key: str, value: Any) -> None:
        """Set the value of ``key``."""
        self._values[key] = value

    @asynccontextmanager
    async def edit_state(self) -> AsyncIterator[dict[str, Any]]:
        """All values, to be changed in place; nobody else edits meanwhile."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            yield self._values

    async def clear(self) -> None:
        """Forget all values."""
        self._values.clear()
