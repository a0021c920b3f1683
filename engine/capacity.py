"""How many events of a class a run can see at most, as far as the sources tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .events import Event, HumanResponseEvent, StartEvent, StepFailedEvent
from .inference import Inferred
from .steps import StepSpec

_ENDLESS = float("inf")
_OUTSIDE: tuple[type[Event], ...] = (HumanResponseEvent, StepFailedEvent)


class Capacity:
    """Upper bounds, from the one start event on. What is made in a loop, in a helper, by a step in a circle or by one
    that is retried has none.
    """

    def __init__(self, steps: Sequence[StepSpec], read: Mapping[str, Inferred]) -> None:
        self._steps = steps
        self._read = read
        self._runs: dict[str, float] = {}

    def of(self, cls: type[Event]) -> float:
        """At most how many events of this class, or of classes related to it, the steps of a run make."""
        if _is_related(cls, _OUTSIDE):
            return _ENDLESS
        total = 1.0 if _is_related(cls, (StartEvent,)) else 0.0
        for spec in self._steps:
            made = self._made(spec, cls)
            runs = self._runs_of(spec) if made else 0.0
            total += made * runs if runs else 0.0
        return total

    def _runs_of(self, spec: StepSpec) -> float:
        """At most how often a step runs; a step that is asked for again while it is counted stands in a circle."""
        if spec.name not in self._runs:
            self._runs[spec.name] = _ENDLESS
            self._runs[spec.name] = sum(self.of(cls) for cls in spec.accepts)
        return self._runs[spec.name]

    def _made(self, spec: StepSpec, cls: type[Event]) -> float:
        """At most how many events one execution of a step makes."""
        read = self._read[spec.name]
        made = 1.0 if _is_related(cls, (*spec.returns, *read.returned)) else 0.0
        for call in read.calls:
            if call.method == "send_event" and _is_related(cls, call.classes):
                made += 1.0 if call.once and call.sure else _ENDLESS
        return _ENDLESS if made and spec.retry_policy is not None else made


def _is_related(cls: type[Event], others: Iterable[type[Event]]) -> bool:
    return any(issubclass(cls, other) or issubclass(other, cls) for other in others)
