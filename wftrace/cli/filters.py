"""Which runs of a TRACE are meant: ``outcome=failed,since=2026-11-01``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from wftrace.trace import Run

from .errors import CommandError, closest

KEYS = ("workflow", "outcome", "run", "version", "service", "since", "until")


@dataclass(frozen=True, slots=True)
class Filter:
    """What has to be true of a run; all of it."""

    wanted: tuple[tuple[str, str], ...] = ()

    def of(self, runs: Iterable[Run]) -> Iterator[Run]:
        """The runs that fit."""
        checks = [_CHECKS[key](value) for key, value in self.wanted]
        return (run for run in runs if all(check(run) for check in checks))

    def get(self, key: str) -> str:
        """What is asked of one key, ``""`` when nothing is."""
        return dict(self.wanted).get(key, "")

    @property
    def text(self) -> str:
        """The filter as it was written."""
        return ",".join(f"{key}={value}" for key, value in self.wanted)


def parse_filter(texts: Iterable[str], option: str) -> Filter:
    """The filter that an option's texts say, each ``KEY=VALUE`` or several with commas.

    Raises ``CommandError`` for a key that is not known, and for a moment that is none.
    """
    wanted: list[tuple[str, str]] = []
    for text in (part.strip() for each in texts for part in each.split(",")):
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if key not in KEYS or not equals or not value:
            likely = closest(key, KEYS) or "outcome"
            raise CommandError(f"{text!r} is no filter", f"keys: {', '.join(KEYS)}", cure=f"{option} {likely}=VALUE")
        _CHECKS[key](value)
        wanted.append((key, value))
    return Filter(tuple(wanted))


Check = Callable[[Run], bool]


def _outcome(value: str) -> Check:
    meant = {"ok": "completed", "error": "failed"}.get(value, value).replace(" ", "_")
    return lambda run: run.outcome == meant


def _moment(value: str) -> int:
    """A date or a moment, in UTC unless it says otherwise, as nanoseconds since the Unix epoch."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        cure = f"write {datetime.now(UTC).date().isoformat()} or 2026-11-21T10:00"
        raise CommandError(f"{value!r} is no date and no moment", cure=cure) from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)


def _since(value: str) -> Check:
    moment = _moment(value)
    return lambda run: run.start_ns >= moment


def _until(value: str) -> Check:
    moment = _moment(value)
    return lambda run: run.start_ns < moment


def _workflow(value: str) -> Check:
    return lambda run: run.workflow == value


def _run(value: str) -> Check:
    return lambda run: run.run_id.startswith(value)


def _version(value: str) -> Check:
    return lambda run: run.graph_hash.startswith(value)


def _service(value: str) -> Check:
    return lambda run: run.service == value


_CHECKS: dict[str, Callable[[str], Check]] = {
    "workflow": _workflow,
    "outcome": _outcome,
    "run": _run,
    "version": _version,
    "service": _service,
    "since": _since,
    "until": _until,
}
