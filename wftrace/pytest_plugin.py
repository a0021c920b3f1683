"""The pytest plugin: records the flows that tests run, says how much of them was covered, and reports failing tests.

Its options are in ``pytest_wftrace``. With pytest-xdist each worker records what it runs, the controller adds it up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wftrace.analysis import summarise
from wftrace.engine.observers import Observer, install, uninstall
from wftrace.many.coverage import Coverage, shown_percent
from wftrace.overlays import overlay_run
from wftrace.recorder import Recorder
from wftrace.trace import Run
from wftrace.units import count_of

from .tested_flows import TestedFlow, find_flow

SPANS_OF_TEST = 200_000
"""How many spans of one test are kept; of more the oldest are lost."""

HOLES = 50
"""How many holes of a flow are listed."""

KEY = "wftrace"

_ODD = re.compile(r"[^A-Za-z0-9_.=-]+")


@contextmanager
def recording_everywhere() -> Iterator[Recorder]:
    """Record the runs that start inside the block anywhere in this process: event loops of fixtures and threads too."""
    recorder = Recorder()
    install(recorder.observer)
    try:
        yield recorder
    finally:
        uninstall(recorder.observer)


class FlowPlugin:
    """What the options ask for, in one process of a test session."""

    def __init__(self, config: pytest.Config) -> None:
        options = config.option
        self._config = config
        self._least: float | None = options.wftrace_cov_min
        self._folder = None if options.wftrace_report is None else Path(options.wftrace_report).absolute()
        targets = [name.strip() for text in options.wftrace_cov for name in text.split(",")]
        self._flows = {target: TestedFlow(target) for target in targets if target}
        self._recorder: Recorder | None = None
        self._check(options.wftrace_cov)

    def _check(self, asked: list[str]) -> None:
        if asked and not self._flows:
            raise pytest.UsageError("--wftrace-cov names no workflow; try: --wftrace-cov path/file.py:Class")
        if self._least is not None and not self._flows:
            raise pytest.UsageError("--wftrace-cov-min needs a workflow; try: --wftrace-cov path/file.py:Class")
        if self._least is not None and not 0 <= self._least <= 100:
            raise pytest.UsageError(f"--wftrace-cov-min {self._least:g} is no percentage; give 0 to 100")

    # Recording.

    def pytest_sessionstart(self) -> None:
        """Watch every run of this process."""
        install(self._observer)

    def pytest_unconfigure(self) -> None:
        """Watch no longer."""
        uninstall(self._observer)

    def pytest_collection_finish(self) -> None:
        """Find the workflows, now that the test modules are imported."""
        for flow in self._flows.values():
            find_flow(flow, self._config.invocation_params.dir)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Record the runs of one test, its fixtures included."""
        recorder = self._recorder = Recorder(limit=SPANS_OF_TEST)
        try:
            return (yield)
        finally:
            self._recorder = None
            for run in recorder.runs() if self._flows else ():
                for flow in self._flows.values():
                    flow.add(run)

    def _observer(self) -> Observer | None:
        return self._recorder.observer() if self._recorder is not None else None

    # Reports of failing tests.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Write the report of a test that failed, and name it where the failure is shown."""
        outcome = yield
        if outcome.failed and self._folder is not None and self._recorder is not None:
            runs = self._recorder.runs()
            if runs:
                outcome.sections.append(("wftrace", self._report(item.nodeid, runs)))
        return outcome

    def _report(self, test: str, runs: list[Run]) -> str:
        """Write the page about some runs; what the failure is to say about it."""
        from wftrace.exporters.html import report

        assert self._folder is not None
        lines = [f"{run.workflow}: {summarise(overlay_run(run)).sentence}" for run in runs if not run.parent_run_id]
        path = self._folder / file_name(test)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            report(runs).save(path)
            lines.append(f"report: {path}")
        except Exception as error:  # a report that cannot be written must not hide the failure
            lines.append(f"the report could not be written to {path}: {error}")
        return "\n".join(lines)

    # Adding up.

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand what was recorded to the controller; without one, fail the session that covers too little."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[KEY] = json.dumps([flow.to_json() for flow in self._flows.values()])
        elif session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and self._short():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker recorded."""
        for document in json.loads(getattr(node, "workeroutput", {}).get(KEY, "[]")):
            self._flows[document["target"]].merge(document)

    def _short(self) -> list[str]:
        """Why the session fails: a workflow that was not found, or that was covered too little."""
        if self._config.option.collectonly:
            return []
        return [reason for flow in self._flows.values() if (reason := _reason(flow, self._least))]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how much of each workflow was covered, and what was not."""
        if not self._flows or self._config.option.collectonly:
            return
        terminalreporter.section("flow coverage (wftrace)")
        for flow in self._flows.values():
            coverage = flow.coverage()
            if coverage is not None:
                for line in coverage_lines(flow, coverage, self._config.invocation_params.dir):
                    terminalreporter.line(line)
        for reason in self._short():
            terminalreporter.line(f"FAIL {reason}", red=True, bold=True)


def coverage_lines(flow: TestedFlow, coverage: Coverage, folder: Path) -> Iterator[str]:
    """The coverage of a workflow: one line of figures, and one for each hole."""
    ran, made = (f"{done} of {possible}" for done, possible in (coverage.steps, coverage.events))
    yield f"{flow.target}: {count_of(flow.runs, 'run')} · {ran} steps · {made} events · {coverage.sentence}"
    for hole in coverage.holes[:HOLES]:
        place = f"{_relative(hole.file, folder)}:{hole.line}: " if hole.file else ""
        words = {"edge": "not taken", "step": "did not run", "event": "was not made"}
        dead = " (no run can)" if hole.dead else ""
        yield f"  {place}{hole.kind} {hole.what} {words[hole.kind]}{dead}"
    if len(coverage.holes) > HOLES:
        yield f"  … and {len(coverage.holes) - HOLES} more"


def file_name(test: str) -> str:
    """The file of a test's report: readable, safe anywhere, and different for different tests.

    >>> file_name("tests/test_a.py::test_b[x/../y]")
    'tests-test_a.py-test_b-x-..-y-779baa2e.html'
    """
    digest = hashlib.sha256(test.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_ODD.sub('-', test)[-80:].strip('-.')}-{digest}.html"


def _reason(flow: TestedFlow, least: float | None) -> str:
    if flow.problem:
        return f"{flow.target}: {flow.problem}"
    coverage = flow.coverage()
    if coverage is None:
        return f"{flow.target}: no test process could look for it"
    if least is None or coverage.reaches(least):
        return ""
    percent = shown_percent(coverage.percent)
    return f"{flow.target}: {percent} % of its edges were taken, at least {least:g} % are wanted"


def _relative(file: str, folder: Path) -> str:
    path = Path(file)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file
