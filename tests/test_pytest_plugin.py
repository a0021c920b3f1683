"""The pytest plugin, in test sessions of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.needs import need

pytest_plugins = ["pytester"]

Session = Callable[..., pytest.RunResult]

FLOW = '''
from wftrace import Event, StartEvent, StopEvent, Workflow, step

class Left(Event):
    pass

class Right(Event):
    pass

class Fork(Workflow):
    """Two ways."""

    @step
    async def choose(self, ev: StartEvent) -> Left | Right:
        return Left() if ev.way == "left" else Right()

    @step
    async def left(self, ev: Left) -> StopEvent:
        return StopEvent(result="left")

    @step
    async def right(self, ev: Right) -> StopEvent:
        raise RuntimeError("the right way is closed")
'''

TESTS = """
import asyncio
import pytest
from flow import Fork

async def go(way):
    return await Fork().run(way=way)

def test_left():
    assert asyncio.run(go("left")) == "left"

def test_nothing():
    pass
"""

FAILING = """
def test_right():
    asyncio.run(go("right"))
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, repository: Path) -> Session:
    """Run a test session in a process of its own, with our plugin and those that are named, and no other."""
    paths = [str(repository), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(flow=FLOW)

    def run(tests: str, *arguments: str, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
        pytester.makepyfile(test_flow=tests)
        named = [option for plugin in ("pytest_wftrace", *plugins) for option in ("-p", plugin)]
        return pytester.runpytest_subprocess(*named, "-p", "no:cacheprovider", *arguments, timeout=60)

    return run


def needs_package(name: str, install: str) -> None:
    """Go on when a plugin of others is installed."""
    need(find_spec(name), f"the Python package {install} is not installed", f"pip install {install}")


def test_without_an_option_wftrace_is_not_imported(session: Session) -> None:
    """Whoever has it installed pays nothing for it."""
    done = session("def test_a():\n    import sys\n    assert 'wftrace' not in sys.modules\n")
    done.assert_outcomes(passed=1)
    assert "(wftrace)" not in done.stdout.str()


def test_the_summary_says_what_was_covered_and_what_was_not(session: Session) -> None:
    """Runs, steps, events and edges; each hole with its file and line."""
    done = session(TESTS, "--wftrace-cov", "flow.py:Fork")
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "*flow coverage (wftrace)*",
            "flow.py:Fork: 1 run · 2 of 3 steps · 3 of 4 events · 4 of 7 edges taken (57 %)",
            "  flow.py:12: edge choose → Right not taken",
            "  flow.py:20: edge Right → right not taken",
            "  flow.py:20: edge right → StopEvent not taken",
            "  flow.py:20: step right did not run",
            "  flow.py:6: event Right was not made",
        ]
    )


@pytest.mark.parametrize(("least", "code"), [("57", 0), ("57.2", 1), ("100", 1)])
def test_less_than_the_minimum_fails_the_session(session: Session, least: str, code: int) -> None:
    """The tests pass, the session does not, and it says why."""
    done = session(TESTS, "--wftrace-cov", "flow:Fork", "--wftrace-cov-min", least)
    done.assert_outcomes(passed=2)
    assert done.ret == code
    assert ("FAIL flow:Fork: 57 % of its edges were taken" in done.stdout.str()) == bool(code)


def test_a_flow_that_nobody_ran_has_nothing_covered(session: Session) -> None:
    """It is imported to say so."""
    done = session("def test_a(): pass", "--wftrace-cov", "flow.py:Fork", "--wftrace-cov-min", "1")
    done.stdout.fnmatch_lines(["flow.py:Fork: 0 runs * 0 of 7 edges taken (0 %)"])
    assert done.ret == 1


@pytest.mark.parametrize("target", ["flow.py:Frok", "nowhere.py:Fork", "nowhere:Fork", "flow.py:Left"])
def test_a_flow_that_is_not_there_fails_the_session(session: Session, target: str) -> None:
    """A name with a slip in it would cover nothing for ever."""
    done = session(TESTS, "--wftrace-cov", target)
    assert done.ret == 1
    done.stdout.fnmatch_lines([f"FAIL {target}: *"])


@pytest.mark.parametrize(
    "arguments",
    [("--wftrace-cov-min", "90"), ("--wftrace-cov", ","), ("--wftrace-cov", "flow:Fork", "--wftrace-cov-min", "101")],
)
def test_options_that_mean_nothing_are_refused(session: Session, arguments: tuple[str, ...]) -> None:
    """Before any test runs, with the cure."""
    done = session(TESTS, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --wftrace-cov*"])


def test_several_flows_are_told_apart(session: Session, pytester: pytest.Pytester) -> None:
    """Two flows of one name in two modules are two flows."""
    pytester.makepyfile(other=FLOW)
    done = session(TESTS, "--wftrace-cov", "flow:Fork,other:Fork")
    done.stdout.fnmatch_lines(["flow:Fork: 1 run * 4 of 7 edges*", "other:Fork: 0 runs * 0 of 7 edges*"])


def test_a_failing_test_gets_the_report_of_its_runs(session: Session, pytester: pytest.Pytester) -> None:
    """The failure names the file and the verdict; a test that passes gets none."""
    done = session(TESTS + FAILING, "--wftrace-report", "reports")
    done.assert_outcomes(passed=2, failed=1)
    (page,) = (pytester.path / "reports").iterdir()
    done.stdout.fnmatch_lines(["*wftrace*", "Fork: ✗ failed *", f"report: {page}"])
    text = page.read_text(encoding="utf-8")
    assert "the right way is closed" in text
    assert text.startswith("<!DOCTYPE html>")


def test_a_failure_without_a_run_gets_no_report(session: Session, pytester: pytest.Pytester) -> None:
    """There is nothing to tell."""
    done = session("def test_a(): assert False", "--wftrace-report", "reports")
    assert not (pytester.path / "reports").exists()
    assert "report:" not in done.stdout.str()


def test_a_folder_that_cannot_be_made_hides_no_failure(session: Session, pytester: pytest.Pytester) -> None:
    """The test fails as it does, and the reason is said beside it."""
    (pytester.path / "reports").write_text("a file")
    done = session(TESTS + FAILING, "--wftrace-report", "reports")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["the report could not be written to *"])


def test_the_fixture_records_runs_of_threads_and_fixtures(session: Session) -> None:
    """Wherever the loop runs, and without any option."""
    done = session(
        TESTS
        + """
import threading

def test_thread(wftrace_recorder):
    thread = threading.Thread(target=lambda: asyncio.run(go("left")))
    thread.start()
    thread.join()
    assert [run.outcome for run in wftrace_recorder.runs()] == ["completed"]

def test_next(wftrace_recorder):
    assert wftrace_recorder.runs() == []
"""
    )
    done.assert_outcomes(passed=4)


def test_workers_of_xdist_are_added_up(session: Session) -> None:
    """Each worker runs a part; the minimum is that of all together."""
    needs_package("xdist", "pytest-xdist")
    tests = TESTS + FAILING.replace("asyncio.run", "with pytest.raises(RuntimeError):\n        asyncio.run")
    arguments = ("--wftrace-cov", "flow.py:Fork", "--wftrace-cov-min", "80", "-n", "2", "--dist", "each")
    done = session(tests, *arguments, plugins=("xdist",))
    assert done.ret == 0
    done.stdout.fnmatch_lines(["flow.py:Fork: 4 runs · 3 of 3 steps · 4 of 4 events · 6 of 7 edges taken (86 %)"])


def test_the_report_of_a_worker_is_named_by_the_controller(session: Session, pytester: pytest.Pytester) -> None:
    """It is written where the test ran."""
    needs_package("xdist", "pytest-xdist")
    done = session(TESTS + FAILING, "--wftrace-report", "reports", "-n", "2", plugins=("xdist",))
    (page,) = (pytester.path / "reports").iterdir()
    done.stdout.fnmatch_lines([f"report: {page}"])


ASYNC = """
import pytest
from flow import Fork

@pytest.mark.MARK
async def test_left(wftrace_recorder):
    assert await Fork().run(way="left") == "left"
    assert len(wftrace_recorder.runs()) == 1
"""


@pytest.mark.parametrize(
    ("package", "install", "plugin", "mark"),
    [
        ("pytest_asyncio", "pytest-asyncio", "pytest_asyncio.plugin", "asyncio"),
        ("anyio", "anyio", "anyio.pytest_plugin", "anyio"),
    ],
)
def test_async_tests_are_recorded(session: Session, package: str, install: str, plugin: str, mark: str) -> None:
    """The loop of the test is made by another plugin, before the fixture or after it."""
    needs_package(package, install)
    tests = ASYNC.replace("MARK", mark) + "\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    done = session(tests, "--wftrace-cov", "flow.py:Fork", plugins=(plugin,))
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["flow.py:Fork: 1 run *"])


def test_listing_the_tests_says_nothing_of_coverage(session: Session) -> None:
    """--collect-only runs nothing."""
    done = session(TESTS, "--wftrace-cov", "flow.py:Fork", "--wftrace-cov-min", "100", "--collect-only")
    assert done.ret == 0
    assert "flow coverage" not in done.stdout.str()


def test_pytest_finds_the_plugin_by_itself(repository: Path) -> None:
    """The installation names it as an entry point, beside the package."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\nwftrace = "pytest_wftrace"\n' in text
    assert 'py-modules = ["pytest_wftrace"]' in text
