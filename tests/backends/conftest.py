"""The backends that the tests talk to: each is started once a session, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.backends.servers import Backend, start_jaeger, start_phoenix


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A Phoenix that anybody may use."""
    with ExitStack() as stack:
        yield start_phoenix(tmp_path_factory.mktemp("phoenix"), stack)


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A Jaeger."""
    with ExitStack() as stack:
        yield start_jaeger(tmp_path_factory.mktemp("jaeger"), stack)


@pytest.fixture(params=["phoenix", "jaeger"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of them."""
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def pointed(backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backend:
    """Each of them, with the variables of this process set for it."""
    point_to(backend, monkeypatch, tmp_path)
    return backend


def point_to(backend: Backend, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set this process's variables for a backend."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    for name, value in backend.variables.items():
        monkeypatch.setenv(name, value)
