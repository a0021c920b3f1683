"""The style sheet of an SVG picture: what a class looks like in the light and in the dark theme.

Colours are written out (no variables), because converters of SVG know classes but not variables. Every rule begins with
the class of its theme, so pictures of different themes live together in one HTML page.
"""

from __future__ import annotations

from wftrace.drawing.palette import DARK, LIGHT, Palette
from wftrace.drawing.scene import SIZES, Mode

from .stylesheet_many import many_colors, many_structure

FONT = "Helvetica,Arial,'Liberation Sans','Nimbus Sans',sans-serif"

_DASHED = (
    ".node.human .shape,.node.outside .shape,.node.any .shape,.node.group .shape,"
    ".node.idle .shape,.node.unreachable .shape,"
    ".line.sends .path,.line.enters .path,.line.idle .path,.line.unreachable .path"
)
_DOTTED = (
    ".node.stream .shape,.node.more .shape,"
    ".line.waits .path,.line.streams .path,.line.fails .path,.line.cut .path,.line.runs .path,.line.retries .path"
)


def stylesheet(theme: str, mode: Mode = "static") -> str:
    """The rules for a theme: ``light``, ``dark``, or ``auto``, which follows the reader's preference.

    Pictures of several runs (``mode``) have some rules more.
    """
    scope = scope_of(theme)
    first = DARK if theme == "dark" else LIGHT
    many = mode in ("aggregate", "diff")
    parts = [_structure(scope), *(f"{scope} {rule}" for rule in _colors(first))]
    if many:
        parts += [_scoped(scope, rule) for rule in (*many_structure(), *many_colors(first))]
    if theme == "auto":
        inner = "\n".join(f"{scope} {rule}" for rule in (*_colors(DARK), *(many_colors(DARK) if many else ())))
        parts.append(f"@media (prefers-color-scheme:dark){{\n{inner}\n}}")
    return "\n".join(parts)


def scope_of(theme: str) -> str:
    """The selector of a theme's root.

    >>> scope_of("auto")
    '.wft-auto'
    """
    return f".wft-{theme}"


def _structure(scope: str) -> str:
    rules = [
        f"text{{font-family:{FONT};white-space:pre}}",
        ".path,.toe{fill:none;stroke-linecap:round}",
        ".sign{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}",
        ".sign .solid{stroke:none}",
        ".shape{stroke-width:1.4}",
        ".node.executed .shape{stroke-width:1.8}",
        ".node.failed .shape{stroke-width:2.6}",
        ".node.nested .sides{fill:none;stroke-width:1.4}",
        ".frame{fill:none;stroke-width:1.2;stroke-dasharray:7 3}",
        "a{cursor:pointer}",
        ".node.stop .outer{fill:none;stroke-width:1.4}",
        ".head.open{fill:none;stroke-linejoin:miter;stroke-linecap:butt}",
        *(f"{part}{{stroke-dasharray:5 4}}" for part in _DASHED.split(",")),
        *(f"{part}{{stroke-dasharray:1.5 4}}" for part in _DOTTED.split(",")),
        ".node.executed:not(.human) .shape,.line.executed .path{stroke-dasharray:none}",
        ".toe{stroke-width:1.5}",
        ".line.executed .toe{stroke-width:2}",
        ".label{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}",
        *(_font(role, size, bold) for role, (size, bold) in SIZES.items()),
    ]
    return "\n".join(_scoped(scope, rule) for rule in rules)


def _font(role: str, size: float, bold: bool) -> str:
    return f".t-{role}{{font-size:{size:g}px{';font-weight:700' if bold else ''}}}"


def _scoped(scope: str, rule: str) -> str:
    selectors, _, body = rule.partition("{")
    return ",".join(f"{scope} {selector}" for selector in selectors.split(",")) + "{" + body


def _colors(colors: Palette) -> list[str]:
    return [
        f".paper{{fill:{colors.paper}}}",
        *_ink("", colors.muted),
        *(f"text.t-{role}{{fill:{colors.ink}}}" for role in ("title", "name", "event", "count", "bad")),
        f".label{{stroke:{colors.paper}}}",
        *_node_colors(colors),
        *_state_colors(colors),
        *_line_colors(colors),
    ]


def _ink(where: str, color: str) -> list[str]:
    """Texts and signs under a selector in one colour."""
    rules = (f"{where} text{{fill:{color}}}", f"{where} .sign{{stroke:{color}}}", f"{where} .solid{{fill:{color}}}")
    return [rule.strip() for rule in rules]


def _shape(where: str, fill: str, line: str) -> str:
    return f"{where} .shape{{fill:{fill};stroke:{line}}}"


def _node_colors(colors: Palette) -> list[str]:
    return [
        _shape(".node", colors.event, colors.event_line),
        _shape(".node.step", colors.step, colors.step_line),
        _shape(".node.start", colors.start, colors.start),
        *_ink(".node.start", colors.start_ink),
        _shape(".node.stop", colors.event, colors.ink),
        f".node.stop .outer{{stroke:{colors.ink}}}",
        _shape(".node.stream", colors.paper, colors.event_line),
        *(_shape(f".node.{kind}", colors.human, colors.human_line) for kind in ("request", "answer", "human")),
        *(rule for kind in ("request", "answer", "human") for rule in _ink(f".node.{kind}", colors.human_ink)),
        _shape(".node.outside", colors.paper, colors.line),
        _shape(".node.folded", colors.step, colors.step_line),
        _shape(".node.nested", colors.step, colors.step_line),
        f".node.nested .sides{{stroke:{colors.step_line}}}",
        _shape(".node.any", colors.paper, colors.failed_line),
        _shape(".node.more", colors.paper, colors.line),
        _shape(".node.group", colors.paper, colors.faint_line),
        f".frame{{stroke:{colors.faint_line}}}",
        *(
            f".node.heat{step}.{kind} .shape{{fill:{fill}}}"
            for step, fill in enumerate(colors.heat, 1)
            for kind in ("step", "folded")
        ),
    ]


def _state_colors(colors: Palette) -> list[str]:
    pale = [
        rule
        for state in ("idle", "unreachable")
        for rule in (
            *_ink(f".node.{state}", colors.faint),
            _shape(f".node.{state}.{state}", colors.paper, colors.faint_line),
            f".node.{state} .outer{{stroke:{colors.faint_line}}}",
        )
    ]
    return [
        *pale,
        f".node.executed.critical.step .shape{{stroke:{colors.critical}}}",
        _shape(".node.undeclared.undeclared", colors.undeclared_fill, colors.undeclared),
        _shape(".node.failed.failed", colors.failed, colors.failed_line),
        f".node.recovered.recovered .shape{{stroke:{colors.recovered_line}}}",
        f".pill.failed .shape.over{{fill:{colors.failed};stroke:{colors.failed_line}}}",
        f".pill.recovered .shape.over{{fill:{colors.recovered};stroke:{colors.recovered_line}}}",
        *_ink(".node .pill.failed", colors.failed_ink),
        *_ink(".node .pill.recovered", colors.recovered_ink),
    ]


def _stroke(where: str, color: str) -> list[str]:
    return [
        f"{where} .path{{stroke:{color}}}",
        f"{where} .toe{{stroke:{color}}}",
        f"{where} .head{{fill:{color};stroke:{color}}}",
    ]


def _line_colors(colors: Palette) -> list[str]:
    return [
        *_stroke(".line", colors.line),
        *_stroke(".line.fails", colors.failed_line),
        *_stroke(".line.retries", colors.recovered_line),
        *_stroke(".line.idle", colors.faint_line),
        *_stroke(".line.unreachable", colors.faint_line),
        *_stroke(".line.undeclared", colors.undeclared),
        *_stroke(".line.executed.critical", colors.critical),
        ".line .head.open{fill:none}",
        f".line .head.ring{{fill:{colors.paper}}}",
        f".line .band{{fill:none;stroke:{colors.critical_band};stroke-linecap:round}}",
        f".line.idle .label{{fill:{colors.faint}}}",
        f".line.undeclared .label{{fill:{colors.undeclared}}}",
        f".line.executed.critical .label{{fill:{colors.critical}}}",
    ]
