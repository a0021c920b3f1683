"""``wftrace doctor``."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from wftrace.cli.checkup import Result, check_backend, check_dot, check_layout, check_variables

from .conftest import Call


def test_a_whole_installation_is_well(shell: Call) -> None:
    """On a machine without Graphviz and backends the doctor finds nothing that is needed missing."""
    done = shell("doctor")
    assert (done.code, done.err) == (0, "")
    assert "✓  layout" in done.out
    assert "–  system dot" in done.out


def test_colours_can_be_refused(shell: Call) -> None:
    """With NO_COLOR no escape sequence is written."""
    assert "\x1b" not in shell("doctor", NO_COLOR="1").out


def test_the_layout_is_really_made() -> None:
    """The layout check lays out a graph."""
    assert check_layout().ok is True


def test_dot_that_does_not_run_is_told(tmp_path: Path) -> None:
    """A dot that cannot be run is no fault, and the cure is named."""
    found = check_dot(str(tmp_path / "dot"))
    assert (found.ok, found.fault) == (False, False)
    assert "graphviz" in found.cure.lower()


def test_secrets_are_not_shown() -> None:
    """Variables that may hold a secret are only said to be set."""
    found = {
        result.name: result.text
        for result in check_variables(
            {
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer abc",
                "PHOENIX_API_KEY": "abc",
                "PHOENIX_PROJECT_NAME": "demo",
                "HOME": "/home/me",
            }
        )
    }
    assert found == {"OTEL_EXPORTER_OTLP_HEADERS": "set", "PHOENIX_API_KEY": "set", "PHOENIX_PROJECT_NAME": "demo"}


def test_a_backend_that_listens_is_found() -> None:
    """A backend is reachable when something listens on its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert check_backend("Jaeger", server.getsockname()[1], "start it").ok is True


def test_a_backend_that_is_absent_is_no_fault() -> None:
    """A backend that does not listen is said to be absent, with how to start it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = check_backend("Jaeger", port, "start it")
    assert (found.ok, found.fault) == (None, False)
    assert "start it" in found.text


@pytest.mark.parametrize(("ok", "needed", "fault"), [(False, True, True), (False, False, False), (None, True, False)])
def test_what_counts_as_a_fault(ok: bool | None, needed: bool, fault: bool) -> None:
    """Only what is needed and does not work is a fault."""
    assert Result("x", ok, "", needed=needed).fault is fault
