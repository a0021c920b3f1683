"""Delivery: what becomes of spans under every kind of answer. No thread, no network, no real time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.exporters.spooling import (
    OK,
    PROTOBUF,
    REFUSED_CONNECTION,
    Backend,
    Bench,
    always,
    partial,
    status,
)
from wftrace.exporters.otlp_http import Answer
from wftrace.exporters.span_bytes import merged
from wftrace.exporters.spool_accounts import Accounts
from wftrace.exporters.spool_folder import accounts_of
from wftrace.exporters.spool_refused import refusals, refused_requests, set_aside
from wftrace.exporters.spool_sender import LONGEST_WAIT_S

HTML = Answer(200, {"content-type": "text/html"}, b"<html>please log in</html>")
GARBAGE = Answer(200, PROTOBUF, b"\x00\xff\xfegarbage")
OUTAGES = {
    "refused": REFUSED_CONNECTION,
    "503": status(503),
    "503 with Retry-After": status(503, retry_after="5"),
    "429 with Retry-After": status(429, retry_after="60"),
    "500": status(500),
    "hang": Answer(0, error="ReadTimeout"),
    "closed mid-answer": Answer(0, error="ProtocolError"),
    "302": status(302, location="https://login.example/?token=secret"),
    "HTML with 200": HTML,
    "garbage with 200": GARBAGE,
    "empty HTML with 200": Answer(200, {"content-type": "text/html"}),
    "401": status(401),
    "404": status(404),
}


def names(count: int, word: str = "s") -> list[str]:
    """Names of spans."""
    return [f"{word}{number}" for number in range(count)]


def test_spans_are_delivered_once(tmp_path: Path) -> None:
    """In batches, and nothing is left behind."""
    bench = Bench(tmp_path, Backend(), segment=2**20)
    bench.put(*names(1300))
    bench.pass_(5)
    assert bench.backend.taken == dict.fromkeys(names(1300), 1)
    assert [len(request) for request in bench.backend.requests] == [512, 512, 276]
    assert bench.store.accounts() == Accounts(delivered=1300)
    bench.store.close()
    assert accounts_of(bench.place.folder) == Accounts(delivered=1300)
    assert [path.name for path in bench.place.folder.iterdir() if path.is_dir()] == []


def test_a_few_spans_wait_for_company(tmp_path: Path) -> None:
    """Half a second: one request for a burst, not one each."""
    bench = Bench(tmp_path, Backend())
    bench.put("a")
    bench.pass_(0.3)
    bench.put("b")
    assert bench.backend.requests == []
    bench.pass_(0.3)
    assert bench.backend.requests == [["a", "b"]]


@pytest.mark.parametrize("answer", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_of_many_batches_loses_nothing(tmp_path: Path, answer: Answer) -> None:
    """Whatever the backend says instead of taking the spans, all arrive when it is well again, each once."""
    backend = Backend(*always(lambda _: answer))
    bench = Bench(tmp_path, backend)
    for second in range(30):
        bench.put(*names(100, f"t{second}-"))
        bench.pass_(1)
    assert not backend.taken
    assert bench.store.waiting == 3000
    bench.check_balance()
    backend.script.clear()
    bench.pass_(400)
    assert sum(backend.taken.values()) == len(backend.taken) == 3000
    assert bench.store.accounts() == Accounts(delivered=3000)


def test_attempts_get_rarer_but_never_cease(tmp_path: Path) -> None:
    """A second, then twice as long, up to a minute; for ever."""
    backend = Backend(*always(lambda _: REFUSED_CONNECTION))
    bench = Bench(tmp_path, backend)
    bench.put("a")
    times: list[float] = []
    for _ in range(4000):
        before = len(backend.requests)
        bench.pass_(0.25)
        if len(backend.requests) > before:
            times.append(bench.clock.now)
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert gaps[:5] == pytest.approx([1, 2, 4, 8, 16], abs=0.5)
    assert gaps[-1] == pytest.approx(LONGEST_WAIT_S, abs=0.5)


@pytest.mark.parametrize(("asked", "waited"), [("30", 30.0), ("0", 1.0), ("999999", 300.0), ("soon", 1.0)])
def test_retry_after_is_honoured(tmp_path: Path, asked: str, waited: float) -> None:
    """Up to five minutes, and never shorter than our own wait."""
    backend = Backend(status(429, retry_after=asked))
    bench = Bench(tmp_path, backend)
    bench.put("a")
    bench.pass_(0.6)
    assert len(backend.requests) == 1
    bench.pass_(waited - 0.7)
    assert len(backend.requests) == 1
    bench.pass_(1)
    assert backend.taken == {"a": 1}


def poisoned(code: int, *bad: str) -> list[object]:
    """A backend that answers a status whenever one of these spans is in a request."""

    def reply(found: Sequence[str]) -> Answer:
        return status(code, content_type="text/plain") if set(bad) & set(found) else OK

    return always(reply)  # type: ignore[return-value]


@pytest.mark.parametrize("code", [400, 422, 500, 501])
@pytest.mark.parametrize("bad", [("s0",), ("s299",), ("s7", "s150", "s151")], ids=["first", "last", "three"])
def test_a_poisoned_span_is_set_aside_and_blocks_nobody(tmp_path: Path, code: int, bad: tuple[str, ...]) -> None:
    """All others arrive; the poisoned ones are counted as refused and kept in a file."""
    backend = Backend(*poisoned(code, *bad))  # type: ignore[arg-type]
    bench = Bench(tmp_path, backend)
    bench.put(*names(300))
    bench.pass_(60)
    assert set(backend.taken) == set(names(300)) - set(bad)
    assert bench.store.accounts() == Accounts(delivered=300 - len(bad), refused=len(bad))
    kept = merged(refused_requests(bench.place.folder))
    assert {span.name for group in kept.resource_spans for scoped in group.scope_spans for span in scoped.spans} == set(
        bad
    )
    assert f"it answered {code}" in refusals(bench.place.folder)[0]
    bench.check_balance()


def test_a_lone_span_is_not_condemned_by_a_broken_backend(tmp_path: Path) -> None:
    """500 for everything is an outage, however long it lasts and however few spans there are."""
    backend = Backend(*always(lambda _: status(500)))
    bench = Bench(tmp_path, backend)
    bench.put("a")
    bench.pass_(600)
    bench.put("b", "c")
    bench.pass_(600)
    assert bench.store.accounts() == Accounts(waiting=3)
    backend.script.clear()
    bench.pass_(100)
    assert backend.taken == {"a": 1, "b": 1, "c": 1}


def test_one_failure_of_the_backend_suspects_nobody(tmp_path: Path) -> None:
    """The same batch is tried again as a whole."""
    backend = Backend(status(500), status(500))
    bench = Bench(tmp_path, backend)
    bench.put("a", "b", "c")
    bench.pass_(10)
    assert backend.requests == [["a", "b", "c"]] * 3


def test_what_was_set_aside_before_a_crash_is_not_set_aside_again(tmp_path: Path) -> None:
    """The crash came before the state was saved."""
    (tmp_path / "writer").mkdir()
    for number in (3, 3, 4):
        set_aside(tmp_path / "writer", number, "bad", b"request")
    assert refusals(tmp_path) == ["bad", "bad"]


def test_a_batch_that_is_too_large_is_split(tmp_path: Path) -> None:
    """413: halves, and smaller batches from then on; a span that is too large alone is set aside."""
    backend = Backend(*always(lambda found: status(413) if len(found) > 10 or "huge" in found else OK))
    bench = Bench(tmp_path, backend)
    bench.put(*names(100), "huge", *names(100, "t"))
    bench.pass_(30)
    assert set(backend.taken) == set(names(100)) | set(names(100, "t"))
    assert set(backend.taken.values()) == {1}
    assert bench.store.accounts() == Accounts(delivered=200, refused=1)


def test_partial_success_is_counted_and_not_sent_again(tmp_path: Path) -> None:
    """As OTLP says; the batch is kept, since the answer does not say which spans it means."""
    backend = Backend(partial(3, "bad\nattributes"))
    bench = Bench(tmp_path, backend)
    bench.put(*names(10))
    bench.pass_(5)
    assert backend.requests == [names(10)]
    assert bench.store.accounts() == Accounts(delivered=7, refused=3)
    assert refusals(bench.place.folder) == ["3 of 10 spans were refused: bad attributes"]


def test_a_receipt_that_claims_too_much_is_bounded(tmp_path: Path) -> None:
    """More refused than sent is nonsense."""
    bench = Bench(tmp_path, Backend(partial(2**40)))
    bench.put(*names(4))
    bench.pass_(5)
    assert bench.store.accounts() == Accounts(refused=4)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        Answer(202, PROTOBUF),
        Answer(204),
        Answer(200, {"content-type": "application/x-protobuf; charset=utf-8"}),
        Answer(200, {"content-type": "application/json"}, b"{}"),
        Answer(200, {"content-type": "application/json"}, b"null"),
        Answer(200, {"content-type": "application/json"}, b'{"partialSuccess": {}}'),
    ],
)
def test_what_counts_as_a_receipt(tmp_path: Path, answer: Answer) -> None:
    """A 2xx with OTLP's own content, or with none at all."""
    backend = Backend(answer)
    bench = Bench(tmp_path, backend)
    bench.put("a")
    bench.pass_(2)
    assert bench.store.accounts() == Accounts(delivered=1)


def test_an_outage_is_said_once_with_a_cure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line at its beginning, whatever the number of attempts, without the secrets of an address; one at its end."""
    backend = Backend(*[OUTAGES["302"]] * 5, *[status(401)] * 5)
    bench = Bench(tmp_path, backend)
    bench.put("a")
    with caplog.at_level(logging.INFO):
        bench.pass_(600)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert str(bench.place.folder) in said[0]
    assert "it answered 302" in said[0]
    assert "give the address" in said[0]
    assert "secret" not in said[0]
    assert "check the API key" in said[1]
    assert "takes traces again" in said[2]


def test_an_hour_is_no_different(tmp_path: Path) -> None:
    """An hour's outage: every span arrives, in order."""
    backend = Backend(*always(lambda _: status(503)))
    bench = Bench(tmp_path, backend, segment=2**20)
    for minute in range(60):
        bench.put(*names(200, f"m{minute}-"))
        bench.pass_(60)
    backend.script.clear()
    backend.requests.clear()
    bench.pass_(120)
    assert [name for request in backend.requests for name in request] == [
        f"m{minute}-{number}" for minute in range(60) for number in range(200)
    ]
