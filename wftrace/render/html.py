"""A picture as a page of its own: one file, no script, nothing fetched."""

from __future__ import annotations

from wftrace.drawing.palette import DARK, LIGHT
from wftrace.drawing.scene import Scene

from .escape import escape_xml
from .svg import render_svg

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(scene: Scene) -> str:
    """A page with the picture in it, which opens from a file and by mail."""
    schemes = {"auto": "light dark"}.get(scene.theme, scene.theme)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta name="color-scheme" content="{schemes}">',
            '<meta name="generator" content="wftrace">',
            f"<title>{escape_xml(scene.name)} · {escape_xml(scene.summary)}</title>",
            f"<style>\n{_style(scene.theme)}\n</style>",
            "</head>",
            "<body>",
            render_svg(scene).rstrip("\n"),
            "</body>",
            "</html>\n",
        ]
    )


def _style(theme: str) -> str:
    paper = DARK.paper if theme == "dark" else LIGHT.paper
    rules = [
        f"body{{margin:0;background:{paper};text-align:center}}",
        "body>svg{max-width:none}",
        "@media print{body>svg{max-width:100%;height:auto}}",
    ]
    if theme == "auto":
        rules.append(f"@media (prefers-color-scheme:dark){{body{{background:{DARK.paper}}}}}")
    return "\n".join(rules)
