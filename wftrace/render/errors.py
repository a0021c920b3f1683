"""What can go wrong while a picture is written."""

from __future__ import annotations

from wftrace.engine.errors import WorkflowError


class PictureError(WorkflowError):
    """A picture could not be written: the format, the folder or the file is wrong, or a tool failed."""


class ToolMissingError(PictureError):
    """A program that the format needs is not installed. The command line ends with ``exit_code``."""

    exit_code = 5

    def __init__(self, tool: str, purpose: str, cure: str) -> None:
        super().__init__(f"{purpose} needs the program {tool!r}, which is not on PATH; {cure}")
        self.tool = tool
        self.cure = cure
