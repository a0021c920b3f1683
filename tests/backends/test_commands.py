"""The command line with real backends: what people type, and what they get."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.backends.conftest import point_to
from tests.backends.servers import Backend, start_phoenix
from tests.backends.test_round_trip import arrived, traced
from tests.test_docs import ROOT, folder, run_document  # noqa: F401 - folder is a fixture
from wftrace.cli import main
from wftrace.cli.errors import CommandError
from wftrace.cli.list import list as list_command
from wftrace.cli.speech import Speech
from wftrace.exporters.sources import open_source

SECRET = "a-secret-of-32-characters-or-more-1"


@pytest.fixture(scope="module")
def run_ids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ids of the runs that were sent, by backend; each sends once."""
    return {}


@pytest.fixture
def run_id(pointed: Backend, run_ids: dict[str, str], tmp_path: Path) -> str:
    """The id of a run that the backend has."""
    if pointed.name not in run_ids:
        run_ids[pointed.name] = traced(pointed, tmp_path, "report")["report"]
        arrived(open_source(f"{pointed.name}:run={run_ids[pointed.name]}").spans, 47)
    return run_ids[pointed.name]


def listed(arguments: Sequence[str]) -> str:
    """What ``wftrace list`` prints."""
    done = CliRunner().invoke(list_command, [*arguments], obj=Speech(), catch_exceptions=True)
    if isinstance(done.exception, Exception):
        raise done.exception
    return done.output


def test_show_prints_the_run_and_its_page(pointed: Backend, run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The last run, with the address of its page."""
    assert main(["show", f"{pointed.name}:run={run_id}"]) == 0
    said = capsys.readouterr().out
    assert f"run {run_id}" in said
    assert f"{pointed.name.capitalize()}: {pointed.url}/" in said
    assert "fetch#5" in said


def test_run_option_asks_the_backend(pointed: Backend, run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--run finds a run that is not the last one."""
    assert main(["show", pointed.name, "--run", run_id[:8], "--log"]) == 0
    assert f"run {run_id}" in capsys.readouterr().out


def test_overlay_says_where_the_run_is(
    pointed: Backend, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The picture is written, the page is named."""
    assert main(["overlay", f"{pointed.name}:run={run_id}", "-o", str(tmp_path / "run.svg")]) == 0
    assert f"{pointed.name.capitalize()}: {pointed.url}/" in capsys.readouterr().err
    assert "ReportFlow" in (tmp_path / "run.svg").read_text()


def test_report_links_to_the_page(pointed: Backend, run_id: str, tmp_path: Path) -> None:
    """The details of run and attempts link to the backend."""
    assert main(["report", f"{pointed.name}:run={run_id}", "-o", str(tmp_path / "run.html")]) == 0
    page = (tmp_path / "run.html").read_text()
    assert f'<a href="{pointed.url}/' in page


def test_list_prints_runs(pointed: Backend, run_id: str) -> None:
    """Ids, workflows, times, outcomes and traces, in lines that can be cut."""
    (line,) = [line for line in listed([pointed.name, "--workflow", "ReportFlow"]).splitlines() if run_id in line]
    assert "ReportFlow" in line
    assert "completed" in line


def test_list_that_finds_nothing_says_so(pointed: Backend, run_id: str) -> None:
    """With the way to look further back."""
    with pytest.raises(CommandError, match="no such run") as caught:
        listed([pointed.name, "--workflow", "Nobody"])
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["run.jsonl"], "no backend"), (["phoenix", "--since", "soon"], "--since"), (["jaeger:x=1"], "'x'")],
)
def test_list_used_wrongly(arguments: list[str], words: str) -> None:
    """A file, a time that is none, a key that is none."""
    with pytest.raises(CommandError, match=words) as caught:
        listed(arguments)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("trace", "code", "words"),
    [
        ("phoenix://127.0.0.1:1", 5, "cannot be reached"),
        ("jaeger:trace=1", 2, "no trace id"),
        ("jeager:run=1", 4, "try: wftrace show jaeger:run=1"),
    ],
)
def test_exit_codes(trace: str, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not there, written wrongly, a word that is none."""
    assert main(["show", trace]) == code
    assert words in capsys.readouterr().err


def test_a_trace_that_is_not_there(pointed: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4, and what to do."""
    assert main(["show", f"{pointed.name}:{'ab' * 16}"]) == 4
    assert "takes some seconds to arrive" in capsys.readouterr().err


def test_a_phoenix_that_wants_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the key a run goes there and comes back, from the project that was named; without it the cure is said."""
    login = {"PHOENIX_ENABLE_AUTH": "true", "PHOENIX_SECRET": SECRET, "PHOENIX_ADMIN_SECRET": SECRET[::-1]}
    with ExitStack() as stack:
        server = start_phoenix(tmp_path, stack, **login)
        keyed = {**server.variables, "PHOENIX_API_KEY": SECRET[::-1], "PHOENIX_PROJECT_NAME": "kept apart"}
        backend = Backend(server.name, server.url, keyed, server.log)
        point_to(backend, monkeypatch, tmp_path)
        run_id = traced(backend, tmp_path, "nested")["nested"]
        arrived(open_source(f"phoenix:run={run_id}").spans, 16)
        assert main(["show", "phoenix:kept apart", "--run", run_id]) == 0
        monkeypatch.delenv("PHOENIX_API_KEY")
        assert main(["show", "phoenix"]) == 4
    said = capsys.readouterr()
    assert run_id in said.out
    assert "answered 401" in said.err
    assert "try: check PHOENIX_API_KEY" in said.err


@pytest.mark.usefixtures("folder")
def test_the_how_to_of_a_backend_runs(pointed: Backend, tmp_path: Path) -> None:
    """The blocks of docs/howto/phoenix.md and jaeger.md that need the backend do what they show."""
    text = (ROOT / "docs" / "howto" / f"{pointed.name}.md").read_text(encoding="utf-8")
    mark = f"<!-- not run: needs {pointed.name} -->\n"
    assert text.count(mark) > 1
    assert run_document(text.replace(mark, ""), tmp_path) == text.count(mark)
