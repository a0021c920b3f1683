"""What is installed is what is on disk, under one name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

PACKAGE_FOLDERS = {"wftrace": "wftrace", "engine": "wftrace/engine", "exporters": "wftrace/exporters"}
"""The folders of the checkout, and where each lands in an installation."""

PYTEST_DOOR = "pytest_wftrace.py"
"""The module beside them, which pytest loads."""


def _files(repository: Path) -> Iterator[str]:
    """Every file of the three folders by its place in an installation; the symlinks are not followed."""
    for folder, home in PACKAGE_FOLDERS.items():
        for path in (repository / folder).rglob("*"):
            place = path.relative_to(repository / folder)
            linked = folder == "wftrace" and place.parts[0] in PACKAGE_FOLDERS
            if path.is_file() and not linked and "__pycache__" not in place.parts:
                yield f"{home}/{place.as_posix()}"


@pytest.fixture(scope="module")
def settings(repository: Path) -> dict[str, Any]:
    """The setuptools table of pyproject.toml."""
    document = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    table: dict[str, Any] = document["tool"]["setuptools"]
    return table


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel, built from a copy, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", PYTEST_DOOR):
        shutil.copy(repository / name, copy)
    for name in PACKAGE_FOLDERS:
        shutil.copytree(repository / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return ZipFile(built)


@pytest.fixture(scope="module")
def unpacked(wheel: ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


def _run_isolated(unpacked: Path, code: str) -> str:
    """Run code where the unpacked wheel comes first and the checkout cannot be found; return what it printed.

    An editable installation's finder and path are taken off: they would answer for a file that the wheel lacks.
    """
    first = (
        "import sys\n"
        f"sys.path = [{str(unpacked)!r}, *(p for p in sys.path if '__editable__' not in p)]\n"
        "sys.meta_path = [f for f in sys.meta_path if '__editable__' not in getattr(f, '__module__', '')]\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", first + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_every_file_of_the_three_folders_and_no_other(wheel: ZipFile, repository: Path) -> None:
    """A file that is added to a folder is installed without a word in pyproject.toml, or this fails."""
    installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert installed == {*_files(repository), PYTEST_DOOR}


def test_every_sub_package_on_disk_is_named_in_pyproject(settings: dict[str, Any], repository: Path) -> None:
    """A folder with modules is a package, and each package is listed by name."""
    on_disk = {str(Path(name).parent).replace("/", ".") for name in _files(repository) if name.endswith(".py")}
    assert sorted(settings["packages"]) == sorted(on_disk)


@pytest.mark.parametrize("name", ["engine", "exporters"])
def test_a_folder_of_the_checkout_is_no_package_of_its_own(unpacked: Path, name: str) -> None:
    """Nothing generic lands in a user's site-packages."""
    code = f"import importlib.util; print(importlib.util.find_spec({name!r}))"
    assert _run_isolated(unpacked, code) == "None"


@pytest.mark.parametrize("name", ["wftrace", "wftrace.engine.graph", "wftrace.cli", "wftrace.exporters"])
def test_the_wheel_works_without_the_checkout(unpacked: Path, name: str) -> None:
    """Each floor is imported from the wheel alone."""
    code = f"import importlib; m = importlib.import_module({name!r}); print(list(m.__path__)[0] if "
    code += "hasattr(m, '__path__') else m.__file__)"
    assert _run_isolated(unpacked, code).startswith(str(unpacked))


def test_users_type_checkers_see_our_types(wheel: ZipFile) -> None:
    """The wheel carries the marker of a typed package."""
    assert "wftrace/py.typed" in wheel.namelist()
