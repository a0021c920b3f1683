"""The store: disks that are full, read-only or gone, bounds, and calls in the middle of a call."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from tests.exporters.spooling import Backend, Bench, always, make_span, record_of, status
from wftrace.exporters.spool_accounts import FULL, MEMORY_FULL, Accounts
from wftrace.exporters.spool_folder import SpoolError, accounts_of, size_of, spool_limit, spool_root
from wftrace.exporters.spool_log import SpoolLog
from wftrace.exporters.spool_record import Kind
from wftrace.exporters.spool_store import AT_EXIT, REMOVED

DOWN = always(lambda _: status(503))


class Disk:
    """The system's write, which fails while the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self._write = os.write
        monkeypatch.setattr("wftrace.exporters.spool_log.os.write", self.write)

    def write(self, handle: int, data: bytes) -> int:
        """Write what there is room for."""
        if self.room is None:
            return self._write(handle, data)
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: self.room]
        self.room -= len(part)
        return self._write(handle, part)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that a test can fill."""
    return Disk(monkeypatch)


@pytest.mark.parametrize("room", [0, 1, 44, 45, 60, 300])
def test_a_full_disk_costs_nothing_and_is_used_again(tmp_path: Path, disk: Disk, room: int) -> None:
    """Wherever in a record it fills: spans wait in memory, are delivered, and later ones are on the disk again."""
    bench = Bench(tmp_path, Backend())
    bench.put("a")
    disk.room = room
    bench.put("b", "c", "d", "e")
    assert bench.store.problem
    assert bench.store.waiting == 5
    bench.check_balance()
    disk.room = None
    bench.pass_(5)
    assert not bench.store.problem
    bench.put("f")
    assert len(bench.store.memory) == 0
    bench.pass_(5)
    assert bench.backend.taken == dict.fromkeys("abcdef", 1)
    assert bench.store.accounts() == Accounts(delivered=6)


def test_what_was_in_memory_moves_to_the_disk_when_it_has_room(tmp_path: Path, disk: Disk) -> None:
    """So that a crash later loses nothing."""
    bench = Bench(tmp_path, Backend(*DOWN))
    disk.room = 0
    bench.put("a", "b", "c")
    assert len(bench.store.memory) == 3
    disk.room = None
    bench.pass_(3)
    assert len(bench.store.memory) == 0
    bench.store.close()
    assert accounts_of(bench.place.folder) == Accounts(waiting=3)


def test_a_full_disk_is_said_once(tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    """With the cure, however long it lasts."""
    bench = Bench(tmp_path, Backend(*DOWN))
    disk.room = 0
    for _ in range(50):
        bench.put("a")
        bench.pass_(1)
    said = [record.getMessage() for record in caplog.records if "memory only" in record.getMessage()]
    assert len(said) == 1
    assert "WFTRACE_SPOOL_DIR" in said[0]


def test_memory_is_bounded_and_drops_the_oldest(tmp_path: Path, disk: Disk) -> None:
    """Counted, and never what is being sent."""
    bench = Bench(tmp_path, Backend(*DOWN), memory=10_000)
    disk.room = 0
    bench.put(*(f"s{number}" for number in range(200)), size=100)
    accounts = bench.store.accounts()
    assert accounts.written == bench.store.written == 200
    assert 0 < accounts.dropped[MEMORY_FULL] < 200
    bench.backend.script.clear()
    bench.pass_(10)
    kept = 200 - accounts.dropped[MEMORY_FULL]
    assert set(bench.backend.taken) == {f"s{number}" for number in range(200 - kept, 200)}
    bench.check_balance()


@pytest.mark.parametrize("obstacle", ["a file", "a file above", "too long a name"])
def test_a_folder_that_cannot_be_made_harms_nobody(tmp_path: Path, obstacle: str) -> None:
    """Spans go through memory to the backend, and the end is in good order."""
    (tmp_path / "file").write_text("mine")
    root = {
        "a file": tmp_path / "file",
        "a file above": tmp_path / "file" / "spool",
        "too long a name": tmp_path / ("x" * 300),
    }[obstacle]
    bench = Bench(root, Backend())
    bench.put("a", "b")
    bench.pass_(3)
    assert bench.backend.taken == {"a": 1, "b": 1}
    assert bench.store.accounts() == Accounts(delivered=2)
    bench.store.close()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_system_that_refuses_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only from the start: nothing can even be opened."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("wftrace.exporters.spool_log.os.open", refuse)
    bench = Bench(tmp_path, Backend())
    bench.put("a")
    assert "Read-only" in bench.store.problem
    bench.pass_(3)
    assert bench.backend.taken == {"a": 1}
    bench.store.close()


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They could read what is put there."""
    monkeypatch.setattr("wftrace.exporters.spool_folder.os.geteuid", lambda: 12345)
    bench = Bench(tmp_path, Backend())
    assert "another user" in bench.store.problem


def test_what_lies_there_is_for_its_owner_only(tmp_path: Path) -> None:
    """Traces hold what users typed."""
    bench = Bench(tmp_path / "spool", Backend(*DOWN))
    bench.put("a")
    bench.pass_(3)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "spool").rglob("*")}
    assert set(modes.values()) == {0o700, 0o600}


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    """What the open file still holds is saved; what is really gone is counted."""
    bench = Bench(tmp_path, Backend(*DOWN))
    bench.put(*(f"s{number}" for number in range(30)), size=500)
    assert bench.store.log is not None
    assert bench.store.log.index > 2
    shutil.rmtree(bench.place.folder)
    bench.put("after")
    bench.check_balance()
    bench.backend.script.clear()
    bench.pass_(10)
    accounts = bench.store.accounts()
    assert accounts.written == bench.store.written == 31
    assert accounts.dropped.keys() == {REMOVED}
    assert accounts.delivered == len(bench.backend.taken) == 31 - accounts.dropped[REMOVED]
    assert "after" in bench.backend.taken
    bench.put("later")
    bench.pass_(3)
    assert "later" in bench.backend.taken
    bench.store.close()
    assert accounts_of(bench.place.folder) == bench.store.accounts()


def test_the_disk_is_bounded_and_drops_the_oldest_complete_traces(tmp_path: Path) -> None:
    """A long outage: the limit holds, whole traces go, what is left arrives, and every span is accounted."""
    limit = 200_000
    bench = Bench(tmp_path, Backend(*DOWN), limit=limit, segment=8192)
    for trace in range(1, 201):
        bench.put(f"{trace}-a", f"{trace}-b", trace=trace, size=900)
        bench.end_trace(f"{trace}-root", trace, size=900)
        bench.pass_(1.5)
        assert size_of(bench.place.folder) <= limit
        bench.check_balance()
    dropped = bench.store.accounts().dropped
    assert dropped.keys() == {FULL}
    bench.backend.script.clear()
    bench.pass_(400)
    traces = {name.partition("-")[0] for name in bench.backend.taken}
    assert len(bench.backend.taken) == 3 * len(traces) == 600 - dropped[FULL]
    assert traces == {str(trace) for trace in range(201 - len(traces), 201)}
    assert bench.store.accounts() == Accounts(delivered=3 * len(traces), dropped=dropped)
    bench.store.close()
    assert accounts_of(bench.place.folder) == bench.store.accounts()


def test_what_the_dead_have_left_goes_before_what_is_ours(tmp_path: Path) -> None:
    """It is older, and the living must not be starved by it."""
    dead = Bench(tmp_path, Backend(*DOWN), limit=200_000, segment=8192)
    for trace in range(1, 181):
        dead.end_trace(f"old{trace}", trace, size=900)
    assert dead.store.log is not None
    dead.store.log.close()
    left = 180 - len(dead.store.memory)
    bench = Bench(tmp_path, Backend(*DOWN), limit=200_000, segment=8192)
    for trace in range(201, 251):
        bench.pass_(1.5)
        bench.end_trace(f"new{trace}", trace, size=900)
        assert size_of(bench.place.folder) <= 200_000
    bench.backend.script.clear()
    bench.pass_(400)
    new = {name for name in bench.backend.taken if name.startswith("new")}
    old = sorted(int(name[3:]) for name in set(bench.backend.taken) - new)
    assert len(new) == 50
    assert 0 < len(old) < left
    assert old == list(range(left + 1 - len(old), left + 1))
    bench.store.close()
    accounts = accounts_of(bench.place.folder)
    assert (accounts.written, accounts.delivered) == (left + 50, len(bench.backend.taken))
    assert accounts.dropped == {FULL: left - len(old)}


def test_a_trace_under_way_outlives_complete_ones(tmp_path: Path) -> None:
    """The rest of it would arrive without its beginning."""
    bench = Bench(tmp_path, Backend(*DOWN), limit=100_000)
    bench.put("open", trace=999, size=500)
    for trace in range(1, 151):
        bench.end_trace(str(trace), trace, size=900)
        bench.pass_(1.5)
    bench.backend.script.clear()
    bench.pass_(400)
    assert "open" in bench.backend.taken
    assert "1" not in bench.backend.taken


def test_a_burst_beyond_the_limit_is_counted(tmp_path: Path) -> None:
    """Faster than room can be made: memory takes a part, the rest is dropped and counted."""
    bench = Bench(tmp_path, Backend(*DOWN), limit=50_000, memory=20_000)
    for trace in range(1, 301):
        bench.end_trace(str(trace), trace, size=500)
    assert size_of(bench.place.folder) <= 50_000
    bench.check_balance()
    bench.backend.script.clear()
    bench.pass_(60)
    accounts = bench.store.accounts()
    assert accounts.written == 300
    assert accounts.delivered == len(bench.backend.taken)
    assert sum(accounts.dropped.values()) == 300 - accounts.delivered


def test_a_span_that_ends_while_one_is_written_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler or a finalizer runs in the middle of the write."""
    bench = Bench(tmp_path, Backend())
    append = SpoolLog.append
    inner = [record_of(make_span("inner"))]

    def interrupted(log: SpoolLog, *arguments: object) -> None:
        if inner:
            bench.store.put(inner.pop())
        append(log, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SpoolLog, "append", interrupted)
    bench.put("outer")
    bench.pass_(2)
    assert bench.backend.requests == [["outer", "inner"]]
    bench.check_balance()


def test_what_is_in_memory_at_the_end_is_counted(tmp_path: Path, disk: Disk) -> None:
    """It cannot be saved, but it is not hidden."""
    bench = Bench(tmp_path, Backend(*DOWN))
    disk.room = 0
    bench.put("a", "b")
    bench.store.close()
    assert accounts_of(bench.place.folder) == Accounts(dropped={AT_EXIT: 2})


def test_a_state_that_cannot_be_saved_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivered is delivered."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wftrace.exporters.spool_queue.save_state", refuse)
    bench = Bench(tmp_path, Backend())
    bench.put("a", "b")
    bench.pass_(3)
    assert bench.backend.taken == {"a": 1, "b": 1}


def test_open_starts_outlive_their_segment(tmp_path: Path) -> None:
    """A run that takes hours is known to be open although all that was written around its start is gone."""
    bench = Bench(tmp_path, Backend())
    long_run = record_of(make_span("run"), Kind.START)
    bench.store.put(long_run)
    for turn in range(5):
        bench.put(*(f"{turn}-{number}" for number in range(20)), size=900)
        bench.pass_(5)
    assert bench.store.log is not None
    assert bench.store.log.index > 3
    kept = (path.read_bytes() for path in bench.store.log.folder.glob("*.log"))
    assert any(long_run.payload in data for data in kept)


@pytest.mark.parametrize("text", ["x", "-1", "0", "1.5", "٣"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    """With what to write instead."""
    with pytest.raises(SpoolError, match="set it to 512"):
        spool_limit({"WFTRACE_SPOOL_MIB": text})
    assert spool_limit({"WFTRACE_SPOOL_MIB": "2"}) == 2 * 1024 * 1024
    assert spool_limit({}) == 512 * 1024 * 1024


def test_where_spools_lie() -> None:
    """Where the environment says, else where the system keeps the state of programs."""
    assert spool_root({"WFTRACE_SPOOL_DIR": "/a"}, "linux") == Path("/a")
    assert spool_root({"HOME": "/home/me", "XDG_STATE_HOME": "relative"}, "linux") == Path(
        "/home/me/.local/state/wftrace/spool"
    )
    assert spool_root({"HOME": "/home/me"}, "darwin") == Path("/home/me/.local/state/wftrace/spool")
