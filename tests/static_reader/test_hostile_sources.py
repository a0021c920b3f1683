"""Sources that want to be run, or to break whoever reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from wftrace.static_reader import StaticReadError, read_flows

TRAP = """
import os
from pathlib import Path
Path(__file__).with_name("ran").write_text("module")

def mark(*_, **__):
    Path(__file__).with_name("ran").write_text("function")
    return lambda value=None: value

from wftrace import Context, CustomRetryPolicy, Event, Resource, StartEvent, StopEvent, Workflow, step
from typing import Annotated

mark()
COUNT = mark() or 3
open(Path(__file__).with_name("ran"), "w").close()

class Meta(type):
    def __new__(cls, *a, **k):
        mark()
        return super().__new__(cls, *a, **k)
    def __getattribute__(cls, name):
        mark()
    def __instancecheck__(cls, other):
        mark()
    def __call__(cls):
        mark()

class Hooked:
    def __init_subclass__(cls, **k):
        mark()
    def __class_getitem__(cls, item):
        mark()
    def __set_name__(self, owner, name):
        mark()
    def __get__(self, *_):
        mark()
    def __init__(self):
        mark()
    def __new__(cls):
        mark()
    def __str__(self):
        mark()
    def __or__(self, other):
        mark()
    def next(self, *_):
        mark()
    def __getattr__(self, name):
        mark()
    def __eq__(self, other):
        mark()
    def __hash__(self):
        mark()

class Part(Event, metaclass=Meta):
    x: mark() = mark()
    y: Hooked[mark()]
    z: "mark()"
    def __init__(self, **k):
        mark()
    def __init_subclass__(cls, **k):
        mark()
    @classmethod
    def __get_pydantic_core_schema__(cls, *a):
        mark()
    @property
    def p(self):
        mark()

class Other(Part):
    h: Hooked

policy = Hooked()

@mark
class Flow(Workflow, Hooked, metaclass=Meta, size=mark()):
    inner = Hooked()
    mark()
    def __init_subclass__(cls, **k):
        mark()
    def __init__(self, **k):
        mark()
    @classmethod
    def _class_flow(cls):
        mark()
    @classmethod
    def _class_specs(cls):
        mark()
    graph = property(mark)
    @property
    def steps(self):
        mark()
    @step(num_workers=mark(), retry_policy=policy, timeout=mark())
    async def first(self, ctx: Context, ev: StartEvent = mark(), *, r: Annotated[int, Resource(mark)]) -> Part:
        helper(ctx)
        return Part()
    @step(retry_policy=CustomRetryPolicy(Hooked()) | policy)
    @mark
    async def second(self, ev: Part) -> StopEvent | Other:
        return StopEvent()
    @step
    async def third(self, ev: Other) -> None:
        mark()

def helper(ctx, x=mark()):
    mark()
    ctx.send_event(Part())

made = Flow()

def factory():
    mark()
    return Flow()

if __name__ == "__main__":
    mark()
"""

BREAKERS = {
    "nothing": b"",
    "no text": bytes(range(256)),
    "null bytes": b"x = 1\x00\nclass A: ...",
    "half a class": b"class Flow(Workflow):\n    @step\n    async def",
    "brackets": b"x = " + b"(" * 5000 + b")" * 5000,
    "lists": b"x = " + b"[" * 190 + b"]" * 190,
    "minus": b"x = " + b"-" * 100_000 + b"1",
    "sum": b"x = 1" + b"+1" * 50_000,
    "dots": b"x = a" + b".b" * 50_000,
    "calls": b"x = f" + b"()" * 5_000,
    "subscripts": b"class E(Event):\n    x: list" + b"[int]" * 3_000,
    "unions": b"from wftrace import Event\nclass E(Event):\n    x: int" + b" | int" * 3_000,
    "powers": b"x = 9**9**9**9\ny = 'x' * 10**10\nz = [0] * 10**12\nw = 1 << 10**9",
    "products": b"N = 10**9\n" + b"N = N * N\n" * 60 + b"M = N * 1.5 / 0\n",
    "digits": b"x = " + b"9" * 10_000,
    "indents": b"".join(b" " * depth + b"if 1:\n" for depth in range(99)) + b" " * 99 + b"x = 1",
    "more indents": b"".join(b" " * depth + b"if 1:\n" for depth in range(150)),
    "classes": b"from wftrace import Event\n" + b"".join(b"class E%d(Event): ...\n" % each for each in range(300)),
    "own base": b"from wftrace import Workflow\nclass A(A): ...\nclass B(Workflow, Workflow, object, int): ...",
    "bases": b"class A: ...\nclass B(A): ...\nclass C(A, B): ...\n",
    "fields": b"from wftrace import Event\nclass E(Event):\n    model_fields: int\n    copy: str\n"
    b"    __dict__: int\n    _x: int",
    "names": "from wftrace import Event\nclass Ünï(Event):\n    ключ: int\n".encode(),
    "codec": b"# -*- coding: rot13 -*-\nvzcbeg bf\n",
    "mark": b"\xef\xbb\xbfx = 1\n",
    "itself": b"from breaker import *\nimport breaker\nfrom . import x\nfrom ..... import y\n"
    b"from breaker.breaker import z\n",
    "modules": b"import antigravity, this\nfrom __main__ import *\nfrom os import system\nsystem('touch ran')\n",
    "special": b"__name__ = 'x'\n__builtins__ = {}\n__class__ = 1\nint = 3\nNone_ = None\nstr: int = 4\n",
    "lambda": b"f = lambda: " * 90 + b"1",
    "strings": b"from wftrace import Event\nclass E(Event):\n    x: '" + b"list[" * 300 + b"]" * 300
    + b"'\n    y: '((('\n    z: '\\x00'",
    "warnings": b"x = '\\d' is 3\nassert (1, 'x')\n",
}  # fmt: skip


def test_nothing_of_a_source_is_run(tmp_path: Path) -> None:
    """Module, class body, decorators, defaults, annotations, metaclasses, hooks, properties, policies: all sleep on."""
    (tmp_path / "trap.py").write_text(TRAP)
    flows = read_flows(tmp_path / "trap.py")
    for name in (*flows.own, "factory", "made", "Flow.inner", "mark"):
        flow = flows.flow(name)
        if flow is not None:
            assert flow.graph.to_json()
    found = flows.flow("Flow")
    assert found is not None
    assert {step.name for step in found.graph.steps} == {"first", "second", "third"}
    assert [each.name for each in tmp_path.iterdir()] == ["trap.py"]


@pytest.mark.parametrize("name", BREAKERS)
def test_no_source_breaks_the_reader(name: str, tmp_path: Path) -> None:
    """Each of them is read, or refused with an error of ours; nothing else comes out, and nothing is made."""
    path = tmp_path / "breaker.py"
    path.write_bytes(BREAKERS[name])
    with suppress(StaticReadError):
        flows = read_flows(path)
        for each in flows.own:
            flows.flow(each)
    assert [each.name for each in tmp_path.iterdir()] == ["breaker.py"]


def test_no_source_ends_the_process(tmp_path: Path, repository: Path) -> None:
    """All of them after each other in one process: it ends with 0."""
    for number, content in enumerate(BREAKERS.values()):
        (tmp_path / f"b{number}.py").write_bytes(content)
    code = (
        "import sys, warnings\n"
        "from pathlib import Path\n"
        "from wftrace.static_reader import StaticReadError, read_flows\n"
        "warnings.simplefilter('error')\n"
        "for path in sorted(Path(sys.argv[1]).glob('b*.py')):\n"
        "    try: read_flows(path)\n"
        "    except StaticReadError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    """Two megabytes are enough for a source."""
    path = tmp_path / "large.py"
    path.write_bytes(b"#" * 2_000_001)
    with pytest.raises(StaticReadError, match="larger than 2 MB"):
        read_flows(path)


def test_files_that_name_each_other_end(tmp_path: Path) -> None:
    """A circle of imports, and a hundred files in a row."""
    for number in range(150):
        (tmp_path / f"m{number}.py").write_text(f"from m{(number + 1) % 150} import *\nimport m{(number + 7) % 150}\n")
    assert read_flows(tmp_path / "m0.py").own == ()
