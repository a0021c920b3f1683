"""Which licence a distribution has: its SPDX expression, else its License field, its classifiers, its licence files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .expression import canonical
from .sources import Distribution, plain_text
from .texts import recognize

NOISE = frozenset({"license", "licence", "the", "software", "version", "gnu", "v", "approved", "osi"})

PHRASES: dict[str, tuple[str, ...]] = {
    "MIT": ("MIT", "Expat", "MIT Expat"),
    "MIT-0": ("MIT No Attribution MIT-0", "MIT No Attribution"),
    "BSD-2-Clause": ("BSD 2 Clause", "2 Clause Simplified BSD", "Simplified BSD", "FreeBSD", "BSD 2"),
    "BSD-3-Clause": ("BSD 3 Clause", "New BSD", "Modified BSD", "Revised BSD", "3 Clause New BSD", "BSD 3"),
    "Apache-2.0": ("Apache 2.0", "ASL 2.0"),
    "MPL-1.1": ("MPL 1.1", "Mozilla Public License 1.1 (MPL 1.1)"),
    "MPL-2.0": ("MPL 2.0", "Mozilla Public License 2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
    "ISC": ("ISC", "ISC License (ISCL)"),
    "PSF-2.0": ("PSF", "PSFL", "PSF 2", "Python Software Foundation", "Python Software Foundation 2"),
    "EPL-1.0": ("EPL 1.0", "Eclipse Public License 1.0 (EPL-1.0)", "Eclipse Public License 1.0"),
    "EPL-2.0": ("EPL 2.0", "Eclipse Public License 2.0 (EPL-2.0)", "Eclipse Public License 2.0"),
    "Unlicense": ("Unlicense",),
    "CC0-1.0": ("CC0", "CC0 1.0", "CC0 1.0 Universal", "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication"),
    "ZPL-2.1": ("ZPL 2.1", "Zope Public License 2.1", "Zope Public"),
    "Zlib": ("zlib", "zlib/libpng"),
    "BSL-1.0": ("Boost 1.0", "Boost Software License 1.0 (BSL-1.0)", "BSL 1.0"),
    "0BSD": ("0BSD", "Zero Clause BSD", "Zero-Clause BSD (0BSD)"),
    "HPND": ("HPND", "Historical Permission Notice and Disclaimer (HPND)"),
    "WTFPL": ("WTFPL",),
    "EUPL-1.2": ("EUPL 1.2", "European Union Public Licence 1.2 (EUPL 1.2)"),
    "LicenseRef-Public-Domain": ("Public Domain",),
    "LicenseRef-Proprietary": ("Proprietary", "Other/Proprietary License", "Commercial", "All rights reserved"),
}
"""How people write a licence where no SPDX id is asked for. Order, case, noise words and ``.0`` do not count."""

GNU = {"GPL": "General Public", "LGPL": "Lesser General Public", "AGPL": "Affero General Public"}
GNU_VERSIONS = {"GPL": ("2.0", "3.0"), "LGPL": ("2.0", "2.1", "3.0"), "AGPL": ("3.0",)}

FAMILIES = {
    "BSD": ("BSD",),
    "Apache": ("Apache",),
    "GPL": ("GPL", "General Public", "General Public License (GPL)"),
    "LGPL": ("LGPL", "Lesser General Public", "Library or Lesser General Public License (LGPL)"),
    "AGPL": ("AGPL", "Affero General Public"),
    "MPL": ("MPL", "Mozilla Public"),
}
"""Names that leave open which version of a licence is meant. The licence files may say."""


@dataclass(frozen=True, slots=True)
class License:
    """A licence expression in SPDX's spelling, empty when nothing was found, and where it was read."""

    expression: str
    evidence: str
    notes: tuple[str, ...] = ()


def classify(distribution: Distribution) -> License:
    """The licence of a distribution and the evidence for it."""
    notes: list[str] = []
    declared = _from_expression(distribution, notes) or _from_field(distribution, notes)
    found = declared or _from_classifiers(distribution, notes) or _from_files(distribution, notes)
    expression, evidence = found or ("", "nothing found")
    bundled = sorted({name for file in distribution.files if file.bundled for name in file.licenses})
    beyond = [name for name in bundled if name not in expression]
    if beyond:
        notes.append(f"bundles code under {', '.join(beyond)}")
    return License(expression, evidence, tuple(notes))


def _from_expression(distribution: Distribution, notes: list[str]) -> tuple[str, str] | None:
    if not distribution.expression:
        return None
    expression = canonical(distribution.expression)
    if not expression:
        notes.append(f"its License-Expression {plain_text(distribution.expression, 60)!r} is not SPDX")
        return None
    return expression, "License-Expression"


def _from_field(distribution: Distribution, notes: list[str]) -> tuple[str, str] | None:
    text = distribution.license_field
    if not text or text.upper() == "UNKNOWN":
        return None
    found = canonical(text) or named(text) or _resolved(text, distribution) or " AND ".join(recognize(text))
    if found:
        return found, "License field"
    notes.append(f"its License field {plain_text(text, 60)!r} names no licence that is known here")
    return None


def _from_classifiers(distribution: Distribution, notes: list[str]) -> tuple[str, str] | None:
    names = [line.split(" :: ")[-1].strip() for line in distribution.classifiers]
    names = [name for name in names if name != "OSI Approved"]
    found = [named(name) or _resolved(name, distribution) for name in names]
    notes.extend(
        f"its classifier {plain_text(name, 60)!r} does not say which licence"
        for name, license_id in zip(names, found, strict=True)
        if not license_id
    )
    if not found or not all(found):
        return None
    return _together(found), "classifier"


def _from_files(distribution: Distribution, notes: list[str]) -> tuple[str, str] | None:
    own = [file for file in distribution.files if not file.bundled]
    found = [license_id for file in own for license_id in file.licenses]
    if not found:
        if own:
            notes.append(f"its licence file {own[0].path} holds no licence that is known here")
        return None
    return _together(found), "licence file"


def named(text: str) -> str:
    """The SPDX id of a licence that people call ``text``, or an empty text.

    >>> named("Apache License, Version 2.0"), named("GPLv3+"), named("BSD")
    ('Apache-2.0', 'GPL-3.0-or-later', '')
    """
    return _names().get(_key(text), "") if len(text) < 200 else ""


def _resolved(text: str, distribution: Distribution) -> str:
    """A family name such as ``BSD`` made exact by the distribution's own licence files, if they agree with it."""
    family = _families().get(_key(text), "") if len(text) < 200 else ""
    if not family:
        return ""
    texts = [name for file in distribution.files if not file.bundled for name in file.licenses]
    matching = [name for name in texts if re.match(rf"{family}\b", name)]
    return _together(matching)


def _together(licenses: Iterable[str]) -> str:
    """Licences that are named side by side, without saying which may be chosen, count as all asked for at once."""
    return " AND ".join(dict.fromkeys(licenses))


def _key(text: str) -> tuple[str, ...]:
    """What is left of a licence's name when spelling does not count."""
    split = re.sub(r"(?<=[a-z])v(?=\d)", " ", text.lower().replace("or later", "+").replace("or newer", "+"))
    split = re.sub(r"\s*\+", "+", split)
    words = re.findall(r"[a-z0-9.+]+", split)
    return tuple(sorted({re.sub(r"^v(?=\d)|\.0(?=\+|$)|\.$", "", word) for word in words} - NOISE))


@cache
def _names() -> dict[tuple[str, ...], str]:
    names = {_key(phrase): license_id for license_id, phrases in PHRASES.items() for phrase in phrases}
    for family, words in GNU.items():
        for version in GNU_VERSIONS[family]:
            for suffix, ending in (("", "only"), ("+", "or-later")):
                number = version + suffix
                license_id = f"{family}-{version}-{ending}"
                for phrase in (f"{family} {number}", f"{words} {number}", f"{words} {number} ({family} {number})"):
                    names[_key(phrase)] = license_id
    return names


@cache
def _families() -> dict[tuple[str, ...], str]:
    return {_key(phrase): family for family, phrases in FAMILIES.items() for phrase in phrases}
