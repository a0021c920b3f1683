"""The overlay inside the report: the picture's own SVG, with names of its own in a page that holds several."""

from __future__ import annotations

import re

from wftrace.analysis import critical_edges
from wftrace.render import draw_overlay

from .html_run import RunView

_DARK = "@media (prefers-color-scheme:dark)"
_DARK_ON_SCREEN = "@media screen and (prefers-color-scheme:dark)"
"""On paper a report is light."""

_PROLOGUE = re.compile(r"^\s*(?:<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|\s)*", re.DOTALL)
_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_NAME = re.compile(r'((?:\s|:)(?:id|href|aria-labelledby|aria-describedby)=")(#?)([^"\s]+)(")')
_URL = re.compile(r"url\(#([^)\"']+)\)")


def graph_html(view: RunView) -> str:
    """The overlay of a run as an SVG element."""
    svg = draw_overlay(view.overlay, critical=critical_edges(view.path)).to_svg()
    return scoped(svg.replace(_DARK, _DARK_ON_SCREEN), f"{view.ref}-")


def scoped(svg: str, prefix: str) -> str:
    """The SVG without its prologue and with ``prefix`` before every id and every reference to one.

    >>> scoped('<?xml version="1.0"?><svg><g id="a"/><use href="#a" fill="url(#a)"/></svg>', "r1-")
    '<svg><g id="r1-a"/><use href="#r1-a" fill="url(#r1-a)"/></svg>'
    """
    body = _PROLOGUE.sub("", svg, count=1)
    body = _URL.sub(lambda found: f"url(#{prefix}{found[1]})", body)
    return _TAG.sub(lambda tag: _NAME.sub(lambda found: _renamed(found, prefix), tag[0]), body)


def _renamed(found: re.Match[str], prefix: str) -> str:
    start, sharp, name, end = found.groups()
    if "href" in start and not sharp:
        return found[0]
    return f"{start}{sharp}{prefix}{name}{end}"
