"""The file that a command writes: its format, its folder, and whether it may be overwritten."""

from __future__ import annotations

import sys
from pathlib import Path

from wftrace.formats import FORMATS as SUFFIXES

from .errors import CommandError, closest
from .speech import is_terminal

FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
BINARY = frozenset({"png", "pdf"})

MARK = b"wftrace"
MARK_WITHIN = 64 * 1024
"""Whatever text we write names wftrace within its first 64 KiB."""


def picture_format(path: Path | None, asked: str | None) -> str:
    """The format of a picture: the one asked for, else the file's suffix, else what suits standard output.

    A terminal gets an outline in text, a pipe gets DOT. Raises ``CommandError`` for a suffix that says nothing.
    """
    if asked:
        if path is None and asked in BINARY and is_terminal(sys.stdout):
            raise CommandError(f"{asked} is no text for a terminal", cure=f"-o picture.{asked}")
        return asked
    if path is None:
        return "ascii" if is_terminal(sys.stdout) else "dot"
    found = SUFFIXES.get(path.suffix.lower())
    if found:
        return found
    known = " ".join(SUFFIXES)
    likely = closest(path.suffix, SUFFIXES) or ".svg"
    what = f"the suffix {path.suffix!r} of {path.name}" if path.suffix else f"{path.name} has no suffix, which"
    cure = f"-o {path.with_suffix(likely)}, or -f FORMAT"
    raise CommandError(f"{what} names no format", f"known: {known}", cure=cure)


def check_output(path: Path, *, force: bool = False, option: str = "-o", example: str = "flow.svg") -> None:
    """Refuse to write where it cannot work, or where it would destroy a file that is not ours.

    An existing file is overwritten when ``force`` says so, when it is empty, or when it is a text that names wftrace,
    as all that we write does. A PNG or PDF that exists always needs ``force``: its bytes do not say whose it is.
    ``option`` named the file, ``example`` is a file name that it may have; both are for the hints.
    """
    if path.is_dir():
        raise CommandError(f"{path} is a folder", cure=f"{option} {path / example}")
    if not path.parent.is_dir():
        raise CommandError(f"there is no folder {path.parent} for {path.name}", cure=f"mkdir -p {path.parent}")
    if force or not path.exists() or not path.is_file():
        return
    if path.suffix.lower().removeprefix(".") in BINARY or not _is_ours(path, option):
        raise CommandError(f"{path} exists and wftrace did not write it, as far as its content tells", cure="--force")


def _is_ours(path: Path, option: str) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(MARK_WITHIN)
    except OSError as error:
        cure = f"choose another file with {option}"
        raise CommandError(f"{path} cannot be read: {error.strerror}", cure=cure) from error
    return not start or MARK in start
