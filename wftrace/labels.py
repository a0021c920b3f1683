"""What a user says about runs: whose session they belong to, who the user is, metadata, tags.

    with wftrace.using(session_id="chat-7", user_id="joe", tags=["beta"]):
        await workflow.run()

OpenInference's own context managers (``using_session`` and its like) are understood too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from . import semconv as words
from .gate import Redact, payload, safe_text
from .trace import AttributeValue

TAGS_CAP = 64
LABEL_LIMIT = 256


@dataclass(frozen=True, slots=True)
class Labels:
    """What is said about the runs that start here. Empty: nothing is."""

    session_id: str = ""
    user_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


_current: ContextVar[Labels | None] = ContextVar("wftrace_labels", default=None)
_outer: ContextVar[Labels | None] = ContextVar("wftrace_labels_of_outer_run", default=None)
_NOTHING = Labels()


@contextmanager
def using(
    *,
    session_id: str | None = None,
    user_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
) -> Iterator[None]:
    """Say something about the runs that start inside the block, nested runs included.

    It stands on their spans as ``session.id``, ``user.id``, ``metadata`` (as JSON) and ``tag.tags``. What is not given
    is taken from a block around this one; metadata and tags are added to those.
    """
    outer = _current.get() or _NOTHING
    labels = Labels(
        session_id=outer.session_id if session_id is None else str(session_id),
        user_id=outer.user_id if user_id is None else str(user_id),
        metadata={**outer.metadata, **(metadata or {})},
        tags=tuple(dict.fromkeys((*outer.tags, *map(str, tags or ())))),
    )
    token = _current.set(labels)
    try:
        yield
    finally:
        _current.reset(token)


def labels_of(context: Context, saved: Mapping[str, str] | None = None) -> Labels:
    """What is said about a run that starts in a context: in a ``using`` block, by OpenInference, by the run that it is
    nested in, or when its earlier segment was ``saved``.
    """
    said = context.get(_current) or _NOTHING
    others = _openinference(context)
    outer = context.get(_outer) or _NOTHING
    kept = saved or {}
    metadata = others.get(words.METADATA)
    tags = others.get(words.TAGS)
    return Labels(
        session_id=said.session_id or _text(others, words.SESSION_ID) or outer.session_id or kept.get(_SESSION, ""),
        user_id=said.user_id or _text(others, words.USER_ID) or outer.user_id or kept.get(_USER, ""),
        metadata=said.metadata or (metadata if isinstance(metadata, Mapping) else {}),
        tags=said.tags or (tuple(map(str, tags)) if isinstance(tags, list | tuple) else ()),
    )


def hand_on(labels: Labels, run_id: str, context: Context, headers: dict[str, str] | None) -> None:
    """Let the runs that are nested in this one, and its next segment, belong to the same session and user."""
    context.run(_outer.set, replace(labels, session_id=labels.session_id or run_id))
    if headers is not None:
        if labels.session_id:
            headers[_SESSION] = labels.session_id
        if labels.user_id:
            headers[_USER] = labels.user_id


def label_attributes(labels: Labels, run_id: str, redact: Redact | None) -> dict[str, AttributeValue]:
    """What stands on spans. A run without a session is its own, so that its segments are found together."""
    attributes: dict[str, AttributeValue] = {
        words.SESSION_ID: safe_text(labels.session_id, LABEL_LIMIT) if labels.session_id else run_id
    }
    if labels.user_id:
        attributes[words.USER_ID] = safe_text(labels.user_id, LABEL_LIMIT)
    if labels.metadata:
        attributes[words.METADATA] = payload(labels.metadata, path=words.METADATA, redact=redact, trusting=False)[0]
    if labels.tags:
        attributes[words.TAGS] = tuple(safe_text(tag, LABEL_LIMIT) for tag in labels.tags[:TAGS_CAP])
    return attributes


_SESSION = "wftrace-session"
_USER = "wftrace-user"


def _openinference(context: Context) -> dict[str, Any]:
    """What OpenInference has put into the OpenTelemetry context, if anybody has loaded that."""
    otel = sys.modules.get("opentelemetry.context")
    if otel is None:
        return {}
    current: Mapping[str, Any] = context.run(otel.get_current)
    found = {
        key: current[key] for key in (words.SESSION_ID, words.USER_ID, words.METADATA, words.TAGS) if key in current
    }
    if isinstance(found.get(words.METADATA), str):
        found[words.METADATA] = _parsed(found[words.METADATA])
    return found


def _parsed(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"metadata": text}


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
