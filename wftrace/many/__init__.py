"""What many runs tell when they are asked together: figures, variants, coverage, conformance, and what is different.

Pure functions over ``wftrace.trace.Run``; runs are taken one at a time and are not kept.
"""

from .aggregate import Aggregate, EdgeFigures, Spread, StepFigures, Version, aggregate_of, tally_of
from .code import compare_code
from .comparing import compare_runs
from .conformance import Conformance, Deviation
from .coverage import Coverage, Hole, coverage_of
from .difference import Change, Compared, Diff, Figure, Side
from .distribution import Distribution
from .tally import Tally
from .variants import Variant, folded, way_of

__all__ = [
    "Aggregate",
    "Change",
    "Compared",
    "Conformance",
    "Coverage",
    "Deviation",
    "Diff",
    "Distribution",
    "EdgeFigures",
    "Figure",
    "Hole",
    "Side",
    "Spread",
    "StepFigures",
    "Tally",
    "Variant",
    "Version",
    "aggregate_of",
    "compare_code",
    "compare_runs",
    "coverage_of",
    "folded",
    "tally_of",
    "way_of",
]
