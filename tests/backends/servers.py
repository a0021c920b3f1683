"""Phoenix and Jaeger, started for the tests: on free ports of the loopback, in throw-away folders."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.needs import need

SCRIPTS = Path(__file__).resolve().parents[2] / ".ci"
START_S = 180.0
STOP_S = 5.0

_SETPRIV = shutil.which("setpriv")
_END_WITH_US = (_SETPRIV, "--pdeathsig", "KILL") if _SETPRIV else ()
"""Lets the kernel end a server when the tests are killed."""

JAEGER_CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{page}"}}
    grpc: {{endpoint: "127.0.0.1:{grpc}"}}
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 10000}}}}
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{intake}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend that runs. ``url`` is its page, ``variables`` are those that a process needs to trace to it."""

    name: str
    url: str
    variables: Mapping[str, str]
    log: Path


def installed(name: str) -> Path:
    """The folder of an installed backend; the test is skipped where it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wftrace" / "backends"
    place = cache / f"{name}-{_version(name)}"
    need((place / "installed").exists(), f"{name} {_version(name)} is not installed", f".ci/backends {name}")
    return place


def start_phoenix(folder: Path, stack: ExitStack, **more: str) -> Backend:
    """Start Phoenix; it ends with the stack. ``more`` are variables of its own, such as those for a login."""
    place = installed("phoenix")

    def command(ports: list[int]) -> tuple[list[str], dict[str, str], str]:
        surroundings = {
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(ports[0]),
            "PHOENIX_GRPC_PORT": str(ports[1]),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            **more,
        }
        return [str(place / "bin" / "phoenix"), "serve"], surroundings, f"http://127.0.0.1:{ports[0]}"

    url = _started(command, "/healthz", folder, stack)
    return Backend("phoenix", url, {"PHOENIX_COLLECTOR_ENDPOINT": url}, folder / "log")


def start_jaeger(folder: Path, stack: ExitStack) -> Backend:
    """Start Jaeger with its storage in memory; it ends with the stack."""
    place = installed("jaeger")
    intakes: list[int] = []

    def command(ports: list[int]) -> tuple[list[str], dict[str, str], str]:
        page, grpc, intake = ports
        config = folder / "config.yaml"
        config.write_text(JAEGER_CONFIG.format(page=page, grpc=grpc, intake=intake), encoding="utf-8")
        intakes[:] = [intake]
        return [str(place / "jaeger"), "--config", str(config)], {}, f"http://127.0.0.1:{page}"

    url = _started(command, "/api/v3/services", folder, stack)
    variables = {"JAEGER_UI": url, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{intakes[0]}"}
    return Backend("jaeger", url, variables, folder / "log")


def _version(name: str) -> str:
    where = {"phoenix": "phoenix.txt", "jaeger": "jaeger/go.mod"}[name]
    found = re.search(r"(?:^arize-phoenix==|jaegertracing/jaeger v)([\d.]+)", (SCRIPTS / where).read_text(), re.M)
    assert found, f"{where} names no version"
    return found[1]


def _started(
    command: Callable[[list[int]], tuple[list[str], dict[str, str], str]], ready: str, folder: Path, stack: ExitStack
) -> str:
    """Start a server, three times at most, as somebody else may take a port meanwhile; the address it answers at."""
    for _ in range(3):
        arguments, surroundings, url = command(_free_ports(3))
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*_END_WITH_US, *arguments],
                env=_clean(os.environ) | surroundings,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if _ready(process, url + ready):
            stack.callback(_stop, process)
            return url
        _stop(process)
    said = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise AssertionError(f"{arguments[0]} did not start within {START_S:g} s; it said:\n{said}")


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that would steer a server, or send its own traces somewhere."""
    steering = ("OTEL_", "PHOENIX_", "JAEGER_", "PYTHON", "WFTRACE_", "COVERAGE_")
    return {name: value for name, value in environment.items() if not name.startswith(steering)}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def _ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End exactly the process that was started, and those that it has started itself."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None and sys.platform != "win32":
            os.killpg(process.pid, sign)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
    process.wait(STOP_S)
