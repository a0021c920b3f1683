"""Arize Phoenix: OTLP over HTTP on its own port. ``PHOENIX_COLLECTOR_ENDPOINT``, ``PHOENIX_API_KEY``,
``PHOENIX_CLIENT_HEADERS`` and ``PHOENIX_PROJECT_NAME`` hold.

Sent there: ``phoenix_exporter``. The link: ``phoenix_link``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .otlp import TRACES_PATH, otlp_exporter

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

DEFAULT_ADDRESS = "http://localhost:6006"


def phoenix_address() -> str:
    """Where Phoenix listens, without a path at its end."""
    return os.environ.get("PHOENIX_COLLECTOR_ENDPOINT", DEFAULT_ADDRESS).removesuffix("/").removesuffix(TRACES_PATH)


def phoenix_exporter() -> OTLPSpanExporter:
    """An exporter to Phoenix."""
    return otlp_exporter(phoenix_address() + TRACES_PATH, phoenix_headers())


def phoenix_headers() -> dict[str, str]:
    """The headers that the environment asks for, the API key as a bearer token."""
    headers: dict[str, str] = {}
    for pair in os.environ.get("PHOENIX_CLIENT_HEADERS", "").split(","):
        name, found, value = pair.partition("=")
        if found:
            headers[name.strip().lower()] = unquote(value.strip())
    key = os.environ.get("PHOENIX_API_KEY")
    if key and "authorization" not in headers:
        headers["authorization"] = f"Bearer {key}"
    return headers


def phoenix_project() -> str | None:
    """The project that spans belong to, when the environment names one."""
    return os.environ.get("PHOENIX_PROJECT_NAME")


def phoenix_link(trace_id: str) -> str:
    """The page of a trace."""
    return f"{phoenix_address()}/redirects/traces/{trace_id}"
