"""A context as JSON data, and back: the state, and the run that it belongs to.

The document says its format and version, the workflow and the digest of its graph. What is in it is of declared types
only: the events and the state of the workflow, and those that the serializer is given.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .codec import JsonSerializer
from .errors import ContextSerdeError
from .flow import Flow, flow_of
from .saved import SavedRun
from .snapshot import restore
from .timers import clock_of

if TYPE_CHECKING:
    from .context import RunPort

FORMAT = "wftrace/context@1"


@dataclass(frozen=True, slots=True)
class SavedContext:
    """A run that was saved, as its document has it."""

    data: dict[str, Any]
    serializer: JsonSerializer
    workflow: str
    graph: str

    def restore(self, flow: Flow) -> SavedRun:
        """The run, ready to go on in ``flow`` now. Raises ``ContextSerdeError`` when it is of another workflow."""
        if self.workflow != flow.name:
            raise ContextSerdeError(
                f"the context was saved by workflow {self.workflow!r} and cannot go on in {flow.name!r}"
            )
        return restore(self.data, flow, self.serializer, clock_of(asyncio.get_running_loop())())


def write_context(
    state: Any, run: RunPort | None, saved: SavedContext | None, serializer: JsonSerializer | None
) -> dict[str, Any]:
    """The document of a context. Raises ``ContextSerdeError``."""
    codec = serializer or JsonSerializer()
    document: dict[str, Any] = {"format": FORMAT}
    if run is not None:
        codec = codec.knowing(run.flow.saved_types)
        document |= {"workflow": run.flow.name, "graph": run.flow.graph.hash}
        under_way = run.save(codec)
        if under_way is not None:
            document["run"] = under_way
    elif saved is not None:
        codec = saved.serializer
        document |= {"workflow": saved.workflow, "graph": saved.graph, "run": saved.data}
    elif not isinstance(state, dict):
        codec = codec.knowing([type(state)])
    document["state"] = codec.encode(state, "state")
    return document


def read_context(
    workflow: object, document: object, serializer: JsonSerializer | None
) -> tuple[Any, SavedContext | None]:
    """The state and, when it was under way, the run of a document. Raises ``ContextSerdeError``."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise ContextSerdeError(f"a saved context says that its format is {FORMAT!r}, this one says {found!r}")
    flow = flow_of(workflow)
    codec = (serializer or JsonSerializer()).knowing(flow.saved_types)
    state = codec.decode(document.get("state"), "state")
    expected = flow.state_class or dict
    if not isinstance(state, expected):
        raise ContextSerdeError(
            f"the saved state is of type {type(state).__name__}, but workflow {flow.name!r} has {expected.__name__}"
        )
    if document.get("run") is None:
        return state, None
    saved = SavedContext(document["run"], codec, str(document.get("workflow")), str(document.get("graph")))
    if saved.workflow != flow.name:
        raise ContextSerdeError(
            f"the context was saved by workflow {saved.workflow!r} and cannot go on in {flow.name!r}"
        )
    restore(saved.data, flow, codec, 0.0)
    return state, saved
