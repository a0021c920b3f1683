"""A picture as users hold it: drawn once, written in any format."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from wftrace.analysis import PathPart
from wftrace.drawing.chart import declared_part
from wftrace.drawing.compose import compose_graph, compose_overlay
from wftrace.drawing.expanded import compose_expanded
from wftrace.drawing.heat import ColorBy
from wftrace.drawing.layout import Wanted
from wftrace.drawing.nested import Nested, Nesting
from wftrace.drawing.page import Options, Theme
from wftrace.drawing.pair import side_by_side
from wftrace.drawing.scene import Scene
from wftrace.drawing.view import View
from wftrace.engine.graph import FlowGraph
from wftrace.formats import FORMATS
from wftrace.overlays import EdgeKey, Overlay

from .ascii import render_ascii
from .document import render_json
from .dot import render_dot
from .errors import PictureError
from .files import write_whole
from .html import render_html
from .image import render_image
from .mermaid import render_mermaid
from .notebook import bundle
from .svg import render_svg


@dataclass(frozen=True)
class Picture:
    """A scene that can be written. In a notebook it shows itself."""

    scene: Scene

    def __repr__(self) -> str:
        return f"<Picture of {self.scene.name}: {self.scene.summary}>"

    def to_svg(self) -> str:
        """The picture as one SVG document."""
        return render_svg(self.scene)

    def to_html(self) -> str:
        """The picture as a page of its own, without scripts."""
        return render_html(self.scene)

    def to_dot(self) -> str:
        """The picture as DOT, with the same places for ``neato -n2``."""
        return render_dot(self.scene)

    def to_mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return render_mermaid(self.scene)

    def to_ascii(self) -> str:
        """The picture as an outline for the terminal."""
        return render_ascii(self.scene)

    def to_json(self) -> str:
        """The picture as a JSON document with places and counts."""
        return render_json(self.scene)

    def to_png(self) -> bytes:
        """The picture as PNG; raises ``ToolMissingError`` without the system's Graphviz."""
        return render_image(self.scene, "png")

    def to_pdf(self) -> bytes:
        """The picture as PDF; raises ``ToolMissingError`` without the system's Graphviz."""
        return render_image(self.scene, "pdf")

    def save(self, path: str | PathLike[str], format: str | None = None) -> Path:
        """Write the picture whole or not at all, in ``format`` or in the format of the suffix, and return the path.

        Raises ``PictureError`` for an unknown format or a place that cannot be written.
        """
        place = Path(path)
        content = self._writers()[_format_of(place, format)]()
        write_whole(place, content.encode("utf-8") if isinstance(content, str) else content)
        return place

    def _writers(self) -> dict[str, Callable[[], str | bytes]]:
        return {
            "svg": self.to_svg,
            "html": self.to_html,
            "dot": self.to_dot,
            "mermaid": self.to_mermaid,
            "ascii": self.to_ascii,
            "json": self.to_json,
            "png": self.to_png,
            "pdf": self.to_pdf,
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the SVG, and the outline where there are no pictures."""
        return bundle({"image/svg+xml": self.to_svg(), "text/plain": self.to_ascii()}, include, exclude)


def draw_graph(
    graph: FlowGraph,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    nested: tuple[Nested, ...] = (),
    nesting: Nesting = "rows",
    source_link: str = "",
) -> Picture:
    """All possible flows of a graph, as far as ``view`` looks. ``legend=None`` shows a legend from 6 steps on.

    Raises ``LayoutError`` when the embedded Graphviz cannot lay it out, ``ViewError`` when the view names what is not
    there.
    """
    options = Options(direction, theme, legend, source_link=source_link, nesting=nesting)
    return Picture(compose_graph(graph, options, view=view, nested=nested))


def draw_overlay(
    overlay: Overlay,
    *,
    critical: frozenset[EdgeKey] = frozenset(),
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
) -> Picture:
    """One run over all possible flows; ``critical`` are the keys of the edges on its critical path.

    Raises what ``draw_graph`` raises.
    """
    options = Options(direction, theme, legend, color_by, source_link)
    return Picture(compose_overlay(overlay, options, critical=critical, view=view))


def draw_expanded(
    overlay: Overlay,
    *,
    path: Sequence[PathPart] = (),
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
) -> Picture:
    """One run unrolled: every attempt and every event a node. ``path`` is its critical path.

    Raises ``LayoutError`` when the embedded Graphviz cannot lay it out.
    """
    options = Options(direction, theme, legend, color_by, source_link)
    return Picture(compose_expanded(overlay, options, path=path))


def draw_beside(
    overlay: Overlay,
    *,
    critical: frozenset[EdgeKey] = frozenset(),
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
) -> Picture:
    """All possible flows, and beside them one run in the same places.

    Raises what ``draw_graph`` raises.
    """
    options = Options(direction, theme, legend, color_by, source_link)
    static = compose_graph(declared_part(overlay.graph), options, view=view)
    return Picture(side_by_side(static, compose_overlay(overlay, options, critical=critical, view=view)))


def _format_of(path: Path, asked: str | None) -> str:
    known = tuple(dict.fromkeys(FORMATS.values()))
    if asked is not None:
        if asked.lower() in known:
            return asked.lower()
        closest = difflib.get_close_matches(asked.lower(), known, n=1)
        hint = f" (did you mean {closest[0]}?)" if closest else ""
        raise PictureError(f"there is no picture format {asked!r}{hint}; there are: {', '.join(known)}")
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        what = f"the suffix {path.suffix!r} of {path.name}" if path.suffix else f"{path.name} has no suffix and"
        raise PictureError(f"{what} names no picture format; use one of {' '.join(FORMATS)}, or say format=…")
    return found
