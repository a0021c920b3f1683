"""The SQLite keeper: several processes at once, nothing lost, clear errors for files of any other kind."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.engine.records import ALL, record
from wftrace.engine.errors import CheckpointError
from wftrace.engine.keepers import CheckpointRecord
from wftrace.engine.sqlite_keeper import APPLICATION_ID, SqliteKeeper


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "made" / "checkpoints.db"


@pytest.fixture
def keeper(path: Path) -> Iterator[SqliteKeeper]:
    """A keeper of an own file."""
    with closing(SqliteKeeper(path)) as keeper:
        yield keeper


def reopened(path: Path) -> list[CheckpointRecord]:
    """What another keeper finds in the file."""
    with closing(SqliteKeeper(path)) as other:
        return other.find(ALL)


def test_a_text_that_utf8_does_not_have_is_refused(keeper: SqliteKeeper) -> None:
    """Half a surrogate pair is a CheckpointError, and nothing is kept."""
    with pytest.raises(CheckpointError, match="surrogate"):
        keeper.save(record(run_id="\ud800"))
    assert keeper.find(ALL) == []


def test_the_file_outlives_the_keeper(keeper: SqliteKeeper, path: Path) -> None:
    """Another keeper of the file finds what was saved, also while the first is open; after close it opens again."""
    saved = keeper.save(record())
    assert reopened(path) == [saved]
    keeper.close()
    keeper.close()
    assert keeper.find(ALL) == [saved]


def test_a_later_change_of_the_folder_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is meant from where the keeper was made, also one that SQLite would read as an address."""
    monkeypatch.chdir(tmp_path)
    with closing(SqliteKeeper("file:kept")) as keeper:
        monkeypatch.chdir("/")
        keeper.save(record())
    assert (tmp_path / "file:kept").is_file()


@pytest.mark.parametrize("path", [":memory:", ""])
def test_what_sqlite_would_keep_in_memory_is_refused(path: str) -> None:
    """It would be lost, or become a file of a strange name."""
    with pytest.raises(CheckpointError, match=r"MemoryKeeper\(\) keeps in memory"):
        SqliteKeeper(path)


def test_threads_share_a_keeper(keeper: SqliteKeeper) -> None:
    """Saves from eight threads at once are all kept, with numbers without a gap."""

    def work(name: int) -> None:
        for n in range(25):
            keeper.save(record(f"{name}.{n}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.number for each in keeper.find(ALL)] == list(range(1, 201))


def test_keepers_make_a_file_at_the_same_time(tmp_path: Path) -> None:
    """Of four that find no file one makes it, and all of them use it."""
    for turn in range(15):
        path = tmp_path / f"{turn}.db"
        keepers = [SqliteKeeper(path) for _ in range(4)]
        together = threading.Barrier(4)

        def work(n: int, keepers: list[SqliteKeeper] = keepers, together: threading.Barrier = together) -> None:
            together.wait()
            keepers[n].save(record(str(n)))
            keepers[n].close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert {each.id_ for each in reopened(path)} == set("0123")


WRITER = """
import sys
from records import SqliteKeeper, record
keeper = SqliteKeeper(sys.argv[1])
for n in range(int(sys.argv[3])):
    keeper.save(record(f"{sys.argv[2]}.{n}"))
    print(n, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A process that saves ``count`` records of the run and says so after each."""
    here = Path(__file__).parent
    code = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parents[1])!r}]\n{WRITER}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def test_processes_share_a_file(path: Path) -> None:
    """Four processes that make the file at the same time keep everything, with numbers without a gap."""
    processes = [writer(path, str(name), 25) for name in range(4)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert [each.number for each in reopened(path)] == list(range(1, 101))


def test_what_was_saved_outlives_a_kill(path: Path) -> None:
    """A process is killed while it saves; all that ``save`` returned from is there, in order, and readable."""
    with writer(path, "a", 1_000_000) as process:
        assert process.stdout is not None
        for _ in range(50):
            said = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    said = max(said, len(rest) + said - 1)
    found = reopened(path)
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert len(found) > said


def test_a_fork_has_a_connection_of_its_own(keeper: SqliteKeeper, path: Path) -> None:
    """A child process that was forked with an open keeper saves, and the parent goes on."""
    keeper.save(record("parent"))
    code = (
        "import os, sys\n"
        "from records import SqliteKeeper, record\n"
        "keeper = SqliteKeeper(sys.argv[1])\n"
        "keeper.save(record('before'))\n"
        "child = os.fork()\n"
        "keeper.save(record('child' if child == 0 else 'parent 2'))\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "    keeper.save(record('after'))\n"
    )
    here = Path(__file__).parent
    paths = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parents[1])!r}]\n"
    subprocess.run([sys.executable, "-c", paths + code, str(path)], check=True)
    found = keeper.find(ALL)
    assert {each.id_ for each in found} == {"parent", "before", "child", "parent 2", "after"}
    assert [each.number for each in found] == [1, 2, 3, 4, 5]


def refused(path: Path) -> str:
    """What a keeper says to a file, which stays as it is, byte by byte."""
    before = path.read_bytes()
    with closing(SqliteKeeper(path)) as keeper:
        for call in (lambda: keeper.find(ALL), lambda: keeper.save(record("new"))):
            with pytest.raises(CheckpointError) as error:
                call()
            assert str(path) in str(error.value)
    assert path.read_bytes() == before
    return str(error.value)


def changed(path: Path, *statements: str) -> None:
    """Do something to the file that a keeper would not do."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    """A text file, and a database of another program, are refused and not touched."""
    text, database = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("Dear diary\n" * 500)
    changed(database, "CREATE TABLE checkpoint (id_ TEXT)", "INSERT INTO checkpoint VALUES ('theirs')")
    assert "no SQLite file: give SqliteKeeper another path" in refused(text)
    assert "file of another program" in refused(database)
    changed(database, "DROP TABLE checkpoint", "PRAGMA application_id = 77")
    assert "file of another program" in refused(database)


def test_a_newer_schema_is_left_alone(keeper: SqliteKeeper, path: Path) -> None:
    """A file of a later version says so, and is not touched."""
    keeper.save(record())
    keeper.close()
    changed(path, "PRAGMA user_version = 2")
    assert "newer wftrace (its schema is 2, this one reads 1): upgrade" in refused(path)
    changed(path, "PRAGMA user_version = 1")
    assert len(reopened(path)) == 1


def test_an_empty_file_becomes_a_keepers(tmp_path: Path) -> None:
    """A file without content, as mktemp makes it, is nobody's."""
    path = tmp_path / "empty"
    path.touch()
    with closing(SqliteKeeper(path)) as keeper:
        keeper.save(record())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("column", ["id_", "run_id", "number", "workflow", "last_completed_step", "saved_at", "body"])
def test_a_changed_row_is_noticed(keeper: SqliteKeeper, path: Path, column: str) -> None:
    """Its checksum is wrong: the error names it and the cure, with which the others can be read."""
    keeper.save(record())
    good = keeper.save(record("b"))
    changed(path, f"UPDATE checkpoint SET {column} = 7 WHERE number = 1")
    with pytest.raises(
        CheckpointError, match=r"checksum is wrong.*take the checkpoint out with keeper\.delete"
    ) as error:
        keeper.find(ALL)
    assert str(path) in str(error.value)
    assert keeper.load("b") == good
    assert keeper.delete("run" if column != "run_id" else "7", 1 if column != "number" else 7) == 1
    assert keeper.find(ALL) == [good]


def test_whatever_is_damaged_nothing_wrong_is_read(tmp_path: Path) -> None:
    """Four bytes of the file are changed, in a thousand ways: what is read was saved, or it is a CheckpointError."""
    path, copy = tmp_path / "good.db", tmp_path / "bad.db"
    with closing(SqliteKeeper(path)) as keeper:
        saved = {keeper.save(record(str(n), f"run {n % 3}", body="x" * 50 * n)) for n in range(20)}
    good = path.read_bytes()
    chance = random.Random(1)
    refusals = 0
    for _ in range(1000):
        bad = bytearray(good)
        start = chance.randrange(len(bad))
        bad[start : start + 4] = chance.randbytes(4)
        copy.write_bytes(bad[: len(good)])
        try:
            found = reopened(copy)
        except CheckpointError as error:
            assert str(copy) in str(error)  # noqa: PT017  # most damage hits
            refusals += 1
        else:
            assert set(found) <= saved
    assert refusals > 200


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder in the file's place, and a file in the folder's place, are named with the cure."""
    with pytest.raises(CheckpointError, match="is a folder; give SqliteKeeper the path of a file"):
        SqliteKeeper(tmp_path).find(ALL)
    (tmp_path / "file").touch()
    with pytest.raises(
        CheckpointError, match=r"file/checkpoints\.db.*readable and writable, or give SqliteKeeper another"
    ):
        SqliteKeeper(tmp_path / "file" / "checkpoints.db").save(record())


@contextmanager
def as_nobody(path: Path) -> Iterator[None]:
    """Be a user without rights: files that are not writable are so for root too."""
    if os.geteuid():
        yield
        return
    os.chown(path, 65534, 65534)
    os.chown(path.parent, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, keeper: SqliteKeeper, path: Path) -> None:
    """The error names the file and the cure; when it can be written again nothing is lost."""
    saved = keeper.save(record())
    keeper.close()
    for folder in (path.parent, *path.parent.parents):
        if folder.stat().st_uid == os.getuid() and folder != folder.parent:
            folder.chmod(0o755)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    with as_nobody(path), pytest.raises(CheckpointError, match="make the file and its folder readable and writable"):
        keeper.save(record("b"))
    keeper.close()
    path.parent.chmod(0o755)
    path.chmod(0o644)
    assert reopened(path) == [saved]


def test_a_full_disk_loses_nothing(keeper: SqliteKeeper, path: Path) -> None:
    """A save that finds no room is a CheckpointError; what was kept is there, and with room it goes on."""
    saved = keeper.save(record())
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="what was kept is still there"):
            keeper.save(record("b", body="x" * 1_000_000))
        assert keeper.find(ALL) == [saved]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handled)
    again = keeper.save(record("b", body="x" * 1_000_000))
    assert reopened(path) == [saved, again]


def test_a_copy_of_the_file_is_a_backup(keeper: SqliteKeeper, path: Path) -> None:
    """After close one file holds everything."""
    saved = keeper.save(record())
    keeper.close()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert reopened(Path(shutil.copy(path, path.with_name("copy.db")))) == [saved]
