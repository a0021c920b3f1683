"""What of the payloads gets into spans: nothing, types, shapes or all; and never a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.telemetry.watching import Trace, Watch
from wftrace import Event, StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.gate import REDACTED
from wftrace.recorder import Recorder
from wftrace.settings import Capture, capture_from_environment
from wftrace.trace import Span

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
PAYLOADS = (words.INPUT_VALUE, words.INPUT_MIME_TYPE, words.OUTPUT_VALUE, words.OUTPUT_MIME_TYPE)
SECRET = "sk-abcdefghij0123456789klmnop"


class Middle(Event):
    text: str
    password: str = "hunter2"


class Flow(Workflow):
    @step
    async def first(self, ev: StartEvent) -> Middle:
        return Middle(text=ev.topic)

    @step
    async def second(self, ev: Middle) -> StopEvent:
        if ev.text == "fail":
            raise RuntimeError(f"the key {SECRET} was refused")
        return StopEvent(result={"text": ev.text})


def everything(trace: Trace) -> str:
    """All that is in the spans, as one text."""
    return repr([(span.attributes, span.events, span.status_message) for span in trace.spans])


def value(span: Span, key: str) -> Any:
    """A payload attribute, read as JSON."""
    return json.loads(str(span.attributes[key]))


@pytest.mark.parametrize("capture", ["none", "types"])
def test_no_payloads(watch: Watch, capture: Capture) -> None:
    """Below ``summary`` no span has an input or an output."""
    trace = watch.run(Flow(), how=capture, topic="pirates")
    assert "pirates" not in everything(trace)
    assert not any(key in span.attributes for span in trace.spans for key in PAYLOADS)


def test_types_are_always_there(watch: Watch) -> None:
    """Event types are no payload: pictures need them, also with ``none``."""
    second = watch.run(Flow(), how="none", topic="x").attempt("second")
    assert second.attributes[words.INPUT_EVENT_TYPES] == (f"{__name__}.Middle",)


def test_a_summary_has_the_shape_without_the_content(watch: Watch) -> None:
    """Field names, types and lengths."""
    trace = watch.run(Flow(), how="summary", topic="pirates")
    assert "pirates" not in everything(trace)
    assert value(trace.attempt("second"), words.INPUT_VALUE) == {"text": "str[7]", "password": "str[7]"}


def test_full_has_the_content(watch: Watch) -> None:
    """Inputs and outputs of attempts and of the run, as JSON, secrets by name left out."""
    trace = watch.run(Flow(), how="full", topic="pirates")
    assert value(trace.run, words.INPUT_VALUE) == {"topic": "pirates"}
    assert value(trace.run, words.OUTPUT_VALUE) == {"text": "pirates"}
    assert value(trace.attempt("first"), words.OUTPUT_VALUE) == {"text": "pirates", "password": REDACTED}
    assert value(trace.attempt("second"), words.INPUT_VALUE) == {"text": "pirates", "password": REDACTED}
    assert trace.run.attributes[words.OUTPUT_MIME_TYPE] == "application/json"


@pytest.mark.parametrize("capture", ["summary", "full"])
@pytest.mark.parametrize("on", ["true", "TRUE", "1"])
def test_hidden_inputs(watch: Watch, monkeypatch: pytest.MonkeyPatch, capture: Capture, on: str) -> None:
    """``OPENINFERENCE_HIDE_INPUTS`` wins over what is captured; outputs stay."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", on)
    trace = watch.run(Flow(), how=capture, topic="pirates")
    assert not any(words.INPUT_VALUE in span.attributes for span in trace.spans)
    assert words.OUTPUT_VALUE in trace.run.attributes


@pytest.mark.parametrize("capture", ["summary", "full"])
def test_hidden_outputs(watch: Watch, monkeypatch: pytest.MonkeyPatch, capture: Capture) -> None:
    """``OPENINFERENCE_HIDE_OUTPUTS`` wins over what is captured; inputs stay."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_OUTPUTS", "true")
    trace = watch.run(Flow(), how=capture, topic="pirates")
    assert not any(words.OUTPUT_VALUE in span.attributes for span in trace.spans)
    assert words.INPUT_VALUE in trace.run.attributes


def test_a_hiding_variable_that_says_no(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """``false`` hides nothing."""
    monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", "false")
    assert words.INPUT_VALUE in watch.run(Flow(), how="full", topic="x").run.attributes


@pytest.mark.parametrize(
    ("own", "content", "default", "expected"),
    [
        ("", "", "types", "types"),
        ("", "", "none", "none"),
        ("none", "", "types", "none"),
        ("full", "", "types", "full"),
        (" Summary ", "", "types", "summary"),
        ("nonsense", "", "types", "types"),
        ("", "SPAN_ONLY", "types", "full"),
        ("", "SPAN_AND_EVENT", "types", "full"),
        ("", "true", "types", "full"),
        ("", "NO_CONTENT", "full", "types"),
        ("", "EVENT_ONLY", "full", "types"),
        ("", "false", "none", "none"),
        ("types", "SPAN_ONLY", "full", "types"),
    ],
)
def test_the_environment_says_what_is_captured(
    monkeypatch: pytest.MonkeyPatch, own: str, content: str, default: Capture, expected: Capture
) -> None:
    """``WFTRACE_CAPTURE`` first, then OpenTelemetry's switch for content, then the default."""
    monkeypatch.setenv("WFTRACE_CAPTURE", own)
    monkeypatch.setenv(CONTENT, content)
    assert capture_from_environment(default) == expected


def test_a_recorder_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is not told what to capture."""
    monkeypatch.setenv("WFTRACE_CAPTURE", "full")
    assert Recorder().observer().settings.capture == "full"
    assert Recorder("none").observer().settings.capture == "none"


def test_a_secret_in_an_exception_is_redacted(watch: Watch) -> None:
    """In the text, in the stack trace, in the status of attempt and run."""
    trace = watch.run(Flow(), topic="fail")
    assert SECRET not in everything(trace)
    assert everything(trace).count(REDACTED) >= 4


def test_with_none_an_exception_is_only_a_class(watch: Watch) -> None:
    """No text and no stack trace: they may hold payloads."""
    trace = watch.run(Flow(), how="none", topic="fail")
    (event,) = trace.attempt("second").events
    assert dict(event.attributes) == {words.EXCEPTION_TYPE: "RuntimeError"}
    assert "refused" not in everything(trace)
    assert trace.attempt("second").status == trace.run.status == "error"


@pytest.mark.parametrize("capture", ["none", "types", "summary", "full"])
def test_payloads_that_nothing_can_be_made_of(watch: Watch, capture: Capture) -> None:
    """Surrogates, bytes, cycles and objects without a text: the run goes on and every span is there."""

    class Nasty:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    cycle: list[Any] = []
    cycle.append(cycle)
    nasty = {"odd \ud800 key": "\ud800\x00", "bytes": b"\xff" * 9, "cycle": cycle, "object": Nasty(), "int": 10**5000}

    class Passing(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=ev.nasty)

    trace = watch.run(Passing(), how=capture, nasty=nasty)
    assert trace.error is None
    assert len(trace.spans) == 4
    everything(trace).encode("utf-8")


def test_an_exception_without_a_text(watch: Watch) -> None:
    """The class is told, and that its text could not be made."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError("mute")

    class Silent(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise MuteError

    attempt = watch.run(Silent()).attempt("work")
    assert str(attempt.attributes[words.ERROR_TYPE]).endswith("MuteError")
    assert "could not be made" in attempt.status_message
