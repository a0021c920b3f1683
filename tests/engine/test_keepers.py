"""Keepers of checkpoints: what all of them promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.records import ALL, record
from wftrace.engine.errors import CheckpointError
from wftrace.engine.keepers import CheckpointFilter, CheckpointKeeper, MemoryKeeper
from wftrace.engine.sqlite_keeper import SqliteKeeper


@pytest.fixture(params=["memory", "sqlite"])
def any_keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CheckpointKeeper]:
    """A keeper of each kind."""
    if request.param == "memory":
        yield MemoryKeeper()
    else:
        with closing(SqliteKeeper(tmp_path / "checkpoints.db")) as keeper:
            yield keeper


def test_a_record_comes_back_as_it_was(any_keeper: CheckpointKeeper) -> None:
    """By its id and by a search, with the number that it was given."""
    saved = any_keeper.save(record())
    assert saved == record(number=1)
    assert any_keeper.load("a") == saved
    assert list(any_keeper.find(ALL)) == [saved]


def test_each_run_counts_from_one(any_keeper: CheckpointKeeper) -> None:
    """Numbers belong to a run; searches give the order in which records were saved."""
    saved = [any_keeper.save(record(f"{run}{n}", run)) for n in (1, 2) for run in ("x", "y")]
    assert [each.number for each in saved] == [1, 1, 2, 2]
    assert list(any_keeper.find(ALL)) == saved
    assert list(any_keeper.runs()) == ["x", "y"]


def test_searches_take_what_agrees_with_everything(any_keeper: CheckpointKeeper) -> None:
    """Each field of the filter is compared, and None is not."""
    any_keeper.save(record("a"))
    any_keeper.save(record("b", workflow="Other"))
    any_keeper.save(record("c", last_completed_step="sing", output_event_type=""))
    any_keeper.save(record("d", "run 2", input_event_type="app.Joke"))

    def ids(**wanted: str) -> str:
        return "".join(each.id_ for each in any_keeper.find(CheckpointFilter(**wanted)))

    assert (ids(), ids(workflow="Flow"), ids(run_id="run"), ids(last_completed_step="sing")) == (
        "abcd",
        "acd",
        "abc",
        "c",
    )
    assert (ids(input_event_type="app.Joke"), ids(output_event_type=""), ids(run_id="run 2", workflow="Other")) == (
        "d",
        "c",
        "",
    )
    assert list(any_keeper.runs("Other")) == ["run"]


def test_deleted_records_are_gone_and_others_stay(any_keeper: CheckpointKeeper) -> None:
    """One of a run, or all of it; the number of what was deleted is said."""
    for n in range(3):
        any_keeper.save(record(str(n)))
    any_keeper.save(record("other", "run 2"))
    assert any_keeper.delete("run", 2) == 1
    assert [each.number for each in any_keeper.find(CheckpointFilter(run_id="run"))] == [1, 3]
    assert any_keeper.delete("run") == 2
    assert any_keeper.delete("run") == 0
    assert [each.id_ for each in any_keeper.find(ALL)] == ["other"]


def test_unknown_and_double_ids_are_refused(any_keeper: CheckpointKeeper) -> None:
    """Both are CheckpointErrors that name the id."""
    any_keeper.save(record())
    with pytest.raises(CheckpointError, match="no checkpoint 'b'"):
        any_keeper.load("b")
    with pytest.raises(CheckpointError, match=r"'a'.*kept already"):
        any_keeper.save(record(workflow="Other"))
    any_keeper.save(record("b"))
    assert [(each.id_, each.workflow) for each in any_keeper.find(ALL)] == [("a", "Flow"), ("b", "Flow")]
