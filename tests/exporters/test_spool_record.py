"""The records of the spool: whatever happens to the bytes, what is read is what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wftrace.exporters.spool_record import HEADER_BYTES, MAGIC, Kind, Record, damaged_tail, pack, pack_gone, records

PAYLOADS = st.lists(st.binary(max_size=60) | st.just(MAGIC * 3) | st.just(pack(Kind.SPAN, 7, payload=b"x")), max_size=6)
IDS = (b"t" * 16, b"s" * 8)


def packed(payloads: list[bytes]) -> list[bytes]:
    """The payloads as spans with the numbers 1, 2, 3 …"""
    return [pack(Kind.SPAN, number, *IDS, payload) for number, payload in enumerate(payloads, 1)]


def facts(found: list[Record]) -> list[tuple[int, bytes]]:
    """What of records matters."""
    return [(record.number, record.payload) for record in found]


@given(PAYLOADS)
def test_what_is_written_is_read(payloads: list[bytes]) -> None:
    """Any bytes, also such as look like records, in their order."""
    assert facts(list(records(b"".join(packed(payloads))))) == list(enumerate(payloads, 1))


@given(st.binary(max_size=300))
def test_foreign_bytes_are_no_records(data: bytes) -> None:
    """And raise nothing."""
    assert list(records(data)) == []


SMALL = packed([b"one", b"", b"three" * 3])
WHOLE = b"".join(SMALL)


def test_cut_at_every_byte_the_whole_records_are_read() -> None:
    """A file that was cut short loses the record that was cut, and none before it."""
    for cut in range(len(WHOLE) + 1):
        expected = [record for record in records(WHOLE) if record.end <= cut]
        assert list(records(WHOLE[:cut])) == expected
        assert damaged_tail(WHOLE[:cut], expected[-1].end if expected else 0) == 0


def test_one_bit_flipped_at_every_byte_loses_that_record_only() -> None:
    """The damaged record is not passed on; all others are found, before and after it."""
    good = facts(list(records(WHOLE)))
    begins = [record.begin for record in records(WHOLE)]
    for place in range(len(WHOLE)):
        for bit in range(8):
            damaged = bytearray(WHOLE)
            damaged[place] ^= 1 << bit
            hit = max(index for index, begin in enumerate(begins) if begin <= place)
            assert facts(list(records(bytes(damaged)))) == good[:hit] + good[hit + 1 :], (place, bit)


@given(PAYLOADS, st.binary(max_size=80), st.data())
def test_bytes_in_between_are_passed_over(payloads: list[bytes], junk: bytes, data: st.DataObject) -> None:
    """Junk without a record's beginning hides nothing that follows."""
    junk = junk.replace(MAGIC[:1], b"")
    pieces = packed(payloads)
    place = data.draw(st.integers(0, len(pieces)))
    mixed = b"".join([*pieces[:place], junk, *pieces[place:]])
    assert facts(list(records(mixed))) == list(enumerate(payloads, 1))


def test_whole_damaged_records_at_the_end_are_counted() -> None:
    """They were acknowledged to the application, unlike one that was cut short."""
    damaged = bytearray(WHOLE)
    damaged[-1] ^= 1
    kept = list(records(bytes(damaged)))
    assert len(kept) == 2
    assert damaged_tail(bytes(damaged), kept[-1].end) == 1
    assert damaged_tail(bytes(damaged[:-1]), kept[-1].end) == 0


@pytest.mark.parametrize("count", [1, 2, 2**40])
def test_a_note_of_what_is_gone_keeps_its_count(count: int) -> None:
    """However many they were."""
    (record,) = records(pack_gone(2**50, count))
    assert (record.number, record.gone, record.is_span) == (2**50, count, False)


def test_a_header_has_one_size() -> None:
    """Files of other versions do not pass for ours by accident: the layout is fixed."""
    assert (HEADER_BYTES, len(pack(Kind.START, 0))) == (45, 45)
