"""Looking after spools from outside: what waits where, sending it now, dropping it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .otlp import EndpointError, otlp_address, traces_address
from .otlp_http import OtlpAddress, OtlpHttp
from .setup import network_place
from .spool_accounts import BY_HAND, Accounts, load_state, save_state
from .spool_folder import (
    Destination,
    accounts_of,
    alive,
    destinations,
    retire,
    size_of,
    spool_limit,
    spool_root,
    writers,
)
from .spool_lock import FileLock
from .spool_log import LOCK_FILE
from .spool_queue import count_waiting
from .spool_refused import REFUSED_FOLDER, refusals
from .spool_sender import Post, SpoolSender
from .spool_store import SpoolStore


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """A spool as it is now: where it goes, its accounts, its size, how many processes write to it, the last refusal."""

    destination: Destination
    accounts: Accounts
    size: int
    writing: int
    refusal: str


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did: how many spans were delivered, what is left, and why."""

    destination: Destination
    delivered: int
    left: Accounts
    writing: int
    problem: str


def spool_status(root: Path | None = None) -> list[SpoolStatus]:
    """The spools of this user, or of another folder."""
    return [status_of(place) for place in destinations(root or spool_root())]


def status_of(place: Destination) -> SpoolStatus:
    """One spool."""
    reasons = refusals(place.folder)
    writing = sum(alive(folder) for folder in writers(place.folder))
    return SpoolStatus(place, accounts_of(place.folder), size_of(place.folder), writing, reasons[-1] if reasons else "")


def chosen(target: str | None, root: Path | None = None) -> list[Destination]:
    """The spools of a target: the word or address that was traced to, or the beginning of a folder's name."""
    places = destinations(root or spool_root())
    if target is None:
        return places
    words = {target}
    with suppress(EndpointError):
        words.add(OtlpAddress(traces_address(target)).shown)
    return [place for place in places if {place.target, place.endpoint} & words or _names(place, target)]


def address_for(place: Destination, target: str | None = None) -> OtlpAddress | None:
    """Where a spool's spans are to go, as the environment has it now.

    Without a ``target`` it must be the very place, with the very headers, that the spans were written for; None when
    the environment names another one.
    """
    asked = target if target is not None and not _names(place, target) else place.target
    try:
        network = network_place(asked) or network_place(place.endpoint)
        address = otlp_address(*network) if network else None
    except EndpointError:
        return None
    if address is None or (target is None and address.identity != place.folder.name):
        return None
    return address


def flush(place: Destination, address: OtlpAddress, timeout: float = 30.0, post: Post | None = None) -> Flushed:
    """Deliver what processes that are dead have left, within about ``timeout`` seconds. Never raises."""
    problems: list[str] = []
    transport = OtlpHttp(address)
    clock: Callable[[], float] = time.monotonic
    before = accounts_of(place.folder)
    store = SpoolStore(place, spool_limit())
    sender = SpoolSender(store, post or transport.post, address.shown, clock=clock, tell=problems.append)
    sender.limit(clock() + timeout)
    try:
        sender.round(urgent=True)
    finally:
        sender.release()
        store.close()
        transport.close()
    status = status_of(place)
    delivered = status.accounts.delivered - before.delivered
    return Flushed(place, delivered, status.accounts, status.writing, problems[-1] if problems else "")


def drop(place: Destination) -> int:
    """Drop what waits and belongs to no living process, and what was set aside; return how many spans waited.

    The accounts stay and count them. Raises ``OSError``.
    """
    dropped = 0
    for folder in writers(place.folder):
        lock = FileLock(folder / LOCK_FILE)
        if not lock.acquire():
            continue
        try:
            dropped += _drop_writer(folder)
        finally:
            lock.release()
    for path in (place.folder / REFUSED_FOLDER).glob("*"):
        path.unlink()
    return dropped


def _drop_writer(folder: Path) -> int:
    state = load_state(folder)
    waiting, lost = count_waiting(folder, state)
    dropped = {**lost, BY_HAND: waiting} if waiting else lost
    state = state.settled(state.passed + waiting + sum(lost.values()), dropped=dropped)
    save_state(folder, replace(state, sealed=True))
    retire(folder)
    return waiting


def _names(place: Destination, target: str) -> bool:
    return len(target) >= 4 and place.folder.name.startswith(target)
