"""The small signs of the pictures: as drawings, so that no font has to have them, and as characters for texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign: its character, and its drawing in a square of 16: what is filled and what is a stroke."""

    glyph: str
    filled: str = ""
    stroke: str = ""


SIGNS: dict[str, Sign] = {
    "start": Sign("●", filled="M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10z"),
    "stop": Sign(
        "◉",
        filled="M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6z",
        stroke="M8 2.6a5.4 5.4 0 1 1 0 10.8a5.4 5.4 0 1 1 0-10.8z",
    ),
    "request": Sign("⇱", stroke="M12.5 9v4.5h-10V3.5H7M6.5 9.5L13.5 2.5M9.5 2.5h4v4"),
    "answer": Sign("⇲", stroke="M12.5 9v4.5h-10V3.5H7M13.5 2.5L7 9M7 5v4.2h4.2"),
    "human": Sign(
        "☺",
        filled="M8 1.8a3 3 0 1 1 0 6a3 3 0 1 1 0-6z",
        stroke="M2.5 14c0-3.4 2.4-4.8 5.5-4.8s5.5 1.4 5.5 4.8",
    ),
    "stream": Sign("≋", stroke="M2 5c2-2 4-2 6 0s4 2 6 0M2 8.5c2-2 4-2 6 0s4 2 6 0M2 12c2-2 4-2 6 0s4 2 6 0"),
    "warning": Sign("⚠", filled="M7.3 11.3h1.4v1.3H7.3zM7.4 6h1.2l-.2 4.2h-.8z", stroke="M8 2.2L14.5 14H1.5z"),
    "join": Sign("⋈", stroke="M2.5 3.5v9L13.5 3.5v9z"),
    "retry": Sign("↻", filled="M13.9 1.7v4.8H9.1z", stroke="M12.4 4.6A5.3 5.3 0 1 0 13.3 9"),
    "failed": Sign("✗", stroke="M3.5 3.5l9 9M12.5 3.5l-9 9"),
    "stopped": Sign("⊘", stroke="M8 2.6a5.4 5.4 0 1 1 0 10.8a5.4 5.4 0 1 1 0-10.8zM4.2 11.8l7.6-7.6"),
    "then": Sign("→", stroke="M2 8h11M9.5 4.5L13 8l-3.5 3.5"),
    "resource": Sign("▪", stroke="M3 4c0-2.2 10-2.2 10 0v8c0 2.2-10 2.2-10 0zM3 4c0 2.2 10 2.2 10 0"),
    "timeout": Sign("≤", stroke="M8 4a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM8 6.5V9l1.8 1.2M6.5 1.8h3"),
    "workers": Sign("⫴", stroke="M4 3v10M8 3v10M12 3v10"),
    "undeclared": Sign("!", filled="M7 11.6h2v2H7zM6.9 2.4h2.2l-.4 7.6H7.3z"),
    "added": Sign("+", stroke="M8 2.5v11M2.5 8h11"),
    "removed": Sign("−", stroke="M2.5 8h11"),
    "changed": Sign("Δ", stroke="M8 2.8L14 13.2H2z"),
}  # fmt: skip
