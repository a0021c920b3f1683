"""``wftrace spool``: what it says, what it sends, what it drops, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.exporters.backend_server import BackendServer
from tests.exporters.spooling import make_span
from wftrace.cli import main
from wftrace.exporters.otlp import otlp_address
from wftrace.exporters.spool import Spool


@dataclass(frozen=True, slots=True)
class Done:
    """What a call ended with."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call ``wftrace spool``."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(["spool", *arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def backend() -> Iterator[BackendServer]:
    """A backend that is down."""
    made = BackendServer("503")
    yield made
    made.close()


def leave(url: str, count: int, headers: dict[str, str] | None = None, prefix: str = "s") -> Spool:
    """A process that traced some spans and ended."""
    spool = Spool(otlp_address(url, headers))
    for number in range(count):
        spool.on_end(make_span(f"{prefix}{number}"))
    spool.close(2)
    return spool


def status(call: Call) -> list[dict[str, Any]]:
    """What ``status --json`` says of the spools."""
    done = call("status", "--json")
    assert (done.code, done.err) == (0, "")
    spools: list[dict[str, Any]] = json.loads(done.out)["spools"]
    return spools


def test_status_of_nothing(call: Call, spool_folder: Path) -> None:
    """Says where it looked."""
    done = call("status")
    assert (done.code, done.out) == (0, "")
    assert str(spool_folder) in done.err
    assert status(call) == []


def test_status_counts(call: Call, backend: BackendServer) -> None:
    """As a table and as JSON; written is the sum of the others."""
    leave(backend.url, 7)
    (facts,) = status(call)
    assert (facts["written"], facts["waiting"], facts["delivered"], facts["writing"]) == (7, 7, 0, 0)
    assert facts["endpoint"] == f"{backend.url}/v1/traces"
    assert facts["bytes"] > 7 * 45
    done = call("status")
    header, row = (line.split() for line in done.out.splitlines())
    assert dict(zip(header, row, strict=True)) | {"spool": "", "MiB": ""} == {
        "spool": "",
        "to": f"{backend.url}/v1/traces",
        "written": "7",
        "delivered": "0",
        "waiting": "7",
        "refused": "0",
        "dropped": "0",
        "MiB": "",
        "writing": "0",
    }


def test_flush_sends_what_waits(call: Call, backend: BackendServer) -> None:
    """Without a word about where: the spool knows."""
    leave(backend.url, 3)
    leave(backend.url, 4, prefix="t")
    backend.ill = ""
    done = call("flush")
    assert (done.code, done.out) == (0, "")
    assert "7 spans delivered" in done.err
    assert len(backend.taken) == 7
    (facts,) = status(call)
    assert (facts["written"], facts["delivered"], facts["waiting"]) == (7, 7, 0)
    assert call("flush").err == "nothing waits\n"


def test_flush_to_a_backend_that_is_down(call: Call, backend: BackendServer) -> None:
    """Code 5, why, and what to do; nothing is lost, and it says what is left as JSON too."""
    leave(backend.url, 3)
    done = call("flush", "--json", "--timeout", "2")
    assert done.code == 5
    assert json.loads(done.out)[0]["left"] == 3
    assert "3 spans" in done.err
    assert "it answered 503" in done.err
    assert "try: start the backend" in done.err
    assert status(call)[0]["waiting"] == 3


def test_flush_does_not_send_to_others(call: Call, backend: BackendServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written with other keys is named and left, unless it is asked for by name."""
    leave(backend.url, 3, {"authorization": "Bearer one"})
    backend.ill = ""
    done = call("flush")
    assert done.code == 5
    assert "other keys" in done.err
    assert "Bearer" not in done.err
    assert not backend.taken
    name = status(call)[0]["spool"][:8]
    assert f"wftrace spool flush {name}" in done.err
    assert call("flush", name).code == 0
    assert len(backend.taken) == 3
    leave(backend.url, 2, {"authorization": "Bearer one"}, prefix="t")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20one")
    assert call("flush").code == 0
    assert len(backend.taken) == 5


def test_flush_leaves_the_living_alone(call: Call, backend: BackendServer) -> None:
    """A process that still runs sends its own spans; that is no failure."""
    spool = Spool(otlp_address(backend.url))
    spool.on_end(make_span("mine"))
    assert not spool.force_flush(2000)
    leave(backend.url, 2)
    spool_before = status(call)[0]
    assert (spool_before["waiting"], spool_before["writing"]) == (3, 1)
    backend.ill = ""
    done = call("flush")
    assert done.code == 0
    assert "1 processes still write there" in done.err
    spool.force_flush(5000)
    assert spool.close()
    assert set(backend.taken) == {"mine", "s0", "s1"}


def test_drop_asks_for_force(call: Call, backend: BackendServer) -> None:
    """And says what it would delete."""
    leave(backend.url, 3)
    done = call("drop")
    assert done.code == 2
    assert "3 spans that wait" in done.err
    assert "try: wftrace spool drop --force" in done.err
    assert status(call)[0]["waiting"] == 3


def test_drop_keeps_the_counts(call: Call, backend: BackendServer) -> None:
    """What is gone is counted as dropped by hand."""
    leave(backend.url, 3)
    assert json.loads(call("drop", "--force", "--json").out) == {status(call)[0]["spool"]: 3}
    (facts,) = status(call)
    assert (facts["written"], facts["waiting"], facts["dropped"]) == (3, 0, {"dropped by hand": 3})
    assert facts["bytes"] == 0
    backend.ill = ""
    assert call("flush").err == "nothing waits\n"
    assert "3 dropped: dropped by hand" in call("status").err


def test_an_unknown_target_is_told(call: Call, backend: BackendServer) -> None:
    """With where to look."""
    leave(backend.url, 1)
    for command in ("flush", "drop"):
        done = call(command, "http://other.example:4318")
        assert done.code == 2
        assert "there is no spool for" in done.err
        assert "try: wftrace spool status" in done.err


@pytest.mark.parametrize("name", ["target", "address", "folder"])
def test_a_spool_has_three_names(call: Call, backend: BackendServer, name: str) -> None:
    """The word that was traced to, the address with or without its path, the beginning of its folder's name."""
    address = otlp_address(backend.url)
    spool = Spool(address, target="jaeger")
    spool.on_end(make_span("a"))
    spool.close(2)
    words = {"target": "jaeger", "address": backend.url, "folder": address.identity[:6]}
    assert call("drop", words[name], "--force").code == 0
    assert status(call)[0]["waiting"] == 0


def test_refusals_are_shown(call: Call, backend: BackendServer) -> None:
    """With the backend's reason."""
    backend.ill = "partial"
    leave(backend.url, 3)
    (facts,) = status(call)
    assert (facts["delivered"], facts["refused"]) == (2, 1)
    assert "1 of 3 spans were refused: no room" in call("status").err
    assert call("drop", "--force").code == 0
    assert "no room" not in call("status").err
    assert status(call)[0]["refused"] == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": "wftrace/spool-destination@9"}', b"\xff\xfe"])
def test_a_foreign_folder_is_passed_over(call: Call, spool_folder: Path, content: bytes) -> None:
    """Whatever lies in the folder of spools, the others are shown."""
    (spool_folder / "foreign").mkdir(parents=True)
    (spool_folder / "foreign" / "destination.json").write_bytes(content)
    (spool_folder / "file").write_text("x")
    assert status(call) == []
    assert call("flush").code == 0


def test_a_limit_that_is_none_is_an_error_with_a_cure(
    call: Call, backend: BackendServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 2, not a traceback."""
    leave(backend.url, 1)
    monkeypatch.setenv("WFTRACE_SPOOL_MIB", "much")
    done = call("flush")
    assert done.code == 2
    assert "set it to 512" in done.err
