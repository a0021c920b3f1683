"""The names that a picture shows: one line each, and as short as they stay unambiguous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wftrace.gate import clean_text

LONGEST = 44


def one_line(text: str) -> str:
    """A text from outside as one line of valid Unicode without control characters.

    >>> one_line("two\\n  lines\\x1b")
    'two lines\ufffd'
    """
    return " ".join(clean_text(text).split())


def clipped(text: str, longest: int = LONGEST) -> str:
    """A name with its middle left out when it is longer than ``longest`` characters.

    >>> clipped("abcdefghij", 7)
    'abc…hij'
    """
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[: longest - 1 - half]}\u2026{text[-half:]}"


def short_names(qualified: Iterable[str]) -> dict[str, str]:
    """The shortest dotted suffix of each qualified name that no other of them ends with.

    >>> short_names(["app.a.Done", "app.b.Done", "app.Start"])
    {'app.a.Done': 'a.Done', 'app.b.Done': 'b.Done', 'app.Start': 'Start'}
    """
    parts = {name: name.split(".") for name in qualified}
    endings = Counter(tuple(words[start:]) for words in parts.values() for start in range(len(words)))
    return {name: _shortest(words, endings) for name, words in parts.items()}


def _shortest(words: list[str], endings: Counter[tuple[str, ...]]) -> str:
    for start in range(len(words) - 1, -1, -1):
        if endings[tuple(words[start:])] == 1:
            return ".".join(words[start:])
    return ".".join(words)
