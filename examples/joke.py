"""A joke is made and criticised: two steps, the smallest flow there is.

    python examples/joke.py pirates

Without a key a small stand-in makes the jokes, the same ones every time and with no network. With ``OPENAI_API_KEY``
set, a real model does (``OPENAI_BASE_URL`` and ``OPENAI_MODEL`` say where and which).
"""

import asyncio
import json
import os
import sys
import zlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from wftrace import Event, StartEvent, StopEvent, Workflow, step

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_MODEL = "gpt-4o-mini"


class LanguageModel(Protocol):
    """Whatever can answer a prompt."""

    async def complete(self, prompt: str) -> str:
        """The answer to a prompt."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Answers without a model: the same prompt, the same answer."""

    jokes: tuple[str, ...] = (
        "Why do {topic} never get lost? They follow the events.",
        "How many {topic} does it take to fill a queue? One more than it holds.",
        "What do {topic} say when they fail? Try me again in five seconds.",
    )

    async def complete(self, prompt: str) -> str:
        """A joke, or the critique of one, by the prompt's first words."""
        await asyncio.sleep(0.005)
        if prompt.startswith("Write"):
            topic = prompt.removeprefix("Write your best joke about ").rstrip(".")
            return self.jokes[zlib.crc32(topic.encode()) % len(self.jokes)].format(topic=topic)
        words = len(prompt.rpartition(": ")[2].split())
        return f"{words} words, one turn, no victim. It would be funnier if it were told twice."


class LanguageModelError(Exception):
    """The model did not answer; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """Any server that speaks OpenAI's chat completions, asked by plain HTTPS from a thread."""

    key: str = field(repr=False)
    base_url: str = OPENAI_URL
    model: str = OPENAI_MODEL
    timeout: float = 60.0

    async def complete(self, prompt: str) -> str:
        """The first choice of the model's answer."""
        return await asyncio.to_thread(self._post, prompt)

    def _post(self, prompt: str) -> str:
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        url = f"{self.base_url.rstrip('/')}/chat/completions"
        if not url.startswith(("https://", "http://")):
            raise LanguageModelError(f"OPENAI_BASE_URL is {self.base_url!r}; it must begin with https:// or http://")
        body = json.dumps({"model": self.model, "messages": [{"role": "user", "content": prompt}]}).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(url, body, headers), timeout=self.timeout) as answer:
                return str(json.load(answer)["choices"][0]["message"]["content"])
        except HTTPError as error:
            error.close()
            raise LanguageModelError(f"{url} answered {error.code}; check OPENAI_API_KEY and OPENAI_MODEL") from error
        except (URLError, TimeoutError) as error:
            raise LanguageModelError(f"{url} cannot be reached ({error}); check OPENAI_BASE_URL") from error
        except (ValueError, LookupError, TypeError) as error:
            raise LanguageModelError(f"{url} did not answer like chat completions; check OPENAI_BASE_URL") from error


def model_from_environment() -> LanguageModel:
    """The real model when ``OPENAI_API_KEY`` is set, else the stand-in."""
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        return StandIn()
    return OpenAIModel(
        key,
        base_url=os.environ.get("OPENAI_BASE_URL") or OPENAI_URL,
        model=os.environ.get("OPENAI_MODEL") or OPENAI_MODEL,
    )


class JokeEvent(Event):
    """A joke that nobody has heard yet."""

    joke: str


class JokeFlow(Workflow):
    """Makes a joke about a topic and criticises it."""

    def __init__(self, *, llm: LanguageModel | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.llm = llm or model_from_environment()

    @step
    async def generate_joke(self, ev: StartEvent) -> JokeEvent:
        """Write a joke about the topic of the start event."""
        prompt = f"Write your best joke about {ev.get('topic', 'workflows')}."
        return JokeEvent(joke=await self.llm.complete(prompt))

    @step
    async def critique_joke(self, ev: JokeEvent) -> StopEvent:
        """Say what is good and what is bad about the joke."""
        prompt = f"Give a thorough analysis and critique of the following joke: {ev.joke}"
        return StopEvent(result=await self.llm.complete(prompt))


async def main() -> None:
    """Criticise a joke about the topic on the command line."""
    topic = " ".join(sys.argv[1:]) or "pirates"
    print(await JokeFlow(timeout=120).run(topic=topic))


if __name__ == "__main__":
    asyncio.run(main())
