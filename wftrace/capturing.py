"""What of payloads and errors gets into spans: as much as was asked for, redacted, and never an exception."""

from __future__ import annotations

import logging
import os
from typing import Any

from . import semconv as words
from .gate import REDACTED, Redact, class_name, error_text, payload, safe_text, safe_trace, summary, trace_text
from .settings import TracingSettings
from .span_names import safe_name
from .trace import AttributeValue

_logger = logging.getLogger("wftrace")


class Capturing:
    """Makes the attributes that hold payloads and the texts of errors, by the settings of a run.

    ``inputs`` and ``outputs`` say whether there are any; OpenInference's switches are the last word on that.
    """

    __slots__ = ("_redact", "_texts", "_whole", "inputs", "outputs")

    def __init__(self, settings: TracingSettings) -> None:
        some = settings.capture in ("summary", "full")
        self.inputs = some and not _is_on("OPENINFERENCE_HIDE_INPUTS")
        self.outputs = some and not _is_on("OPENINFERENCE_HIDE_OUTPUTS")
        self._whole = settings.capture == "full"
        self._texts = settings.capture != "none"
        self._redact: Redact | None = None if settings.redact is None else _Guarded(settings.redact)

    @property
    def redact(self) -> Redact | None:
        """The user's judgement, made safe: when it fails, nothing is shown."""
        return self._redact

    def input(self, value: object) -> dict[str, AttributeValue]:
        """The attributes of an input."""
        text, mime = self._payload(value, words.INPUT_VALUE)
        return {words.INPUT_VALUE: text, words.INPUT_MIME_TYPE: mime}

    def output(self, value: object) -> dict[str, AttributeValue]:
        """The attributes of an output."""
        text, mime = self._payload(value, words.OUTPUT_VALUE)
        return {words.OUTPUT_VALUE: text, words.OUTPUT_MIME_TYPE: mime}

    def message(self, error: BaseException) -> str:
        """The text of an error, ``""`` where texts are not wanted."""
        return safe_text(self._judged(words.EXCEPTION_MESSAGE, error_text(error))) if self._texts else ""

    def exception(self, error: BaseException, message: str) -> dict[str, AttributeValue]:
        """The attributes of an exception event."""
        facts: dict[str, AttributeValue] = {words.EXCEPTION_TYPE: error_type(error)}
        if self._texts:
            facts[words.EXCEPTION_MESSAGE] = message
            facts[words.EXCEPTION_STACKTRACE] = safe_trace(self._judged(words.EXCEPTION_STACKTRACE, trace_text(error)))
        return facts

    def _payload(self, value: object, path: str) -> tuple[str, str]:
        if self._whole:
            return payload(value, path=path, redact=self._redact, trusting=False)
        return summary(value)

    def _judged(self, path: str, text: str) -> str:
        if self._redact is None:
            return text
        judged = self._redact(path, text)
        return judged if isinstance(judged, str) else REDACTED


class _Guarded:
    """A user's hook that cannot raise: what it fails at is not shown, and the first failure is logged."""

    __slots__ = ("_failed", "_redact")

    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._failed = False

    def __call__(self, path: str, value: Any) -> Any:
        try:
            return self._redact(path, value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # strangers' hooks
            if not self._failed:
                self._failed = True
                _logger.warning("redact failed at %s with %s; what it fails at is not shown", path, class_name(error))
            return REDACTED


def error_type(error: BaseException) -> str:
    """The class of an error as the conventions want it: with its module, unless it is built in."""
    cls = type(error)
    try:
        name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    except Exception:  # strangers' metaclasses
        name = class_name(error)
    return safe_name(name)


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("true", "1", "yes")
