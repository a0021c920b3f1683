"""Trace files that grow, however they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.watch.conftest import Short, spans_of
from wftrace.exporters.otlp_json import encode
from wftrace.trace import Span
from wftrace.watch.board import Board
from wftrace.watch.follow import FILES, Follower


def lines(spans: Sequence[Span]) -> bytes:
    """One OTLP-JSON line for each span, as the file exporter writes them."""
    return b"".join(json.dumps(encode([span])).encode() + b"\n" for span in spans)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A trace file that is not there yet."""
    return tmp_path / "run.otlp.jsonl"


def test_a_file_is_waited_for_and_read_as_it_grows(trace: Path, board: Board) -> None:
    """Each line is read once, whenever it comes."""
    follower = Follower(trace, board)
    follower.poll()
    spans = spans_of(Short())
    for span in spans:
        with trace.open("ab") as file:
            file.write(lines([span]))
        follower.poll()
        follower.poll()
    entry = board.find(board.entries()[0].number)
    assert entry is not None
    assert (len(entry.spans), entry.outcome) == (len(spans), "completed")


def test_a_line_may_come_in_pieces(trace: Path, board: Board) -> None:
    """Half a line is kept until its other half is there, also when a letter of several bytes is cut."""
    follower = Follower(trace, board)
    written = lines(spans_of(Short()))
    for byte in range(0, len(written), 997):
        with trace.open("ab") as file:
            file.write(written[byte : byte + 997])
        follower.poll()
    assert (board.entries()[0].outcome, follower.unread) == ("completed", 0)


def test_a_file_that_begins_anew_is_read_anew(trace: Path, board: Board) -> None:
    """Its old runs are forgotten."""
    follower = Follower(trace, board)
    trace.write_bytes(lines(spans_of(Short())) * 2)
    follower.poll()
    (old,) = board.entries()
    trace.write_bytes(lines(spans_of(Short())))
    follower.poll()
    (new,) = board.entries()
    assert new.run_id != old.run_id


def test_a_file_put_in_the_place_of_another_is_read_anew(trace: Path, board: Board) -> None:
    """A file of the same length is another one all the same."""
    follower = Follower(trace, board)
    trace.write_bytes(lines(spans_of(Short())))
    follower.poll()
    (old,) = board.entries()
    other = trace.with_suffix(".new")
    other.write_bytes(lines(spans_of(Short())))
    other.replace(trace)
    follower.poll()
    assert [entry.run_id for entry in board.entries()] != [old.run_id]


def test_a_folder_is_followed_with_files_that_come_later(tmp_path: Path, board: Board) -> None:
    """Each *.jsonl file, and no other."""
    follower = Follower(tmp_path, board)
    (tmp_path / "a.jsonl").write_bytes(lines(spans_of(Short())))
    follower.poll()
    (tmp_path / "b.jsonl").write_bytes(lines(spans_of(Short())))
    (tmp_path / "c.txt").write_bytes(lines(spans_of(Short())))
    (tmp_path / "d.jsonl").mkdir()
    follower.poll()
    assert sorted(entry.source for entry in board.entries()) == ["a.jsonl", "b.jsonl"]


def test_of_too_many_files_the_newest_are_followed(tmp_path: Path, board: Board) -> None:
    """A folder of thousands of traces costs no more than one of hundreds."""
    for number in range(FILES + 1):
        (tmp_path / f"{number}.jsonl").touch()
    follower = Follower(tmp_path, board)
    assert len(follower.files()) == FILES


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[]", b"{}", b'"text"', b"[" * 100_000, b"\xff\xfe", b'{"resourceSpans": 7}', b"123456789" * 1000],
    ids=["text", "list", "empty", "string", "deep", "bytes", "number", "digits"],
)
def test_lines_that_are_no_spans_are_passed_over(trace: Path, board: Board, line: bytes) -> None:
    """What stands around them is read."""
    written = lines(spans_of(Short()))
    trace.write_bytes(line + b"\n" + written)
    follower = Follower(trace, board)
    follower.poll()
    assert (board.entries()[0].outcome, follower.unread) == ("completed", 1)


def test_a_line_without_an_end_takes_no_memory(trace: Path, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up at a bound, and what comes behind it is read."""
    monkeypatch.setattr("wftrace.watch.follow.LINE", 1000)
    monkeypatch.setattr("wftrace.watch.follow.BLOCK", 700)
    trace.write_bytes(b"x" * 5000 + b"\n" + b"\n")
    follower = Follower(trace, board)
    follower.poll()
    monkeypatch.setattr("wftrace.watch.follow.LINE", 100_000)
    with trace.open("ab") as file:
        file.write(lines(spans_of(Short())))
    follower.poll()
    assert board.entries()[0].outcome == "completed"
