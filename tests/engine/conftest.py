"""What all tests of the engine need."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test before may have set the process's tracer provider, or asked for recent runs to be kept."""
    monkeypatch.setattr("wftrace.engine.observers._installed", [])
