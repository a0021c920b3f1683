"""Processes whose OpenTelemetry somebody else sets up: their provider is used, and nothing is done at import."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import asyncio
from wftrace import StartEvent, StopEvent, Workflow, step
class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent()
async def main():
    await Flow().run()
asyncio.run(main())
"""
CONFIGURATOR = """
[opentelemetry_configurator]
configurator = opentelemetry.sdk._configuration:_OTelSDKConfigurator
"""
INSTRUMENT = shutil.which("opentelemetry-instrument", path=str(Path(sys.executable).parent))


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def distro(tmp_path: Path) -> Path:
    """A folder with what ``opentelemetry-distro`` adds: the word that the SDK is to be configured."""
    info = tmp_path / "distro-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: distro\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(CONFIGURATOR, encoding="utf-8")
    return tmp_path


@pytest.mark.skipif(INSTRUMENT is None, reason="opentelemetry-instrumentation is not installed")
def test_opentelemetry_instrument(distro: Path) -> None:
    """Runs are traced without a word about it in the program."""
    assert INSTRUMENT is not None
    printed = _run(
        *(INSTRUMENT, "--traces_exporter", "console", "--metrics_exporter", "none", "--logs_exporter", "none"),
        *(sys.executable, "-c", FLOW),
        PYTHONPATH=os.pathsep.join([str(distro), *filter(None, sys.path)]),
    )
    names = [json.loads(text)["name"] for text in _documents(printed)]
    assert names == ["send StartEvent", "send StopEvent", "run_step work", "invoke_workflow Flow"]


def _documents(printed: str) -> list[str]:
    """The JSON documents that the console exporter has printed one after the other."""
    return [f"{{{text}}}" for text in printed.strip()[1:-1].split("\n}\n{\n")]


def test_nothing_is_global_after_an_import() -> None:
    """No provider, no SDK, not even the API."""
    code = """
import sys, wftrace
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    assert _run(sys.executable, "-c", code).strip() == "[]"


def test_a_run_sets_no_provider() -> None:
    """Only ``trace_to`` does."""
    code = (
        FLOW
        + """
from opentelemetry import metrics, trace
print(type(trace.get_tracer_provider()).__name__, type(metrics.get_meter_provider()).__name__)
"""
    )
    assert _run(sys.executable, "-c", code).strip() == "ProxyTracerProvider _ProxyMeterProvider"
