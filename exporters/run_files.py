"""The runs in many trace files, one at a time: what is read is not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from glob import glob, has_magic
from os import PathLike
from pathlib import Path

from wftrace.engine.errors import TraceError
from wftrace.run_stream import RunStream
from wftrace.trace import Run, Span

from .file import read_trace
from .otlp_json import decode

SUFFIXES = (".jsonl", ".json", ".ndjson")
"""The files of a folder that are read."""

MOST_PROBLEMS = 20
"""Sentences about unreadable lines that are kept; the rest is counted."""


def iter_runs(*sources: str | PathLike[str], problems: list[str] | None = None) -> Iterator[Run]:
    """The runs in files, in folders (their ``.jsonl``, ``.ndjson`` and ``.json`` files) and in patterns such as
    ``traces/*.jsonl``.

    Each run comes once, as soon as it is whole; a run whose parts are in several files comes when the last part was
    read. Sentences about what cannot be read are added to ``problems``. Raises ``TraceError`` for a source that is not
    there.
    """
    said = problems if problems is not None else []
    stream = RunStream()
    for source in sources:
        for path in trace_files(source):
            for spans in _batches(path, said):
                yield from stream.take(spans)
    yield from stream.rest()
    if stream.late:
        said.append(f"{stream.late} spans of runs that were counted already were left out")


def trace_files(source: str | PathLike[str]) -> list[Path]:
    """The files that a source means, in the order of their names. Raises ``TraceError`` when there is none."""
    path = Path(source)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
        if not found:
            raise TraceError(f"the folder {path} holds no trace file ({', '.join(SUFFIXES)})")
        return found
    if not path.exists() and has_magic(str(source)):
        names = glob(str(source), recursive=True)  # noqa: PTH207 - a pattern may be absolute, Path.glob's may not
        found = sorted(place for place in map(Path, names) if place.is_file())
        if not found:
            raise TraceError(f"no file fits {str(source)!r}; put the pattern into quotes, and look with ls")
        return found
    return [path]


def _batches(path: Path, problems: list[str]) -> Iterator[list[Span]]:
    """The spans of a file, line by line; of a file that is one document all at once."""
    try:
        with path.open("rb") as file:
            first = file.readline()
            if not _is_line(first):
                yield _document(path, problems)
                return
            number = 1
            line = first.removeprefix(b"\xef\xbb\xbf")
            while line:
                yield _spans(line, f"{path}, line {number}", problems)
                line, number = file.readline(), number + 1
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror or error}") from error


def _is_line(line: bytes) -> bool:
    return not line.strip() or line.rstrip().endswith(b"}")


def _document(path: Path, problems: list[str]) -> list[Span]:
    try:
        return read_trace(path, problems)
    except TraceError as error:
        _say(str(error), problems)
        return []


def _spans(line: bytes, place: str, problems: list[str]) -> list[Span]:
    if not line.strip():
        return []
    try:
        document = json.loads(line.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError):
        cut = "" if line.endswith(b"\n") else " (cut short)"
        _say(f"{place}: not JSON{cut}", problems)
        return []
    spans = list(decode(document))
    if not spans:
        _say(f"{place}: no OTLP spans in it", problems)
    return spans


def _say(sentence: str, problems: list[str]) -> None:
    if len(problems) < MOST_PROBLEMS:
        problems.append(sentence)
    elif len(problems) == MOST_PROBLEMS:
        problems.append("and more that cannot be read")
