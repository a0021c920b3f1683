"""What a user says about runs: session, user, metadata, tags; in our words and in OpenInference's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import context as otel_context

from tests.telemetry.watching import SdkWatch, Trace, Watch
from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.gate import REDACTED
from wftrace.labels import using
from wftrace.settings import TracingSettings


class Inner(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent()


class Outer(Workflow):
    @step
    async def call(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=await Inner().run())


@contextmanager
def openinference(**values: Any) -> Iterator[None]:
    """What ``openinference.instrumentation.using_attributes`` does."""
    context = otel_context.get_current()
    for name, value in values.items():
        context = otel_context.set_value(name.replace("_", "."), value, context)
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def labelled(watch: Watch, **labels: Any) -> Trace:
    """A run with a run inside, in a ``using`` block."""

    async def main() -> None:
        with using(**labels):
            await Outer().run()

    return watch.main(main)


def test_all_of_it_stands_on_runs_and_attempts(watch: Watch) -> None:
    """Session and user as texts, metadata as JSON, tags as a list; of the nested run too."""
    trace = labelled(watch, session_id="chat-7", user_id="joe", metadata={"plan": "pro"}, tags=["beta", "eu"])
    for span in [*trace.runs(), *trace.attempts()]:
        assert span.attributes[words.SESSION_ID] == "chat-7"
        assert span.attributes[words.USER_ID] == "joe"
        assert json.loads(str(span.attributes[words.METADATA])) == {"plan": "pro"}
        assert span.attributes[words.TAGS] == ("beta", "eu")


def test_the_session_stands_on_every_span(watch: Watch) -> None:
    """Emissions too."""
    assert {span.attributes[words.SESSION_ID] for span in labelled(watch, session_id="s").spans} == {"s"}


def test_without_a_session_a_run_is_its_own(watch: Watch) -> None:
    """And what is nested in it belongs to it; nothing else is said."""
    trace = labelled(watch)
    (outer,) = (span for span in trace.runs() if span.name.endswith("Outer"))
    assert {span.attributes[words.SESSION_ID] for span in trace.spans} == {outer.attributes[words.RUN_ID]}
    for key in (words.USER_ID, words.METADATA, words.TAGS):
        assert not any(key in span.attributes for span in trace.spans)


def test_blocks_add_up(watch: Watch) -> None:
    """The inner block adds metadata and tags, and replaces the user."""

    async def main() -> None:
        with (
            using(session_id="s", user_id="joe", metadata={"a": 1}, tags=["x"]),
            using(user_id="ann", metadata={"b": 2}, tags=["y", "x"]),
        ):
            await Inner().run()

    run = watch.main(main).run.attributes
    assert (run[words.SESSION_ID], run[words.USER_ID], run[words.TAGS]) == ("s", "ann", ("x", "y"))
    assert json.loads(str(run[words.METADATA])) == {"a": 1, "b": 2}


def test_after_the_block_nothing_is_said(watch: Watch) -> None:
    """Nor about a run beside it."""

    async def main() -> None:
        with using(user_id="joe"):
            await Inner().run()
        await Inner().run()

    one, two = watch.main(main).runs()
    assert words.USER_ID in one.attributes
    assert words.USER_ID not in two.attributes


def test_a_block_in_a_step_is_for_the_runs_in_it(watch: Watch) -> None:
    """It wins over the outer run's own session."""

    class Splitting(Workflow):
        @step
        async def call(self, ev: StartEvent) -> StopEvent:
            with using(session_id="other"):
                await Inner().run()
            return StopEvent()

    outer, inner = watch.run(Splitting()).runs()
    assert inner.attributes[words.SESSION_ID] == "other"
    assert outer.attributes[words.SESSION_ID] == outer.attributes[words.RUN_ID]


def test_openinferences_words_are_understood(watch: Watch) -> None:
    """All four."""

    async def main() -> None:
        with openinference(session_id="chat-7", user_id="joe", metadata='{"plan": "pro"}', tag_tags=["beta"]):
            await Inner().run()

    run = watch.main(main).run.attributes
    assert (run[words.SESSION_ID], run[words.USER_ID], run[words.TAGS]) == ("chat-7", "joe", ("beta",))
    assert json.loads(str(run[words.METADATA])) == {"plan": "pro"}


def test_our_own_block_wins(watch: Watch) -> None:
    """It is nearer."""

    async def main() -> None:
        with openinference(session_id="theirs"), using(session_id="ours"):
            await Inner().run()

    assert watch.main(main).run.attributes[words.SESSION_ID] == "ours"


def test_libraries_inside_a_step_are_told(sdk: SdkWatch) -> None:
    """OpenInference's instrumentations take session and user from the OpenTelemetry context."""
    seen: list[Any] = []

    class Looking(Workflow):
        @step
        def work(self, ev: StartEvent) -> StopEvent:
            seen.extend(otel_context.get_value(key) for key in (words.SESSION_ID, words.USER_ID))
            return StopEvent()

    async def main() -> None:
        with using(session_id="s", user_id="joe"):
            await Looking().run()

    sdk.main(main)
    assert seen == ["s", "joe"]


def test_labels_are_cleaned_redacted_and_cut(watch: Watch) -> None:
    """They leave the process like everything else."""
    trace = labelled(
        watch,
        session_id="\ud800" + "x" * 1000,
        user_id="sk-abcdefghijklmnop1234",
        metadata={"password": "hunter2", "cycle": asyncio},
        tags=["AKIAIOSFODNN7EXAMPLE", *map(str, range(100))],
    )
    run = trace.runs()[0].attributes
    assert str(run[words.SESSION_ID]).startswith("\ufffdx")
    assert len(str(run[words.SESSION_ID])) < 300
    assert run[words.USER_ID] == REDACTED
    assert "hunter2" not in str(run[words.METADATA])
    assert run[words.TAGS][0] == REDACTED  # type: ignore[index]
    assert len(run[words.TAGS]) == 64  # type: ignore[arg-type]


def test_the_users_hook_sees_the_metadata(watch: Watch) -> None:
    """With the path of each value."""

    async def main() -> None:
        with using(metadata={"customer": "ACME"}):
            await Inner().run()

    hook = TracingSettings(redact=lambda path, value: "-" if path == "metadata.customer" else value)
    assert json.loads(str(watch.main(main, hook).run.attributes[words.METADATA])) == {"customer": "-"}


def test_they_are_read_back(watch: Watch) -> None:
    """A run says whose it is."""

    async def main() -> None:
        with using(session_id="s", user_id="joe", metadata={"a": 1}, tags=["t"]):
            await Inner().run()

    run = watch.main(main).read()
    assert (run.session_id, run.user_id, run.metadata, run.tags) == ("s", "joe", '{"a": 1}', ("t",))


@pytest.mark.parametrize("metadata", ["no JSON", "[1]", '"text"'])
def test_odd_metadata_of_others(watch: Watch, metadata: str) -> None:
    """Does no harm."""

    async def main() -> None:
        with openinference(metadata=metadata):
            await Inner().run()

    assert watch.main(main).error is None
