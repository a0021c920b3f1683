"""Words for HTML: everything that comes from outside is escaped here, and only here."""

from __future__ import annotations

import html
import re

from wftrace.gate import clean_text, cut_text
from wftrace.units import format_ms

TEXT_CAP = 4_000
SECONDS_FROM = 10_000.0
HOURS_FROM = 600_000.0

_SPACES = re.compile(r"[\t\n]+")


def esc(value: object) -> str:
    """A value as text for an element or a quoted attribute.

    >>> esc('<b onload="x">'), esc("a\\x00b")
    ('&lt;b onload=&quot;x&quot;&gt;', 'a�b')
    """
    return html.escape(clean_text(str(value)), quote=True)


def line(value: object, limit: int = 200) -> str:
    """A value as one line of escaped text, cut where it is too long."""
    return esc(cut_text(_SPACES.sub(" ", str(value)).strip(), limit))


def block(value: str, css: str = "") -> str:
    """A text of many lines, such as a traceback or a payload."""
    mark = f' class="{css}"' if css else ""
    return f'<pre{mark} tabindex="0">{esc(cut_text(value.rstrip(), TEXT_CAP))}</pre>'


def link(ref: str, value: object) -> str:
    """A link to a card of the report, or plain text when there is no such card."""
    return f'<a href="#{esc(ref)}">{line(value)}</a>' if ref else line(value)


def row(*cells: str, head: bool = False, attributes: str = "") -> str:
    """A table row of cells that are HTML already."""
    name = "th" if head else "td"
    scope = ' scope="col"' if head else ""
    return f"<tr{attributes}>" + "".join(f"<{name}{scope}>{cell}</{name}>" for cell in cells) + "</tr>"


def table(caption: str, heads: tuple[str, ...], rows: list[str], css: str = "") -> str:
    """A table with a caption that screen readers read first."""
    mark = f' class="{css}"' if css else ""
    top = row(*(esc(head) for head in heads), head=True)
    body = "".join(rows)
    return f"<table{mark}><caption>{esc(caption)}</caption><thead>{top}</thead><tbody>{body}</tbody></table>"


def facts(pairs: list[tuple[str, str]]) -> str:
    """Names and values (HTML already) below each other; empty values are left out."""
    items = "".join(f"<dt>{esc(name)}</dt><dd>{value}</dd>" for name, value in pairs if value)
    return f"<dl>{items}</dl>" if items else ""


def card(ref: str, title: str, *parts: str) -> str:
    """A card under its anchor; title and parts are HTML already."""
    return f'<article class="card" id="{esc(ref)}" tabindex="-1"><h3>{title}</h3>{"".join(parts)}</article>'


def section(title: str, body: str) -> str:
    """A part of a card, nothing when it is empty."""
    return f"<h4>{esc(title)}</h4>{body}" if body else ""


def small_table(*rows: str) -> str:
    """Rows without a head, as wide as they need to be."""
    return f"<table class='small'><tbody>{''.join(rows)}</tbody></table>" if rows else ""


def clock(value_ms: float, whole_ms: float) -> str:
    """A time since the start, in the unit and with the digits that suit a run of the length ``whole_ms``.

    >>> clock(20.94, 385.0), clock(61_234.5, 90_000.0), clock(90_061_234.5, 2e8)
    ('20.9', '61.234', '25:01:01.234')
    """
    if whole_ms < SECONDS_FROM:
        return f"{value_ms:.1f}"
    if whole_ms < HOURS_FROM:
        return f"{value_ms / 1000:.3f}"
    sign, whole = ("−", -value_ms) if value_ms < 0 else ("", value_ms)
    seconds, rest = divmod(int(whole), 1000)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def clock_head(whole_ms: float) -> str:
    """What stands above times as ``clock`` writes them."""
    return "time, ms" if whole_ms < SECONDS_FROM else "time, s" if whole_ms < HOURS_FROM else "time, h:min:s"


def ms(value: float) -> str:
    """A duration."""
    return esc(format_ms(value))
