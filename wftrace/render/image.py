"""PNG and PDF by the Graphviz of the system, which is asked to draw and not to lay out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Literal

from wftrace.drawing.scene import Scene
from wftrace.gate import safe_text

from .dot import render_dot
from .errors import PictureError, ToolMissingError

TIMEOUT_S = 60.0
_DPI = 144
_ADVICE = {"darwin": "brew install graphviz", "win32": "winget install Graphviz.Graphviz"}


def render_image(scene: Scene, form: Literal["png", "pdf"], *, timeout_s: float = TIMEOUT_S) -> bytes:
    """The scene as an image.

    Raises ``ToolMissingError`` without the system's ``dot``, ``PictureError`` when it fails or takes too long.
    """
    program = shutil.which("dot")
    if program is None:
        install = _ADVICE.get(sys.platform, "apt install graphviz, dnf install graphviz or brew install graphviz")
        raise ToolMissingError("dot", f"a {form.upper()} picture", f"install it ({install}), or save as .svg or .html")
    command = [program, "-Kneato", "-n2", f"-T{form}"]
    if form == "png":
        command.append(f"-Gdpi={_DPI}")
    try:
        done = subprocess.run(
            command, input=render_dot(scene).encode(), capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(
            f"{program} did not draw the {form.upper()} within {timeout_s:g} s; save as .svg, which needs no dot"
        ) from error
    except OSError as error:
        raise PictureError(f"{program} could not be started ({error}); reinstall graphviz or save as .svg") from error
    if done.returncode or not done.stdout:
        said = safe_text(done.stderr.decode("utf-8", "replace").strip(), 500) or "it said nothing"
        raise PictureError(f"{program} failed with code {done.returncode}: {said}; save as .svg, which needs no dot")
    return done.stdout
