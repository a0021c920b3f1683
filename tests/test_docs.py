"""Every code block of README.md and docs/ does what it says.

The convention, for writers (also in docs/contributing.md):

- A block marked ``python``, ``sh`` or ``console`` is run. Anything that is only to be read is marked ``text`` or else.
- ``<!-- not run: the reason -->`` on the line above a block leaves it out.
- The blocks of one document run in their order, in one empty folder that has ``examples/`` beside them. Python blocks
  share their names, and may say ``await`` at the top.
- In a ``console`` block, lines that begin with ``$ `` are run and the others are what they must print; ``...`` stands
  for anything. A command that is shown without output may print anything.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()]
MODULE = "document"
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_BLOCK = re.compile(
    r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)
_LEFT_OUT = re.compile(r"<!-- not run: \S.*-->\n\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: its language, its code, and the line of the document at which the code begins."""

    language: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a document that are to be run."""
    for found in _BLOCK.finditer(text):
        before = text[: found.start()]
        if found["language"] in RUNNERS and not _LEFT_OUT.search(before):
            yield Block(found["language"], found["code"], before.count("\n") + 2)


class Bench:
    """Where the blocks of one document run: a folder, a module, an event loop."""

    def __init__(self, folder: Path, loop: asyncio.Runner) -> None:
        self.folder = folder
        self.loop = loop
        self.module = ModuleType(MODULE)
        self.surroundings = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run_python(self, block: Block) -> None:
        """Run a block in the module. Its code also stands in a file, so that tools can read the source of its steps."""
        file = self.folder / f"{MODULE}_{block.line}.py"
        source = "\n" * (block.line - 1) + block.code
        file.write_text(source, encoding="utf-8")
        self.module.__file__ = str(file)
        code = compile(source, file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            self.loop.run(_awaited(code, self.module))
        else:
            exec(code, self.module.__dict__)

    def run_sh(self, block: Block) -> None:
        """Run a block as one shell script that stops at the first failure."""
        self._shell(block.code)

    def run_console(self, block: Block) -> None:
        """Run the lines after ``$`` and compare what they print with the lines below them."""
        for session in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
            command, _, shown = session.partition("\n")
            said = self._shell(command)
            if shown.strip():
                fits = doctest.OutputChecker().check_output(shown, said, SHOWN)
                assert fits, f"line {block.line}: {command}\nprinted\n{said}\nbut the document shows\n{shown}"

    def _shell(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


RUNNERS = {"python": Bench.run_python, "sh": Bench.run_sh, "console": Bench.run_console}


async def _awaited(code: CodeType, module: ModuleType) -> None:
    """Run code that awaits at its top."""
    await eval(code, module.__dict__)


def run_document(text: str, folder: Path) -> int:
    """Run every block of a document in the folder; return how many there were."""
    found = list(blocks(text))
    with asyncio.Runner() as loop:
        bench = Bench(folder, loop)
        sys.modules[MODULE] = bench.module  # annotations are looked up there
        try:
            for block in found:
                RUNNERS[block.language](bench, block)
        finally:
            del sys.modules[MODULE]
    return len(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the examples in it; it is the current one."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_the_code_of_a_document_runs(document: Path, folder: Path) -> None:
    """What a reader copies works, in the order of the page."""
    run_document(document.read_text(encoding="utf-8"), folder)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("```python\nx = 1\n```\n\n```python\nassert x == 1\n```\n", 2),
        ("```python\nimport asyncio\nawait asyncio.sleep(0)\n```\n", 1),
        ("```sh\ntrue\n```\n```console\n$ echo a b\na ...\n```\n", 2),
        ("<!-- not run: it never ends -->\n```sh\nfalse\n```\n", 0),
        ("```text\nfalse\n```\n", 0),
    ],
)
def test_blocks_run_as_the_convention_says(text: str, count: int, folder: Path) -> None:
    """Names are shared, await works, reasons and other languages leave a block out."""
    assert run_document(text, folder) == count


@pytest.mark.parametrize(
    "text",
    [
        "```python\n1 / 0\n```\n",
        "```sh\nfalse | cat\n```\n",
        "```console\n$ echo a\nb\n```\n",
        "```sh\nfalse\ntrue\n```\n",
    ],
)
def test_a_broken_block_is_noticed(text: str, folder: Path) -> None:
    """The test of the documents can fail."""
    with pytest.raises((ZeroDivisionError, AssertionError)):
        run_document(text, folder)


def test_steps_of_a_block_can_be_read_from_their_source(folder: Path) -> None:
    """A flow written in a document has inspectable source, at the document's line."""
    text = "Intro\n\n```python\ndef f():\n    return 1\n```\n```python\nimport inspect\n"
    text += "assert inspect.getsource(f) == 'def f():\\n    return 1\\n'\nassert f.__code__.co_firstlineno == 4\n```\n"
    assert run_document(text, folder) == 2
