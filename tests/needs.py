"""Tools that a test needs and a machine may lack: the test skips and says the cure, in CI it fails."""

from __future__ import annotations

import os

import pytest


def need(condition: object, reason: str, cure: str) -> None:
    """Go on when ``condition`` holds; otherwise skip the test with the reason and the command that cures it.

    With ``WFTRACE_REQUIRE=all`` in the environment nothing is skipped: the test fails instead.
    """
    if condition:
        return
    message = f"{reason}; to cure it: {cure}"
    if os.environ.get("WFTRACE_REQUIRE") == "all":
        pytest.fail(f"{message} (WFTRACE_REQUIRE=all forbids to skip)", pytrace=False)
    pytest.skip(message)
