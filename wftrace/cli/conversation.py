"""A run that is watched from the terminal: its stream is read, and its questions are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wftrace.engine.closing import GRACE
from wftrace.engine.events import InputRequiredEvent
from wftrace.engine.workflow import Workflow

from .answers import Answers
from .audience import Audience
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
    audience: Audience = field(default_factory=Audience)

    def hold(self) -> Ending:
        """Run the workflow to its end. Nothing is raised: failure, a missing answer and Ctrl-C are endings."""
        try:
            with asyncio.Runner() as runner:
                return self._held(runner)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # whatever the user's steps throw
            return Ending(error=error)
        finally:
            self.audience.close()

    def _held(self, runner: asyncio.Runner) -> Ending:
        talk = runner.get_loop().create_task(self._talk())
        try:
            return runner.run(_result_of(talk))
        except (KeyboardInterrupt, SystemExit):
            runner.run(asyncio.wait([talk], timeout=2 * GRACE))  # the other steps of the run clean up
            if talk.done() and not talk.cancelled():
                return talk.result()
            raise

    async def _talk(self) -> Ending:
        """Read the stream to its end. What would stop the loop is returned: raised by a task it stops the loop's own
        cleaning up as well.
        """
        handler = self.workflow.run(**self.fields)
        self.audience.began(handler)
        try:
            async for event in handler.stream_events():
                if isinstance(event, InputRequiredEvent):
                    with self.audience.asking():
                        answer = await self.answers.answer(event)
                    handler.ctx.send_event(answer)
                else:
                    self.speech.detail(f"stream: {type(event).__name__}")
            return Ending(result=await handler)
        except (KeyboardInterrupt, SystemExit) as error:
            return Ending(error=error)
        except (CommandError, asyncio.CancelledError):
            await handler.cancel_run()
            handler.exception()  # it is known by now, and nobody else asks for it
            raise


async def _result_of(talk: asyncio.Task[Ending]) -> Ending:
    return await talk
