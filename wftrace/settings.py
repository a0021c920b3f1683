"""How runs are traced: what of the payloads, in how many spans, below whom.

    configure_tracing(capture="full", root="always", redact=hide_customers)

holds for every run of this process that starts afterwards. What is not said there is taken from the environment
(``WFTRACE_CAPTURE``, ``WFTRACE_DETAIL``, ``WFTRACE_ROOT``), else it has its default.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, cast, get_args

from wftrace.engine.errors import TraceError

from .gate import Redact

Capture = Literal["none", "types", "summary", "full"]
Detail = Literal["full", "steps"]
Root = Literal["auto", "always", "never"]

CAPTURES: tuple[Capture, ...] = get_args(Capture)
DETAILS: tuple[Detail, ...] = get_args(Detail)
ROOTS: tuple[Root, ...] = get_args(Root)
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

Choice = TypeVar("Choice", bound=str)

_logger = logging.getLogger("wftrace")


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """How runs are traced.

    ``capture``: no payloads (``types``), their shape (``summary``), all of them (``full``); ``none`` leaves out the
    texts of errors too. ``detail``: a span for each attempt, emission and wait (``full``), or for attempts only, with
    emissions and waits as span events (``steps``). ``root``: a run is a child of the caller's span, or a root without
    one (``auto``); always a root, unless it is nested in another run; never a root: without a span around it, it is not
    traced. ``redact`` is asked about every value and text that is captured.
    """

    capture: Capture = "types"
    detail: Detail = "full"
    root: Root = "auto"
    redact: Redact | None = None


@dataclass(slots=True)
class _Said:
    capture: Capture | None = None
    detail: Detail | None = None
    root: Root | None = None
    redact: Redact | None = None


_said = _Said()


def configure_tracing(
    *,
    capture: Capture | None = None,
    detail: Detail | None = None,
    root: Root | None = None,
    redact: Redact | None = None,
) -> None:
    """Say how the runs of this process are traced from now on; see ``TracingSettings``. None leaves it to the
    environment.

    ``redact(path, value)`` is called with every value that would be captured, before it is cut: containers first, then
    what they hold. It returns what may be shown, the value itself or something else; when it fails nothing is shown.

    Raises ``TraceError`` for a word that is none of those.
    """
    _check("capture", capture, CAPTURES)
    _check("detail", detail, DETAILS)
    _check("root", root, ROOTS)
    _said.capture, _said.detail, _said.root, _said.redact = capture, detail, root, redact


def tracing_settings(
    capture: Capture | None = None, detail: Detail | None = None, redact: Redact | None = None
) -> TracingSettings:
    """What holds for a run that starts now: what is given here, else what was configured, else the environment.

    Raises ``TraceError`` for a word that is unknown.
    """
    return TracingSettings(
        capture=capture_from_environment(
            asked=_check("capture", capture, CAPTURES) or _said.capture,
        ),
        detail=_check("detail", detail, DETAILS) or _said.detail or _word("WFTRACE_DETAIL", DETAILS) or "full",
        root=_said.root or _word("WFTRACE_ROOT", ROOTS) or "auto",
        redact=redact or _said.redact,
    )


def as_settings(settings: TracingSettings | Capture) -> TracingSettings:
    """Settings, also when only the word for ``capture`` is given."""
    return settings if isinstance(settings, TracingSettings) else replace(TracingSettings(), capture=settings)


def capture_from_environment(default: Capture = "types", asked: Capture | None = None) -> Capture:
    """What is captured of payloads: what the program ``asked`` for, else ``WFTRACE_CAPTURE``, else OpenTelemetry's
    switch for GenAI content, else ``default``. Where that switch forbids content, there is none.
    """
    content = os.environ.get(CONTENT, "").strip().upper()
    wanted = asked or _word("WFTRACE_CAPTURE", CAPTURES)
    if content in ("NO_CONTENT", "EVENT_ONLY", "FALSE"):
        return "none" if (wanted or default) == "none" else "types"
    return wanted or ("full" if content in ("SPAN_ONLY", "SPAN_AND_EVENT", "TRUE") else default)


def _check(name: str, word: Choice | None, choices: Sequence[Choice]) -> Choice | None:
    if word is not None and word not in choices:
        raise TraceError(f"{name} must be one of {', '.join(choices)}; it is {word!r}")
    return word


def _word(variable: str, choices: Sequence[Choice]) -> Choice | None:
    """A word from the environment; one that is unknown is ignored, and said."""
    word = os.environ.get(variable, "").strip().lower()
    if word in choices:
        return cast(Choice, word)
    if word:
        _logger.warning("%s=%s is none of %s; it is ignored", variable, word, ", ".join(choices))
    return None
