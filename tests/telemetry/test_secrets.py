"""No secret comes out, wherever it is planted; a user's hook has its say and cannot break a run."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.telemetry.watching import RecorderWatch, Trace, Watch
from tests.test_gate import NASTY
from wftrace import Event, StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.capturing import Capturing
from wftrace.gate import REDACTED
from wftrace.labels import using
from wftrace.settings import Capture, TracingSettings

SHAPED = [
    "sk-abcdefghijklmnop1234",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEAxyz\n-----END PRIVATE KEY-----",
]
PLAIN = "hunter2-correct-horse"
CAPTURES: list[Capture] = ["none", "types", "summary", "full"]
AROUND = st.text(st.characters(categories=None), max_size=12).map(lambda text: f"{text} ")


class Planted(Event):
    value: Any = None
    password: str = ""


class Passing(Workflow):
    """Passes a value on, and fails with a text if there is one."""

    @step
    async def first(self, ev: StartEvent) -> Planted:
        return Planted(value=ev.value, password=PLAIN)

    @step
    async def second(self, ev: Planted) -> StopEvent:
        if isinstance(ev.value, str):
            raise RuntimeError(ev.value)
        return StopEvent(result=ev.value)


def everything(trace: Trace) -> str:
    """All that leaves the process."""
    return repr([(span.name, span.attributes, span.events, span.status_message) for span in trace.spans])


def nested(secret: str, around: str) -> st.SearchStrategy[Any]:
    """A secret somewhere in a value: as a text, in a key, in a list, under the name of a password."""
    text = f"{around}{secret} {around}"
    leaf = st.sampled_from(
        [
            text,
            {text: 1},
            [text],
            (1, {"a": text}),
            {"dbPassword": PLAIN},
            {"api_key": [PLAIN]},
            f"{{'password': '{PLAIN}'}}",
        ]
    )
    return st.recursive(leaf, lambda inner: st.one_of(st.lists(inner, max_size=3), st.fixed_dictionaries({"k": inner})))


VALUES = st.tuples(st.sampled_from(SHAPED), AROUND).flatmap(lambda pair: st.tuples(st.just(pair[0]), nested(*pair)))


@pytest.mark.parametrize("detail", ["full", "steps"])
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(planted=VALUES, capture=st.sampled_from(CAPTURES))
def test_a_planted_secret_does_not_come_out(detail: Any, planted: tuple[str, Any], capture: Capture) -> None:
    """In payloads, in error texts, in stack traces, in metadata; with every capture."""
    secret, value = planted
    watch = RecorderWatch()

    async def main() -> None:
        with using(metadata={"value": value}, tags=[str(value)], user_id=secret):
            await Passing().run(value=value)

    said = everything(watch.main(main, TracingSettings(capture=capture, detail=detail)))
    assert PLAIN not in said
    assert secret.split("\n")[1 if "\n" in secret else 0] not in said


@pytest.mark.parametrize("capture", CAPTURES)
def test_secrets_in_names(watch: Watch, capture: Capture) -> None:
    """Of an event's class, of the run, of an error's class: redacted everywhere alike, so that edges stay."""
    secret = SHAPED[1]
    named = type(secret, (Event,), {"__module__": __name__})
    error = type(secret, (Exception,), {"__module__": __name__})

    class Flow(Workflow):
        @step
        async def first(self, ev: StartEvent) -> named:  # type: ignore[valid-type]
            return named()  # type: ignore[no-any-return]

        @step
        async def second(self, ev: named) -> StopEvent:  # type: ignore[valid-type]
            raise error

    trace = watch.run(Flow(), how=capture, run_id=f"run-{secret}")
    assert secret not in everything(trace)
    run = trace.read()
    assert run.attempts[1].inputs == (run.attempts[0].outputs[0],)


@pytest.mark.parametrize("text", [PLAIN * 4000, "\n".join(SHAPED) * 3000, "x" * 32_760 + f" {SHAPED[0]}"])
def test_long_texts(watch: Watch, text: str) -> None:
    """No half of a secret stands at a cut, and the cut is visible."""
    trace = watch.run(Passing(), how="full", value=text)
    said = everything(trace)
    for secret in SHAPED:
        assert secret[:10] not in said.replace("-----BEGIN", "")
    assert "characters cut]" in said
    longest = max(len(str(value)) for span in trace.attempts() for value in span.attributes.values())
    assert longest < 8 * 1024 + 100


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("capture", ["summary", "full"])
def test_nasty_values_do_not_harm_the_run(watch: Watch, capture: Capture, name: str) -> None:
    """Cycles, bombs, surrogates, huge numbers, objects without a text, with a hook too."""
    hook = TracingSettings(capture=capture, redact=lambda path, value: value)
    trace = watch.run(Passing(), how=hook, value=[NASTY[name]])
    assert trace.error is None
    assert len(trace.spans) == 6
    everything(trace).encode("utf-8")


@pytest.mark.parametrize("capture", CAPTURES)
def test_objects_of_strangers_are_not_asked(capture: Capture) -> None:
    """A ``__str__`` may block, or tell what it should not: only the class is shown."""
    asked: list[str] = []

    class Client:
        def __repr__(self) -> str:
            asked.append("repr")
            return PLAIN

    made = Capturing(TracingSettings(capture)).output({"clients": [Client()], Client(): 1})
    assert asked == []
    assert capture != "full" or made[words.OUTPUT_VALUE] == '{"clients": ["<Client>"], "<Client>": 1}'


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_exceptions_that_are_told_badly(watch: Watch, raised: type[BaseException]) -> None:
    """A ``__str__`` that raises anything at all."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise raised

    class Flow(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise MuteError

    trace = watch.run(Flow(), how="full")
    assert type(trace.error) is MuteError
    assert "could not be made" in trace.attempt("work").status_message


def hooked(watch: Watch, hook: Any, value: Any, capture: Capture = "full") -> Trace:
    """A run with a hook."""
    return watch.run(Passing(), how=TracingSettings(capture=capture, redact=hook), value=value)


def test_the_hook_is_asked_about_everything(watch: Watch) -> None:
    """Containers first, then what they hold, by path; not about what is redacted by name."""
    paths: list[str] = []

    def hook(path: str, value: Any) -> Any:
        paths.append(path)
        return value

    hooked(watch, hook, {"a": [1, {"b": 2}]})
    first = ["", ".value", ".value.a", ".value.a.0", ".value.a.1", ".value.a.1.b"]
    assert paths[:6] == [f"input.value{each}" for each in first]
    assert "output.value.value.a.0" in paths
    assert not any("password" in path for path in paths)


def test_the_hook_replaces_values(watch: Watch) -> None:
    """By anything that can be shown."""
    trace = hooked(watch, lambda path, value: {"kept": True} if value == "secret plan" else value, ["secret plan"])
    assert json.loads(str(trace.run.attributes[words.INPUT_VALUE])) == {"value": [{"kept": True}]}


def test_the_hook_sees_errors(watch: Watch) -> None:
    """Their text and their stack trace, whole and before they are cut."""
    lengths: dict[str, int] = {}

    def hook(path: str, value: Any) -> Any:
        if path.startswith("exception."):
            lengths[path] = len(value)
            return value.replace("ACME", "(a customer)")
        return value

    trace = hooked(watch, hook, "ACME has failed " + "x" * 30_000, "types")
    assert lengths["exception.message"] > 30_000
    assert "ACME" not in everything(trace)
    assert trace.attempt("second").status_message.startswith("(a customer) has failed")


def test_what_the_hook_returns_is_cleaned_like_all(watch: Watch) -> None:
    """It may return nonsense and secrets."""
    trace = hooked(watch, lambda path, value: SHAPED[0] + "\ud800" if path.endswith(".0") else value, [1])
    assert json.loads(str(trace.run.attributes[words.OUTPUT_VALUE])) == [f"{REDACTED}\ufffd"]


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, asyncio.CancelledError])
def test_a_hook_that_fails_hides(watch: Watch, raised: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    """What it failed at is not shown; the run goes on, and it is said once."""

    def hook(path: str, value: Any) -> Any:
        raise raised

    with caplog.at_level(logging.WARNING):
        trace = hooked(watch, hook, ["content"])
    assert trace.error is None
    assert "content" not in everything(trace)
    assert trace.run.attributes[words.OUTPUT_VALUE] == f'"{REDACTED}"'
    assert len(caplog.records) == 1


def test_a_hook_that_returns_no_text_hides_an_error(watch: Watch) -> None:
    """An error's text is a text or nothing."""
    trace = hooked(watch, lambda path, value: None, "the text", "types")
    assert "the text" not in trace.attempt("second").status_message


@pytest.mark.parametrize("word", ["NO_CONTENT", "EVENT_ONLY", "false"])
def test_opentelemetrys_switch_wins_over_the_program(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Whatever was asked for in code: no content."""
    from wftrace import Recorder

    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", word)
    assert Recorder("full").observer().settings.capture == "types"
    assert Recorder("none").observer().settings.capture == "none"
