"""The page that the engine was made after: its code blocks as printed, and what they run on.

``blocks.txt`` holds every block of the page, letter by letter. Only import lines are changed when they run: to wftrace,
and for what is not ours (language models, an index) to stand-ins.
"""

from __future__ import annotations

import ast
import asyncio
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.test_docs import Bench, Block

STAND_INS = '''
from pathlib import Path


class CompletionResponse:
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class OpenAI:
    """Answers at once with what it was asked."""

    def __init__(self, model="any"):
        self.model = model

    async def acomplete(self, prompt):
        return CompletionResponse(f"<{prompt}>")


class LlamaCloudIndex:
    def as_query_engine(self, llm):
        return self

    def query(self, text):
        return "ships"


class Synthesizer:
    def synthesize(self, query, nodes):
        return f"{query} from {nodes}"


def get_response_synthesizer():
    return Synthesizer()
'''

_OURS = re.compile(r"^from llama_index\.(core\.workflow|utils\.workflow)\S* import", re.MULTILINE)
_THEIRS = re.compile(r"^from llama_index\.\S+ import", re.MULTILINE)
_HEAD = re.compile(r"^=== (\w+) ===\n", re.MULTILINE)


def printed() -> dict[str, str]:
    """The blocks as the page prints them, by the names that we give them."""
    parts = _HEAD.split((Path(__file__).parent / "blocks.txt").read_text(encoding="utf-8"))
    return {name: code.rstrip() + "\n" for name, code in zip(parts[1::2], parts[2::2], strict=True)}


def ours(code: str) -> str:
    """A block with its import lines changed, and nothing else."""
    return _THEIRS.sub("from stand_in import", _OURS.sub("from wftrace import", code))


BLOCKS = {name: ours(code) for name, code in printed().items()}


class HastyLoop(asyncio.SelectorEventLoop):
    """Its timers are a hundred times faster: nobody waits five seconds for a retry."""

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        return super().call_later(delay / 100, callback, *args, context=context)


class Page:
    """Runs blocks one after the other; their names are shared."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._line = 1
        self.names: dict[str, Any] = bench.module.__dict__

    def run(self, *codes: str) -> None:
        """Run some code, which may await at its top."""
        for code in codes:
            self._bench.run_python(Block("python", code, self._line))
            self._line += 1000

    def block(self, *names: str) -> None:
        """Run blocks of the page."""
        self.run(*(BLOCKS[name] for name in names))

    def methods(self, name: str, head: str) -> None:
        """Run a block whose functions are methods, inside a class with that head; what it imports stays before it."""
        code = BLOCKS[name]
        first = next(node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        line = min([first.lineno, *(each.lineno for each in first.decorator_list)]) - 1
        lines = code.splitlines(keepends=True)
        inside = textwrap.indent("".join(lines[line:]), "    ")
        self.run("".join(lines[:line]) + textwrap.dedent(head) + "\n" + inside)

    def whole(self, name: str, rest: str) -> None:
        """Complete a class that the page printed with ``...`` for the rest of it."""
        self.run(f"class Rest({name}):\n" + textwrap.indent(textwrap.dedent(rest), "    "), f"{name} = Rest")

    def given(self, name: str, make: Callable[[], object]) -> None:
        """Let ``name(...)`` be a call with what the three dots stand for."""
        self.names[name] = lambda dots: make()
