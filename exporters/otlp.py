"""Any OTLP backend: HTTP with protobuf and gzip. All ``OTEL_EXPORTER_OTLP_*`` variables hold.

Sent there: ``otlp_address`` with a spool, ``otlp_exporter`` with the SDK's own processors. There is no common way to
read a trace back, nor a common link.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Literal, cast
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.util.re import parse_env_headers

from wftrace.engine.errors import WorkflowError

from .otlp_http import OtlpAddress

TRACES_PATH = "/v1/traces"
DEFAULT_ENDPOINT = "http://localhost:4318"
DEFAULT_TIMEOUT_S = 10.0

_COMPRESSIONS = ("none", "gzip", "deflate")
_logger = logging.getLogger(__name__)


class EndpointError(WorkflowError):
    """An address that no trace can be sent to."""


def otlp_exporter(endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> OTLPSpanExporter:
    """An exporter to ``endpoint``, or to where the ``OTEL_EXPORTER_OTLP_*`` variables say.

    ``endpoint`` without a path gets ``/v1/traces``. Raises ``EndpointError`` when it is no http address.
    """
    compression = None if _configured("COMPRESSION") else Compression.Gzip
    address = None if endpoint is None else traces_address(endpoint)
    return OTLPSpanExporter(endpoint=address, headers=dict(headers) if headers else None, compression=compression)


def otlp_address(endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> OtlpAddress:
    """Where traces go: ``endpoint``, or what the ``OTEL_EXPORTER_OTLP_*`` variables say; they say the rest as well.

    ``endpoint`` without a path gets ``/v1/traces``. Raises ``EndpointError`` when it is no http address.
    """
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return OtlpAddress(
        endpoint=configured_address() if endpoint is None else traces_address(endpoint),
        headers={**parse_env_headers(_variable("HEADERS"), liberal=True), **given},
        timeout=_timeout(),
        compression=_compression(),
        certificate=_variable("CERTIFICATE") or None,
        client_certificate=_variable("CLIENT_CERTIFICATE") or None,
        client_key=_variable("CLIENT_KEY") or None,
    )


def configured_address() -> str:
    """The intake that the variables name, else the one of a collector on this machine."""
    exact = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if exact:
        return traces_address(exact)
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT
    return traces_address(base.removesuffix("/") + TRACES_PATH)


def traces_address(endpoint: str) -> str:
    """The address of a backend's trace intake.

    >>> traces_address("http://localhost:4318"), traces_address("https://example.org/otlp/v1/traces")
    ('http://localhost:4318/v1/traces', 'https://example.org/otlp/v1/traces')
    """
    problem = f"{endpoint!r} is no address to send a trace to; give http://HOST:PORT, or the word phoenix or jaeger, "
    try:
        parts = urlsplit(endpoint)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise EndpointError(f"{problem}or a file name that ends in .jsonl ({error})") from error
    if not known:
        raise EndpointError(f"{problem}or a file name that ends in .jsonl")
    return endpoint if parts.path.strip("/") else urlunsplit(parts._replace(path=TRACES_PATH))


def configured_endpoint() -> bool:
    """Whether a variable says where traces go."""
    return _configured("ENDPOINT")


def _configured(name: str) -> bool:
    return bool(_variable(name))


def _variable(name: str) -> str:
    """A variable of OTLP: the one for traces, else the one for all signals."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _timeout() -> float:
    text = _variable("TIMEOUT")
    try:
        seconds = float(text) if text else DEFAULT_TIMEOUT_S
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        _logger.warning("OTEL_EXPORTER_OTLP_TIMEOUT=%r is no number of seconds; %g is taken", text, DEFAULT_TIMEOUT_S)
        return DEFAULT_TIMEOUT_S
    return seconds


def _compression() -> Literal["none", "gzip", "deflate"]:
    text = _variable("COMPRESSION").strip().lower() or "gzip"
    if text not in _COMPRESSIONS:
        _logger.warning(
            "OTEL_EXPORTER_OTLP_COMPRESSION=%r is none of %s; none is taken", text, ", ".join(_COMPRESSIONS)
        )
        return "none"
    return cast(Literal["none", "gzip", "deflate"], text)
