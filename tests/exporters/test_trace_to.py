"""``trace_to``: one line, and the spans arrive where it says. Each in a process of its own: a provider is global."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exporters.collector import Collector
from wftrace.exporters.file import read_trace
from wftrace.exporters.jaeger import jaeger_link
from wftrace.exporters.otlp import EndpointError, traces_address
from wftrace.exporters.phoenix import phoenix_address, phoenix_headers, phoenix_link
from wftrace.exporters.setup import trace_to

FLOW = """
import asyncio, sys, time
from wftrace import StartEvent, StopEvent, Workflow, step, trace_to
class Flow(Workflow):
    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        return StopEvent()
async def main():
    await Flow().run()
"""
RUN = FLOW + "with trace_to(sys.argv[1]):\n    asyncio.run(main())\n"
SPANS = ["invoke_workflow Flow", "run_step work", "send StartEvent", "send StopEvent"]
OURS = ("OTEL_", "PHOENIX_", "WFTRACE_", "OPENINFERENCE_", "JAEGER_")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A backend that answers."""
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def hanging() -> Iterator[Collector]:
    """A backend that takes everything and never answers."""
    made = Collector(hang=True)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(OURS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def run_python(code: str, *arguments: str, **variables: str) -> str:
    """Run code in an interpreter of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("end", ["", "/", "/v1/traces"])
def test_an_address_gets_the_spans(collector: Collector, end: str) -> None:
    """As protobuf with gzip, to the intake for traces, with or without its path."""
    run_python(RUN, collector.url + end)
    assert sorted(collector.names) == SPANS
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert collector.headers[0]["content-encoding"] == "gzip"


def test_a_path_of_its_own_is_kept(collector: Collector) -> None:
    """Some backends listen elsewhere."""
    run_python(RUN, f"{collector.url}/otlp/intake")
    assert set(collector.paths) == {"/otlp/intake"}


def test_phoenix_gets_the_spans(collector: Collector) -> None:
    """Where its variables say, with the key as a bearer token and the project on the resource."""
    run_python(
        RUN,
        "phoenix",
        PHOENIX_COLLECTOR_ENDPOINT=collector.url,
        PHOENIX_API_KEY="key",
        PHOENIX_PROJECT_NAME="mine",
        PHOENIX_CLIENT_HEADERS="x-team=blue%20team",
    )
    assert sorted(collector.names) == SPANS
    assert collector.paths[0] == "/v1/traces"
    assert collector.headers[0]["authorization"] == "Bearer key"
    assert collector.headers[0]["x-team"] == "blue team"
    assert collector.resource["openinference.project.name"] == "mine"


def test_jaeger_gets_the_spans(collector: Collector) -> None:
    """Where OpenTelemetry's variable says, with its headers."""
    run_python(RUN, "jaeger", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=blue")
    assert sorted(collector.names) == SPANS
    assert collector.headers[0]["x-tenant"] == "blue"


def test_compression_can_be_turned_off(collector: Collector) -> None:
    """``OTEL_EXPORTER_OTLP_COMPRESSION`` holds."""
    run_python(RUN, collector.url, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    assert "content-encoding" not in collector.headers[0]
    assert sorted(collector.names) == SPANS


def test_the_service_has_a_name(collector: Collector) -> None:
    """``wftrace``, unless the environment names one."""
    run_python(RUN, collector.url)
    assert collector.resource["service.name"] == "wftrace"


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_SERVICE_NAME": "shop"}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}],
    ids=["service name", "resource attributes"],
)
def test_the_environment_names_the_service(collector: Collector, variables: dict[str, str]) -> None:
    """Either way."""
    run_python(RUN, collector.url, **variables)
    assert collector.resource["service.name"] == "shop"


def test_a_file_gets_the_spans(tmp_path: Path) -> None:
    """And is read back."""
    run_python(RUN, str(tmp_path / "run.otlp.jsonl"))
    assert sorted(span.name for span in read_trace(tmp_path / "run.otlp.jsonl")) == SPANS


def test_two_places_get_the_same(collector: Collector, tmp_path: Path) -> None:
    """A file and a backend at once."""
    code = FLOW + "with trace_to(sys.argv[1]), trace_to(sys.argv[2]):\n    asyncio.run(main())\n"
    run_python(code, collector.url, str(tmp_path / "t.jsonl"))
    assert sorted(collector.names) == SPANS
    assert len(read_trace(tmp_path / "t.jsonl")) == len(SPANS)


def test_after_the_block_nothing_is_sent(tmp_path: Path) -> None:
    """What runs later is not traced there."""
    run_python(RUN + "asyncio.run(main())\n", str(tmp_path / "t.jsonl"))
    assert len(read_trace(tmp_path / "t.jsonl")) == len(SPANS)


def test_without_a_block_the_spans_are_sent_at_exit(collector: Collector) -> None:
    """A script of one line more than before loses nothing."""
    run_python(FLOW + "trace_to(sys.argv[1])\nasyncio.run(main())\n", collector.url)
    assert sorted(collector.names) == SPANS


EXISTING = (
    FLOW
    + """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
mine, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(mine))
trace.set_tracer_provider(provider)
with trace_to(sys.argv[1]):
    asyncio.run(main())
assert trace.get_tracer_provider() is provider
trace.get_tracer("theirs").start_span("after").end()
print(*sorted(span.name for span in mine.get_finished_spans()), sep="|")
"""
)


def test_an_existing_provider_is_used_and_goes_on(tmp_path: Path) -> None:
    """Its own exporters get the spans too, and closing our place does not shut it down."""
    printed = run_python(EXISTING, str(tmp_path / "t.jsonl"))
    assert printed.split("|") == sorted([*SPANS, "after"])
    assert len(read_trace(tmp_path / "t.jsonl")) == len(SPANS)


def test_close_does_not_wait_for_a_backend_that_hangs(hanging: Collector) -> None:
    """It says that not everything was sent, and the process ends."""
    code = (
        FLOW
        + """
tracing = trace_to(sys.argv[1])
asyncio.run(main())
start = time.monotonic()
print(tracing.close(0.3), time.monotonic() - start < 3)
"""
    )
    assert run_python(code, hanging.url).splitlines() == ["False True"]


def test_close_says_that_everything_was_sent(collector: Collector) -> None:
    """And may be called twice."""
    code = FLOW + "tracing = trace_to(sys.argv[1])\nasyncio.run(main())\nprint(tracing.close(), tracing.close())\n"
    assert run_python(code, collector.url) == "True True"


def test_a_backend_that_is_not_there_does_not_harm_the_run() -> None:
    """The run ends well."""
    code = FLOW + "with trace_to(sys.argv[1]):\n    asyncio.run(main())\nprint('done')\n"
    assert run_python(code, "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1").endswith("done")


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://host/x", "http://", "http:///v1/traces", "grpc://host:4317", "http://[::1", "http://host:port"),
        *("http://host:99999", "http://:4318", "://host"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what to write instead, before anything global is changed."""
    with pytest.raises(EndpointError, match="http://HOST:PORT"):
        trace_to(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ("https://host?team=blue", "https://host/v1/traces?team=blue"),
    ],
)
def test_the_intake_of_an_address(text: str, address: str) -> None:
    """The path is added where there is none."""
    assert traces_address(text) == address


@pytest.mark.parametrize("value", ["http://p:1", "http://p:1/", "http://p:1/v1/traces"])
def test_phoenix_endpoint_in_any_form(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """With and without the path of the intake."""
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", value)
    assert phoenix_address() == "http://p:1"
    assert phoenix_link("ab") == "http://p:1/redirects/traces/ab"


def test_phoenix_headers_of_ones_own_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """A given authorization is not replaced by the key."""
    monkeypatch.setenv("PHOENIX_CLIENT_HEADERS", "Authorization=Basic%20abc")
    monkeypatch.setenv("PHOENIX_API_KEY", "key")
    assert phoenix_headers() == {"authorization": "Basic abc"}


def test_the_defaults_of_the_links() -> None:
    """Where the backends show their pages."""
    assert phoenix_link("ab") == "http://localhost:6006/redirects/traces/ab"
    assert jaeger_link("ab") == "http://localhost:16686/trace/ab"
