"""Why a run does not go on, in sentences: what runs, what is queued and why, which joins and humans are awaited."""

from __future__ import annotations

from collections import Counter

from .joins import missing
from .state import RunState, StepState


def explain(state: RunState, now: float) -> str:
    """What the run is doing, one line a fact; empty when it does nothing at all."""
    lines: list[str] = []
    for step in state.steps.values():
        lines += _step_lines(step, now)
    for execution, due in state.delayed.items():
        error = type(execution.last_error).__name__
        lines.append(f"{execution.id} is retried in {max(0.0, due - now):.3g} s (attempt {execution.attempt}, {error})")
    for waiter in state.waiters:
        lines.append(f"{waiter.execution.id} waits for {waiter.type.__name__} since {now - waiter.since:.3g} s")
    for question, since in state.asked:
        lines.append(f"{_short(question.type)} was asked {now - since:.3g} s ago and is not answered")
    for kind, count in Counter(state.unhandled).items():
        lines.append(f"{_short(kind)} was made {count}× and no step accepts it")
    return "\n".join(f"  - {line}" for line in lines)


def _step_lines(step: StepState, now: float) -> list[str]:
    lines = [f"{each.id} runs since {now - each.started_at:.3g} s" for each in step.running]
    if step.queue:
        lines.append(
            f"{len(step.queue)} queued at {step.name}: {len(step.running)} of {step.spec.num_workers} workers busy"
        )
    for buffer in step.buffers or ():
        if not buffer.count:
            continue
        lacking = ", ".join(f"{count} × {cls.__name__}" for cls, count in missing(buffer).items()) or "nothing"
        where = f" (buffer {buffer.name!r})" if buffer.name is not None else ""
        lines.append(f"the join in {step.name}{where} holds {buffer.count} and still misses {lacking}")
    return lines


def _short(kind: str) -> str:
    return kind.rpartition(".")[2]
