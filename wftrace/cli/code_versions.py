"""TARGET@GITREF: the graph of a workflow as its code was at a commit, a tag or a branch.

The tree of that commit is unpacked into a folder of its own and the target is loaded there by another interpreter, so
neither the working tree nor this process sees anything of it.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from wftrace.engine.errors import GraphFormatError
from wftrace.engine.graph import FlowGraph
from wftrace.gate import safe_text

from .errors import CommandError, TargetError, ToolMissing, closest
from .speech import Speech
from .target import split_target

TIMEOUT_S = 120.0
USAGE = "wftrace diff"


def split_version(text: str) -> tuple[str, str]:
    """A target and the git reference behind it, ``""`` for the code as it is now.

    >>> split_version("flow.py:Flow@v1.2"), split_version("flow.py:Flow"), split_version("flow.py@HEAD~2")
    (('flow.py:Flow', 'v1.2'), ('flow.py:Flow', ''), ('flow.py', 'HEAD~2'))
    """
    target, _, reference = text.partition("@")
    return target, reference


def graph_at(text: str, speech: Speech) -> FlowGraph:
    """The graph of a TARGET or TARGET@GITREF, loaded by an interpreter of its own.

    Raises ``TargetError`` when the target cannot be loaded, ``CommandError`` for a reference that git does not know,
    ``ToolMissing`` without git.
    """
    target, reference = split_version(text)
    if not reference:
        if "@" in text:
            raise CommandError(f"{text!r} names no git reference", cure=f"{target}@main")
        return _loaded(target, Path.cwd(), text, speech)
    place = _folder_of(target)
    root = _git(place, "rev-parse", "--show-toplevel", what=f"{place} is not in a git repository")
    commit = _commit(root, reference, target)
    speech.detail(f"{text} is commit {commit[:12]} of {root}")
    with tempfile.TemporaryDirectory(prefix="wftrace-") as folder:
        tree = Path(folder).resolve() / "tree"
        _unpack(root, commit, tree)
        here = Path.cwd().resolve()
        inside = here.relative_to(root) if here.is_relative_to(root) else Path()
        return _loaded(_relative(target, root, here, inside), tree / inside, text, speech)


def _folder_of(target: str) -> Path:
    """Where to look for the repository: the folder of the file, or the current one for a module."""
    place, _ = split_target(target)
    folder = Path(place).parent if place.endswith(".py") else Path()
    return folder if folder.is_dir() else Path()


def _relative(target: str, root: Path, here: Path, inside: Path) -> str:
    """The target as it is written in the unpacked tree, whose current folder is the same one below its top."""
    place, attribute = split_target(target)
    if place.endswith(".py") and Path(place).is_absolute() and Path(place).is_relative_to(root):
        up = "/".join([".."] * len(inside.parts))
        place = str(Path(up) / Path(place).relative_to(root)) if up else str(Path(place).relative_to(root))
    elif place.endswith(".py") and not here.is_relative_to(root):
        place = str((here / place).resolve().relative_to(root))
    return f"{place}:{attribute}" if attribute else place


def _commit(root: Path, reference: str, target: str) -> str:
    if reference.startswith("-"):
        raise CommandError(f"{reference!r} is no git reference", cure=f"{USAGE} {target}@HEAD~1 {target}")
    done = _run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if done.returncode == 0:
        return done.stdout.decode().strip()
    names = _run_git(root, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags").stdout.decode()
    likely = closest(reference, names.split()) or "HEAD~1"
    shown = ", ".join(names.split()[:10])
    raise CommandError(
        f"git knows no commit, tag or branch {reference!r} in {root}",
        f"there are: {shown or 'none'}",
        cure=f"{USAGE} {target}@{likely} {target}",
    )


def _unpack(root: Path, commit: str, tree: Path) -> None:
    done = _run_git(root, "archive", "--format=tar", commit)
    if done.returncode:
        raise CommandError(f"git could not read commit {commit[:12]}", _said(done.stderr), cure="git fsck")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tree, filter="data")


def _loaded(target: str, folder: Path, text: str, speech: Speech) -> FlowGraph:
    if not folder.is_dir():
        raise TargetError(f"the folder of {text} was not there at that commit", cure="name a later commit")
    with tempfile.TemporaryDirectory(prefix="wftrace-") as place:
        answer = Path(place) / "graph.json"
        command = [sys.executable, "-P", "-m", "wftrace.cli.graph_process", target, str(answer)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
                env=_surroundings(),
            )
        except subprocess.TimeoutExpired as error:
            cure = "let its module do less while it is imported"
            raise TargetError(f"{text} was not loaded within {TIMEOUT_S:g} s", cure=cure) from error
        if done.returncode or not answer.is_file():
            raise TargetError(
                f"{text} cannot be loaded", _said(done.stderr), cure=f"wftrace check {split_version(text)[0]}"
            )
        speech.detail(_said(done.stderr))
        try:
            return FlowGraph.from_json(answer.read_text(encoding="utf-8"))
        except GraphFormatError as error:
            raise TargetError(f"{text} gave no graph: {error}") from error


def _surroundings() -> dict[str, str]:
    """Our environment, with the places that Python looks in as they are seen from here."""
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join(str(Path(place).absolute()) for place in places if place)
    return {**os.environ, "PYTHONPATH": path}


def _git(folder: Path, *words: str, what: str) -> Path:
    done = _run_git(folder, *words)
    if done.returncode:
        raise CommandError(what, _said(done.stderr), cure="name a file in a git repository, or compare two files")
    return Path(done.stdout.decode().strip()).resolve()


def _run_git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise ToolMissing("TARGET@GITREF needs git, which does not run", str(error), cure="install git") from error


def _said(output: bytes) -> str:
    """The last lines of what a program said."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return safe_text("\n".join(lines[-8:]), 2_000)
