"""Both sinks: each claim about spans holds for the recorder and for the SDK."""

from __future__ import annotations

import pytest

from tests.telemetry.watching import RecorderWatch, SdkWatch, Watch


@pytest.fixture(autouse=True)
def _nobody_else_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the watch of the test: a test before may have set the process's provider, or asked for recent runs."""
    monkeypatch.setattr("wftrace.engine.observers._installed", [])


@pytest.fixture(params=[RecorderWatch, SdkWatch], ids=["recorder", "sdk"])
def watch(request: pytest.FixtureRequest) -> Watch:
    """A fresh watch on each sink."""
    made: Watch = request.param()
    return made


@pytest.fixture
def sdk() -> SdkWatch:
    """A fresh watch through the SDK."""
    return SdkWatch()
