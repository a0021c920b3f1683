"""What is looked for in a backend, as people write it: ``jaeger:TRACE_ID``, ``phoenix:run=ID``, a page's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from .web import BackendError

BACKENDS = ("jaeger", "phoenix")
PLACES: Mapping[str, str] = {"jaeger": "service", "phoenix": "project"}
"""What a backend keeps its traces in."""

SINCE_S = 2 * 86400.0
"""How far back runs are looked for, in seconds, unless something else is said."""

_TRACE_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{16}", re.IGNORECASE)
_UNITS: Mapping[str, float] = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PAGES = (
    (re.compile(r"(?P<base>.*)/redirects/traces/(?P<trace>[^/]+)/?"), "phoenix"),
    (
        re.compile(r"(?P<base>.*)/projects/(?P<place>[^/]+)/(?:traces|spans|sessions/[^/]+)/(?P<trace>[^/]+)/?"),
        "phoenix",
    ),
    (re.compile(r"(?P<base>.*)/projects/(?P<place>[^/]+)(?:/(?:traces|spans|sessions))?/?"), "phoenix"),
    (re.compile(r"(?P<base>.*)/trace/(?P<trace>[^/]+)/?"), "jaeger"),
    (re.compile(r"(?P<base>.*)/search/?"), "jaeger"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs: of one trace, one run by its id (or the beginning of it), or the last ones.

    ``place`` is a Phoenix project or a Jaeger service, ``""`` for any. ``since`` are seconds, ``limit`` a number of
    runs.
    """

    trace_id: str = ""
    run_id: str = ""
    place: str = ""
    workflow: str = ""
    since: float = SINCE_S
    errors: bool = False
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Address:
    """A TRACE that names a backend.

    ``backend`` is ``jaeger``, ``phoenix``, or ``""`` for a web address of which nothing more is known; ``url`` is
    ``""`` where the variables say where the backend is.
    """

    backend: str
    url: str = ""
    wanted: Wanted = Wanted()


def names_backend(text: str) -> bool:
    """Whether a TRACE names a backend, and not a file.

    >>> [names_backend(text) for text in ("jaeger", "phoenix:last", "https://example.org/x", "./jaeger", "a.jsonl")]
    [True, True, True, False, False]
    """
    return text.partition(":")[0] in (*BACKENDS, "http", "https") and (text in BACKENDS or ":" in text)


def parse_address(text: str) -> Address:
    """What a TRACE asks for. Raises ``BackendError`` of the kind ``wrong`` when it is written wrongly.

    >>> parse_address("phoenix:run=8f2c").wanted.run_id, parse_address("jaeger://tracing:16686").url
    ('8f2c', 'http://tracing:16686')
    """
    backend, _, rest = text.partition(":")
    if backend in ("http", "https"):
        return _of_page(text)
    if rest.startswith("//"):
        return _of_url(backend, f"http:{rest}", text)
    if rest.startswith(("http://", "https://")):
        return _of_url(backend, rest, text)
    if "=" in rest:
        pairs = [pair.partition("=")[::2] for pair in rest.split(",")]
        return Address(backend, wanted=_asked(backend, [(key.strip(), value.strip()) for key, value in pairs], text))
    if rest in ("", "last"):
        return Address(backend)
    if _TRACE_ID.fullmatch(rest):
        return Address(backend, wanted=Wanted(trace_id=_trace_id(rest, text)))
    return Address(backend, wanted=Wanted(place=rest))


def seconds(text: str) -> float:
    """A stretch of time such as ``90s``, ``30m``, ``12h``, ``2d`` or ``1w``, in seconds. Raises ``ValueError``.

    >>> seconds("1.5h"), seconds("2d")
    (5400.0, 172800.0)
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no stretch of time; write 90s, 30m, 12h, 2d or 1w")
    return float(found[1]) * _UNITS[found[2]]


def _of_page(text: str) -> Address:
    """A web address: the page of a trace, a backend, or anything."""
    parts = _split(text, text)
    for pattern, backend in _PAGES:
        found = pattern.fullmatch(parts.path)
        named = found.groupdict() if found else {}
        if found and ("trace" not in named or _TRACE_ID.fullmatch(named["trace"])):
            wanted = Wanted(
                trace_id=_trace_id(named["trace"], text) if named.get("trace") else "",
                place=unquote(named.get("place") or ""),
            )
            if backend == "jaeger" and not wanted.trace_id:
                wanted = replace(wanted, place=dict(parse_qsl(parts.query)).get("service", ""))
            return Address(backend, parts._replace(path=named["base"], query="", fragment="").geturl(), wanted)
    return Address("", text)


def _of_url(backend: str, url: str, text: str) -> Address:
    """A backend at an address, with what is wanted behind the question mark; or one of its pages."""
    parts = _split(url, text)
    page = _of_page(url)
    if page.backend == backend:
        return page
    base = parts._replace(path=parts.path.rstrip("/"), query="", fragment="").geturl()
    return Address(backend, base, _asked(backend, parse_qsl(parts.query, keep_blank_values=True), text))


def _split(url: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise BackendError(f"{text!r} is no web address", "give http://HOST:PORT", "wrong")
    return parts


def _asked(backend: str, pairs: list[tuple[str, str]], text: str) -> Wanted:
    """What ``key=value`` pairs ask for."""
    place = PLACES[backend]
    wanted = Wanted()
    for key, value in pairs:
        if not value:
            raise BackendError(f"{key or 'something'} in {text!r} has no value", f"{backend}:run=ID", "wrong")
        if key == "trace":
            wanted = replace(wanted, trace_id=_trace_id(value, text))
        elif key == "run":
            wanted = replace(wanted, run_id=value)
        elif key == place:
            wanted = replace(wanted, place=value)
        elif key == "workflow":
            wanted = replace(wanted, workflow=value)
        elif key == "since":
            wanted = replace(wanted, since=_since(value, text))
        else:
            known = f"known are trace, run, {place}, workflow and since"
            raise BackendError(f"{text!r} asks for {key!r}, which {backend.capitalize()} cannot tell", known, "wrong")
    return wanted


def _trace_id(text: str, whole: str) -> str:
    if not _TRACE_ID.fullmatch(text) or not text.strip("0"):
        raise BackendError(f"{text!r} in {whole!r} is no trace id", "a trace id has 32 hexadecimal digits", "wrong")
    return text.lower().zfill(32)


def _since(text: str, whole: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise BackendError(f"{whole!r} cannot be read: {error}", "", "wrong") from error
