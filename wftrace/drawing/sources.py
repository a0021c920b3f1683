"""Links from the nodes of a picture to the places in the source where they are written."""

from __future__ import annotations

import re
from urllib.parse import quote

from .chart import ChartNode
from .errors import ViewError
from .names import one_line

_SCHEMES = ("http", "https", "vscode", "vscode-insiders", "idea", "pycharm", "cursor")
_HOLE = re.compile(r"\{([^{}]*)\}")


def check_source_link(template: str) -> str:
    """The template of a link, as it is.

    Raises ``ViewError`` when it has no ``{file}``, has an unknown hole, or is no address that a browser may open.
    """
    scheme, mark, _ = template.partition("://")
    if template and (not mark or scheme.lower() not in _SCHEMES):
        raise ViewError(f"a link to the source begins with one of {', '.join(f'{s}://' for s in _SCHEMES)}")
    holes = _HOLE.findall(template)
    if template and ("file" not in holes or set(holes) - {"file", "line"}):
        raise ViewError(
            "a link to the source has {file} and may have {line}: https://github.com/me/shop/blob/main/{file}#L{line}"
        )
    return template


def source_link(node: ChartNode, template: str) -> str:
    """Where a node is written; nothing for one without a place.

    >>> from wftrace.engine.graph import StepNode
    >>> from .chart import NodeKind
    >>> step = StepNode("step:a", "a", file="my shop/flow.py", line=7)
    >>> source_link(ChartNode("step:a", NodeKind.STEP, "a", step), "vscode://file/{file}:{line}")
    'vscode://file/my%20shop/flow.py:7'
    """
    place = node.step or node.event
    if not template or place is None or not place.file:
        return ""
    known = {"file": quote(one_line(place.file), safe="/"), "line": str(place.line)}
    return _HOLE.sub(lambda found: known[found[1]], template)
