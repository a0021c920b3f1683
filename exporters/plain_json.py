"""Plain JSON values from a backend as what a ``Span`` may hold. Nothing is believed: what does not fit is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from wftrace.gate import clean_text, clean_value
from wftrace.trace import AttributeValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def attribute(value: object) -> AttributeValue | None:
    """A value as an attribute; objects as JSON text, None for what an attribute cannot hold.

    >>> attribute(["a", "b"]), attribute({"a": 1}), attribute(None)
    (('a', 'b'), '{"a": 1}', None)
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(clean_text(item) for item in value)
    if isinstance(value, dict):
        return _as_text(value)
    return clean_value(value)


def attributes(found: object) -> dict[str, AttributeValue]:
    """The attributes in an object of plain JSON values."""
    items = found.items() if isinstance(found, dict) else ()
    kept = ((clean_text(key), attribute(value)) for key, value in items if isinstance(key, str))
    return {key: value for key, value in kept if value is not None}


def text(value: object) -> str:
    """A text, ``""`` for anything else."""
    return clean_text(value) if isinstance(value, str) else ""


def hex_id(value: object, size: int) -> str:
    """An id of ``size`` bytes as lower-case hex, zeros put in front; ``""`` for anything else.

    >>> hex_id("885BA34D01AA9080", 8), hex_id("1f", 8), hex_id("x", 8), hex_id("1_f", 8), hex_id("0x1f", 8)
    ('885ba34d01aa9080', '000000000000001f', '', '', '')
    """
    if not isinstance(value, str) or not 0 < len(value) <= 2 * size:
        return ""
    if not all(digit in "0123456789abcdefABCDEF" for digit in value) or not value.strip("0"):
        return ""
    return f"{int(value, 16):0{2 * size}x}"


def iso_ns(value: object) -> int:
    """A time as ISO 8601 writes it, in nanoseconds since the epoch, exact to the microsecond; 0 for anything else.

    >>> iso_ns("1970-01-01T00:00:01.000002+00:00")
    1000002000
    """
    if not isinstance(value, str):
        return 0
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return 0
    past = (when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH
    return max(((past.days * 86400 + past.seconds) * 1_000_000 + past.microseconds) * 1000, 0)


def us_ns(value: object) -> int:
    """A whole number of microseconds, also written as text, in nanoseconds; 0 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 // 1000
    return value * 1000 if fits and isinstance(value, int) else 0


def members(source: object, name: str) -> Iterable[Mapping[str, Any]]:
    """The objects in a list that an object has under a name."""
    found = source.get(name) if isinstance(source, Mapping) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else ()


def member(source: object, name: str) -> Any:
    """What an object has under a name; None where it is no object, or has no such thing."""
    return source.get(name) if isinstance(source, Mapping) else None


def _as_text(value: object) -> str | None:
    try:
        return clean_text(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):
        return None
