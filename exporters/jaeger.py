"""Jaeger: OTLP over HTTP on port 4318, its page on port 16686. ``OTEL_EXPORTER_OTLP_*``, ``JAEGER_UI`` (the address of
the page, for links and reading back) and ``JAEGER_UI_HEADERS`` (for a proxy in front of it) hold.

Sent there: ``setup.trace_to``. Read back: ``jaeger_web`` with a ``JaegerReader``. The link: ``jaeger_link``.
"""

from __future__ import annotations

import os

from .web import Web, header_pairs, same_server

DEFAULT_ADDRESS = "http://localhost:4318"
DEFAULT_PAGE = "http://localhost:16686"
START = "docker run -p 4318:4318 -p 16686:16686 jaegertracing/jaeger"


def jaeger_page() -> str:
    """Where Jaeger's page is, without a path at its end."""
    return (os.environ.get("JAEGER_UI") or DEFAULT_PAGE).rstrip("/")


def jaeger_link(trace_id: str) -> str:
    """The page of a trace."""
    return f"{jaeger_page()}/trace/{trace_id}"


def jaeger_web(address: str = "") -> Web:
    """Jaeger's web API, at the configured address unless another is given. Headers go to the configured one only."""
    configured = jaeger_page()
    ours = not address or same_server(address, configured)
    return Web(
        "Jaeger",
        address or configured,
        header_pairs(os.environ.get("JAEGER_UI_HEADERS", "")) if ours else {},
        start=START,
        names="JAEGER_UI",
        key="JAEGER_UI_HEADERS" if ours else "JAEGER_UI_HEADERS, which go to JAEGER_UI only: set both",
    )
