"""Workflows read from their source, without importing it: nothing of what is read is ever run.

The file is parsed, and stand-ins are made of what it declares: classes of our own with the same names, bases, fields
and functions. The engine then builds the graph from these as it does from an imported workflow, so the two agree.
No stand-in has a method with a special name, and no function of the source is ever called.

What is made while a program runs cannot be seen: classes and steps that functions make, names from modules that do not
lie beside the file or in the current folder, decorators that change what they decorate, values that are computed.
``StaticFlow.unseen`` says what was met of that.
"""

from __future__ import annotations

from .errors import StaticReadError
from .flows import StaticFlow, StaticFlows, read_flows

__all__ = ["StaticFlow", "StaticFlows", "StaticReadError", "read_flows"]
