"""A run that is watched from the terminal: its stream is read, and its questions are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wftrace.engine.events import InputRequiredEvent
from wftrace.engine.workflow import Workflow

from .answers import Answers
from .errors import CommandError
from .speech import Speech


@dataclass(frozen=True, slots=True)
class Ending:
    """How a conversation ended: with a result, or with what went wrong."""

    result: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One run of a workflow with somebody who answers its questions."""

    workflow: Workflow
    fields: Mapping[str, Any]
    answers: Answers
    speech: Speech

    def hold(self) -> Ending:
        """Run the workflow to its end. Nothing is raised: failure, a missing answer and Ctrl-C are endings."""
        try:
            return Ending(result=asyncio.run(self._talk()))
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # whatever the user's steps throw
            return Ending(error=error)

    async def _talk(self) -> Any:
        handler = self.workflow.run(**self.fields)
        try:
            async for event in handler.stream_events():
                if isinstance(event, InputRequiredEvent):
                    handler.ctx.send_event(await self.answers.answer(event))
                else:
                    self.speech.detail(f"stream: {type(event).__name__}")
            return await handler
        except (CommandError, asyncio.CancelledError):
            await handler.cancel_run()
            await asyncio.gather(handler, return_exceptions=True)
            raise
