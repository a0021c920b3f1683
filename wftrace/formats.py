"""The picture formats, by file suffix: known to whoever names one, without loading what draws."""

from __future__ import annotations

FORMATS: dict[str, str] = {
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".txt": "ascii",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
}
"""The format of each file suffix."""
