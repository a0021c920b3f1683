"""The server: who gets an answer, what it says, and that it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import unescape

import pytest

from tests.watch.conftest import Short, asking, get, spans_of, stream, until
from wftrace.watch.board import Board
from wftrace.watch.errors import WatchError
from wftrace.watch.pushing import watching
from wftrace.watch.server import CONNECTIONS, STREAMS, WatchServer


def test_it_listens_on_this_machine_only(server: WatchServer) -> None:
    """The address is that of the loopback, whatever else the machine has."""
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.url.startswith(f"http://127.0.0.1:{server.server_port}/")


def test_two_servers_have_two_tokens() -> None:
    """An address cannot be guessed from another one."""
    with watching() as first, watching() as second:
        tokens = {page.url.split("/")[3] for page in (first, second)}
    assert len(tokens) == 2
    assert min(map(len, tokens)) >= 20


@pytest.mark.parametrize(
    "path", ["", "/", "wrong/", "{token}", "{token}x/", "{token}/../", "{token}/none", "{token}/run/"]
)
@pytest.mark.parametrize("method", ["GET"])
def test_without_the_token_there_is_nothing(server: WatchServer, path: str, method: str) -> None:
    """All of it is 404, and says nothing of what is there."""
    answer = get(f"http://127.0.0.1:{server.server_port}/{path.format(token=server.token)}")
    assert (answer.status, answer.text) == (404, "404 Not Found\n")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:80", ""])
def test_another_hosts_name_gets_nothing(server: WatchServer, host: str) -> None:
    """A page of another site whose name was bound to this machine (DNS rebinding) reads nothing."""
    assert get(server.url, Host=host).status == 404


def test_the_name_localhost_is_fine(server: WatchServer) -> None:
    """It is this machine too."""
    assert get(server.url, Host=f"LocalHost:{server.server_port}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "NONSENSE"])
def test_nothing_can_be_changed(server: WatchServer, method: str) -> None:
    """There is only GET, and no word of CORS."""
    answer = get(server.url, method=method, Origin="http://evil.example")
    assert answer.status == 501
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["run/7", "report/7", "events/7x", "run/1/2", "run/-1", "run/²", "report/" + "9" * 40])
def test_runs_that_are_not_there_are_not_found(server: WatchServer, path: str) -> None:
    """No number, no run, no answer."""
    assert get(server.url + path.replace("²", "%C2%B2")).status == 404


def test_pages_carry_their_policy(server: WatchServer, board: Board) -> None:
    """Nothing is loaded from elsewhere, nothing is kept, no other page may put them into a frame."""
    board.add("a.jsonl", spans_of(Short()))
    page, report = get(server.url), get(f"{server.url}report/1")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert report.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    for answer in (page, report):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in unescape(answer.text)


def test_the_page_is_complete_without_scripts(server: WatchServer, board: Board) -> None:
    """The list, the report and a link to load it again are in the page itself."""
    board.add("a.jsonl", spans_of(Short()))
    page = get(server.url).text
    assert "<strong>Short</strong>" in page
    assert f'src="{server.base}report/1"' in page
    assert f'<a href="{server.base}" id="reload">Reload</a>' in page


def test_a_finished_run_is_its_report(server: WatchServer, board: Board) -> None:
    """The same page that ``wftrace report`` writes."""
    from wftrace.exporters.html import report
    from wftrace.trace_reader import read_runs

    spans = spans_of(Short())
    board.add("a.jsonl", spans)
    assert get(f"{server.url}report/1").text == report(read_runs(spans)).html


HOSTILE = "</script><img src=x onerror=alert(1)>\"'`&\x1b[31m\u202e\ud800"


def test_hostile_texts_are_text(server: WatchServer, board: Board) -> None:
    """What stands in a trace is markup nowhere."""
    from dataclasses import replace

    for span in spans_of(Short()):
        named = {"wftrace.workflow.name": HOSTILE, "wftrace.run.id": HOSTILE}
        board.add(HOSTILE, [replace(span, attributes={**span.attributes, **named})])
    page = get(server.url).text
    assert "<img" not in page
    assert page.count("<script>") == 1
    with stream(f"{server.url}events") as following:
        assert "<img" not in following()["runs"]


def test_the_stream_tells_what_is_new(server: WatchServer, board: Board) -> None:
    """First how it stands, then each change: a run under way, its end."""
    with stream(f"{server.url}events") as following:
        assert following()["title"] == "no run yet"
        *parts, root = spans_of(Short())
        board.add("a.jsonl", parts)
        told = following()
        assert (told["number"], told["title"]) == (1, "… no end yet Short")
        board.add("a.jsonl", [root])
        assert "✓ ok" in until(lambda: next((each for each in [following()["title"]] if "✓" in each), None))


def test_whoever_comes_back_is_told_all(server: WatchServer, board: Board) -> None:
    """A stream that was broken off and begins again says how it stands."""
    board.add("a.jsonl", spans_of(Short()))
    for _ in range(2):
        with stream(f"{server.url}events") as following:
            assert following()["title"] == "✓ ok Short"


def test_a_stream_ends_with_the_server(server: WatchServer) -> None:
    """Its reader is told, and nothing holds the end up."""
    with stream(f"{server.url}events") as following:
        following()
        server.close()
        assert following()["event"] == "end"


def test_a_run_of_this_process_is_pushed_while_it_waits() -> None:
    """The page shows a run that has not ended, with its open question, and its report says that it runs."""
    with watching() as page, asking() as answer, stream(f"{page.url}events") as following:
        told = until(lambda: next((each for each in [following()] if "waits for an answer" in each["now"]), None))
        assert "Question" in told["now"]
        assert "running" in get(f"{page.url}report/{told['number']}").text
        answer("yes")
        until(lambda: "✓ ok" in following()["title"])


@contextmanager
def connected(server: WatchServer, count: int) -> Iterator[None]:
    """Connections that ask for nothing."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        yield


def test_connections_are_bounded(server: WatchServer) -> None:
    """Too many are turned away, and room is made when they go."""
    with connected(server, CONNECTIONS):
        assert until(lambda: _status(server)) == 503
    assert until(lambda: _status(server) == 200)


def test_streams_are_bounded(server: WatchServer) -> None:
    """Streams leave room for pages."""
    with ExitStack() as stack:
        for _ in range(STREAMS):
            stack.enter_context(stream(f"{server.url}events"))()
        assert get(f"{server.url}events").status == 503
        assert get(server.url).status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\r\n",
    ],
    ids=["nothing", "short", "version", "hosts", "long", "headers", "tls", "bytes"],
)
def test_strange_requests_break_nothing(
    server: WatchServer, request_bytes: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback, no echo, and the next request is answered."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    assert b"aaaa" not in answer
    assert get(server.url).status == 200
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_port_that_is_taken_is_said(server: WatchServer) -> None:
    """With the port, the reason and the cure."""
    with pytest.raises(WatchError, match=rf"port {server.server_port} of 127\.0\.0\.1 cannot be used: .*take another"):
        watching(port=server.server_port)


def test_nothing_is_left_of_a_page_that_is_closed() -> None:
    """Neither threads nor a port."""
    before = set(threading.enumerate())
    with watching() as page:
        get(page.url)
    until(lambda: not [each for each in threading.enumerate() if each not in before])
    with pytest.raises(OSError, match="refused"):
        get(page.url)


def test_closing_twice_is_fine() -> None:
    """As for everything that can be closed."""
    page = watching()
    page.close()
    page.close()


def _status(server: WatchServer) -> int:
    try:
        return get(server.url).status
    except OSError:  # turned away before the request was sent
        return 0
