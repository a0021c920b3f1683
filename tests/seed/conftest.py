"""A page to run blocks on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.seed.page import STAND_INS, HastyLoop, Page
from tests.test_docs import MODULE, Bench

ALL = "from typing import Optional\nfrom wftrace import *\nfrom stand_in import *\n"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page in an empty folder, with the names of the engine and the stand-ins for what is not ours."""
    monkeypatch.chdir(tmp_path)
    stand_in = ModuleType("stand_in")
    exec(STAND_INS, stand_in.__dict__)
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    with asyncio.Runner(loop_factory=HastyLoop) as loop:
        bench = Bench(tmp_path, loop)
        monkeypatch.setitem(sys.modules, MODULE, bench.module)
        made = Page(bench)
        made.run(ALL)
        yield made
