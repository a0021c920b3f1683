"""The one gate: everything that leaves the process goes through here to be cleaned and redacted.

*Cleaned*: text becomes valid Unicode without control characters, values become what a span attribute may hold.
*Redacted*: secrets are recognised by the names of their keys and by the shape of the values. *Bounded*: long texts are
cut with a visible mark. Nothing here raises, whatever it is given.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from .trace import AttributeValue

REDACTED = "[redacted]"
TEXT_LIMIT = 8 * 1024
STACKTRACE_LIMIT = 16 * 1024
DEPTH_LIMIT = 6
ITEMS_LIMIT = 64

_CONTROLS = {
    code: "\ufffd"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\t\n"
} | dict.fromkeys((65534, 65535), "�")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ODD = re.compile("[^\t\n\x20-\x7e\u00a1-\u1fff\u2010-\u2027\u2030-\u2065\u2070-\ud7ff\ue000-\ufffd]")

_SECRET_KEY = re.compile(
    r"(?:^|[_.\-\s])(?:password|passwd|pwd|passphrase|secret|secrets|token|api[_\-]?key|apikey|access[_\-]?key|"
    r"private[_\-]?key|client[_\-]?secret|authorization|auth|cookie|credentials?|session[_\-]?key)(?:$|[_.\-\s])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,20000}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)"
    r"|\bsk-[A-Za-z0-9_\-]{16,512}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,255}\b"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,255}\b"
    r"|\bxox[abprs]-[A-Za-z0-9\-]{10,255}"
    r"|\bglpat-[A-Za-z0-9_\-]{16,255}"
    r"|\bAIza[A-Za-z0-9_\-]{30,60}"
    r"|\beyJ[A-Za-z0-9_\-]{8,2048}\.[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{4,2048}"
    r"|(?<=://)[^\s/:@]{0,256}:[^\s/@]{1,256}(?=@)"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{8,4096}=*"
    r"|(?<=[?&;])(?:token|key|api_?key|access_token|password|secret|sig|signature)=[^&\s#;]{1,2048}",
)


def clean_text(text: str) -> str:
    """Valid Unicode without control characters (tab and newline stay); what may not stand becomes U+FFFD.

    >>> clean_text("a\\x1b[31mb\\ud800c")
    'a�[31mb�c'
    """
    if text.isascii() and text.isprintable():
        return text
    if not _ODD.search(text):
        return text
    return _SURROGATES.sub("\ufffd", text).translate(_CONTROLS)


def redact_text(text: str) -> str:
    """The text with everything that has the shape of a secret replaced.

    >>> redact_text("see https://joe:hunter2@example.org/?token=abc&x=1")
    'see https://[redacted]@example.org/?[redacted]&x=1'
    """
    return _SECRET_VALUE.sub(REDACTED, text)


def cut_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its beginning with a mark that says how much is gone.

    >>> cut_text("abcdefgh", 3)
    'abc…[5 characters cut]'
    """
    if len(text) <= limit:
        return text
    return f"{text[:limit]}…[{len(text) - limit} characters cut]"


def safe_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Cleaned, redacted, cut: in the order in which nothing can slip through."""
    return cut_text(redact_text(clean_text(text[: limit * 4])), limit)


def is_secret_key(key: str) -> bool:
    """Whether a key's name says that its value is a secret.

    >>> is_secret_key("openai_api_key"), is_secret_key("dbPassword"), is_secret_key("tokenizer")
    (True, True, False)
    """
    return _SECRET_KEY.search(_CAMEL.sub("_", key)) is not None


def describe_error(error: BaseException) -> str:
    """The text of an exception, also when its ``__str__`` is broken."""
    try:
        text = str(error)
    except Exception as broken:  # strangers' __str__
        text = f"(its text could not be made: {type(broken).__name__})"
    return safe_text(text)


def clean_value(value: object) -> AttributeValue | None:
    """The value as a span attribute may hold it: text, bool, int, finite float or a list of one of them.

    Whole numbers beyond 64 bits become text; ``None`` and what has no such form are left out by the caller (``None``).
    """
    match value:
        case bool():
            return value
        case str():
            return safe_text(value)
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)[:TEXT_LIMIT]
        case float():
            return value if math.isfinite(value) else str(value)
        case list() | tuple():
            return tuple(safe_text(str(item)) for item in value)
        case _:
            return None


def clean_attributes(attributes: Mapping[str, object]) -> dict[str, AttributeValue]:
    """All attributes that can be kept, each cleaned, secrets by key name redacted."""
    clean: dict[str, AttributeValue] = {}
    for key, value in attributes.items():
        kept = REDACTED if is_secret_key(key) else clean_value(value)
        if kept is not None:
            clean[clean_text(key)] = kept
    return clean


def payload(value: object, limit: int = TEXT_LIMIT) -> tuple[str, str]:
    """A value as text for ``input.value`` or ``output.value``, and its mime type.

    JSON (``application/json``) while it fits into ``limit`` characters; cut, it is no longer JSON (``text/plain``).
    """
    text = json.dumps(_plain(value, DEPTH_LIMIT, set()), ensure_ascii=False)
    kept = cut_text(redact_text(clean_text(text)), limit)
    return kept, "application/json" if len(kept) <= limit else "text/plain"


def summary(value: object) -> tuple[str, str]:
    """The shape of a value without its content: keys, types and lengths; with its mime type."""
    return json.dumps(_shape(value, 3), ensure_ascii=False), "application/json"


def _plain(value: object, depth: int, above: set[int]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value[: TEXT_LIMIT * 2])
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:TEXT_LIMIT]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth == 0:
        return f"<{type(value).__name__}>"
    if id(value) in above:
        return "<cycle>"
    inner = above | {id(value)}
    if isinstance(value, Mapping):
        return _plain_items(value.items(), len(value), depth, inner)
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item, depth - 1, inner) for item, _ in zip(value, range(ITEMS_LIMIT), strict=False)]
        return [*items, f"… {len(value) - ITEMS_LIMIT} more"] if len(value) > ITEMS_LIMIT else items
    fields = _fields(value)
    if fields is not None:
        return _plain_items(fields.items(), len(fields), depth, inner)
    return _text_of(value)


def _plain_items(items: Iterable[tuple[object, object]], count: int, depth: int, above: set[int]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for (key, item), _ in zip(items, range(ITEMS_LIMIT), strict=False):
        name = clean_text(_text_of(key))
        plain[name] = REDACTED if is_secret_key(name) else _plain(item, depth - 1, above)
    if count > ITEMS_LIMIT:
        plain["…"] = f"{count - ITEMS_LIMIT} more"
    return plain


def _shape(value: object, depth: int) -> Any:
    if isinstance(value, str | bytes):
        return f"{type(value).__name__}[{len(value)}]"
    if isinstance(value, Mapping) and depth:
        pairs = zip(value.items(), range(ITEMS_LIMIT), strict=False)
        return {clean_text(_text_of(key)): _shape(item, depth - 1) for (key, item), _ in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return f"{type(value).__name__}[{len(value)}]"
    fields = _fields(value) if depth else None
    if fields is not None:
        return {key: _shape(item, depth - 1) for key, item in fields.items()}
    return type(value).__name__


def _fields(value: object) -> dict[str, object] | None:
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


def _text_of(value: object) -> str:
    try:
        return clean_text(str(value)[:TEXT_LIMIT])
    except Exception:  # strangers' __str__
        return f"<{type(value).__name__}>"
