"""Text into markup: what a format gives a meaning to loses it."""

from __future__ import annotations

import re

from wftrace.gate import clean_text

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_UNSAFE = re.compile("[&<>\"']")


def escape_xml(text: str) -> str:
    """A text for XML and HTML, between tags or in an attribute; controls become U+FFFD.

    >>> escape_xml('a<b & "c"')
    'a&lt;b &amp; &quot;c&quot;'
    """
    return _UNSAFE.sub(lambda found: _MARKUP[found[0]], clean_text(text))


def number(value: float) -> str:
    """A coordinate as short as it can be written.

    >>> number(12.0), number(0.25), number(-0.0)
    ('12', '0.25', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
