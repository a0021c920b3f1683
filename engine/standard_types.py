"""The types of Python's own that saved state may hold besides JSON's."""

from __future__ import annotations

import uuid
from base64 import b64decode, b64encode
from collections import Counter, OrderedDict, deque
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from .known_types import Form, KnownType


@cache
def standard_types() -> tuple[KnownType, ...]:
    """All of them, each with its short name in saved data."""
    items, unordered, value = Form.ITEMS, Form.UNORDERED, Form.VALUE
    return (
        KnownType(tuple, "tuple", items, tuple, tuple),
        KnownType(set, "set", unordered, list, set),
        KnownType(frozenset, "frozenset", unordered, list, frozenset),
        KnownType(deque, "deque", value, lambda given: [given.maxlen, list(given)], _deque),
        KnownType(Counter, "counter", value, dict, Counter),
        KnownType(OrderedDict, "ordered_dict", value, dict, OrderedDict),
        KnownType(bytes, "bytes", value, _to_base64, _from_base64),
        KnownType(bytearray, "bytearray", value, _to_base64, lambda text: bytearray(_from_base64(text))),
        KnownType(datetime, "datetime", value, _moment, lambda parts: _from_moment(datetime, parts)),
        KnownType(time, "time", value, _moment, lambda parts: _from_moment(time, parts)),
        KnownType(date, "date", value, date.isoformat, date.fromisoformat),
        KnownType(timedelta, "timedelta", value, lambda it: [it.days, it.seconds, it.microseconds], _timedelta),
        KnownType(timezone, "timezone", value, lambda zone: zone.utcoffset(None), timezone),
        KnownType(Decimal, "decimal", value, str, lambda text: Decimal(_text(text))),
        KnownType(complex, "complex", value, lambda number: [number.real, number.imag], lambda both: complex(*both)),
        KnownType(uuid.UUID, "uuid", value, str, uuid.UUID),
        KnownType(type(Path()), "path", value, str, lambda text: Path(_text(text))),
        KnownType(PurePosixPath, "pure_posix_path", value, str, lambda text: PurePosixPath(_text(text))),
        KnownType(PureWindowsPath, "pure_windows_path", value, str, lambda text: PureWindowsPath(_text(text))),
    )


@cache
def escaped_types() -> tuple[KnownType, ...]:
    """JSON's own types where JSON cannot hold the value: huge numbers, nan and inf, half surrogate pairs."""
    return (
        KnownType(int, "int", Form.VALUE, hex, lambda digits: int(_text(digits), 16)),
        KnownType(float, "float", Form.VALUE, repr, lambda name: float(_text(name))),
        KnownType(str, "text", Form.VALUE, _halves_to_base64, _halves_from_base64),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"it needs a text, not {type(value).__name__}")
    return value


def _to_base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    return b64decode(_text(text), validate=True)


def _halves_to_base64(text: str) -> str:
    return _to_base64(text.encode("utf-8", "surrogatepass"))


def _halves_from_base64(text: str) -> str:
    return _from_base64(text).decode("utf-8", "surrogatepass")


def _deque(parts: Any) -> deque[Any]:
    limit, values = parts
    return deque(values, limit)


def _timedelta(parts: Any) -> timedelta:
    days, seconds, microseconds = parts
    return timedelta(days, seconds, microseconds)


def _moment(moment: datetime | time) -> Any:
    """ISO text; with the zone's name and the fold (which of two like times at the end of summer time) if need be."""
    zone = moment.tzinfo
    if zone is None or type(zone) is timezone:
        return [moment.isoformat(), None, moment.fold] if moment.fold else moment.isoformat()
    return [moment.replace(tzinfo=None).isoformat(), _zone_name(zone), moment.fold]


def _from_moment(cls: Any, parts: Any) -> Any:
    if isinstance(parts, str):
        return cls.fromisoformat(parts)
    text, zone, fold = parts
    moment = cls.fromisoformat(text).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=_zone(_text(zone)))


def _zone_name(zone: tzinfo) -> str:
    from zoneinfo import ZoneInfo

    if type(zone) is not ZoneInfo or zone.key is None:
        raise TypeError(f"its time zone is a {type(zone).__name__}; use datetime.timezone or zoneinfo.ZoneInfo")
    return zone.key


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
