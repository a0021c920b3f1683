"""The one gate: everything that leaves the process goes through here to be cleaned and redacted.

*Cleaned*: text becomes valid Unicode without control characters, values become what a span attribute may hold.
*Redacted*: secrets are recognised by the names of their keys and by the shape of the values (``redaction``). *Bounded*:
long texts are cut with a visible mark (``texts``), large values to a part of them (``plain``). Nothing here raises,
whatever it is given.
"""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Sequence
from typing import cast

from .plain import DEPTH_LIMIT, ITEMS_LIMIT, Plain, class_name, digits, fits, text_of
from .redaction import REDACTED, Redact, is_secret_key, redact_text
from .texts import TEXT_LIMIT, clean_text, cut_text, safe_end, safe_text
from .trace import AttributeValue

__all__ = [
    "DEPTH_LIMIT",
    "ITEMS_LIMIT",
    "REDACTED",
    "STACKTRACE_LIMIT",
    "TEXT_LIMIT",
    "Redact",
    "class_name",
    "clean_text",
    "clean_value",
    "cut_text",
    "describe_error",
    "error_text",
    "is_secret_key",
    "payload",
    "redact_text",
    "safe_text",
    "safe_trace",
    "summary",
    "trace_text",
]

STACKTRACE_LIMIT = 16 * 1024


def error_text(error: BaseException) -> str:
    """The text of an exception, also when its ``__str__`` is broken; neither cleaned nor redacted."""
    return text_of(error)


def describe_error(error: BaseException) -> str:
    """The text of an exception as it may be shown."""
    return safe_text(text_of(error))


def trace_text(error: BaseException) -> str:
    """The stack trace of an exception, as long as it is; neither cleaned nor redacted."""
    try:
        return "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # strangers' exceptions
        return f"(the stack trace of {class_name(error)} could not be made)"


def safe_trace(text: str) -> str:
    """A stack trace as it may be shown: its end, which says what was raised and where."""
    return safe_end(text, STACKTRACE_LIMIT)


def clean_value(value: object) -> AttributeValue | None:
    """The value as a span attribute may hold it: text, bool, int, finite float or a list of one of them.

    Whole numbers beyond 64 bits become text; ``None`` and what has no such form are left out by the caller (``None``).
    """
    try:
        return _attribute(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # strangers' subclasses
        return None


def _attribute(value: object) -> AttributeValue | None:
    match value:
        case bool():
            return value
        case str():
            return safe_text(value)
        case int():
            return int(value) if fits(value) else digits(value)
        case float():
            return float(value) if math.isfinite(value) else str(value)
        case list() | tuple():
            return _attributes(value)
        case _:
            return None


def _attributes(items: Sequence[object]) -> AttributeValue:
    clean = [_attribute(item) if isinstance(item, str | int | float) else None for item in items]
    for kind in (str, bool, int, float):
        if all(type(item) is kind for item in clean):
            return cast(AttributeValue, tuple(clean))
    return tuple(safe_text(item if isinstance(item, str) else payload(item)[0]) for item in items)


def payload(
    value: object, limit: int = TEXT_LIMIT, *, path: str = "", redact: Redact | None = None, trusting: bool = True
) -> tuple[str, str]:
    """A value as text for ``input.value`` or ``output.value``, and its mime type.

    JSON (``application/json``) while it fits into ``limit`` characters; cut, it is no longer JSON (``text/plain``).
    ``redact`` is asked about every value in it, ``path`` is where it begins; without ``trusting``, an object of a class
    that is not known is shown as no more than its class.
    """
    return _as_text(Plain(limit, redact, trusting).plain(value, path), limit)


def summary(value: object, limit: int = TEXT_LIMIT) -> tuple[str, str]:
    """The shape of a value without its content: keys, types and lengths; with its mime type, as ``payload`` has it."""
    return _as_text(Plain(limit).shape(value), limit)


def _as_text(plain: object, limit: int) -> tuple[str, str]:
    text = cut_text(clean_text(json.dumps(plain, ensure_ascii=False)), limit)
    return text, "application/json" if len(text) <= limit else "text/plain"
