"""``wftrace diff`` as it is called: runs, cohorts, and two versions of the code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import JOKE, Call
from tests.cli.test_many_runs import BRANCHING

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def forked(flow: Callable[..., Path], call: Call) -> Call:
    """A run to the left in ``a.jsonl``, one to the right in ``b.jsonl``."""
    flow(BRANCHING, "fork.py")
    call("run", "fork.py", "go=left", "--trace", "a.jsonl")
    call("run", "fork.py", "go=right", "--trace", "b.jsonl")
    return call


def lines(text: str) -> set[str]:
    """The signs and names of all changes."""
    return {line.partition(":")[0] for line in text.splitlines()[1:] if line[:1] in "+−Δ("}


def test_two_runs_are_told_with_signs(forked: Call) -> None:
    """+ only in B, − only in A, for steps, events and edges."""
    done = forked("diff", "a.jsonl", "b.jsonl")
    assert done.code == 0
    assert {"− step left", "+ step right", "− event Left", "+ edge choose → Right"} <= lines(done.out)
    assert forked("diff", "a.jsonl", "b.jsonl", "--exit-code").code == 1


def test_a_run_does_not_differ_from_itself(forked: Call) -> None:
    """Nothing to tell, and the exit code says so when it is asked."""
    done = forked("diff", "a.jsonl", "a.jsonl", "--exit-code")
    assert (done.code, done.out.rstrip().endswith("no difference")) == (0, True)


def test_cohorts_are_chosen_by_filters_of_one_trace(forked: Call, tmp_path: Path) -> None:
    """``--a`` and ``--b`` cut one file into two sides."""
    (tmp_path / "both.jsonl").write_text((tmp_path / "a.jsonl").read_text() + (tmp_path / "b.jsonl").read_text())
    runs = json.loads(forked("variants", "both.jsonl", "--json").out)["variants"]
    first, second = (each["example"] for each in runs)
    done = forked("diff", "both.jsonl", "--a", f"run={first}", "--b", f"run={second}", "--json")
    found = json.loads(done.out)
    assert (found["schema"], found["kind"], found["empty"]) == ("wftrace/diff@1", "runs", False)


def test_few_runs_are_not_distinguishable(forked: Call) -> None:
    """Two runs to the left against two runs to the left."""
    for name in ("c", "d"):
        for _ in range(2):
            forked("run", "fork.py", "go=left", "--trace", f"{name}.jsonl")
    done = forked("diff", "c.jsonl", "d.jsonl", "--exit-code")
    assert (done.code, "not distinguishable (n=2)" in done.out) == (0, True)


def test_the_difference_is_drawn(forked: Call, tmp_path: Path) -> None:
    """The picture names both sides."""
    assert forked("diff", "a.jsonl", "b.jsonl", "-o", "diff.svg").code == 0
    assert "+ ×1" in (tmp_path / "diff.svg").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.jsonl",),
        ("a.jsonl", "fork.py"),
        ("fork.py",),
        ("fork.py", "fork.py", "--a", "outcome=ok"),
        ("a.jsonl", "b.jsonl", "--a", "nothing"),
    ],
)
def test_what_cannot_be_compared_is_told_with_a_cure(forked: Call, arguments: tuple[str, ...]) -> None:
    """One side only, a trace with a workflow, a filter for code, no filter."""
    done = forked("diff", *arguments)
    assert (done.code, "try: " in done.err) == (2, True)


@pytest.fixture
def repository(flow: Callable[..., Path], call: Call, tmp_path: Path) -> Call:
    """A repository with two commits of ``sub/joke.py``; the first is tagged v1, the second has another step."""
    path = flow("from words import PREFIX\n" + JOKE, "sub/joke.py")
    flow("PREFIX = 'so '\n", "sub/words.py")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org")
    surroundings = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def run(*words: str) -> None:
        subprocess.run([*git, *words], check=True, capture_output=True, env=surroundings)

    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-qm", "one")
    run("tag", "v1")
    text = path.read_text().replace(
        "@step\n    async def judge(self, ev: JokeEvent)",
        "@step(num_workers=2)\n    async def weigh(self, ev: JokeEvent)",
    )
    path.write_text(text)
    run("commit", "-qam", "two")
    return call


@needs_git
def test_two_versions_of_the_code_are_compared(repository: Call, tmp_path: Path) -> None:
    """A tag against the working tree, modules beside the file included; nothing is left behind."""
    done = repository("diff", "sub/joke.py:JokeFlow@v1", "sub/joke.py:JokeFlow", "--exit-code")
    assert done.code == 1
    assert {"− step judge", "+ step weigh"} <= lines(done.out)
    assert not (tmp_path / "sub" / "__pycache__" / "tree").exists()


@needs_git
def test_the_same_version_does_not_differ(repository: Call) -> None:
    """A branch and the commit that it points to."""
    done = repository("diff", "sub/joke.py:JokeFlow@main", "sub/joke.py:JokeFlow@HEAD", "--exit-code")
    assert (done.code, done.out.rstrip().endswith("no difference")) == (0, True)


@needs_git
@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("sub/joke.py:JokeFlow@v2", 2, "there are: main, v1"),
        ("sub/joke.py:JokeFlow@--output=x", 2, "HEAD~1"),
        ("sub/joke.py:JokeFlow@", 2, "@main"),
        ("sub/joke.py:Missing@v1", 3, "cannot be loaded"),
    ],
)
def test_a_bad_reference_is_told_with_a_cure(repository: Call, target: str, code: int, told: str) -> None:
    """An unknown tag lists those that there are, an option is no reference, a missing class is the target's trouble."""
    done = repository("diff", target, "sub/joke.py:JokeFlow")
    assert (done.code, told in done.err, "try: " in done.err) == (code, True, True)


@needs_git
def test_a_folder_without_a_repository_is_told(
    flow: Callable[..., Path], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no version to compare with."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    flow(JOKE, "joke.py")
    done = call("diff", "joke.py@v1", "joke.py")
    assert (done.code, "not in a git repository" in done.err) == (2, True)
