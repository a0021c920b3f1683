"""Links to the pages of tracing backends: where people look at a trace, or at one span of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from wftrace.trace import Run

from .html_errors import LinkError
from .html_words import esc, line
from .jaeger import jaeger_page
from .phoenix import phoenix_address

Pages = Mapping[str, str]
"""Web addresses by the name of the backend, with ``{trace_id}`` and ``{span_id}`` to be filled in."""

LinkSource = Pages | Callable[[Run], Pages]
"""The pages of all runs, or a function that says them for each run."""

_PATHS = {"jaeger": "/trace/{trace_id}", "phoenix": "/redirects/traces/{trace_id}"}
_NAMES = {"jaeger": "Jaeger", "phoenix": "Phoenix"}
_OF_SPAN = (
    ("/trace/{trace_id}", "/trace/{trace_id}?uiFind={span_id}"),
    ("/redirects/traces/{trace_id}", "/redirects/spans/{span_id}"),
)


def named_link(text: str) -> tuple[str, str]:
    """The name and the address that a user means by ``jaeger``, ``phoenix=http://host:6006`` or ``NAME=ADDRESS``.

    Jaeger and Phoenix need the address of their page only (or none, where their variables say it); any other address
    says where ``{trace_id}`` goes. Raises ``LinkError``.

    >>> named_link("jaeger=http://tracing:16686/")
    ('Jaeger', 'http://tracing:16686/trace/{trace_id}')
    >>> named_link("Tempo=https://grafana.example/explore?trace={trace_id}")[0]
    'Tempo'
    """
    name, _, address = text.partition("=")
    known = name.lower()
    if known in _PATHS:
        base = address or {"jaeger": jaeger_page, "phoenix": phoenix_address}[known]()
        pattern = base if "{trace_id}" in base else base.rstrip("/") + _PATHS[known]
        return _NAMES[known], checked(name, pattern)
    if not address or "{trace_id}" not in address:
        raise LinkError(f"{text!r} is no link; write jaeger=URL, phoenix=URL or NAME=https://…{{trace_id}}")
    return name, checked(name, address)


def checked(name: str, pattern: str) -> str:
    """The address, when it is one of the web. Raises ``LinkError``."""
    if not pattern.startswith(("http://", "https://")):
        raise LinkError(f"the link {name!r} must begin with http:// or https://, it is {pattern!r}")
    return pattern


def pages_of(source: LinkSource, run: Run) -> dict[str, str]:
    """The checked pages of a run."""
    pages = source(run) if callable(source) else source
    return {name: checked(name, pattern) for name, pattern in pages.items()}


def span_page(pattern: str) -> str:
    """The address of a span's page, where a backend has such pages; else that of its trace.

    >>> span_page("http://localhost:16686/trace/{trace_id}")
    'http://localhost:16686/trace/{trace_id}?uiFind={span_id}'
    """
    for of_trace, of_span in _OF_SPAN:
        if pattern.endswith(of_trace):
            return pattern.removesuffix(of_trace) + of_span
    return pattern


def links_html(pages: Pages, trace: str, span: str = "") -> str:
    """Links to a trace, or to a span of it, as HTML."""
    if not trace:
        return ""
    ids = {"{trace_id}": quote(trace, safe=""), "{span_id}": quote(span, safe="")}
    items = []
    for name, pattern in pages.items():
        address = span_page(pattern) if span else pattern
        for mark, value in ids.items():
            address = address.replace(mark, value)
        items.append(f'<a href="{esc(address)}" rel="noreferrer">{line(name)} ↗</a>')
    return f"<p>open in {' · '.join(items)}</p>" if items else ""
