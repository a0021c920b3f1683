"""Where spools lie on the disk, who owns what there, and the accounts of all of it.

ROOT/                            one for each user, mode 0700
  4f1d…/                         a destination: an address with its headers
    destination.json             the address without secrets
    totals.json                  the accounts of writers that are gone
    71-c0ffee/                   a writer: one spool of one process
      lock  state.json  00000001.log  00000002.log
    refused/71-c0ffee.log        what the backend turned away
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wftrace.engine.errors import WorkflowError

from .spool_accounts import Accounts, accounts_from, load_state, replace_file
from .spool_lock import FileLock
from .spool_log import LOCK_FILE, SEGMENT_SUFFIX
from .spool_queue import count_waiting
from .spool_refused import REFUSED_FOLDER

FOLDER_VARIABLE = "WFTRACE_SPOOL_DIR"
SWITCH_VARIABLE = "WFTRACE_SPOOL"
LIMIT_VARIABLE = "WFTRACE_SPOOL_MIB"
LIMIT_MIB = 512

DESTINATION_FORMAT = "wftrace/spool-destination@1"
TOTALS_FORMAT = "wftrace/spool-totals@1"
DESTINATION_FILE = "destination.json"
TOTALS_FILE = "totals.json"

_OFF = ("off", "0", "false", "no")


class SpoolError(WorkflowError):
    """A spool folder or a setting of it that cannot be used."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder of spans that go to one place.

    ``target`` is what the user asked for; ``endpoint`` is its address without secrets.
    """

    folder: Path
    target: str
    endpoint: str


def spool_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether ``WFTRACE_SPOOL`` leaves the spool on.

    >>> spool_wanted({}), spool_wanted({"WFTRACE_SPOOL": "off"})
    (True, False)
    """
    return environment.get(SWITCH_VARIABLE, "").strip().lower() not in _OFF


def spool_root(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """The folder of all spools: ``WFTRACE_SPOOL_DIR``, else where the system keeps the state of programs.

    >>> spool_root({"XDG_STATE_HOME": "/state"}, "linux").as_posix()
    '/state/wftrace/spool'
    """
    asked = environment.get(FOLDER_VARIABLE)
    if asked:
        return Path(asked).expanduser().absolute()
    home = Path(environment.get("HOME") or "~").expanduser()
    if system == "win32":
        return Path(environment.get("LOCALAPPDATA") or home) / "wftrace" / "spool"
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else home / ".local" / "state") / "wftrace" / "spool"


def spool_limit(environment: Mapping[str, str] = os.environ) -> int:
    """How many bytes the spans for one destination may take: ``WFTRACE_SPOOL_MIB``, or 512 MiB.

    Raises ``SpoolError`` when the variable holds no whole number from 1 on.
    """
    text = environment.get(LIMIT_VARIABLE, "").strip() or str(LIMIT_MIB)
    if not text.isascii() or not text.isdigit() or int(text[:9]) == 0:
        raise SpoolError(f"{LIMIT_VARIABLE}={text!r} is no whole number of MiB; set it to {LIMIT_MIB}, or unset it")
    return int(text[:9]) * 1024 * 1024


def prepare(destination: Destination) -> None:
    """Make the folder of a destination when it is missing.

    Raises ``OSError``, also when the folder belongs to another user, who could read what is put there.
    """
    root = destination.folder.parent
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    destination.folder.mkdir(mode=0o700, exist_ok=True)
    for folder in (root, destination.folder):
        _check_owner(folder)
    file = destination.folder / DESTINATION_FILE
    if not file.exists():
        data = {"format": DESTINATION_FORMAT, "target": destination.target, "endpoint": destination.endpoint}
        replace_file(file, json.dumps(data).encode())


def destinations(root: Path) -> list[Destination]:
    """The destinations that have a folder."""
    found = []
    for folder in _folders(root):
        try:
            data = json.loads((folder / DESTINATION_FILE).read_bytes())
            if data["format"] == DESTINATION_FORMAT:
                found.append(Destination(folder, str(data["target"]), str(data["endpoint"])))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def writers(destination: Path) -> list[Path]:
    """The folders of writers, dead and alive."""
    return [folder for folder in _folders(destination) if folder.name != REFUSED_FOLDER]


def accounts_of(destination: Path) -> Accounts:
    """What became of all spans that were ever written for a destination."""
    totals, retired = _totals(destination)
    for folder in writers(destination):
        if folder.name not in retired:
            totals += writer_accounts(folder)
    return totals


def writer_accounts(folder: Path) -> Accounts:
    """What became of one writer's spans. Its owner may be at work meanwhile: what moved is counted again."""
    for _ in range(20):
        state = load_state(folder)
        waiting, lost = count_waiting(folder, state)
        if load_state(folder) == state:
            break
    return state.accounts + Accounts(waiting=waiting, dropped=lost)


def retire(folder: Path) -> None:
    """Add the accounts of a writer whose spans are all dealt with to the totals, and delete its folder.

    The totals name the writers that they hold: a crash in between neither forgets nor doubles one. Raises ``OSError``.
    """
    destination = folder.parent
    with _locked(destination):
        totals, retired = _totals(destination)
        if folder.name not in retired:
            totals += writer_accounts(folder)
        there = {writer.name for writer in writers(destination)}
        save_totals(destination, totals, (retired & there) | {folder.name})
        shutil.rmtree(folder)


def save_totals(destination: Path, totals: Accounts, retired: set[str]) -> None:
    """Write the accounts of the writers that are gone. Raises ``OSError``."""
    data = {"format": TOTALS_FORMAT, "retired": sorted(retired), **totals.to_dict()}
    replace_file(destination / TOTALS_FILE, json.dumps(data).encode())


def size_of(destination: Path) -> int:
    """How many bytes the records for a destination take."""
    size = 0
    for folder in (destination, *_folders(destination)):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    size += entry.stat().st_size if entry.name.endswith(SEGMENT_SUFFIX) else 0
    return size


def alive(folder: Path) -> bool:
    """Whether a writer's process still lives."""
    lock = FileLock(folder / LOCK_FILE)
    try:
        free = lock.acquire()
    except OSError:
        return False
    lock.release()
    return not free


def _totals(destination: Path) -> tuple[Accounts, set[str]]:
    try:
        data = json.loads((destination / TOTALS_FILE).read_bytes())
        if data["format"] != TOTALS_FORMAT:
            return Accounts(), set()
        return accounts_from(data), {str(name) for name in data["retired"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Accounts(), set()


@contextmanager
def _locked(destination: Path) -> Iterator[None]:
    lock = FileLock(destination / LOCK_FILE)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def _check_owner(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(20, "is no folder", str(folder))
    if hasattr(os, "geteuid") and facts.st_uid != os.geteuid():
        raise PermissionError(13, "belongs to another user", str(folder))
