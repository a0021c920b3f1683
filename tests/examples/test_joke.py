"""The joke flow, with its stand-in and with a server that speaks chat completions."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from joke import JokeFlow, LanguageModelError, OpenAIModel, StandIn, model_from_environment


class Completions(BaseHTTPRequestHandler):
    """Answers chat completions, and keeps what it was asked."""

    asked: ClassVar[list[tuple[str, str, str]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:  # the name that http.server calls
        """Answer with the number of the question."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body["messages"][0]["content"]))
        answer = json.dumps({"choices": [{"message": {"content": f"answer {len(self.asked)}"}}]}).encode()
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local server for chat completions; gives its base URL."""
    monkeypatch.setattr(Completions, "asked", [])
    with HTTPServer(("127.0.0.1", 0), Completions) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/v1"
        http.shutdown()
        thread.join()


async def _run(flow: JokeFlow, topic: str) -> str:
    return str(await flow.run(topic=topic))


def test_the_stand_in_says_the_same_every_time() -> None:
    """Two runs about one topic give one critique."""
    first, second = (asyncio.run(_run(JokeFlow(llm=StandIn()), "pirates")) for _ in range(2))
    assert first == second
    assert "words" in first


def test_the_stand_in_jokes_about_the_topic() -> None:
    """The topic is in the joke."""
    joke = asyncio.run(StandIn().complete("Write your best joke about pirates."))
    assert "pirates" in joke


def test_without_a_key_the_stand_in_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no network."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert isinstance(model_from_environment(), StandIn)


def test_with_a_key_a_real_model_is_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both prompts go to OPENAI_BASE_URL with the key; the second answer is the result."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-123")
    monkeypatch.setenv("OPENAI_BASE_URL", server)
    assert asyncio.run(_run(JokeFlow(), "pirates")) == "answer 2"
    assert [(path, key) for path, key, _ in Completions.asked] == [("/v1/chat/completions", "Bearer k-123")] * 2
    assert Completions.asked[1][2].endswith("answer 1")


def test_a_refusal_names_the_cure_and_not_the_key(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a refused request says what to check."""
    monkeypatch.setattr(Completions, "status", 401)
    with pytest.raises(LanguageModelError, match=r"answered 401; check OPENAI_API_KEY") as caught:
        asyncio.run(OpenAIModel("k-123", server).complete("Write"))
    assert "k-123" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "file:///etc"])
def test_a_wrong_address_is_named(url: str) -> None:
    """Neither a dead server nor another scheme gives a traceback of the library's."""
    with pytest.raises(LanguageModelError, match="OPENAI_BASE_URL"):
        asyncio.run(OpenAIModel("k", url).complete("Write"))
