"""The log and its queue: what was appended comes out, once, in order, over crashes and damage; and all is accounted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wftrace.exporters.spool_accounts import DAMAGED, FULL, Accounts, load_state
from wftrace.exporters.spool_folder import accounts_of, retire, writer_accounts
from wftrace.exporters.spool_log import SpoolLog, segments
from wftrace.exporters.spool_queue import Lost, SpoolQueue
from wftrace.exporters.spool_record import Kind, Record, records
from wftrace.exporters.spool_room import make_room


def write(folder: Path, payloads: list[bytes], segment: int = 200, trace: bytes = b"t" * 16) -> Path:
    """A writer that wrote these spans and died; its folder."""
    log = SpoolLog(folder, segment)
    for payload in payloads:
        log.append(Kind.SPAN, trace, b"s" * 8, payload)
    log.close()
    return log.folder


def read(queue: SpoolQueue, limit: int = 2, stop: int = 10**6) -> list[Record]:
    """Take and settle until nothing, or ``stop`` pieces, are left."""
    found: list[Record] = []
    while stop and (piece := queue.take(limit, 10**6)) is not None:
        stop -= 1
        if isinstance(piece, Lost):
            queue.lose(piece)
        else:
            found += piece.records
            queue.settle(piece.records)
    return found


SPANS = [bytes([65 + n]) * (10 + 7 * n) for n in range(12)]


def test_spans_come_out_in_order_over_segments(tmp_path: Path) -> None:
    """Each once, and segments that are done with are deleted."""
    folder = write(tmp_path, SPANS)
    assert len(segments(folder)) > 3
    queue = SpoolQueue(folder)
    assert [record.payload for record in read(queue)] == SPANS
    assert [record.number for record in read(SpoolQueue(folder))] == []
    assert len(segments(folder)) == 1
    assert writer_accounts(folder) == Accounts(delivered=12)


@pytest.mark.parametrize("stop", range(8))
def test_a_crash_between_batches_sends_nothing_twice(tmp_path: Path, stop: int) -> None:
    """Whoever comes next goes on behind what was settled."""
    folder = write(tmp_path, SPANS)
    first = read(SpoolQueue(folder), stop=stop)
    assert writer_accounts(folder) == Accounts(delivered=len(first), waiting=12 - len(first))
    assert [record.payload for record in first + read(SpoolQueue(folder))] == SPANS


def test_what_was_taken_and_not_settled_comes_again(tmp_path: Path) -> None:
    """At least once."""
    folder = write(tmp_path, SPANS)
    SpoolQueue(folder).take(5, 10**6)
    assert [record.payload for record in read(SpoolQueue(folder))] == SPANS


def test_cut_at_every_byte_the_rest_is_read_and_accounted(tmp_path: Path) -> None:
    """A torn end loses the span whose write was never done; the queue ends and nothing counts twice."""
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", SPANS[:4], segment=10**6)
    data = (whole / "00000001.log").read_bytes()
    for cut in range(len(data) + 1):
        folder = tmp_path / "cut"
        shutil.copytree(whole, folder)
        (folder / "00000001.log").write_bytes(data[:cut])
        expected = sum(record.end <= cut for record in records(data))
        assert writer_accounts(folder) == Accounts(waiting=expected)
        assert [record.payload for record in read(SpoolQueue(folder))] == SPANS[:expected]
        assert writer_accounts(folder) == Accounts(delivered=expected)
        shutil.rmtree(folder)


def test_a_byte_flipped_anywhere_is_one_span_counted_as_damaged(tmp_path: Path) -> None:
    """All others are delivered, and the sum is right before, while and after they are."""
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", SPANS[:5], segment=150)
    for index, path in segments(whole):
        data = path.read_bytes()
        for place in range(len(data)):
            folder = tmp_path / "flipped"
            shutil.copytree(whole, folder)
            damaged = bytearray(data)
            damaged[place] ^= 0x10
            (folder / path.name).write_bytes(damaged)
            if place < len(data) - 1 or index < len(segments(whole)):
                found = read(SpoolQueue(folder))
                accounts = writer_accounts(folder)
                assert len(found) == 4
                assert {record.payload for record in found} < set(SPANS)
                assert accounts.delivered == 4
                tail_header = index == len(segments(whole)) and accounts.written == 4
                assert tail_header or accounts.dropped == {DAMAGED: 1}, (index, place)
                assert read(SpoolQueue(folder)) == []
                assert writer_accounts(folder) == accounts
            shutil.rmtree(folder)


def test_a_lost_segment_is_counted(tmp_path: Path) -> None:
    """Numbers tell how many spans it held."""
    folder = write(tmp_path, SPANS)
    second = segments(folder)[1][1]
    missing = len(list(records(second.read_bytes())))
    second.unlink()
    assert writer_accounts(folder) == Accounts(waiting=12 - missing, dropped={DAMAGED: missing})
    assert len(read(SpoolQueue(folder))) == 12 - missing
    assert writer_accounts(folder) == Accounts(delivered=12 - missing, dropped={DAMAGED: missing})


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": "other"}', b'{"format": "wftrace/spool-state@1"}', b"\xff"]
)
def test_a_damaged_state_sends_all_again(tmp_path: Path, content: bytes) -> None:
    """Twice is better than never."""
    folder = write(tmp_path, SPANS[:3], segment=10**6)
    read(SpoolQueue(folder))
    (folder / "state.json").write_bytes(content)
    assert [record.payload for record in read(SpoolQueue(folder))] == SPANS[:3]


def test_the_state_survives_as_it_was_saved(tmp_path: Path) -> None:
    """With every count."""
    queue = SpoolQueue(write(tmp_path, SPANS))
    queue.state = queue.state.settled(3, delivered=1, refused=1, dropped={FULL: 1}, interrupted=2)
    queue.save()
    assert load_state(queue.folder) == queue.state


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40),
    st.integers(0, 20),
    st.integers(1, 3000),
    st.data(),
)
def test_room_is_made_of_whole_traces(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, bool]], passed: int, size: int, data: st.DataObject
) -> None:
    """Either all waiting spans of a trace are there or none; the oldest complete ones go first; all is accounted."""
    log = SpoolLog(tmp_path_factory.mktemp("room"), 300)
    for trace, root in spans:
        log.append(Kind.ROOT if root else Kind.SPAN, bytes([trace]) * 16, b"s" * 8, b"payload")
    log.close()
    queue = SpoolQueue(log.folder)
    passed = min(passed, len(spans))
    read(queue, limit=1, stop=passed)
    left = spans[passed:]
    dropped = make_room(log.folder, queue.state.passed, size)
    assert writer_accounts(log.folder).written == len(spans)
    assert writer_accounts(log.folder).waiting == len(left) - dropped
    second = make_room(log.folder, queue.state.passed, data.draw(st.integers(0, 200)))
    kept = {record.trace_id[0] for record in read(SpoolQueue(log.folder))}
    accounts = writer_accounts(log.folder)
    assert accounts.delivered == sum(trace in kept for trace, _ in left) + passed
    assert accounts.written == len(spans)
    assert accounts.dropped.get(FULL, 0) == dropped + second
    gone = {trace for trace, _ in left} - kept
    complete = [trace for trace, _ in left if any(one == trace and root for one, root in left)]
    order = list(dict.fromkeys(complete)) + list(dict.fromkeys(trace for trace, _ in left if trace not in complete))
    assert set(order[: len(gone)]) == gone


def test_no_room_is_made_where_is_still_written(tmp_path: Path) -> None:
    """A segment that its writer has open is not replaced."""
    folder = write(tmp_path, SPANS)
    files = dict(segments(folder))
    before = files[3].read_bytes()
    assert make_room(folder, 0, 10**6, before=3) > 0
    assert files[3].read_bytes() == before
    assert files[1].read_bytes() != b""
    assert len(read(SpoolQueue(folder))) + writer_accounts(folder).dropped[FULL] == 12


def test_a_retired_writer_is_counted_once(tmp_path: Path) -> None:
    """Also when the crash comes between the totals and the deletion."""
    (tmp_path / "place").mkdir()
    folder = write(tmp_path / "place", SPANS)
    read(SpoolQueue(folder))
    shutil.copytree(folder, tmp_path / "copy")
    retire(folder)
    assert accounts_of(tmp_path / "place") == Accounts(delivered=12)
    shutil.copytree(tmp_path / "copy", folder)
    assert accounts_of(tmp_path / "place") == Accounts(delivered=12)
    retire(folder)
    other = write(tmp_path / "place", SPANS[:2])
    read(SpoolQueue(other))
    retire(other)
    assert accounts_of(tmp_path / "place") == Accounts(delivered=14)
