"""Any OTLP backend: HTTP with protobuf and gzip. All ``OTEL_EXPORTER_OTLP_*`` variables hold.

Sent there: ``otlp_exporter``. There is no common way to read a trace back, nor a common link.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from wftrace.engine.errors import WorkflowError

TRACES_PATH = "/v1/traces"


class EndpointError(WorkflowError):
    """An address that no trace can be sent to."""


def otlp_exporter(endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> OTLPSpanExporter:
    """An exporter to ``endpoint``, or to where the ``OTEL_EXPORTER_OTLP_*`` variables say.

    ``endpoint`` without a path gets ``/v1/traces``. Raises ``EndpointError`` when it is no http address.
    """
    compression = None if _configured("COMPRESSION") else Compression.Gzip
    address = None if endpoint is None else traces_address(endpoint)
    return OTLPSpanExporter(endpoint=address, headers=dict(headers) if headers else None, compression=compression)


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


def _configured(name: str) -> bool:
    return bool(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}"))


def configured_endpoint() -> bool:
    """Whether a variable says where traces go."""
    return _configured("ENDPOINT")
