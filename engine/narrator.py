"""``verbose=True``: a run tells the log what it does."""

from __future__ import annotations

import logging

from .observers import AttemptEnded, AttemptStarted, Observer, RunEnded

_logger = logging.getLogger("wftrace.verbose")


class Narrator(Observer):
    """Logs each attempt's start and end, and the run's end, at level INFO."""

    def attempt_started(self, fact: AttemptStarted) -> None:
        """Say what starts."""
        _logger.info(
            "%s started by %s (worker %d, attempt %d)", fact.execution, fact.event_id, fact.worker, fact.attempt
        )

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Say what it made, or how it failed."""
        made = ", ".join(event for event, _ in fact.outputs) or "nothing"
        error = f" with {type(fact.error).__name__}" if fact.error is not None else ""
        _logger.info("%s %s%s, made %s", fact.execution, fact.outcome, error, made)

    def run_ended(self, fact: RunEnded) -> None:
        """Say how it ended."""
        _logger.info("run %s after %d attempts", fact.outcome, fact.attempts)
