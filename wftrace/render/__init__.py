"""Scenes become files: SVG, HTML, DOT, Mermaid, text, JSON, and by the system's Graphviz PNG and PDF."""

from __future__ import annotations

from wftrace.formats import FORMATS

from .picture import Picture, draw_beside, draw_expanded, draw_graph, draw_overlay

__all__ = ["FORMATS", "Picture", "draw_beside", "draw_expanded", "draw_graph", "draw_overlay"]
