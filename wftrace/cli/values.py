"""Values typed on the command line: ``key=value`` and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .errors import CommandError


def parse_value(text: str) -> Any:
    """JSON where the text is JSON, else the text.

    >>> parse_value("3"), parse_value('["a"]'), parse_value("a b"), parse_value("NaN")
    (3, ['a'], 'a b', 'NaN')
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def parse_fields(pairs: Iterable[str]) -> dict[str, Any]:
    """The fields of a start event from ``key=value`` texts.

    Raises ``CommandError`` for a text that is no such pair, and for a key that is given twice.
    """
    fields: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise CommandError(f"{pair!r} is no key=value", cure=f"{_guess(key)}={value or 'VALUE'}")
        if key in fields:
            raise CommandError(f"{key} is given twice", cure=f"{key}='[…]' for a list")
        fields[key] = parse_value(value)
    return fields


def _guess(key: str) -> str:
    name = key.strip().lstrip("-").replace("-", "_")
    return name if name.isidentifier() else "key"


def _no_constant(name: str) -> Any:
    raise ValueError(name)
