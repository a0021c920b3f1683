"""``trace_to`` with a spool: on by default for backends, and its switches. Each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exporters.backend_server import BackendServer
from wftrace.exporters.otlp import EndpointError, otlp_address
from wftrace.exporters.otlp_http import OtlpAddress, OtlpHttp
from wftrace.exporters.spool_care import spool_status

RUN = """
import sys
from opentelemetry import trace
from wftrace import trace_to
arguments = eval(sys.argv[2])
tracing = trace_to(sys.argv[1], **arguments)
for number in range(20): trace.get_tracer("t").start_span(f"s{number}").end()
print(tracing.close(2))
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "WFTRACE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def backend() -> Iterator[BackendServer]:
    """A backend that is down."""
    made = BackendServer("503")
    yield made
    made.close()


def trace(url: str, arguments: str = "{}", **variables: str) -> str:
    """Trace 20 spans in a process; what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-c", RUN, url, arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_two_processes_deliver_what_one_could_not(backend: BackendServer, spool_folder: Path) -> None:
    """The default: the first finds its backend down and ends, the second delivers for both."""
    assert trace(backend.url) == "False"
    (status,) = spool_status(spool_folder)
    assert status.accounts.waiting == 20
    backend.ill = ""
    assert trace(backend.url) == "True"
    assert set(backend.taken.values()) == {2}
    (status,) = spool_status(spool_folder)
    assert (status.accounts.written, status.accounts.delivered) == (40, 40)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [("{'spool': False}", {}), ("{}", {"WFTRACE_SPOOL": "off"}), ("{}", {"WFTRACE_SPOOL": "0"})],
)
def test_it_can_be_turned_off(
    backend: BackendServer, spool_folder: Path, arguments: str, variables: dict[str, str]
) -> None:
    """In the call and in the environment; nothing is on the disk then."""
    backend.ill = ""
    assert trace(backend.url, arguments, **variables) == "True"
    assert len(backend.taken) == 20
    assert not spool_folder.exists()


def test_the_folder_can_be_chosen(backend: BackendServer, spool_folder: Path, tmp_path: Path) -> None:
    """In the environment and in the call, which wins."""
    trace(backend.url, "{}", WFTRACE_SPOOL_DIR=str(tmp_path / "one"))
    trace(backend.url, f"{{'spool': {str(tmp_path / 'two')!r}}}", WFTRACE_SPOOL_DIR=str(tmp_path / "one"))
    assert [status.accounts.waiting for status in spool_status(tmp_path / "one")] == [20]
    assert [status.accounts.waiting for status in spool_status(tmp_path / "two")] == [20]
    assert not spool_folder.exists()


def test_a_file_needs_no_spool(tmp_path: Path, spool_folder: Path) -> None:
    """It is on the disk as it is."""
    assert trace(str(tmp_path / "t.jsonl")) == "True"
    assert not spool_folder.exists()


def test_no_secret_is_on_the_disk(backend: BackendServer, spool_folder: Path) -> None:
    """Neither headers nor what an address holds."""
    address = backend.url.replace("http://", "http://joe:hunter2@") + "/v1/traces?api_key=opensesame"
    trace(address, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20sosecret")
    files = [path for path in spool_folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes() + str(path).encode()
        assert not [word for word in (b"hunter2", b"opensesame", b"sosecret") if word in content]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, OtlpAddress("http://localhost:4318/v1/traces")),
        ({"ENDPOINT": "http://c:1/"}, OtlpAddress("http://c:1/v1/traces")),
        ({"ENDPOINT": "http://c:1/otlp"}, OtlpAddress("http://c:1/otlp/v1/traces")),
        ({"TRACES_ENDPOINT": "http://c:1/x", "ENDPOINT": "http://d:1"}, OtlpAddress("http://c:1/x")),
        ({"HEADERS": "A=b%20c,d=e"}, OtlpAddress("http://localhost:4318/v1/traces", {"a": "b c", "d": "e"})),
        ({"TIMEOUT": "3"}, OtlpAddress("http://localhost:4318/v1/traces", timeout=3.0)),
        ({"TIMEOUT": "soon"}, OtlpAddress("http://localhost:4318/v1/traces")),
        ({"COMPRESSION": "none"}, OtlpAddress("http://localhost:4318/v1/traces", compression="none")),
        ({"TRACES_COMPRESSION": "DEFLATE"}, OtlpAddress("http://localhost:4318/v1/traces", compression="deflate")),
        ({"COMPRESSION": "zip"}, OtlpAddress("http://localhost:4318/v1/traces", compression="none")),
        ({"CERTIFICATE": "/ca"}, OtlpAddress("http://localhost:4318/v1/traces", certificate="/ca")),
        (
            {"CLIENT_CERTIFICATE": "/c", "TRACES_CLIENT_KEY": "/k"},
            OtlpAddress("http://localhost:4318/v1/traces", client_certificate="/c", client_key="/k"),
        ),
    ],
)
def test_the_variables_of_otlp_hold(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: OtlpAddress
) -> None:
    """All that steer where traces go and how."""
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    assert otlp_address() == expected


def test_an_endpoint_of_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused like any other."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "host:4317")
    with pytest.raises(EndpointError):
        otlp_address()


def test_identity_depends_on_headers_and_tells_none() -> None:
    """Equal in any order and case of names, different for every value."""
    one = OtlpAddress("http://h/", {"A": "1", "b": "2"})
    assert one.identity == OtlpAddress("http://h/", {"B": "2", "a": "1"}).identity
    others = [OtlpAddress("http://h/", {"a": "1"}), OtlpAddress("http://g/", one.headers), OtlpAddress("http://h/")]
    assert len({one.identity, *(other.identity for other in others)}) == 4
    assert "1" not in repr(one).replace("10.0", "")


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_requests_are_compressed_as_asked(compression: str) -> None:
    """What does not listen is an answer, not an exception, and its text holds no secret."""
    address = OtlpAddress("http://joe:hunter2@127.0.0.1:9/v1/traces?token=abcdef", compression=compression)  # type: ignore[arg-type]
    answer = OtlpHttp(address).post(b"body", 1.0)
    assert answer.status == 0
    assert "hunter2" not in answer.error
    assert "abcdef" not in answer.error
