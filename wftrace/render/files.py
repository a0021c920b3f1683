"""A file is written whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path

from .errors import PictureError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and then move it there.

    Raises ``PictureError`` when the folder is missing or nothing can be written in it.
    """
    if not path.parent.is_dir():
        raise PictureError(
            f"the folder {path.parent} of {path.name} is not there; make it first: mkdir -p {path.parent}"
        )
    if path.is_dir():
        raise PictureError(f"{path} is a folder; name a file in it, such as {path / 'flow.svg'}")
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise PictureError(f"{path} could not be written ({error.strerror or error}); choose another place") from error
