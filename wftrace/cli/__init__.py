"""The command line: it translates what people type into calls of the library, and what comes back into text."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
