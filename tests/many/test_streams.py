"""Runs out of files, one at a time."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from wftrace import Event, StartEvent, StopEvent, TraceError, Workflow, recording, semconv, step
from wftrace.exporters.file import FileSpanExporter
from wftrace.exporters.run_files import iter_runs, trace_files
from wftrace.many import aggregate_of, tally_of
from wftrace.run_stream import RunStream
from wftrace.trace import Span
from wftrace.trace_reader import read_runs


class Half(Event):
    """Half of the work."""


class TwoSteps(Workflow):
    """Two steps, one after the other."""

    @step
    async def first(self, ev: StartEvent) -> Half:
        return Half()

    @step
    async def second(self, ev: Half) -> StopEvent:
        return StopEvent()


def renamed(spans: list[Span], run_id: str) -> list[Span]:
    """The spans as those of another run."""
    return [replace(span, attributes={**span.attributes, semconv.RUN_ID: run_id}) for span in spans]


def written(path: Path, *batches: list[Span]) -> Path:
    """A trace file with a line for each batch."""
    exporter = FileSpanExporter(path)
    for batch in batches:
        exporter.write(batch)
    exporter.shutdown()
    return path


async def record() -> list[Span]:
    """The spans of one run."""
    with recording() as recorder:
        await TwoSteps().run()
    return list(recorder.spans)


def test_a_run_is_given_as_soon_as_it_is_whole() -> None:
    """Not before its last span, and not only at the end."""
    spans = asyncio.run(record())
    stream = RunStream()
    given = [[run.run_id for run in stream.take([span])] for span in spans]
    assert [len(runs) for runs in given] == [0] * (len(spans) - 1) + [1]
    assert list(stream.rest()) == []


def test_the_order_of_spans_does_not_matter() -> None:
    """Backwards, the run is whole with its last span too, and it is the same run."""
    spans = asyncio.run(record())
    stream = RunStream()
    found = [run for span in reversed(spans) for run in stream.take([span])]
    assert found == read_runs(spans)


def test_a_run_in_two_files_comes_once_and_whole(tmp_path: Path) -> None:
    """Halves in two files make one run; a file that repeats it adds nothing."""
    spans = asyncio.run(record())
    written(tmp_path / "1.jsonl", spans[: len(spans) // 2])
    written(tmp_path / "2.jsonl", spans[len(spans) // 2 :])
    written(tmp_path / "3.jsonl", spans)
    problems: list[str] = []
    runs = list(iter_runs(tmp_path, problems=problems))
    assert runs == read_runs(spans)
    assert problems == [f"{len(spans)} spans of runs that were counted already were left out"]


def test_a_run_that_was_cut_short_comes_at_the_end(tmp_path: Path) -> None:
    """It says what is missing; a broken last line is told."""
    spans = asyncio.run(record())
    path = written(tmp_path / "cut.jsonl", spans[:2])
    with path.open("a") as file:
        file.write('{"resourceSpans": [')
    problems: list[str] = []
    runs = list(iter_runs(path, problems=problems))
    assert [bool(run.missing) for run in runs] == [True]
    assert problems == [f"{path}, line 2: not JSON (cut short)"]


def test_files_folders_and_patterns_are_sources(tmp_path: Path) -> None:
    """A folder means its trace files, a pattern what fits it; what is not there is an error that says so."""
    spans = asyncio.run(record())
    for name in ("b.jsonl", "a.json", "notes.md"):
        written(tmp_path / name, renamed(spans, name))
    assert [path.name for path in trace_files(tmp_path)] == ["a.json", "b.jsonl"]
    assert [run.run_id for run in iter_runs(str(tmp_path / "*.md"))] == ["notes.md"]
    for wrong in (tmp_path / "none.jsonl", str(tmp_path / "*.txt")):
        with pytest.raises(TraceError):
            list(iter_runs(wrong))


def test_one_document_is_read_as_well_as_lines(tmp_path: Path) -> None:
    """A file that is one indented JSON document is read whole."""
    spans = asyncio.run(record())
    path = written(tmp_path / "one.json", spans)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    assert list(iter_runs(path)) == read_runs(spans)


def test_many_runs_need_little_more_room_than_a_few(tmp_path: Path) -> None:
    """Reading and counting 200 runs takes no more than twice the memory of 20, and far less than their spans."""
    spans = asyncio.run(record())
    few, many = (
        written(tmp_path / f"{number}.jsonl", *(renamed(spans, f"r{n}") for n in range(number))) for number in (20, 200)
    )
    peaks = []
    for path in (few, few, many):  # the first time imports are loaded and caches filled
        tracemalloc.start()
        assert aggregate_of(tally_of(iter_runs(path))).runs in (20, 200)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] <= 2 * peaks[1]
