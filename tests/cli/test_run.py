"""``wftrace run``: summary, answers, failures, and where the trace goes."""

from __future__ import annotations

import http.server
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wftrace.exporters.file import read_trace
from wftrace.trace_reader import read_runs

from .conftest import ASKING, FAILING, JOKE, RETRYING, SLOW, STRICT, TWO, Call, Terminal, needs_terminal, started

Write = Callable[..., Path]


def test_the_summary_is_the_result(flow: Write, call: Call) -> None:
    """A run prints verdict, a line per step and the result to standard output, and nothing to standard error."""
    flow(JOKE)
    done = call("run", "flow.py:JokeFlow", "topic=pirates")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("✓ ok · ")
    assert lines[0].endswith("4 of 4 edges taken")
    assert [line.split()[:2] for line in lines if line.startswith(("tell", "judge"))] == [["tell", "1"], ["judge", "1"]]
    assert lines[-2:] == ["result", "a joke about pirates: funny"]


@pytest.mark.parametrize(
    ("value", "result"), [("4", "8"), ("1.0", "2"), ("[1]", None), ("x", None), ("", None), ("NaN", None)]
)
def test_values_are_json_where_they_are_json(flow: Write, call: Call, value: str, result: str | None) -> None:
    """A value that is JSON arrives as such; one that does not fit the start event is refused with its fields."""
    flow(STRICT)
    done = call("run", "flow.py:Shop", f"size={value}")
    if result is not None:
        assert (done.code, done.out.splitlines()[-1]) == (0, result)
    else:
        assert (done.code, done.out) == (2, "")
        assert "it takes: size (int)" in done.err
        assert "try: wftrace run flow.py:Shop size=…" in done.err


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("topic",), "try: topic=VALUE"),
        (("--topic=x",), "wftrace run --help"),
        (("my-topic=x",), "try: my_topic=x"),
        (("topic=1", "topic=2"), "given twice"),
        (("--export", "jager"), "try: --export jaeger"),
        (("--export", "nowhere"), "--export http://HOST:PORT"),
        (("--report", "run.pdf"), "try: --report run.html"),
        (("--report", "folder.html"), "try: --report folder.html/report.html"),
        (("--trace", "folder.html"), "try: --trace folder.html/run.otlp.jsonl"),
        (("--report", "gone/run.html"), "try: mkdir -p gone"),
        (("--trace", "gone/run.jsonl"), "try: mkdir -p gone"),
        (("--trace", "mine.jsonl"), "try: --force"),
        (("--reply", "Yes"), "--reply 'HumanResponseEvent={}'"),
        (("--reply", "Yes={}"), "--reply 'HumanResponseEvent={}'"),
        (("--capture", "all"), "wftrace run --help"),
        (("--timeout", "soon"), "wftrace run --help"),
        (("--timeout", "nan"), "0 for ever"),
        (("--timeout", "inf"), "0 for ever"),
        (("--timeout", "-1"), "0 for ever"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    flow: Write, call: Call, arguments: tuple[str, ...], cure: str
) -> None:
    """Each wrong option ends with code 2, prints no summary, and names the cure."""
    flow(JOKE)
    flow("{}", "mine.jsonl").with_name("folder.html").mkdir()
    done = call("run", "flow.py:JokeFlow", *arguments)
    assert (done.code, done.out) == (2, "")
    assert cure in done.err


def test_a_failing_step_shows_the_users_frames(flow: Write, call: Call) -> None:
    """A failed run ends with code 1; its traceback has the user's lines only, and the step is named."""
    flow(FAILING)
    done = call("run", "flow.py:Broken")
    assert done.code == 1
    assert done.out.startswith("✗ failed")
    assert done.err.count("  File ") == 2
    assert 'return known["missing"]' in done.err
    assert "KeyError: 'missing'" in done.err
    assert "step 'work'" in done.err
    assert "conversation.py" not in done.err


def test_verbose_shows_every_frame(flow: Write, call: Call) -> None:
    """With -v the traceback is whole."""
    flow(FAILING)
    assert "conversation.py" in call("run", "-v", "flow.py:Broken").err


def test_a_flow_that_cannot_work_is_a_finding(flow: Write, call: Call) -> None:
    """A flow that validation refuses ends with code 1 and its reason."""
    flow(JOKE.replace("ev: JokeEvent) -> StopEvent", "ev: JokeEvent) -> None"))
    done = call("run", "flow.py:JokeFlow")
    assert done.code == 1
    assert "error: JokeFlow cannot run" in done.err
    assert "Traceback" not in done.err


def test_retries_are_counted(flow: Write, call: Call) -> None:
    """The summary counts failed attempts, retries and the time spent in back-offs."""
    flow(RETRYING)
    done = call("run", "flow.py:Stubborn")
    assert done.code == 0
    assert "2 retries" in done.out
    assert "↻ 2 retried" in done.out
    assert "back-off" in done.out


def test_a_timeout_is_a_failure(flow: Write, call: Call) -> None:
    """--timeout ends a run that takes longer, with code 1 and what was going on."""
    flow(SLOW)
    done = call("run", "flow.py:Slow", "--timeout", "0.05")
    assert done.code == 1
    assert "✗ timed out" in done.out
    assert "sleep#1" in done.err


@pytest.mark.parametrize(
    ("reply", "result"),
    [('Approval={"approved": true}', "published"), ('Approval={"approved": false, "note": "no"}', "kept: no")],
)
def test_a_reply_answers_the_question(flow: Write, call: Call, reply: str, result: str) -> None:
    """--reply gives the event that the flow waits for."""
    flow(ASKING)
    done = call("run", "flow.py:Audit", "--reply", reply)
    assert (done.code, done.out.splitlines()[-1]) == (0, result)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("Aproval={}", "try: --reply 'Approval={}'"),
        ("Approval={}", "approved: Field required"),
        ('Approval={"approved": 3}', "approved: Input should be a valid boolean"),
    ],
)
def test_a_reply_that_does_not_fit_is_refused(flow: Write, call: Call, reply: str, told: str) -> None:
    """A reply to no event of the flow, or with wrong fields, is refused before the run."""
    flow(ASKING)
    done = call("run", "flow.py:Audit", "--reply", reply)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_nobody_there_cancels_the_run(flow: Write, shell: Call) -> None:
    """Without a terminal and a reply the run is cancelled, and the message has the reply to give."""
    flow(ASKING)
    done = shell("run", "flow.py:Audit")
    assert done.code == 2
    assert "⊘ cancelled" in done.out
    assert "it asks: Publish it?" in done.err
    assert """try: --reply 'Approval={"approved": true, "note": "…"}'""" in done.err


def test_the_trace_is_written_and_added_to(flow: Write, call: Call, tmp_path: Path) -> None:
    """--trace writes a trace that can be read back; a second run is added to it, --force begins anew."""
    flow(JOKE)
    counts = []
    for more in ((), (), ("--force",)):
        assert call("run", "flow.py:JokeFlow", "topic=x", "--trace", "run.jsonl", *more).code == 0
        counts.append(len(read_runs(read_trace(tmp_path / "run.jsonl"))))
    assert counts == [1, 2, 1]


def test_a_trace_called_like_a_backend_is_a_file(flow: Write, call: Call, tmp_path: Path) -> None:
    """--trace jaeger is a file of that name and sends nothing."""
    flow(JOKE)
    assert call("run", "flow.py:JokeFlow", "topic=x", "--trace", "jaeger").code == 0
    assert (tmp_path / "jaeger").is_file()


def test_capture_decides_what_the_trace_holds(flow: Write, shell: Call, tmp_path: Path) -> None:
    """The payloads are in the trace with --capture full, and not without."""
    flow(JOKE)
    shell("run", "flow.py:JokeFlow", "topic=pirates", "--trace", "full.jsonl", "--capture", "full")
    shell("run", "flow.py:JokeFlow", "topic=pirates", "--trace", "types.jsonl")
    assert "a joke about pirates" in (tmp_path / "full.jsonl").read_text()
    assert "a joke about pirates" not in (tmp_path / "types.jsonl").read_text()


def test_the_report_is_written(flow: Write, call: Call, tmp_path: Path) -> None:
    """--report writes the page, and says so."""
    flow(JOKE)
    done = call("run", "flow.py:JokeFlow", "topic=x", "--report", "run.html")
    assert done.err == "wrote run.html (1 run)\n"
    assert "JokeFlow" in (tmp_path / "run.html").read_text(encoding="utf-8")


@pytest.fixture
def backend() -> Iterator[Callable[[int], str]]:
    """A backend that answers every trace with a status."""
    servers: list[http.server.HTTPServer] = []

    def start(status: int) -> str:
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_export_sends_the_trace(flow: Write, shell: Call, backend: Callable[[int], str]) -> None:
    """--export URL ends well when the backend takes the trace."""
    flow(JOKE)
    done = shell("run", "flow.py:JokeFlow", "topic=x", "--export", backend(200))
    assert (done.code, done.err) == (0, "")


def test_a_backend_that_refuses_is_told(flow: Write, shell: Call, backend: Callable[[int], str]) -> None:
    """When the backend refuses the trace the summary is there, the code is 5, and the reason is given."""
    flow(JOKE)
    done = shell("run", "flow.py:JokeFlow", "topic=x", "--export", backend(401))
    assert (done.code, "a joke about x" in done.out) == (5, True)
    assert "did not take the trace" in done.err
    assert "401" in done.err
    assert "wftrace spool flush" in done.err


def test_a_backend_that_is_absent_is_told(flow: Write, shell: Call) -> None:
    """When nothing listens the message is one, without the exporter's own complaints."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    flow(JOKE)
    done = shell("run", "flow.py:JokeFlow", "topic=x", "--export", address)
    assert done.code == 5
    assert done.err.startswith(f"error: {address} did not take the trace\n")
    assert len(done.err.splitlines()) == 3


def test_ctrl_c_cancels_the_run_and_keeps_the_trace(flow: Write, tmp_path: Path) -> None:
    """Ctrl-C ends with code 130; the run is recorded as cancelled in summary and trace."""
    flow(SLOW)
    with started(tmp_path, "run", "flow.py:Slow", "--trace", "run.jsonl") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asleep\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "⊘ cancelled" in out
        assert "Traceback" not in err
        assert [run.outcome for run in read_runs(read_trace(tmp_path / "run.jsonl"))] == ["cancelled"]


@needs_terminal
def test_a_human_is_asked_field_by_field(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """On a terminal each field is asked for; a wrong value is explained and asked for again."""
    flow(ASKING)
    asked = terminal("run", "flow.py:Audit")
    asked.until("approved (bool): ")
    assert "Publish it?" in asked.seen
    asked.type("perhaps\n")
    asked.until("note (str): ")
    asked.type("\n")
    asked.until("valid boolean")
    asked.until("approved (bool): ")
    asked.type("no\n")
    asked.until("note (str): ")
    asked.type("too long\n")
    assert asked.end() == 0
    assert "kept: too long" in asked.seen


@needs_terminal
def test_a_human_may_answer_in_json(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """A JSON object gives all fields at once."""
    flow(ASKING)
    asked = terminal("run", "flow.py:Audit")
    asked.until("approved (bool): ")
    asked.type('{"approved": true}\n')
    assert asked.end() == 0
    assert "published" in asked.seen


@needs_terminal
@pytest.mark.parametrize(
    ("key", "code", "told"), [("\x03", 130, "interrupted"), ("\x04", 2, "ended without an answer")]
)
def test_a_human_may_walk_away(flow: Write, terminal: Callable[..., Terminal], key: str, code: int, told: str) -> None:
    """Ctrl-C and Ctrl-D at the question cancel the run at once."""
    flow(ASKING)
    asked = terminal("run", "flow.py:Audit")
    asked.until("approved (bool): ")
    asked.type(key)
    assert asked.end() == code
    assert "⊘ cancelled" in asked.seen
    assert told in asked.seen


@needs_terminal
def test_keys_typed_ahead_are_kept(flow: Write, terminal: Callable[..., Terminal]) -> None:
    """Answers that were typed before their questions came are taken, each for its field."""
    flow(ASKING)
    asked = terminal("run", "flow.py:Audit")
    asked.type("no\ntoo long\n")
    assert asked.end() == 0
    assert "kept: too long" in asked.seen


def test_ctrl_c_does_not_wait_for_a_thread(flow: Write, tmp_path: Path) -> None:
    """A synchronous step that still sleeps does not keep the command after Ctrl-C."""
    flow(SLOW.replace("async def", "def").replace("await asyncio.sleep", "__import__('time').sleep"))
    with started(tmp_path, "run", "flow.py:Slow") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asleep\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "⊘ cancelled" in out


def test_a_trace_that_cannot_be_opened_is_refused(flow: Write, call: Call) -> None:
    """A trace file that the system refuses to make ends with code 2 before the run."""
    flow(JOKE)
    done = call("run", "flow.py:JokeFlow", "topic=x", "--trace", "a" * 300)
    assert (done.code, done.out) == (2, "")
    assert "  try: " in done.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("SystemExit(7)", 7),
        ("SystemExit(0)", 1),
        ("SystemExit('enough')", 1),
        ("SystemExit(256)", 1),
        ("KeyboardInterrupt", 130),
    ],
)
@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_step_that_ends_the_process(flow: Write, shell: Call, error: str, code: int, kind: str) -> None:
    """A step that raises SystemExit or KeyboardInterrupt fails the run with one message, and gives the exit code."""
    flow(FAILING.replace('return known["missing"]', f"raise {error}").replace("async def", kind))
    done = shell("run", "flow.py:Broken")
    assert done.code == code
    assert done.out.startswith("✗ failed")
    assert done.err.startswith("error: Broken failed\n")
    assert done.err.count("Traceback") == 1
    assert "step 'work'" in done.err
    assert "never retrieved" not in done.err
    assert "Task was destroyed" not in done.err


def test_the_other_steps_clean_up_when_one_ends_the_process(flow: Write, shell: Call) -> None:
    """What other steps do when they are cancelled is waited for."""
    flow(TWO)
    done = shell("run", "flow.py:Two")
    assert done.code == 7
    assert "cleaned up" in done.out
    assert done.err.count("Traceback") == 1


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("OTEL_SDK_DISABLED=true", "0 of 2 attempts arrived"),
        ("OTEL_TRACES_SAMPLER=always_off", "0 of 2 attempts arrived"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=2", "0 of 2 attempts arrived"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=12", "the trace was cut"),
    ],
)
def test_what_the_sdk_drops_is_told(flow: Write, shell: Call, variable: str, told: str) -> None:
    """The summary is whole whatever the SDK drops; a warning says what did not arrive and which variable is set."""
    flow(JOKE)
    name, _, value = variable.partition("=")
    done = shell("run", "flow.py:JokeFlow", "topic=x", "--trace", "o.jsonl", **{name: value})
    assert done.code == 0
    assert "4 of 4 edges taken" in done.out
    assert done.out.endswith("a joke about x: funny\n")
    assert told in done.err
    assert variable in done.err
    assert ("wrote" in done.err) == ("cut" in told)


def test_a_summary_comes_without_a_graph_in_the_trace(flow: Write, shell: Call) -> None:
    """A limit on the length of attributes does not keep the summary back."""
    flow(JOKE)
    done = shell("run", "flow.py:JokeFlow", "topic=x", "--trace", "o.jsonl", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="512")
    assert done.code == 0
    assert done.out.endswith("a joke about x: funny\n")
