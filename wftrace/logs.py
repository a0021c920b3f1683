"""Log records that say where they were written: trace, span, run, step and attempt.

handler.addFilter(wftrace.RunLogFilter())
handler.setFormatter(logging.Formatter("%(run_id)s %(step)s#%(attempt)s %(trace_id)s %(message)s"))
"""

from __future__ import annotations

import logging
import sys
from typing import TypedDict

from wftrace.engine.port import current_step

from .span_names import safe_name


class LogFields(TypedDict):
    """Where the code under way works. Texts are ``""`` and the attempt is 0 where there is nothing to say."""

    trace_id: str
    span_id: str
    workflow: str
    run_id: str
    step: str
    execution_id: str
    attempt: int


def log_fields() -> LogFields:
    """Where the code under way works: in which span, run, step and attempt. For loggers of other makes."""
    trace_id, span_id = _span()
    fields = LogFields(trace_id=trace_id, span_id=span_id, workflow="", run_id="", step="", execution_id="", attempt=0)
    current = current_step.get()
    if current is not None:
        run, execution = current
        fields["workflow"] = safe_name(run.flow.name)
        fields["run_id"] = safe_name(run.run_id)
        fields["step"] = safe_name(execution.step.name)
        fields["execution_id"] = safe_name(execution.id)
        fields["attempt"] = execution.attempt
    return fields


class RunLogFilter(logging.Filter):
    """Stamps every record with ``log_fields``; lets all pass. What a record has already is left as it is.

    Belongs on a handler: filters of a logger do not see the records of the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Stamp the record."""
        for name, value in log_fields().items():
            record.__dict__.setdefault(name, value)
        return True


def _span() -> tuple[str, str]:
    """The ids of the span that is current, OpenTelemetry's or a recorded one."""
    otel = sys.modules.get("opentelemetry.trace")
    if otel is not None:
        ids = otel.get_current_span().get_span_context()
        if ids.is_valid:
            return f"{ids.trace_id:032x}", f"{ids.span_id:016x}"
    recorder = sys.modules.get("wftrace.recorder")
    ids_of_recorded = recorder.current_ids() if recorder is not None else None
    return ids_of_recorded or ("", "")
