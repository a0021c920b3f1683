"""Any value as what JSON can hold: of everything a part, of nothing too much, and never an exception.

Values are strangers: their methods may raise, block or have no end. So only those of known classes are asked for their
text, unless the caller trusts them.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from .redaction import REDACTED, Redact, is_secret_key, redact_text
from .texts import TEXT_LIMIT, clean_text, safe_text

DEPTH_LIMIT = 6
ITEMS_LIMIT = 64

_KEY_LIMIT = 512
_TELLING = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid", "zoneinfo"})


class Plain:
    """Turns values into what JSON can hold, until it has made ``limit`` characters and some more.

    Without such a purse a small value whose parts share their parts would have no end. ``redact`` is asked about every
    value; ``trusting`` calls the ``__str__`` of strangers.
    """

    __slots__ = ("_left", "_limit", "_redact", "_trusting")

    def __init__(self, limit: int = TEXT_LIMIT, redact: Redact | None = None, trusting: bool = False) -> None:
        self._limit = limit
        self._left = limit
        self._redact = redact
        self._trusting = trusting

    def plain(
        self, value: object, path: str = "", depth: int = DEPTH_LIMIT, above: frozenset[int] = frozenset()
    ) -> Any:
        """The value with its content. ``path`` is where it stands, for ``redact``."""
        try:
            if self._redact is not None:
                value = self._redact(path, value)
            plain = self._plain(value, path, depth, above)
        except KeyboardInterrupt:
            raise
        except BaseException:  # strangers' mappings, sequences and numbers
            plain = f"<{class_name(value)}>"
        self._left -= len(plain) + 2 if isinstance(plain, str) else 4
        return plain

    def _plain(self, value: object, path: str, depth: int, above: frozenset[int]) -> Any:
        match value:
            case None | bool():
                return value
            case str():
                return safe_text(value, self._limit)
            case enum.Enum():
                return f"{class_name(value)}.{safe_text(value.name)}"
            case int():
                return int(value) if fits(value) else digits(value)
            case float():
                return float(value) if math.isfinite(value) else str(value)
            case bytes() | bytearray() | memoryview():
                return f"<{len(value)} bytes>"
        if depth == 0:
            return f"<{class_name(value)}>"
        if id(value) in above:
            return "<cycle>"
        return self._parts(value, path, depth - 1, above | {id(value)})

    def _parts(self, value: object, path: str, depth: int, above: frozenset[int]) -> Any:
        if isinstance(value, Mapping):
            return self._items(value.items(), len(value), path, depth, above)
        if isinstance(value, list | tuple | set | frozenset):
            plain: list[Any] = []
            for number, item in enumerate(itertools.islice(value, ITEMS_LIMIT)):
                if self._left <= 0:
                    break
                plain.append(self.plain(item, self._below(path, number), depth, above))
            return plain if len(plain) == len(value) else [*plain, f"… {len(value) - len(plain)} more"]
        fields = fields_of(value)
        if fields is not None:
            return self._items(fields.items(), len(fields), path, depth, above)
        return self._told(value)

    def _items(
        self, items: Iterable[tuple[object, object]], count: int, path: str, depth: int, above: frozenset[int]
    ) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        seen = 0
        for key, item in itertools.islice(items, ITEMS_LIMIT):
            if self._left <= 0:
                break
            seen += 1
            name = self._key(key)
            self._left -= len(name) + 4
            plain[name] = REDACTED if is_secret_key(name) else self.plain(item, self._below(path, name), depth, above)
        if count > seen:
            plain["…"] = f"{count - seen} more"
        return plain

    def _below(self, path: str, name: str | int) -> str:
        return f"{path}.{name}" if self._redact is not None else ""

    def _key(self, key: object) -> str:
        return safe_text(key, _KEY_LIMIT) if isinstance(key, str) else safe_text(str(self._told(key)), _KEY_LIMIT)

    def _told(self, value: object) -> Any:
        """A value that has no parts, as a text."""
        cls = type(value)
        if cls in (int, float, bool, complex, range) or value is None:
            return str(value) if cls is not int or fits(cast(int, value)) else digits(cast(int, value))
        if isinstance(value, type):
            return clean_text(redact_text(type.__getattribute__(value, "__qualname__")))
        if isinstance(value, BaseException):
            return f"{class_name(value)}: {safe_text(text_of(value), self._limit)}"
        if self._trusting or cls.__module__ in _TELLING:
            return safe_text(text_of(value), self._limit)
        return f"<{class_name(value)}>"

    def shape(self, value: object, depth: int = 3) -> Any:
        """The value without its content: names, classes and lengths."""
        self._left -= 8
        try:
            return self._shape(value, depth)
        except KeyboardInterrupt:
            raise
        except BaseException:  # strangers' mappings and sequences
            return class_name(value)

    def _shape(self, value: object, depth: int) -> Any:
        if isinstance(value, str | bytes | list | tuple | set | frozenset):
            return f"{class_name(value)}[{len(value)}]"
        fields = value if isinstance(value, Mapping) else fields_of(value)
        if fields is None or not depth:
            return class_name(value)
        shape: dict[str, Any] = {}
        for key, item in itertools.islice(fields.items(), ITEMS_LIMIT):
            if self._left <= 0:
                break
            name = self._key(key)
            self._left -= len(name) + 4
            shape[name] = self.shape(item, depth - 1)
        return shape


def fields_of(value: object) -> Mapping[str, object] | None:
    """The fields of an event, a pydantic model or a dataclass; None for anything else."""
    try:
        if isinstance(value, type):
            return None
        if hasattr(type(value), "model_fields"):
            extra = getattr(value, "__pydantic_extra__", None) or {}
            return {**value.__dict__, **extra}
        if dataclasses.is_dataclass(value):
            return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(cast(Any, value))}
    except Exception:  # strangers' properties
        return None
    return None


def fits(number: int) -> bool:
    """Whether a whole number has no more than 64 bits."""
    return -(2**63) <= number < 2**63


def digits(number: int) -> str:
    """A whole number as text; Python refuses to write very long ones."""
    return str(number) if number.bit_length() < 1024 else f"<int of {number.bit_length()} bits>"


def class_name(value: object) -> str:
    """The short name of a value's class, as it may be shown."""
    try:
        return redact_text(clean_text(str.__str__(type(value).__name__)))
    except Exception:  # strangers' metaclasses
        return "object"


def text_of(value: object) -> str:
    """What a value says of itself, or that it cannot."""
    try:
        return str.__str__(str(value))
    except KeyboardInterrupt:
        raise
    except BaseException as broken:  # strangers' __str__
        return f"(its text could not be made: {class_name(broken)})"
