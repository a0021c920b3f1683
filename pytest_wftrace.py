"""The pytest plugin's door: options and a fixture. wftrace itself is imported when one of them is used.

It stands beside the package, not in it: importing ``wftrace.anything`` imports wftrace, and pytest imports its plugins
at every start. Everything else is in ``wftrace.pytest_plugin``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wftrace.recorder import Recorder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("wftrace", "workflows (wftrace)")
    group.addoption(
        "--wftrace-cov",
        action="append",
        default=[],
        metavar="FLOW[,FLOW]",
        help="say how much of a workflow the tests ran: module:Class or path/file.py:Class; repeatable",
    )
    group.addoption(
        "--wftrace-cov-min",
        type=float,
        default=None,
        metavar="PERCENT",
        help="fail when less of the edges of a workflow named by --wftrace-cov was taken",
    )
    group.addoption(
        "--wftrace-report",
        default=None,
        metavar="DIR",
        help="write an HTML report of the runs of each test that fails into this folder",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the rest when an option asks for it."""
    options = config.option
    if options.wftrace_cov or options.wftrace_report is not None or options.wftrace_cov_min is not None:
        from wftrace.pytest_plugin import FlowPlugin

        config.pluginmanager.register(FlowPlugin(config), "wftrace-flows")


@pytest.fixture
def wftrace_recorder() -> Iterator[Recorder]:
    """A recorder of all runs that start during the test, in any thread: ``wftrace_recorder.runs()``."""
    from wftrace.pytest_plugin import recording_everywhere

    with recording_everywhere() as recorder:
        yield recorder
