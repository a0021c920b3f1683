"""A backend's web API, read: one question, one JSON answer, within a time and a size.

Whatever comes back (nothing, a login page, half an answer, gigabytes) ends in a value, or in a ``BackendError`` that
says what to do about it. Redirects are not followed, so that a key goes nowhere but to the address that was given.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from wftrace.engine.errors import TraceError
from wftrace.gate import redact_text, safe_text
from wftrace.version import VERSION

ANSWER_LIMIT = 256 * 1024 * 1024
"""Bytes that an answer may have, unpacked."""

PATIENCE_S = 60.0
"""Seconds that one answer may take, whole."""

CONNECT_S = 5.0

Params = Iterable[tuple[str, str]]
T = TypeVar("T")

_BLOCK = 64 * 1024
_PAGE_CURE = "is this the address of a login page, or of a proxy? give the backend's own"


class BackendError(TraceError):
    """A backend did not give what was asked for.

    ``kind``: ``away`` (cannot be reached), ``refused`` (wants a key, or another one), ``missing`` (it has no such
    thing), ``strange`` (what it answers is not what such a backend says), ``wrong`` (it was asked for wrongly).
    ``cure`` says what to do.
    """

    def __init__(
        self, what: str, cure: str = "", kind: Literal["away", "refused", "missing", "strange", "wrong"] = "strange"
    ) -> None:
        super().__init__(f"{what}; {cure}" if cure else what)
        self.what = what
        self.cure = cure
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Web:
    """A backend at an address.

    ``start`` says how to start one, ``names`` which variable names its address, ``key`` where its key is looked for.
    """

    name: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    start: str = ""
    names: str = ""
    key: str = ""
    patience: float = PATIENCE_S
    limit: int = ANSWER_LIMIT

    @property
    def shown(self) -> str:
        """The address without secrets."""
        return safe_text(redact_text(self.address), 300)

    @property
    def page(self) -> str:
        """The address without user and password, for links.

        >>> Web("Jaeger", "https://me:secret@example.org/jaeger").page
        'https://example.org/jaeger'
        """
        parts = urlsplit(self.address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def documents(self, path: str, params: Params = ()) -> list[Any]:
        """The JSON documents of an answer: one as a rule, several from a gateway that streams.

        Raises ``BackendError``.
        """
        status, kind, body = self._fetched(path, params)
        if status != 200:
            raise self._failure(status, kind, body, path)
        return self._parsed(kind, body, path)

    def document(self, path: str, params: Params = ()) -> Mapping[str, Any]:
        """The only JSON object of an answer. Raises ``BackendError``."""
        found = self.documents(path, params)
        if len(found) != 1 or not isinstance(found[0], dict):
            raise self._strange(f"answered {path} with JSON of another shape")
        return found[0]

    def _fetched(self, path: str, params: Params) -> tuple[int, str, bytes]:
        try:
            return _within(self.patience, lambda: self._ask(path, params))
        except BackendError:
            raise
        except TimeoutError:
            what = f"{self.name} at {self.shown} did not answer within {self.patience:g} s"
            raise BackendError(what, "try again; ask for less (one run or trace)", "away") from None
        except Exception as error:  # whatever the network, proxies and certificates come up with
            raise self._away(error) from None

    def _ask(self, path: str, params: Params) -> tuple[int, str, bytes]:
        import requests  # slow, and not needed before the first question

        with requests.Session() as session:
            session.auth = _basic(self.address) if not self._authorized else _as_it_is
            with session.get(
                f"{self.page}{path}",
                params=list(params),
                headers={"accept": "application/json", "user-agent": f"wftrace/{VERSION}", **self.headers},
                timeout=(min(CONNECT_S, self.patience), self.patience),
                allow_redirects=False,
                stream=True,
            ) as response:
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if 300 <= response.status_code < 400:
                    return response.status_code, kind, response.headers.get("location", "").encode()
                return response.status_code, kind, self._body(response, path)

    def _body(self, response: Any, path: str) -> bytes:
        content = bytearray()
        for block in response.iter_content(_BLOCK):
            content += block
            if len(content) > self.limit:
                size = f"{self.limit // (1024 * 1024)} MiB" if self.limit >= 1024 * 1024 else f"{self.limit} bytes"
                what = f"{self.name} at {self.shown} answers {path} with more than {size}"
                raise BackendError(what, "ask for less (one run or trace)")
        return bytes(content)

    @property
    def _authorized(self) -> bool:
        return any(name.lower() == "authorization" for name in self.headers)

    def _parsed(self, kind: str, body: bytes, path: str) -> list[Any]:
        if kind == "text/html" or body[:1] == b"<":
            raise self._strange("answered with a web page instead of JSON", _PAGE_CURE)
        text = body.decode("utf-8-sig", "replace")
        found: list[Any] = []
        place, decoder = 0, json.JSONDecoder()
        try:
            while place < len(text):
                if text[place].isspace():
                    place += 1
                    continue
                document, place = decoder.raw_decode(text, place)
                found.append(document)
        except (ValueError, RecursionError):
            cut = " that breaks off" if text[:1] in "{[" else ""
            raise self._strange(f"answered {path} with something that is not JSON{cut}") from None
        return found

    def _failure(self, status: int, kind: str, body: bytes, path: str) -> BackendError:
        where = f"{self.name} at {self.shown}"
        if 300 <= status < 400:
            to = safe_text(redact_text(body.decode("latin-1")), 200) or "elsewhere"
            return BackendError(f"{where} answered {status} and points to {to}", "give that address itself", "strange")
        said = "" if kind == "text/html" else _said(body)
        why = f"{where} answered {status}{f' ({said})' if said else ''}"
        if status in (401, 403):
            return BackendError(why, f"check {self.key}" if self.key else "it wants a key", "refused")
        if status == 407:
            return BackendError(why, "check the proxy's user and password in HTTPS_PROXY", "refused")
        if status in (404, 405):
            return BackendError(f"{why} to {path}", f"is it {self.name}, and is the address right?", "missing")
        if status in (408, 425, 429) or status >= 500:
            return BackendError(why, "try again later", "away")
        return BackendError(why)

    def _strange(self, what: str, cure: str = "") -> BackendError:
        return BackendError(f"{self.name} at {self.shown} {what}", cure or f"is it {self.name}?")

    def _away(self, error: Exception) -> BackendError:
        kind = type(error).__name__
        if "Header" in kind or isinstance(error, UnicodeError):  # their texts repeat the key
            return BackendError(f"a header for {self.name} cannot be sent ({kind})", f"check {self.key}", "refused")
        if any(word in kind for word in ("URL", "Schema", "LocationParse")):
            return BackendError(f"{self.shown!r} is no address of {self.name}", "give http://HOST:PORT")
        if any(word in kind for word in ("Chunked", "Content", "Incomplete", "Protocol")):
            return self._strange(f"broke off in the middle of its answer ({kind})", "try again")
        why = safe_text(redact_text(_innermost(error)), 200)
        what = f"{self.name} cannot be reached at {self.shown} ({why})"
        cure = f"start it ({self.start}), or name its address with {self.names}" if self.start else ""
        return BackendError(what, cure, "away")


def header_pairs(text: str) -> dict[str, str]:
    """The headers in a variable: ``name=value`` pairs with commas between them, values percent-encoded, names in lower
    case.

    >>> header_pairs("Authorization=Bearer%20x, X-Team = a")
    {'authorization': 'Bearer x', 'x-team': 'a'}
    """
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip().lower(): unquote(value.strip()) for name, found, value in pairs if found and name.strip()}


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are of one server: scheme, host and port are the same, as all names of this machine are.

    >>> same_server("http://localhost:6006/a", "http://127.0.0.1:6006"), same_server("http://a.org", "https://a.org")
    (True, False)
    """
    return _server(one) == _server(other)


def _server(address: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return (address, "", None)
    host = parts.hostname or ""
    return (parts.scheme, "localhost" if host in ("127.0.0.1", "::1") else host, port)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` returns, or ``TimeoutError``: a server that drips must not hold us for longer."""
    box: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            box.put((call(), None))
        except BaseException as error:  # it is raised where the answer is waited for
            box.put((None, error))

    threading.Thread(target=work, name="wftrace-read", daemon=True).start()
    deadline = time.monotonic() + seconds
    while True:
        try:
            value, error = box.get(timeout=min(0.5, max(deadline - time.monotonic(), 0.0)))  # Ctrl-C gets through
        except queue.Empty:
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            continue
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # there is one when there is no error


def _basic(address: str) -> tuple[str, str] | Callable[[Any], Any]:
    parts = urlsplit(address)
    return (unquote(parts.username), unquote(parts.password or "")) if parts.username else _as_it_is


def _as_it_is(request: Any) -> Any:
    """No authentication of the library's own: a ``.netrc`` would take the place of the key."""
    return request


def _said(body: bytes) -> str:
    """The beginning of an error's text; the message in it where it is JSON."""
    text = body[:4000].decode("utf-8", "replace")
    try:
        told = json.loads(text)
        for key in ("error", "errors", "detail", "message", "msg"):
            while isinstance(told, list) and told:
                told = told[0]
            told = told.get(key, told) if isinstance(told, dict) else told
        text = told if isinstance(told, str) else text
    except (ValueError, RecursionError):
        pass
    return safe_text(redact_text(" ".join(text.split())), 200)


def _innermost(error: BaseException) -> str:
    """The text of what lies at the bottom of an error: the upper ones repeat the address with its secrets."""
    for _ in range(10):
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            break
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
