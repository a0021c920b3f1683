"""The colours of both themes, and which text stands on which fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme. ``heat`` are the five fills for a step's share of the time, the least first."""

    paper: str
    ink: str
    muted: str
    line: str
    faint: str
    faint_line: str
    step: str
    step_line: str
    event: str
    event_line: str
    start: str
    start_ink: str
    human: str
    human_line: str
    human_ink: str
    heat: tuple[str, str, str, str, str]
    failed: str
    failed_line: str
    failed_ink: str
    recovered: str
    recovered_line: str
    recovered_ink: str
    critical: str
    critical_band: str
    undeclared: str
    undeclared_fill: str
    hole: str
    added: str
    added_fill: str
    removed: str
    removed_fill: str
    changed: str
    changed_fill: str


LIGHT = Palette(
    paper="#ffffff", ink="#0f172a", muted="#3f4b5f", line="#3b4a61", faint="#5d6b80", faint_line="#8290a5",
    step="#ffffff", step_line="#334155", event="#f1f5f9", event_line="#7b8aa1",
    start="#0f172a", start_ink="#ffffff", human="#fffaeb", human_line="#b4690e", human_ink="#5c3005",
    heat=("#f0f6ff", "#dceafe", "#c3dcfe", "#a9cdfd", "#93bffb"),
    failed="#fee4e2", failed_line="#b42318", failed_ink="#98180d",
    recovered="#fff4d6", recovered_line="#b4690e", recovered_ink="#86460a",
    critical="#c2410c", critical_band="#fddcbd", undeclared="#7e22ce", undeclared_fill="#f8f1ff",
    hole="#b93c0a", added="#0b6b5f", added_fill="#def5f0", removed="#9b1c5a", removed_fill="#fdecf4",
    changed="#a14a05", changed_fill="#fff1df",
)  # fmt: skip

DARK = Palette(
    paper="#0d1420", ink="#e9eff8", muted="#bcc8d8", line="#aab8cc", faint="#93a2b8", faint_line="#64748b",
    step="#151f2f", step_line="#93a4ba", event="#1e293b", event_line="#6f8097",
    start="#e9eff8", start_ink="#0d1420", human="#2a2109", human_line="#d99a2b", human_ink="#fbe3b0",
    heat=("#16263f", "#183052", "#1a3b68", "#1c4479", "#1f4d8a"),
    failed="#45161a", failed_line="#f87171", failed_ink="#fecaca",
    recovered="#35260a", recovered_line="#e0a33a", recovered_ink="#fcd98a",
    critical="#fb923c", critical_band="#59300f", undeclared="#d3a6ff", undeclared_fill="#28183d",
    hole="#ff9a5c", added="#5fdcc4", added_fill="#0f312c", removed="#f79ac5", removed_fill="#3a1428",
    changed="#f7b45a", changed_fill="#33230c",
)  # fmt: skip

THEMES = {"light": LIGHT, "dark": DARK}


def text_pairs(palette: Palette) -> Iterator[tuple[str, str]]:
    """Every text colour with every fill that it is set on."""
    for fill in (palette.paper, palette.step, palette.event, *palette.heat, palette.failed, palette.undeclared_fill):
        yield palette.ink, fill
        yield palette.muted, fill
    for fill in (palette.paper, palette.step, palette.event):
        yield palette.faint, fill
    yield palette.start_ink, palette.start
    yield palette.human_ink, palette.human
    yield palette.faint, palette.human
    yield palette.failed_ink, palette.failed
    yield palette.recovered_ink, palette.recovered
    yield palette.undeclared, palette.paper
    yield palette.undeclared, palette.undeclared_fill
    yield palette.critical, palette.paper
    yield palette.hole, palette.paper
    for color, fill in (
        (palette.added, palette.added_fill), (palette.removed, palette.removed_fill),
        (palette.changed, palette.changed_fill),
    ):  # fmt: skip
        yield color, palette.paper
        yield color, fill
        yield palette.ink, fill
        yield palette.muted, fill


def line_pairs(palette: Palette) -> Iterator[tuple[str, str]]:
    """Every colour of a line or border with the fill behind it."""
    for color in (
        palette.line, palette.faint_line, palette.step_line, palette.event_line, palette.human_line,
        palette.failed_line, palette.recovered_line, palette.critical, palette.undeclared,
        palette.hole, palette.added, palette.removed, palette.changed,
    ):  # fmt: skip
        yield color, palette.paper


def contrast(first: str, second: str) -> float:
    """The contrast of two ``#rrggbb`` colours by WCAG, 1 to 21.

    >>> contrast("#000000", "#ffffff"), contrast("#777777", "#777777")
    (21.0, 1.0)
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return round((lighter + 0.05) / (darker + 0.05), 2)


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
