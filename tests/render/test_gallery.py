"""The pictures of the gallery are what the code draws today."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.gallery import ours

CURE = "python -m benchmarks.gallery"


def test_our_pictures_are_fresh(repository: Path) -> None:
    """Each SVG of the gallery has the bytes that would be written now."""
    for name, picture in ours():
        drawn = (repository / f"docs/pictures/gallery/{name}.svg").read_text(encoding="utf-8")
        assert drawn == picture.to_svg(), CURE


def test_every_picture_is_there(repository: Path) -> None:
    """What the page shows exists."""
    page = (repository / "docs/gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((pictures/[^)]+)\)", page)
    assert len(shown) == 7
    assert not [name for name in shown if not (repository / "docs" / name).is_file()]
