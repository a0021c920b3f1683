"""Names and ids as they may stand in spans: cleaned and redacted, each looked at once."""

from __future__ import annotations

from .gate import clean_text, redact_text


class SpanNames:
    """Remembers the clean form of names. Ids are a name, ``#`` and a number, and are clean when their name is."""

    __slots__ = ("_clean", "_fine")

    def __init__(self) -> None:
        self._clean: dict[str, str] = {"": ""}
        self._fine = {""}

    def name(self, text: str) -> str:
        """A name of low cardinality: of a step, a class, a workflow."""
        clean = self._clean.get(text)
        if clean is None:
            clean = self._clean[text] = safe_name(text)
        return clean

    def id(self, text: str) -> str:
        """The id of an event or an execution."""
        head, _, number = text.rpartition("#")
        if head in self._fine:
            return text
        clean = self.name(head)
        if clean == head:
            self._fine.add(head)
        return f"{clean}#{number}"

    def ids(self, texts: tuple[str, ...], cap: int) -> tuple[str, ...]:
        """The first ids of many."""
        return tuple([self.id(text) for text in texts[:cap]])


def safe_name(text: str) -> str:
    """A name as it may be shown; the same object when nothing is wrong with it.

    >>> safe_name("AKIAIOSFODNN7EXAMPLE")
    '[redacted]'
    """
    clean = redact_text(clean_text(text))
    return text if clean == text else clean
