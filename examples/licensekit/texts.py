"""Which licence a text is, told by phrases that only that licence has."""

import re
from dataclasses import dataclass

HEAD = 900
"""How much of a text counts as its head, where licences of the GNU family name themselves."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A licence shows by all of the patterns ``needs`` and none of ``lacks``, some in the ``head`` of a text only."""

    license: str
    needs: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    head: bool = False


_BSD = r"redistribution and use in source and binary forms with or without modification are permitted"
_BSD_THIRD = r"(neither the name|names? of .{1,120} (may|must) not be used to endorse)"
_BSD_FOURTH = r"all advertising materials mentioning features"
_ISC = (
    r"permission to use copy modify and (or )?distribute this software for any purpose "
    r"with or without fee is hereby granted"
)
_MIT = r"permission is hereby granted free of charge to any person obtaining a copy"
_KEEP_NOTICE = r"permission notice (including the next paragraph )?shall be included in all copies"
_OR_LATER = r"either version [\d.]+ of the license or at your option any later version"
_GNU_NOTICE = r"(under|by|of) the terms of the gnu "

MARKS: tuple[Mark, ...] = (
    Mark("MIT", (_MIT, _KEEP_NOTICE)),
    Mark("MIT-0", (_MIT,), (_KEEP_NOTICE,)),
    Mark("BSD-2-Clause", (_BSD,), (_BSD_THIRD, _BSD_FOURTH)),
    Mark("BSD-3-Clause", (_BSD, _BSD_THIRD), (_BSD_FOURTH,)),
    Mark("BSD-4-Clause", (_BSD, _BSD_FOURTH)),
    Mark("ISC", (_ISC + r" provided that",)),
    Mark("0BSD", (_ISC,), (_ISC + r" provided that",)),
    Mark(
        "HPND",
        (r"permission to use copy modify and distribute this software and its documentation for any purpose",),
        (r"python software foundation", r"stichting mathematisch centrum"),
    ),
    Mark("Apache-2.0", (r"apache license version 2.0",), (r"llvm exceptions",)),
    Mark("Apache-2.0 WITH LLVM-exception", (r"apache license version 2.0", r"llvm exceptions")),
    Mark("MPL-2.0", (r"mozilla public license (v |version )?2.0",)),
    Mark("MPL-1.1", (r"mozilla public license version 1.1",)),
    Mark("EPL-2.0", (r"eclipse public license v ?2.0",)),
    Mark("EPL-1.0", (r"eclipse public license v ?1.0",)),
    Mark("PSF-2.0", (r"(psf license agreement|python software foundation license version 2)",)),
    Mark("Unlicense", (r"this is free and unencumbered software released into the public domain",)),
    Mark("CC0-1.0", (r"cc0 1.0 universal",)),
    Mark("CC-BY-4.0", (r"attribution 4.0 international",), (r"noncommercial 4.0", r"sharealike 4.0"), head=True),
    Mark("CC-BY-SA-4.0", (r"attribution sharealike 4.0 international",), head=True),
    Mark("Zlib", (r"altered source versions must be plainly marked as such",)),
    Mark("BSL-1.0", (r"boost software license version 1.0",)),
    Mark("ZPL-2.1", (r"zope public license zpl version 2.1",)),
    Mark("Artistic-2.0", (r"the artistic license 2.0",), head=True),
    Mark("EUPL-1.2", (r"european union public licen[cs]e v ?1.2",), head=True),
    Mark("AGPL-3.0-only", (r"gnu affero general public license version 3",), (_OR_LATER,), head=True),
    Mark("AGPL-3.0-or-later", (_GNU_NOTICE + "affero general public license", _OR_LATER), head=True),
    Mark("GPL-3.0-only", (r"gnu general public license version 3",), (_OR_LATER,), head=True),
    Mark("GPL-3.0-or-later", (_GNU_NOTICE + "general public license", r"version 3 of", _OR_LATER), head=True),
    Mark("GPL-2.0-only", (r"gnu general public license version 2",), (_OR_LATER,), head=True),
    Mark("GPL-2.0-or-later", (_GNU_NOTICE + "general public license", r"version 2 of", _OR_LATER), head=True),
    Mark("LGPL-3.0-only", (r"gnu lesser general public license version 3",), (_OR_LATER,), head=True),
    Mark("LGPL-3.0-or-later", (_GNU_NOTICE + "lesser general public", r"version 3 of", _OR_LATER), head=True),
    Mark("LGPL-2.1-only", (r"gnu lesser general public license version 2.1",), (_OR_LATER,), head=True),
    Mark("LGPL-2.1-or-later", (_GNU_NOTICE + "lesser general public", r"version 2.1 of", _OR_LATER), head=True),
    Mark("LGPL-2.0-only", (r"gnu library general public license version 2",), (_OR_LATER,), head=True),
)


def recognize(text: str) -> tuple[str, ...]:
    """The SPDX ids of the licences whose text this is, in the order of ``MARKS``; empty when none is known.

    >>> recognize("Permission is hereby granted, free of charge, to any person obtaining a copy of this software")
    ('MIT-0',)
    """
    words = _words(text)
    head = words[:HEAD]
    return tuple(mark.license for mark in MARKS if _shows(mark, head if mark.head else words))


def _shows(mark: Mark, words: str) -> bool:
    if not all(re.search(pattern, words) for pattern in mark.needs):
        return False
    return not any(re.search(pattern, words) for pattern in mark.lacks)


def _words(text: str) -> str:
    """The text in lower case, one space between words, of its punctuation only the dots of numbers left."""
    lowered = re.sub(r"[^a-z0-9.]+", " ", text.lower())
    return re.sub(r"\.(?!\d)", "", lowered).strip()
