"""``SqliteKeeper``: checkpoints in a SQLite file, for other processes and for later."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from .errors import CheckpointError
from .keepers import CheckpointFilter, CheckpointRecord

T = TypeVar("T")

APPLICATION_ID = 0x77667472
"""What marks a SQLite file as ours: "wftr"."""

SCHEMA = 1
"""The version of the table, kept as SQLite's ``user_version``."""

WAIT = 10.0
"""Seconds that a process waits for another one that is writing."""

_TABLE = """
CREATE TABLE checkpoint (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id_ TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    last_completed_step TEXT NOT NULL,
    input_event_type TEXT NOT NULL,
    output_event_type TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    body TEXT NOT NULL,
    checksum TEXT NOT NULL,
    UNIQUE (run_id, number)
)
"""

_COLUMNS = tuple(field.name for field in fields(CheckpointRecord))
_SELECT = f"SELECT {', '.join(_COLUMNS)}, checksum FROM checkpoint"
_INSERT = f"INSERT INTO checkpoint ({', '.join(_COLUMNS)}, checksum) VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"


class SqliteKeeper:
    """Keeps checkpoints in a SQLite file, which is made with its folder when it is first needed.

    Any number of threads and processes may use one file at the same time. What ``save`` has returned from is there
    after the process was killed. Only files that a keeper has made are written to; a foreign, damaged or newer one is
    a ``CheckpointError``, and each record is read with its checksum.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if str(path) in ("", ":memory:"):
            raise CheckpointError(f"SqliteKeeper keeps a file, not {str(path)!r}; MemoryKeeper() keeps in memory")
        self.path = Path(path).absolute()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._inherited: list[sqlite3.Connection] = []
        self._closing: weakref.finalize[Any, SqliteKeeper] | None = None

    def save(self, record: CheckpointRecord) -> CheckpointRecord:
        """Keep a record as the next of its run, whole or not at all; return it with its number."""

        def insert(connection: sqlite3.Connection) -> CheckpointRecord:
            last = connection.execute("SELECT max(number) FROM checkpoint WHERE run_id = ?", (record.run_id,))
            numbered = replace(record, number=(last.fetchone()[0] or 0) + 1)
            row = _row(numbered)
            connection.execute(_INSERT, (*row, _checksum(row)))
            return numbered

        return self._change(f"checkpoint {record.id_!r} of run {record.run_id!r} was not saved", insert)

    def load(self, id_: str) -> CheckpointRecord:
        """The record with this id. Raises ``CheckpointError`` when there is none, or it is damaged."""
        rows = self._read(f"{_SELECT} WHERE id_ = ?", (id_,))
        if not rows:
            raise CheckpointError(f"there is no checkpoint {id_!r} in {self.path}; find() lists those that there are")
        return self._record(rows[0])

    def find(self, wanted: CheckpointFilter) -> list[CheckpointRecord]:
        """The records that are wanted, in the order in which they were saved."""
        chosen = wanted.chosen()
        where = " AND ".join(f"{name} = ?" for name in chosen) or "1"
        rows = self._read(f"{_SELECT} WHERE {where} ORDER BY position", tuple(chosen.values()))
        return [self._record(row) for row in rows]

    def runs(self, workflow: str | None = None) -> list[str]:
        """The ids of the runs in the order in which they began."""
        query = "SELECT run_id FROM checkpoint WHERE ?1 IS NULL OR workflow = ?1 GROUP BY run_id ORDER BY min(position)"
        return [run_id for (run_id,) in self._read(query, (workflow,))]

    def delete(self, run_id: str, number: int | None = None) -> int:
        """Forget a run's checkpoints, or one of them; return how many there were."""
        query = "DELETE FROM checkpoint WHERE run_id = ?1 AND (?2 IS NULL OR number = ?2)"

        def forget(connection: sqlite3.Connection) -> int:
            return connection.execute(query, (run_id, number)).rowcount

        return self._change(f"the checkpoints of run {run_id!r} were not deleted", forget)

    def close(self) -> None:
        """Close the file. It is opened again when it is needed."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        """Close the connection of this process; one that was inherited over a fork is kept, never used or closed."""
        if self._connection is not None and self._process != os.getpid():
            self._inherited.append(self._connection)
        if self._closing is not None:
            self._closing()
        self._connection = self._closing = None

    def _read(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock, self._clear_errors("nothing was read"):
            return self._open().execute(query, values).fetchall()

    def _change(self, failed: str, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, self._clear_errors(failed):
            return _in_transaction(self._open(), change)

    def _record(self, row: tuple[Any, ...]) -> CheckpointRecord:
        values = row[: len(_COLUMNS)]
        record = dict(zip(_COLUMNS, values, strict=True))
        if row[-1] != _checksum(values):
            raise CheckpointError(
                f"{self.path}: checkpoint {record['number']!r} of run {record['run_id']!r} (id {record['id_']!r}) is "
                "damaged: its checksum is wrong. Restore the file from a backup, or take the checkpoint out with "
                f"keeper.delete({record['run_id']!r}, {record['number']!r}); nothing was changed"
            )
        return CheckpointRecord(**{**record, "saved_at": datetime.fromisoformat(record["saved_at"])})

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._process == os.getpid():
            return self._connection
        self._let_go()
        if self.path.is_dir():
            raise CheckpointError(f"{self.path} is a folder; give SqliteKeeper the path of a file")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._process = os.getpid()
        connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._closing = weakref.finalize(self, _close, connection, self._process)
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """See whose file it is, and make the table when it is nobody's."""
        if _in_transaction(connection, self._is_new, "BEGIN"):
            _in_transaction(connection, self._create)
            _use_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        """Whether the file is empty. Raises ``CheckpointError`` when it is not ours."""
        ((mark,), (schema,)) = (
            connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if mark == APPLICATION_ID and schema > SCHEMA:
            raise CheckpointError(
                f"{self.path} was written by a newer wftrace (its schema is {schema}, this one reads {SCHEMA}): "
                "upgrade wftrace, or use another file; nothing was changed"
            )
        if mark == APPLICATION_ID and schema == SCHEMA:
            return False
        if mark or schema or tables:
            raise CheckpointError(
                f"{self.path} is a SQLite file of another program: give SqliteKeeper a path of its own; "
                "nothing was changed"
            )
        return True

    def _create(self, connection: sqlite3.Connection) -> None:
        if self._is_new(connection):  # another process may have been quicker
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _clear_errors(self, failed: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise CheckpointError(f"{self.path}: {failed}: {error}; {_cure(error)}") from error


def _in_transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], begin: str = "BEGIN IMMEDIATE"
) -> T:
    """Do something that sees one state of the file, and is done whole or not at all."""
    connection.execute(begin)
    try:
        made = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return made


def _use_log(connection: sqlite3.Connection) -> None:
    """Readers and a writer do not wait for each other. Where the disk cannot do that, SQLite's old way stays."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise


def _close(connection: sqlite3.Connection, process: int) -> None:
    if process == os.getpid():
        connection.close()


def _row(record: CheckpointRecord) -> tuple[Any, ...]:
    return astuple(replace(record, saved_at=record.saved_at.isoformat()))  # type: ignore[arg-type]  # as it is stored


def _checksum(row: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(row, default=repr).encode()).hexdigest()


_DAMAGED = "the file is damaged: restore a backup, or move it away with its -wal and -shm; nothing was changed"
_UNWRITABLE = "make the file and its folder readable and writable, or give SqliteKeeper another path"
_CURES = {
    "SQLITE_NOTADB": "it is no SQLite file: give SqliteKeeper another path; nothing was changed",
    "SQLITE_FULL": "the disk is full: make room, then go on from the last checkpoint; what was kept is still there",
    "SQLITE_IOERR": "the disk does not take or give data: look at it; what was kept is still there",
    "SQLITE_READONLY": _UNWRITABLE,
    "SQLITE_CANTOPEN": _UNWRITABLE,
    "SQLITE_PERM": _UNWRITABLE,
    "SQLITE_BUSY": "another process has been writing for too long: end it, or give each its own file",
    "SQLITE_CONSTRAINT": "a checkpoint with this id is kept already; give each an id of its own",
}


def _cure(error: Exception) -> str:
    if isinstance(error, OSError):
        return _UNWRITABLE
    if isinstance(error, UnicodeEncodeError):
        return "half a surrogate pair is no text: give the run another id"
    name = getattr(error, "sqlite_errorname", None) or ""
    return next((cure for start, cure in _CURES.items() if name.startswith(start)), _DAMAGED)
