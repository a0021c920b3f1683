"""Jaeger: OTLP over HTTP on port 4318, its page on port 16686. ``OTEL_EXPORTER_OTLP_*`` and ``JAEGER_UI`` hold.

Sent there: ``jaeger_exporter``. The link: ``jaeger_link``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .otlp import configured_endpoint, otlp_exporter

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

DEFAULT_ADDRESS = "http://localhost:4318"
DEFAULT_PAGE = "http://localhost:16686"


def jaeger_exporter() -> OTLPSpanExporter:
    """An exporter to Jaeger."""
    return otlp_exporter(None if configured_endpoint() else DEFAULT_ADDRESS)


def jaeger_link(trace_id: str) -> str:
    """The page of a trace."""
    return f"{os.environ.get('JAEGER_UI', DEFAULT_PAGE).rstrip('/')}/trace/{trace_id}"
