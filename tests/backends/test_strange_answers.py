"""Whatever a backend answers ends in spans or in one sentence with a cure: no traceback, no waiting, no flood."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.strange_server import Reply, StrangeServer, as_json
from wftrace.exporters.jaeger import jaeger_web
from wftrace.exporters.jaeger_json import decode_traces
from wftrace.exporters.phoenix import phoenix_web
from wftrace.exporters.phoenix_reader import PhoenixReader, decode_span
from wftrace.exporters.sources import BackendError, decode_any, open_source
from wftrace.exporters.wanted import Wanted
from wftrace.exporters.web import Web
from wftrace.trace_reader import read_runs

TRACE = "b727cc814fe6e45efde6179e54f3b23a"
Serve = Callable[..., StrangeServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start strange servers; they end with the test."""
    with ExitStack() as stack:

        def start(otherwise: Reply | None = None, **replies: Any) -> StrangeServer:
            server = StrangeServer(otherwise, replies.pop("replies", replies))
            stack.callback(server.close)
            return server

        yield start


@contextmanager
def refused(kind: str, *words: str) -> Iterator[None]:
    """The block raises a ``BackendError`` of a kind, with some words in it."""
    with pytest.raises(BackendError) as caught:
        yield
    assert caught.value.kind == kind, caught.value
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("backend", ["phoenix", "jaeger"])
@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(b"<!doctype html><title>Log in</title>", kind="text/html"), "strange", ("web page", "login")),
        (Reply(b"<html>", kind="application/json"), "strange", ("web page",)),
        (Reply(b"", status=401), "refused", ("401", "check")),
        (as_json({"detail": "Invalid token"}, status=403), "refused", ("403", "Invalid token")),
        (Reply(b"", status=302, headers={"location": "https://login.example.org/"}), "strange", ("login.example.org",)),
        (Reply(b"busy", status=503, kind="text/plain"), "away", ("503", "busy", "later")),
        (as_json({"errors": [{"code": 500, "msg": "storage is gone"}]}, status=500), "away", ("storage is gone",)),
        (Reply(b'{"data": [{"name": "x"', kind="application/json"), "strange", ("breaks off",)),
        (Reply(b'{"data": []}', promised=5000), "strange", ("broke off",)),
        (Reply(b"hello", kind="text/plain"), "strange", ("not JSON",)),
        (Reply(b"[1, 2]"), "strange", ("another shape",)),
        (Reply(b"42"), "strange", ("another shape",)),
        (Reply(b""), "strange", ("another shape",)),
        (Reply(b"[" * 200_000), "strange", ("not JSON",)),
        (Reply(b"not gzip", headers={"content-encoding": "gzip"}), "strange", ("try again",)),
    ],
)
def test_an_answer_that_is_none_is_told_in_one_sentence(
    backend: str, reply: Reply, kind: str, words: tuple[str, ...], serve: Serve
) -> None:
    """Login pages, refusals, redirects, outages, halves, other shapes: each says what it is."""
    server = serve(reply)
    with refused(kind, server.url, *words):
        open_source(f"{backend}:{server.url}").spans()


@pytest.mark.parametrize("backend", ["phoenix", "jaeger"])
def test_nobody_there_is_told_with_the_way_to_start_it(backend: str, serve: Serve) -> None:
    """A port where nothing listens."""
    server = serve()
    server.close()
    with refused("away", "cannot be reached", "start it (", {"phoenix": "PHOENIX_", "jaeger": "JAEGER_UI"}[backend]):
        open_source(f"{backend}:{server.url}").spans()


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=True, promised=10**9)], ids=["hangs", "drips"])
def test_a_server_that_never_ends_is_left(reply: Reply, serve: Serve) -> None:
    """The time for one answer is the time for all of it."""
    web = replace(phoenix_web(serve(reply).url), patience=0.5)
    with refused("away", "did not answer within 0.5 s"):
        web.document("/v1/projects")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip bomb"])
def test_an_answer_without_end_is_cut(packed: bool, serve: Serve) -> None:
    """The limit counts unpacked bytes."""
    body = b" " * 5_000_000
    reply = Reply(gzip.compress(body), headers={"content-encoding": "gzip"}) if packed else Reply(body)
    web = replace(phoenix_web(serve(reply).url), limit=1_000_000)
    with refused("strange", "more than 1000000 bytes", "ask for less"):
        web.document("/v1/projects")


def test_the_key_goes_to_the_configured_address_only(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address from elsewhere, such as a link in a mail, does not get the key."""
    ours, other = serve(as_json({"data": []})), serve(as_json({"data": []}))
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", ours.url)
    monkeypatch.setenv("PHOENIX_API_KEY", "secret-key")
    for server in (ours, other):
        with refused("missing"):
            open_source(f"phoenix:{server.url}").spans()
    assert ours.headers[0]["authorization"] == "Bearer secret-key"
    assert all("authorization" not in each for each in other.headers)


def test_a_redirect_is_not_followed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the key stays here."""
    other = serve(as_json({"data": []}))
    server = serve(Reply(status=307, headers={"location": other.url}))
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", server.url)
    monkeypatch.setenv("PHOENIX_API_KEY", "secret-key")
    with refused("strange", other.url):
        open_source("phoenix").spans()
    assert other.asked == []


@pytest.mark.parametrize("key", ["one\ntwo", "käse\u2028"])
def test_a_key_that_is_no_header_is_not_repeated(key: str, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, not its value."""
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", serve().url)
    monkeypatch.setenv("PHOENIX_API_KEY", key)
    with pytest.raises(BackendError, match="PHOENIX_API_KEY") as caught:
        open_source("phoenix").spans()
    assert key[:3] not in str(caught.value)


def test_a_password_in_an_address_is_used_and_never_shown(serve: Serve) -> None:
    """Neither in errors nor in links."""
    server = serve(Reply(status=500))
    address = server.url.replace("http://", "http://me:pass-word@")
    with pytest.raises(BackendError) as caught:
        jaeger_web(address).document("/api/v3/services")
    assert server.headers[0]["authorization"].startswith("Basic ")
    assert "pass-word" not in str(caught.value)
    assert "pass-word" not in str(open_source(f"jaeger:{address}").links)


def test_pages_that_go_in_circles_end(serve: Serve) -> None:
    """A cursor that comes twice is a fault of the backend."""
    server = serve(as_json({"data": [], "next_cursor": "again"}))
    with refused("strange", "circles"):
        PhoenixReader(phoenix_web(server.url)).places()


def test_pages_without_end_are_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new cursor each time, and nothing on any page."""
    monkeypatch.setattr("wftrace.exporters.phoenix_reader.PAGES_LIMIT", 5)
    pages = [as_json({"data": [], "next_cursor": str(number)}) for number in range(50)]
    server = serve(replies={"/v1/projects": pages})
    with refused("strange", "more than 5 pages"):
        PhoenixReader(phoenix_web(server.url)).places()
    assert len(server.asked) == 6


def test_gzip_and_pages_are_read(serve: Serve) -> None:
    """Two packed pages are one list."""
    pages = [
        as_json({"data": [{"name": name}], "next_cursor": more}, packed=True)
        for name, more in (("a", "x"), ("b", None))
    ]
    server = serve(replies={"/v1/projects": pages})
    assert PhoenixReader(phoenix_web(server.url)).places() == ["a", "b"]
    assert server.asked[1][1]["cursor"] == ["x"]
    assert server.headers[0]["accept-encoding"].startswith("gzip")


def test_jaeger_without_the_newer_interface_is_read(serve: Serve) -> None:
    """Its page answers every unknown path with HTML; the older interface is asked then."""
    html = Reply(b"<html>Jaeger UI</html>", kind="text/html")
    span = {"traceID": "b727cc814fe6e45e", "spanID": "1f", "operationName": "old", "startTime": 5, "duration": 2}
    server = serve(html, replies={f"/api/traces/{TRACE}": as_json({"data": [{"spans": [span]}]})})
    (found,) = open_source(f"jaeger:{server.url}/?trace={TRACE}").spans()
    assert (found.name, found.trace_id, found.end_ns) == ("old", "0" * 16 + "b727cc814fe6e45e", 7000)


def test_jaeger_without_the_older_interface_is_searched(serve: Serve) -> None:
    """Late versions have the newer one only, and say 404 where a search finds nothing."""
    html = Reply(b"<html>Jaeger UI</html>", kind="text/html")
    nothing = as_json({"error": {"httpCode": 404, "message": "No traces found"}}, status=404)
    known = {
        "/api/v3/services": as_json({"services": ["wftrace"]}),
        "/api/v3/operations": as_json({"operations": []}),
        "/api/v3/traces": nothing,
    }
    server = serve(html, replies=known)
    with refused("missing", "has no run 'abc'"):
        open_source(f"jaeger:{server.url}/?run=abc").spans()
    searched = [asked for path, asked in server.asked if path == "/api/v3/traces"]
    assert searched[0]["query.attributes"] == ['{"wftrace.run.id": "abc"}']
    assert searched[0]["query.serviceName"] == searched[0]["query.service_name"] == ["wftrace"]


@pytest.mark.parametrize(
    "text", ["zero", "phoenix:trace=12", "jaeger:since=5", "jaeger:run=", "phoenix:a=b", "http://", "jaeger://"]
)
def test_what_is_written_wrongly_is_told_as_that(text: str) -> None:
    """Nothing is asked before the TRACE itself makes sense."""
    if text == "zero":
        text = f"phoenix:trace={'0' * 32}"
    with refused("wrong"):
        open_source(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PHOENIX = st.fixed_dictionaries(
    {"context": st.fixed_dictionaries({"trace_id": st.just(TRACE) | JSON, "span_id": st.just("1f") | JSON})},
    optional={
        name: st.text(max_size=30) | JSON
        for name in ("name", "parent_id", "start_time", "end_time", "attributes", "events", "status_code")
    },
)
TAG = st.fixed_dictionaries({}, optional={"key": st.text(max_size=5) | JSON, "type": st.just("int64"), "value": JSON})
JAEGER = st.fixed_dictionaries(
    {"traceID": st.just(TRACE) | JSON, "spanID": st.just("1f") | JSON},
    optional={
        name: JSON | st.lists(TAG, max_size=4)
        for name in ("tags", "logs", "references", "startTime", "duration", "process", "processID", "operationName")
    },
)


@settings(max_examples=150, deadline=None)
@given(document=JSON | st.fixed_dictionaries({"data": st.lists(PHOENIX | JAEGER | JSON, max_size=3)}), span=PHOENIX)
def test_any_json_is_read_or_passed_over(document: Any, span: Any) -> None:
    """No shape of a document gets out of the decoders as an error."""
    spans = [*decode_any(document), *decode_any({"data": [{"spans": [document]}]}), *decode_span(span)]
    read_runs(spans)
    for each in spans:
        assert len(each.trace_id) == 32
        assert len(each.span_id) == 16


@settings(max_examples=150, deadline=None)
@given(span=JAEGER, processes=JSON)
def test_any_span_of_jaegers_older_json_is_read(span: Any, processes: Any) -> None:
    """Tags, logs, references and processes of any shape."""
    for each in decode_traces({"data": [{"spans": [span], "processes": processes}]}):
        assert each.start_ns >= 0
        assert each.end_ns >= each.start_ns


def test_a_trace_file_in_the_web_is_read(serve: Serve) -> None:
    """OTLP-JSON lines behind an address, as a build server keeps them."""
    span = {"traceId": TRACE, "spanId": "1" * 16, "name": "a"}
    line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    other = line.replace("1" * 16, "2" * 16)
    server = serve(replies={"/runs/1.otlp.jsonl": Reply(f"{line}\n{other}\n".encode(), kind="text/plain")})
    assert len(open_source(f"{server.url}/runs/1.otlp.jsonl").spans()) == 2


def test_a_project_that_is_not_there_is_told_with_those_that_are(serve: Serve) -> None:
    """A name that was typed wrongly is put right in one look."""
    server = serve(replies={"/v1/projects": as_json({"data": [{"name": "mine", "id": "UHI6MQ=="}]})})
    with refused("missing", "no project 'other'", "projects: mine"):
        PhoenixReader(Web("Phoenix", server.url)).of_trace(TRACE, Wanted(place="other"))
