"""The rules that only pictures of several runs need: holes, and what was added, removed or changed."""

from __future__ import annotations

from wftrace.drawing.palette import Palette

_CHANGES = ("added", "removed", "changed")


def many_structure() -> list[str]:
    """What does not depend on the theme: dashes and widths, so that nothing rests on colour alone."""
    return [
        ".line.hole .path{stroke-dasharray:6 4}",
        ".node.hole .shape{stroke-dasharray:6 4;stroke-width:1.6}",
        ".node.hurt .shape{stroke-width:2.6}",
        ".line.removed .path{stroke-dasharray:7 4}",
        ".node.removed .shape{stroke-dasharray:7 4;stroke-width:2.2}",
        ".node.added .shape{stroke-width:2.6;stroke-dasharray:none}",
        ".node.changed .shape{stroke-width:2.2}",
        ".line.same .path{stroke-dasharray:none}",
        ".line.unsure .path{stroke-dasharray:2 4}",
        ".node.unsure .shape{stroke-dasharray:2 4}",
        ".pill .shape.over{stroke-dasharray:none;stroke-width:1.4}",
    ]


def many_colors(colors: Palette) -> list[str]:
    """The colours of a theme."""
    rules = [
        *_line("hole", colors.hole),
        f".node.hole.hole .shape{{fill:{colors.paper};stroke:{colors.hole}}}",
        *_ink(".node.hole", colors.hole),
        f".node.hole .outer{{stroke:{colors.hole}}}",
        f".node.hurt.hurt .shape{{stroke:{colors.failed_line}}}",
        f".line.same .path{{stroke:{colors.faint_line}}}",
        f".line.same .head{{fill:{colors.faint_line};stroke:{colors.faint_line}}}",
        ".line.same .head.open{fill:none}",
        f".line.same .head.ring{{fill:{colors.paper}}}",
    ]
    rules += [f".line.{state} .head.ring{{fill:{colors.paper}}}" for state in ("hole", *_CHANGES)]
    for change in _CHANGES:
        color, fill = getattr(colors, change), getattr(colors, f"{change}_fill")
        rules += [
            *_line(change, color),
            f".node.{change}.{change} .shape{{fill:{fill};stroke:{color}}}",
            f".node.{change} .outer{{stroke:{color}}}",
            *_ink(f".node.{change}", colors.ink),
            f".pill.{change} .shape.over{{fill:{fill};stroke:{color}}}",
            *_ink(f".node .pill.{change}", color),
            f".node.{change} .sign.i-{change}{{stroke:{color}}}",
        ]
    return [*rules, f".node .pill.failed .shape.over{{fill:{colors.failed};stroke:{colors.failed_line}}}"]


def _line(state: str, color: str) -> list[str]:
    return [
        f".line.{state} .path{{stroke:{color}}}",
        f".line.{state} .toe{{stroke:{color}}}",
        f".line.{state} .head{{fill:{color};stroke:{color}}}",
        f".line.{state} .head.open{{fill:none}}",
        f".line.{state} .label{{fill:{color}}}",
    ]


def _ink(where: str, color: str) -> list[str]:
    return [f"{where} text{{fill:{color}}}", f"{where} .sign{{stroke:{color}}}", f"{where} .solid{{fill:{color}}}"]
