"""OTLP over HTTP, one request and one answer at a time: nothing is tried again here, and nothing is kept.

The SDK's exporter takes a redirect, or an HTML page with 200, for success, and reads no partial success. ``judge`` says
what an answer really means.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from wftrace.gate import redact_text, safe_text

from .span_bytes import DecodeError

PROTOBUF = "application/x-protobuf"
ANSWER_LIMIT = 64 * 1024
LONGEST_WAIT_S = 300.0
"""Seconds that a ``Retry-After`` is honoured at most."""

_AT_FAULT = frozenset({400, 422})
_AWAY = frozenset({401, 403, 404, 405, 407, 408, 415, 421, 425, 429, 502, 503, 504})
_CURES = {
    401: "check the API key or OTEL_EXPORTER_OTLP_HEADERS",
    403: "check the API key or OTEL_EXPORTER_OTLP_HEADERS",
    404: "check the path of the address; most backends take traces at /v1/traces",
    405: "check the path of the address; most backends take traces at /v1/traces",
    407: "check the proxy's user and password in HTTPS_PROXY",
    415: "it may not take gzip; set OTEL_EXPORTER_OTLP_COMPRESSION=none",
}


@dataclass(frozen=True, slots=True)
class OtlpAddress:
    """Where traces go and how: all that the ``OTEL_EXPORTER_OTLP_*`` variables can say."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    compression: Literal["none", "gzip", "deflate"] = "gzip"
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @property
    def identity(self) -> str:
        """Equal for the same address with the same headers, and for nothing else; it does not tell them."""
        told = sorted((name.lower(), value) for name, value in self.headers.items())
        return hashlib.sha256(json.dumps([self.endpoint, told]).encode()).hexdigest()[:16]

    @property
    def shown(self) -> str:
        """The address without secrets."""
        return redact_text(self.endpoint)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status with headers (lower-case names) and body, or 0 with what went wrong."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for the spans that were sent.

    ``taken``: they are there, but for ``refused`` of them. ``split``: at least one of them is at fault; ``too large``:
    they are too large together.
    ``suspect``: the backend failed, maybe because of one of them. ``later``: keep them all and try again, not before
    ``after`` seconds. ``why`` is a sentence about it, with the cure where there is one.
    """

    kind: Literal["taken", "split", "too large", "suspect", "later"]
    why: str = ""
    refused: int = 0
    after: float | None = None


class OtlpHttp:
    """Posts requests to an address. Connections are kept, and made anew after a fork. For one thread at a time."""

    def __init__(self, address: OtlpAddress) -> None:
        self.address = address
        self._session: Any = None
        self._process = 0

    def post(self, body: bytes, timeout: float) -> Answer:
        """Send a serialized request, within about ``timeout`` seconds. Never raises."""
        try:
            return self._post(body, min(timeout, self.address.timeout))
        except Exception as error:  # whatever the network, proxies and certificates come up with
            return Answer(0, error=safe_text(f"{type(error).__name__}: {_innermost(error)}", 300))

    def _post(self, body: bytes, timeout: float) -> Answer:
        deadline = time.monotonic() + timeout
        headers = {"content-type": PROTOBUF, **self.address.headers}
        if self.address.compression != "none":
            headers.setdefault("content-encoding", self.address.compression)
        with self._connected().post(
            self.address.endpoint,
            data=_COMPRESS[self.address.compression](body),
            headers=headers,
            timeout=max(timeout, 0.05),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = b""
            for part in response.iter_content(8192):
                content += part
                if len(content) > ANSWER_LIMIT or time.monotonic() > deadline:
                    break
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, content)

    def _connected(self) -> Any:
        if self._session is None or self._process != os.getpid():
            import requests  # slow, and not needed before the first request

            self._session = requests.Session()
            self._process = os.getpid()
            self._session.verify = self.address.certificate or True
            if self.address.client_certificate:
                both = (self.address.client_certificate, self.address.client_key)
                self._session.cert = both if self.address.client_key else self.address.client_certificate
        return self._session

    def close(self) -> None:
        """Let go of the connections."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):
                session.close()


def judge(answer: Answer, sent: int, now: Callable[[], float] = time.time) -> Verdict:
    """What an answer to ``sent`` spans means."""
    if not answer.status:
        return Verdict("later", f"it cannot be reached ({answer.error})")
    if 200 <= answer.status < 300:
        return _accepted(answer, sent)
    why = f"it answered {answer.status}"
    said = _said(answer)
    if said:
        why += f" ({said})"
    if answer.status == 413:
        return Verdict("too large", why)
    if answer.status in _AT_FAULT:
        return Verdict("split", why)
    if answer.status in _CURES:
        why += f"; {_CURES[answer.status]}"
    if 300 <= answer.status < 400:
        to = safe_text(redact_text(answer.headers.get("location", "elsewhere")), 200)
        return Verdict("later", f"{why} and points to {to}; give the address that takes traces itself")
    kind: Literal["later", "suspect"] = "later" if answer.status in _AWAY else "suspect"
    return Verdict(kind, why, after=retry_after(answer.headers.get("retry-after"), now))


def retry_after(text: str | None, now: Callable[[], float] = time.time) -> float | None:
    """The seconds that a ``Retry-After`` header asks for, at most five minutes; None when it says nothing.

    >>> retry_after("60"), retry_after("Thu, 01 Jan 1970 00:01:40 GMT", now=lambda: 90.0), retry_after("soon")
    (60.0, 10.0, None)
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if math.isfinite(seconds) else None


def _accepted(answer: Answer, sent: int) -> Verdict:
    """Only OTLP's own answer is a receipt: protobuf, JSON, or nothing at all as older Phoenix sends it."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        refused, why = _partial(kind, answer.body)
    except (DecodeError, ValueError, TypeError, AttributeError, RecursionError):
        shown = safe_text(kind, 60) or "something without a content type"
        cure = "is this the address of a page, or of a proxy that wants a login? give the one that takes traces"
        return Verdict("later", f"it answered {answer.status} with {shown}, which is no receipt for traces; {cure}")
    return Verdict("taken", safe_text(why, 300), min(max(refused, 0), sent))


def _partial(kind: str, body: bytes) -> tuple[int, str]:
    """How many spans a receipt says were refused, and why. Raises when it is no receipt."""
    if kind == PROTOBUF or not (kind or body):
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        return partial.rejected_spans, partial.error_message
    if kind == "application/json":
        told = (json.loads(body or b"{}") or {}).get("partialSuccess") or {}
        return int(told.get("rejectedSpans") or 0), str(told.get("errorMessage") or "")
    raise ValueError(kind)


def _said(answer: Answer) -> str:
    """The beginning of an answer's text, when it is text."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind in ("text/plain", "application/json"):
        return safe_text(" ".join(answer.body[:1000].decode("utf-8", "replace").split()), 200)
    return ""


def _innermost(error: BaseException) -> str:
    """The text of what lies at the bottom of an error: the upper ones repeat the address with its secrets."""
    seen = 0
    while seen < 10 and (inner := getattr(error, "reason", None) or error.__cause__ or error.__context__) is not None:
        if not isinstance(inner, BaseException):
            break
        error, seen = inner, seen + 1
    return redact_text(str(error))


_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 6, mtime=0),
    "deflate": zlib.compress,
}
