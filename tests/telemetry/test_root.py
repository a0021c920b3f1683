"""Below whom a run is traced: its caller, nobody, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from tests.telemetry.watching import SdkWatch, Trace, Watch
from wftrace import StartEvent, StopEvent, Workflow, step
from wftrace import semconv as words
from wftrace.settings import Root, TracingSettings, configure_tracing, tracing_settings
from wftrace.trace import Span
from wftrace.tracing import observer


class Inner(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result="inner")


class Outer(Workflow):
    @step
    async def call(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=await Inner().run())


def named(trace: Trace, name: str) -> Span:
    """The only span of that name."""
    (span,) = [each for each in trace.spans if each.name == name]
    return span


def in_a_request(sdk: SdkWatch, root: Root) -> Trace:
    """A run inside a span of its caller."""

    async def main() -> None:
        with sdk.tracer.start_as_current_span("request"):
            await Outer().run()

    return sdk.main(main, TracingSettings(root=root))


def links(span: Span, kind: str) -> list[str]:
    """The ids of the spans that a span points to."""
    return [link.span_id for link in span.links if link.attributes[words.LINK_TYPE] == kind]


def test_auto_is_a_child_of_the_caller(sdk: SdkWatch) -> None:
    """And points to nothing."""
    run = named(in_a_request(sdk, "auto"), "invoke_workflow Outer")
    assert run.parent_id
    assert run.links == ()


def test_always_is_a_root_that_points_to_the_caller(sdk: SdkWatch) -> None:
    """In a trace of its own."""
    trace = in_a_request(sdk, "always")
    run, request = named(trace, "invoke_workflow Outer"), named(trace, "request")
    assert run.parent_id == ""
    assert run.trace_id != request.trace_id
    assert links(run, words.CALLER_LINK) == [request.span_id]


def test_a_nested_run_stays_below_its_step(watch: Watch) -> None:
    """Also when runs are always roots: it is a part of a run."""
    trace = watch.run(Outer(), how=TracingSettings(root="always"))
    assert named(trace, "invoke_workflow Inner").parent_id == trace.attempt("call").span_id
    assert {span.trace_id for span in trace.spans} == {named(trace, "invoke_workflow Outer").trace_id}


def test_no_root_points_into_its_own_trace(sdk: SdkWatch) -> None:
    """Jaeger's page goes blank on that."""
    for span in in_a_request(sdk, "always").spans:
        assert span.parent_id or all(link.trace_id != span.trace_id for link in span.links)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    """A provider that the process has, for as long as a test takes."""
    made = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(otel, "get_tracer_provider", lambda: made)
    yield made
    configure_tracing()


def test_never_without_a_caller_is_not_traced(provider: TracerProvider) -> None:
    """A run that would be a root makes no spans."""
    configure_tracing(root="never")
    assert observer() is None


def test_never_with_a_caller_is_its_child(provider: TracerProvider) -> None:
    """As without that word."""
    configure_tracing(root="never")
    with provider.get_tracer("test").start_as_current_span("request"):
        assert observer() is not None


@pytest.mark.parametrize("root", ["auto", "always", "never"])
def test_the_environment_says_it(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """``WFTRACE_ROOT``, until the program says otherwise."""
    monkeypatch.setenv("WFTRACE_ROOT", root)
    assert tracing_settings().root == root
    configure_tracing(root="auto")
    assert tracing_settings().root == "auto"
    configure_tracing()


def test_a_run_below_an_unsampled_caller_is_as_quiet(sdk: SdkWatch) -> None:
    """The caller's sampler decides for the whole of its trace; the run does not notice."""
    quiet = SdkWatch(ParentBased(ALWAYS_OFF))

    async def main() -> str:
        return str(await Outer().run())

    trace = quiet.main(main, TracingSettings(capture="full"))
    assert (trace.result, list(trace.spans)) == ("inner", [])


def test_a_provider_of_others_is_never_shut_down(sdk: SdkWatch) -> None:
    """Whatever happens to runs."""
    stopped: list[str] = []
    sdk.provider.shutdown = lambda: stopped.append("shut down")  # type: ignore[method-assign]
    for _ in range(3):
        sdk.run(Outer())
    assert stopped == []


async def _two() -> None:
    await asyncio.gather(Inner().run(), Inner().run())


def test_runs_beside_each_other_are_traces_of_their_own(watch: Watch) -> None:
    """Neither is the caller of the other."""
    one, two = watch.main(_two, TracingSettings(root="always")).runs()
    assert one.trace_id != two.trace_id
    assert one.links == two.links == ()
