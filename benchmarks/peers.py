"""The libraries that we are measured against, each in an environment of its own under the cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


class PeerUnavailableError(Exception):
    """A peer could not be installed; the message is the last line that pip said."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A library with the same interface: what pip calls it, which version, which module it is imported by."""

    name: str
    version: str
    module: str


PEERS = (
    Peer("llama-index-workflows", "2.26.1", "workflows"),
    Peer("llama-index-core", "0.12.30", "llama_index.core.workflow"),
)


def cache_folder() -> Path:
    """Where the environments of peers are kept from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wftrace" / "bench"


def interpreter_with(peer: Peer) -> str:
    """The Python of an environment that has the peer; made at the first call, then found.

    Raises ``PeerUnavailableError`` when it cannot be installed.
    """
    release = f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder() / f"{peer.name}-{peer.version}-{release}"
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        _install(peer, folder, python)
        ready.touch()
    return str(python)


def _install(peer: Peer, folder: Path, python: Path) -> None:
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", f"{peer.name}=={peer.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise PeerUnavailableError(f"not installed: {lines[-1]}")
