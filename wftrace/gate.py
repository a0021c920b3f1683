"""The one gate: everything that leaves the process goes through here to be cleaned and redacted.

*Cleaned*: text becomes valid Unicode without control characters, values become what a span attribute may hold.
*Redacted*: secrets are recognised by the names of their keys and by the shape of the values. *Bounded*: long texts are
cut with a visible mark. Nothing here raises, whatever it is given.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
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
    r"(?:^|[_.\-\s])(?:password|passwd|pwd|passphrase|secrets?|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|"
    r"authorization|auth|cookie|credentials?|session[_\-]?key)\d{0,3}(?=$|[_.\-\s])"
    r"(?![_.\-\s](?:counts?|type|limit|usage|length|policy|method)(?:$|[_.\-\s]))",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]{0,40}PRIVATE KEY-----|[\s\S]*)"
    r"|\bsk-[A-Za-z0-9_\-]{16,512}"
    r"|\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,255}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,255}\b"
    r"|\bgithub_pat_[A-Za-z0-9_]{20,255}\b"
    r"|\bxox[abprs]-[A-Za-z0-9\-]{10,255}"
    r"|\bglpat-[A-Za-z0-9_\-]{16,255}"
    r"|\bAIza[A-Za-z0-9_\-]{30,60}"
    r"|\beyJ[A-Za-z0-9_\-]{8,2048}\.[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{4,2048}"
    r"|(?<=://)[^\s/:@]{0,256}:[^\s/@]{1,256}(?=@)"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{8,4096}=*"
    r"|(?<=uthorization: Basic )[A-Za-z0-9+/=]{4,4096}"
    r"|(?<=[?&;])(?i:(?:x-amz-|access_|refresh_|id_|auth_|client_|private_|api_?)?"
    r"(?:token|key|password|passwd|pwd|secret|sig|signature|credential))=[^\s&#;\"'<>]{1,2048}"
    r"|(?<![A-Za-z0-9_\-])(?i:password|passwd|pwd|api_?key|access_token|client_secret)="
    r"(?:\"[^\"\n]{1,1024}\"|'[^'\n]{1,1024}'|[^\s&#;,\"'<>()]{1,1024})",
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


def cut_text(text: str, limit: int = TEXT_LIMIT, gone: int = 0) -> str:
    """The text, or its beginning with a mark that says how much is gone; ``gone`` characters were cut before.

    >>> cut_text("abcdefgh", 3)
    'abc…[5 characters cut]'
    """
    cut = max(0, len(text) - limit) + gone
    return f"{text[:limit]}…[{cut} characters cut]" if cut else text


def safe_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Cleaned, redacted, cut: in the order in which nothing can slip through."""
    head = text[: limit * 4]
    return cut_text(redact_text(clean_text(head)), limit, len(text) - len(head))


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
    try:
        return _attribute(value)
    except Exception:  # strangers' subclasses
        return None


def _attribute(value: object) -> AttributeValue | None:
    match value:
        case bool():
            return value
        case str():
            return safe_text(value)
        case int():
            return int(value) if _fits(value) else _digits(value)
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


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _digits(number: int) -> str:
    """A whole number as text; Python refuses to write very long ones."""
    return str(number) if number.bit_length() < 1024 else f"<int of {number.bit_length()} bits>"


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
    text = json.dumps(_Plain(limit).plain(value, DEPTH_LIMIT, frozenset()), ensure_ascii=False)
    kept = cut_text(clean_text(text), limit)
    return kept, "application/json" if len(kept) <= limit else "text/plain"


def summary(value: object, limit: int = TEXT_LIMIT) -> tuple[str, str]:
    """The shape of a value without its content: keys, types and lengths; with its mime type, as ``payload`` has it."""
    text = json.dumps(_Plain(limit).shape(value, 3), ensure_ascii=False)
    kept = cut_text(redact_text(clean_text(text)), limit)
    return kept, "application/json" if len(kept) <= limit else "text/plain"


class _Plain:
    """Turns values into what JSON can hold, until it has made ``limit`` characters and some more.

    Without such a purse a small value whose parts share their parts would have no end.
    """

    __slots__ = ("_left", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def plain(self, value: object, depth: int, above: frozenset[int]) -> Any:
        """The value with its content."""
        try:
            plain = self._plain(value, depth, above)
        except Exception:  # strangers' mappings, sequences and numbers
            plain = f"<{type(value).__name__}>"
        self._left -= len(plain) + 2 if isinstance(plain, str) else 4
        return plain

    def _plain(self, value: object, depth: int, above: frozenset[int]) -> Any:
        match value:
            case None | bool():
                return value
            case str():
                return safe_text(value, self._limit)
            case int():
                return int(value) if _fits(value) else _digits(value)
            case float():
                return float(value) if math.isfinite(value) else str(value)
            case bytes() | bytearray() | memoryview():
                return f"<{len(value)} bytes>"
        if depth == 0:
            return f"<{type(value).__name__}>"
        if id(value) in above:
            return "<cycle>"
        return self._parts(value, depth - 1, above | {id(value)})

    def _parts(self, value: object, depth: int, above: frozenset[int]) -> Any:
        if isinstance(value, Mapping):
            return self._items(value.items(), len(value), depth, above)
        if isinstance(value, list | tuple | set | frozenset):
            plain: list[Any] = []
            for item in itertools.islice(value, ITEMS_LIMIT):
                if self._left <= 0:
                    break
                plain.append(self.plain(item, depth, above))
            return plain if len(plain) == len(value) else [*plain, f"… {len(value) - len(plain)} more"]
        fields = _fields(value)
        if fields is not None:
            return self._items(fields.items(), len(fields), depth, above)
        return safe_text(_text_of(value), self._limit)

    def _items(
        self, items: Iterable[tuple[object, object]], count: int, depth: int, above: frozenset[int]
    ) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        seen = 0
        for key, item in itertools.islice(items, ITEMS_LIMIT):
            if self._left <= 0:
                break
            seen += 1
            name = redact_text(_text_of(key))
            self._left -= len(name) + 4
            plain[name] = REDACTED if is_secret_key(name) else self.plain(item, depth, above)
        if count > seen:
            plain["…"] = f"{count - seen} more"
        return plain

    def shape(self, value: object, depth: int) -> Any:
        """The value without its content."""
        self._left -= 8
        try:
            return self._shape(value, depth)
        except Exception:  # strangers' mappings and sequences
            return type(value).__name__

    def _shape(self, value: object, depth: int) -> Any:
        if isinstance(value, str | bytes | list | tuple | set | frozenset):
            return f"{type(value).__name__}[{len(value)}]"
        fields = value if isinstance(value, Mapping) else _fields(value)
        if fields is None or not depth:
            return type(value).__name__
        shape: dict[str, Any] = {}
        for key, item in itertools.islice(fields.items(), ITEMS_LIMIT):
            if self._left <= 0:
                break
            name = _text_of(key)
            self._left -= len(name) + 4
            shape[name] = self.shape(item, depth - 1)
        return shape


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
