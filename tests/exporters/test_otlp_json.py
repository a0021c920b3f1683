"""OTLP as JSON: there and back is the same, and whatever dialect or damage comes is read as far as it goes."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wftrace import TraceError
from wftrace.exporters.file import FileSpanExporter, read_trace
from wftrace.exporters.otlp_json import decode, encode
from wftrace.overlays import HUMAN, overlay_run
from wftrace.trace import Span, SpanEvent, SpanLink
from wftrace.trace_reader import read_runs

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Cn"]), max_size=12)
NANOS = st.integers(0, 2**63 - 1)
WHOLE = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False)
VALUE = st.one_of(
    TEXT,
    st.booleans(),
    WHOLE,
    NUMBER,
    *(st.lists(each, max_size=3).map(tuple) for each in (TEXT, st.booleans(), WHOLE, NUMBER)),
)
ATTRIBUTES = st.dictionaries(TEXT, VALUE, max_size=4)


def ids(size: int) -> st.SearchStrategy[str]:
    """Ids of so many bytes, never all zeros."""
    return st.binary(min_size=size, max_size=size).filter(any).map(bytes.hex)


SPAN = st.builds(
    Span,
    name=TEXT,
    trace_id=ids(16),
    span_id=ids(8),
    parent_id=st.one_of(st.just(""), ids(8)),
    start_ns=NANOS,
    end_ns=NANOS,
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(SpanEvent, TEXT, NANOS, ATTRIBUTES), max_size=2).map(tuple),
    links=st.lists(st.builds(SpanLink, ids(16), ids(8), ATTRIBUTES), max_size=2).map(tuple),
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=TEXT,
    resource=ATTRIBUTES,
    scope=TEXT,
)

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


def one(**changes: Any) -> dict[str, Any]:
    """A document with one span; ``changes`` are other or further fields of it."""
    span: dict[str, Any] = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "n",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        **changes,
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def only(document: object) -> Span:
    """The only span of a document."""
    (span,) = decode(document)
    return span


def attribute(value: dict[str, Any]) -> dict[str, Any]:
    """A document whose span has the attribute ``a``."""
    return one(attributes=[{"key": "a", "value": value}])


@given(st.lists(SPAN, max_size=4))
def test_there_and_back_is_the_same(spans: list[Span]) -> None:
    """Through JSON text; values keep their types. Spans come back grouped by resource and scope."""
    back = list(decode(json.loads(json.dumps(encode(spans)))))
    assert sorted(map(repr, back)) == sorted(map(repr, spans))


@given(SPAN)
def test_encoding_is_strict_json(span: Span) -> None:
    """No NaN and no Infinity outside quotes, 64-bit numbers as text, ids in hex."""
    text = json.dumps(encode([span]), allow_nan=False)
    written = json.loads(text)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert isinstance(written["startTimeUnixNano"], str)
    assert written["traceId"] == span.trace_id


def test_numbers_that_are_none_are_written_as_the_specification_says() -> None:
    """``NaN``, ``Infinity`` and ``-Infinity`` as text."""
    span = only(attribute({"doubleValue": "Infinity"}))
    assert span.attributes["a"] == float("inf")
    assert '"doubleValue": "Infinity"' in json.dumps(encode([span]))


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (TRACE_ID, SPAN_ID),
        (TRACE_ID.upper(), SPAN_ID.upper()),
        (base64.b64encode(bytes.fromhex(TRACE_ID)).decode(), base64.b64encode(bytes.fromhex(SPAN_ID)).decode()),
    ],
    ids=["hex", "upper case", "base64"],
)
def test_ids_in_any_dress(trace_id: str, span_id: str) -> None:
    """They come out as lower-case hex."""
    span = only(one(traceId=trace_id, spanId=span_id, parentSpanId=span_id))
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE_ID, SPAN_ID, SPAN_ID)


@pytest.mark.parametrize("broken", ["", "00" * 16, "xyz", "ab", None, 5, [], "g" * 32], ids=repr)
def test_a_span_without_an_id_is_none(broken: object) -> None:
    """Nothing can be said of it."""
    assert list(decode(one(traceId=broken))) == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *[(0, "unset"), (1, "ok"), (2, "error"), ("2", "error"), ("STATUS_CODE_ERROR", "error")],
        *[("STATUS_CODE_OK", "ok"), ("STATUS_CODE_UNSET", "unset"), (None, "unset"), ([], "unset"), ({}, "unset")],
    ],
    ids=repr,
)
def test_status_as_name_or_number(code: object, status: str) -> None:
    """Whatever else is unset."""
    assert only(one(status={"code": code})).status == status


@pytest.mark.parametrize("number", [1700000000000000001, "1700000000000000001"], ids=repr)
def test_nanoseconds_as_number_or_text(number: object) -> None:
    """Not one is lost."""
    assert only(one(startTimeUnixNano=number)).start_ns == 1700000000000000001


@pytest.mark.parametrize("value", [{"intValue": 7}, {"intValue": "7"}, {"int_value": "7"}])
def test_whole_numbers_as_number_or_text(value: dict[str, Any]) -> None:
    """An int, either way."""
    assert only(attribute(value)).attributes == {"a": 7}


def test_lists_of_several_types_become_texts() -> None:
    """An attribute list has one type."""
    mixed = {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "b"}]}}
    assert only(attribute(mixed)).attributes == {"a": ("1", "b")}


def test_snake_case_is_read() -> None:
    """As some protobuf libraries write it."""
    span = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "parent_span_id": SPAN_ID,
        "name": "n",
        "start_time_unix_nano": 1,
        "end_time_unix_nano": 2,
        "attributes": [{"key": "a", "value": {"string_value": "b"}}],
        "events": [{"name": "e", "time_unix_nano": 3}],
    }
    found = only({"resource_spans": [{"scope_spans": [{"scope": {"name": "s"}, "spans": [span]}]}]})
    assert (found.parent_id, found.start_ns, found.end_ns, found.scope) == (SPAN_ID, 1, 2, "s")
    assert found.attributes == {"a": "b"}
    assert found.events == (SpanEvent("e", 3, {}),)


def test_jaegers_answer_is_read() -> None:
    """The document stands inside ``result`` there."""
    assert only({"result": one()}).span_id == SPAN_ID


def test_text_is_cleaned_on_the_way_in() -> None:
    """A file may hold what a terminal should not get."""
    assert only(one(name="a\x1b[2Jb")).name == "a\ufffd[2Jb"


GOOD = json.dumps(one()).encode()
MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "cut": GOOD[: len(GOOD) // 2],
    "cut in a number": GOOD[:-8],
    "binary": bytes(range(256)) * 20,
    "zeros": b"\x00" * 1000,
    "plain text": b"hello\nworld\n",
    "null": b"null",
    "number": b"5",
    "text": b'"resourceSpans"',
    "list": b"[1, 2, 3]",
    "empty object": b"{}",
    "other object": b'{"data": [{"traceID": "1"}]}',
    "NaN": b"NaN",
    "huge number": b"9" * 10_000,
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"resourceSpans":' * 50_000,
    "spans is no list": json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": {"a": 1}}]}]}).encode(),
    "resourceSpans is text": b'{"resourceSpans": "none"}',
    "result is a list": b'{"result": [1]}',
    "spans are numbers": json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [1, None, "x", []]}]}]}).encode(),
    "ids are numbers": json.dumps(one(traceId=1, spanId=2)).encode(),
    "html": b"<!doctype html><title>502</title>",
}

ODD_SPANS: dict[str, dict[str, Any]] = {
    "times are text": one(startTimeUnixNano="soon", endTimeUnixNano="later"),
    "times are huge": one(startTimeUnixNano=10**400, endTimeUnixNano=-(10**400)),
    "times are lists": one(startTimeUnixNano=[1], endTimeUnixNano={"a": 1}),
    "times are NaN": one(startTimeUnixNano=float("nan")),
    "attributes is an object": one(attributes={"a": 1}),
    "attributes without keys": one(attributes=[{"value": {"intValue": 1}}, {"key": 5}, None, 3]),
    "attribute of no type": one(attributes=[{"key": "a", "value": 5}]),
    "status is a list": one(status=[2]),
    "name is a number": one(name=5),
    "events is text": one(events="none"),
    "links without ids": one(links=[{}, {"traceId": 5}]),
    "deep array": one(
        attributes=[
            {"key": "a", "value": json.loads('{"arrayValue":{"values":[' * 150 + '{"intValue":1}' + "]}}" * 150)}
        ]
    ),
}

WEIRD_VALUES: list[dict[str, Any]] = [
    {"doubleValue": "NaN"},
    {"doubleValue": "Infinity"},
    {"doubleValue": "1e308"},
    {"doubleValue": 1e308},
    {"intValue": "99999999999999999999999"},
    {"intValue": 10**400},
    {"intValue": "-5"},
    {"stringValue": "x" * 5000},
    {"stringValue": "[[[["},
    {"stringValue": "9" * 5000},
    {"boolValue": True},
    {"arrayValue": {"values": [{"intValue": 10**400}]}},
    {"arrayValue": {"values": [{"stringValue": "#"}]}},
    {"arrayValue": {}},
]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a trace file."""

    def written(content: bytes) -> Path:
        file = tmp_path / "trace.jsonl"
        file.write_bytes(content)
        return file

    return written


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_without_spans_is_a_trace_error(write: Callable[[bytes], Path], name: str) -> None:
    """With the name of the file, and never another exception."""
    with pytest.raises(TraceError, match=r"trace\.jsonl holds no spans"):
        read_trace(write(MALFORMED[name]))


@pytest.mark.parametrize("name", [name for name in MALFORMED if name not in ("empty", "blank")])
def test_good_lines_around_a_bad_one_are_kept(write: Callable[[bytes], Path], name: str) -> None:
    """And a sentence says which line is bad."""
    bad = MALFORMED[name].replace(b"\n", b" ")
    problems: list[str] = []
    spans = read_trace(write(b"\n".join([GOOD, bad, GOOD])), problems)
    assert len(spans) == 2
    assert len(problems) == 1
    assert "line 2" in problems[0]


@pytest.mark.parametrize("name", ODD_SPANS)
def test_an_odd_span_is_read_as_far_as_it_goes(write: Callable[[bytes], Path], name: str) -> None:
    """What is not understood is left out; the span is there."""
    (span,) = read_trace(write(json.dumps(ODD_SPANS[name]).encode()))
    assert span.span_id == SPAN_ID
    assert isinstance(span.start_ns, int)
    assert abs(span.start_ns) < 2**64


@pytest.mark.parametrize("value", WEIRD_VALUES, ids=lambda value: json.dumps(value)[:30])
def test_a_run_of_weird_values_is_read(value: dict[str, Any]) -> None:
    """Every attribute of a run may be anything: the reader makes a run of it, and the overlay is laid."""
    from wftrace import semconv as words

    keys = [name for key, name in vars(words).items() if key.isupper() and str(name).startswith("wftrace.")]
    for leading in ([], [words.EVENT_ID], [words.WAIT_KIND], [words.STEP_NAME, words.EXECUTION_ID], [words.GRAPH_HASH]):
        kept = [key for key in keys if key in leading or key not in (words.EVENT_ID, words.WAIT_KIND, words.GRAPH)]
        attributes = [{"key": key, "value": value} for key in kept if key != words.RUN_ID]
        attributes.append({"key": words.RUN_ID, "value": {"stringValue": "r"}})
        for run in read_runs(decode(one(attributes=attributes))):
            run.dispatches()
            [(each.queued_ns, each.duration_ms) for each in run.attempts]
            laid = overlay_run(run)
            assert {node for key in laid.edges for node in key} <= {*laid.graph.nodes, HUMAN}


def test_a_document_over_many_lines_is_read(write: Callable[[bytes], Path]) -> None:
    """As a download from Jaeger, or after a formatter."""
    assert len(read_trace(write(json.dumps(one(), indent=2).encode()))) == 1


def test_a_byte_order_mark_is_no_problem(write: Callable[[bytes], Path]) -> None:
    """Some editors leave one."""
    assert len(read_trace(write(b"\xef\xbb\xbf" + GOOD))) == 1


def test_a_key_that_stands_twice(write: Callable[[bytes], Path]) -> None:
    """The later one holds, as everywhere in JSON."""
    twice = GOOD.replace(b'"name": "n"', b'"name": "n", "name": "m"')
    assert read_trace(write(twice))[0].name == "m"


def test_a_cut_last_line_is_named(write: Callable[[bytes], Path]) -> None:
    """The rest of the trace is there."""
    problems: list[str] = []
    assert len(read_trace(write(GOOD + b"\n" + GOOD[:50]), problems)) == 1
    assert "cut short" in problems[0]


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "a\x00b"])
def test_what_cannot_be_opened_is_a_trace_error(tmp_path: Path, name: str) -> None:
    """No such file, a folder, no file name at all."""
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / name)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """For ``-``."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD + b"\n" + GOOD)))
    assert len(read_trace("-")) == 2


def test_empty_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, not as ``-``."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(TraceError, match="standard input holds no spans"):
        read_trace("-")


@given(st.lists(SPAN, min_size=1, max_size=3))
def test_a_file_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, spans: list[Span]) -> None:
    """Span by span, in order."""
    file = tmp_path_factory.mktemp("trace") / "t.jsonl"
    exporter = FileSpanExporter(file)
    for span in spans:
        exporter.write([span])
    exporter.shutdown()
    assert list(map(repr, read_trace(file))) == list(map(repr, spans))


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """A second exporter goes on where the first stopped."""
    span = only(one())
    for _ in range(2):
        exporter = FileSpanExporter(tmp_path / "t.jsonl")
        exporter.write([span])
        exporter.shutdown()
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == len(read_trace(tmp_path / "t.jsonl")) == 2


def test_a_span_is_in_the_file_at_once(tmp_path: Path) -> None:
    """Whoever kills the process loses nothing that has ended."""
    exporter = FileSpanExporter(tmp_path / "t.jsonl")
    exporter.write([only(one())])
    assert len(read_trace(tmp_path / "t.jsonl")) == 1
    exporter.shutdown()


def test_a_closed_file_is_a_failure_and_no_exception(tmp_path: Path) -> None:
    """The SDK gets its word."""
    exporter = FileSpanExporter(tmp_path / "t.jsonl")
    exporter.shutdown()
    assert exporter.write([only(one())]).name == "FAILURE"


def test_a_file_that_cannot_be_made_is_a_trace_error(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(TraceError, match="cannot be written"):
        FileSpanExporter(tmp_path / "no" / "such" / "folder.jsonl")
