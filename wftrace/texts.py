"""Texts as they may leave the process: valid Unicode without control characters, no secrets, and not too long."""

from __future__ import annotations

import re

from .redaction import redact_text

TEXT_LIMIT = 8 * 1024

_BEYOND = 24 * 1024
_LONGEST = 8 * 1024
_CONTROLS = {
    code: "\ufffd"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\t\n"
} | dict.fromkeys((65534, 65535), "�")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ODD = re.compile("[^\t\n\x20-\x7e\u00a1-\u1fff\u2010-\u2027\u2030-\u2065\u2070-\ud7ff\ue000-\ufffd]")
_LAST_WORD = re.compile(r"\S*\Z")


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


def cut_text(text: str, limit: int = TEXT_LIMIT, gone: int = 0) -> str:
    """The text, or its beginning with a mark that says how much is gone; ``gone`` characters were cut before.

    >>> cut_text("abcdefgh", 3)
    'abc…[5 characters cut]'
    """
    cut = max(0, len(text) - limit) + gone
    return f"{text[:limit]}…[{cut} characters cut]" if cut else text


def safe_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Cleaned, redacted, cut: in the order in which nothing can slip through.

    Of a very long text only the first part is looked at. Where that ends there may be half a secret, which has no
    shape: so the last word is not shown, unless what is shown ends long before.
    """
    text = str.__str__(text)
    if len(text) <= limit + _BEYOND:
        return cut_text(redact_text(clean_text(text)), limit)
    shown = redact_text(clean_text(text[: limit + _BEYOND]))
    if len(shown) < limit + _LONGEST:
        shown = _LAST_WORD.sub("", shown, count=1)
    shown = shown[:limit]
    return f"{shown}…[{len(text) - len(shown)} characters cut]"


def safe_end(text: str, limit: int) -> str:
    """The same of the end of a text, which is what matters in a stack trace.

    >>> safe_end("first last", 4)
    '[6 characters cut]…last'
    """
    text = str.__str__(text)
    tail = text[-limit - _BEYOND :]
    shown = redact_text(clean_text(tail))
    if len(tail) == len(text):
        return shown if len(shown) <= limit else f"[{len(shown) - limit} characters cut]…{shown[-limit:]}"
    if len(shown) < limit + _LONGEST:
        shown = shown.partition("\n")[2]
    shown = shown[-limit:]
    return f"[{len(text) - len(shown)} characters cut]…{shown}"
