"""Type checkers see our types as an installed user does: good code is accepted, mistakes are found where they are."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import need
from tests.typing import api

MISTAKES = Path(__file__).parent / "typing" / "mistakes.txt"
INSTALL = "python -m pip install mypy 'pyright[nodejs]'"


@dataclass(frozen=True, slots=True)
class Installed:
    """A place where wftrace is installed: a folder to check files in, and its interpreter."""

    folder: Path
    python: Path


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with a copy of the package, no symlinks in it, and with what it depends on."""
    folder = tmp_path_factory.mktemp("typing")
    home = folder / "env"
    venv.create(home, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    shutil.copytree(repository / "wftrace", site / "wftrace", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(folder, home / "bin" / "python")


def mypy(place: Installed, file: Path) -> dict[int, str]:
    """What mypy --strict has against a file, by line."""
    need(importlib.util.find_spec("mypy"), "mypy is missing", INSTALL)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(place.python)]
    command += ["--cache-dir", str(place.folder / "cache"), "--config-file", "", "--no-error-summary", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.finditer(rf"^{re.escape(file.name)}:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    return {int(each[1]): each[2] for each in found}


def pyright(place: Installed, file: Path) -> dict[int, str]:
    """What pyright has against a file in its strict mode, by line."""
    need(importlib.util.find_spec("pyright"), "pyright is missing", INSTALL)
    settings = {"include": [file.name], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (file.parent / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(place.python)]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = json.loads(done.stdout)["generalDiagnostics"]
    return {each["range"]["start"]["line"] + 1: each["message"] for each in said if each["severity"] == "error"}


CHECKERS = pytest.mark.parametrize("check", [mypy, pyright])


def copied(source: Path, place: Installed) -> Path:
    """A copy of a file, as a module of its own in a folder where nothing else is."""
    folder = place.folder / source.stem
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy(source, folder / f"{source.stem}.py"))


@CHECKERS
def test_the_public_api_is_accepted(check: Callable[[Installed, Path], dict[int, str]], installed: Installed) -> None:
    """A file that uses all of it has no fault, and the inferred types are those that it asserts."""
    assert check(installed, copied(Path(api.__file__), installed)) == {}


@CHECKERS
def test_mistakes_are_found(check: Callable[[Installed, Path], dict[int, str]], installed: Installed) -> None:
    """Every marked line is rejected, and no other."""
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = check(installed, copied(MISTAKES, installed))
    assert set(found) == marked, found


def test_the_file_for_the_type_checkers_runs() -> None:
    """What they accept also works."""
    asyncio.run(api.main())
