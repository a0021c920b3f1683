"""Pictures of many runs, and of what is different."""

from __future__ import annotations

from wftrace.drawing.comparison import compose_diff
from wftrace.drawing.heat import ColorBy
from wftrace.drawing.layout import Wanted
from wftrace.drawing.many import compose_aggregate
from wftrace.drawing.page import Options, Theme
from wftrace.drawing.view import View
from wftrace.many import Aggregate, Diff

from .picture import Picture


def draw_aggregate(
    aggregate: Aggregate,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    color_by: ColorBy = "share",
    source_link: str = "",
) -> Picture:
    """Many runs over all possible flows, in the places of the picture of all possible flows.

    Raises what ``draw_graph`` raises.
    """
    options = Options(direction, theme, legend, color_by, source_link)
    return Picture(compose_aggregate(aggregate, options, view=view))


def draw_diff(
    diff: Diff,
    *,
    direction: Wanted = "TB",
    theme: Theme = "auto",
    legend: bool | None = None,
    view: View | None = None,
    source_link: str = "",
) -> Picture:
    """A and B in one picture. Raises what ``draw_graph`` raises."""
    return Picture(compose_diff(diff, Options(direction, theme, legend, source_link=source_link), view=view))
