"""What a run tells when it is asked: its critical path, its figures, its timeline and its log.

Pure functions over ``wftrace.trace.Run`` and ``wftrace.overlays.Overlay``; nothing here draws, waits or reads.
"""

from .causes import Causes
from .lanes import Bar, BarKind, Row, Workers, queue_reason, timeline
from .log import LogRow, log_rows, short_type
from .path import PathKind, PathPart, critical_edges, critical_path, path_ms
from .summary import Summary, busy_ms, intervals_ms, summarise, work_of

__all__ = [
    "Bar",
    "BarKind",
    "Causes",
    "LogRow",
    "PathKind",
    "PathPart",
    "Row",
    "Summary",
    "Workers",
    "busy_ms",
    "critical_edges",
    "critical_path",
    "intervals_ms",
    "log_rows",
    "path_ms",
    "queue_reason",
    "short_type",
    "summarise",
    "timeline",
    "work_of",
]
