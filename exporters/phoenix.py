"""Arize Phoenix: OTLP over HTTP on its own port. ``PHOENIX_COLLECTOR_ENDPOINT``, ``PHOENIX_API_KEY``,
``PHOENIX_CLIENT_HEADERS`` and ``PHOENIX_PROJECT_NAME`` hold.

Sent there: ``setup.trace_to``. Read back: ``phoenix_web`` with a ``PhoenixReader``. The link: ``phoenix_link``.
"""

from __future__ import annotations

import os

from .web import Web, header_pairs, same_server

DEFAULT_ADDRESS = "http://localhost:6006"

_TRACES_PATH = "/v1/traces"


def phoenix_address() -> str:
    """Where Phoenix listens, without a path at its end."""
    address = os.environ.get("PHOENIX_COLLECTOR_ENDPOINT") or DEFAULT_ADDRESS
    return address.rstrip("/").removesuffix(_TRACES_PATH).rstrip("/")


def phoenix_headers() -> dict[str, str]:
    """The headers that the environment asks for, the API key as a bearer token."""
    headers = header_pairs(os.environ.get("PHOENIX_CLIENT_HEADERS", ""))
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


def phoenix_web(address: str = "") -> Web:
    """Phoenix's web API, at the configured address unless another is given. The key goes to the configured one only."""
    configured = phoenix_address()
    ours = not address or same_server(address, configured)
    return Web(
        "Phoenix",
        address or configured,
        phoenix_headers() if ours else {},
        start="phoenix serve",
        names="PHOENIX_COLLECTOR_ENDPOINT",
        key="PHOENIX_API_KEY" if ours else "PHOENIX_API_KEY, which goes to PHOENIX_COLLECTOR_ENDPOINT only: set both",
    )
