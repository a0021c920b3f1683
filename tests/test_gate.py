"""The gate: clean, redacted, bounded, and never an exception."""

from __future__ import annotations

import enum
import json
import math
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wftrace import Event
from wftrace.gate import (
    REDACTED,
    TEXT_LIMIT,
    clean_text,
    clean_value,
    cut_text,
    describe_error,
    is_secret_key,
    payload,
    redact_text,
    safe_text,
    summary,
)

ANY_TEXT = st.text(st.characters(categories=None), max_size=60)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), ANY_TEXT, st.binary(max_size=20), st.just(10**4000)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(ANY_TEXT, inner, max_size=5), st.tuples(inner, inner)
    ),
    max_leaves=20,
)


class NoText:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


class NoItems(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise RuntimeError("no item")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no items")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class NoLength(list[int]):
    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no items")


class NoClass:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


class Colour(enum.IntEnum):
    RED = 1


@dataclass
class Node:
    name: str
    next: Any = None


class Thing(Event):
    text: str


def cycle() -> list[Any]:
    """A list that holds itself."""
    items: list[Any] = []
    items.append({"again": items})
    return items


def bomb() -> list[Any]:
    """A small value with more than 10^20 parts."""
    value: list[Any] = ["x"]
    for _ in range(12):
        value = [value] * 64
    return value


def released() -> memoryview:
    """A memoryview that has nothing to view any more."""
    view = memoryview(b"abc")
    view.release()
    return view


def deep() -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    return value


NASTY: dict[str, Any] = {
    "surrogate": "a\ud800b",
    "controls": "\x00\x1b[31m\x7f\x9b",
    "huge int": 10**5000,
    "minus huge int": -(10**5000),
    "nan": math.nan,
    "infinity": math.inf,
    "bytes": b"\xff\x00",
    "released view": released(),
    "cycle": cycle(),
    "bomb": bomb(),
    "deep": deep(),
    "no text": NoText(),
    "key without text": {NoText(): 1},
    "no items": NoItems(),
    "no length": NoLength([1]),
    "no class": NoClass(),
    "enum": Colour.RED,
    "a class": Thing,
    "mixed list": [1, "a", None, NoText()],
    "event": Thing.model_construct(text="\ud800", extra=cycle()),
    "dataclass": Node("a", Node("b")),
    "exception": ValueError("\ud800"),
    "long": "x" * 10**6,
    "many": {f"key {n}": "value" * 100 for n in range(10_000)},
    "generator": (n for n in range(3)),
}


def is_attribute(value: object) -> bool:
    """Whether a span attribute may hold it: a clean text, bool, 64-bit int, finite float, or a list of one of them."""
    if type(value) is tuple:
        return len({type(item) for item in value}) <= 1 and all(type(i) is not tuple and is_attribute(i) for i in value)
    if type(value) is str:
        value.encode("utf-8")
        return clean_text(value) == value
    if type(value) is int:
        return -(2**63) <= value < 2**63
    return type(value) is bool or (type(value) is float and math.isfinite(value))


@given(ANY_TEXT)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """``clean_text`` is idempotent."""
    assert clean_text(clean_text(text)) == clean_text(text)


@given(ANY_TEXT)
def test_clean_text_is_valid_utf8(text: str) -> None:
    """No lone surrogate is left."""
    clean_text(text).encode("utf-8")


@given(ANY_TEXT)
def test_clean_text_has_no_control_characters(text: str) -> None:
    """Only tab and newline stay."""
    assert not any(unicodedata.category(char) == "Cc" and char not in "\t\n" for char in clean_text(text))


def test_no_character_turns_the_text_around() -> None:
    """Marks that change the direction of writing are replaced: they would hide what is there."""
    marks = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert clean_text(marks) == "\ufffd" * len(marks)


@pytest.mark.parametrize("text", ["", "plain", "tab\tand\nnewline", "ümlaut", "日本語", "🎉", "a\u2028b", "\ufffd"])
def test_good_text_stays(text: str) -> None:
    """Cleaning takes nothing from text that is good."""
    assert clean_text(text) == text


@given(ANY_TEXT)
def test_clean_text_keeps_the_length(text: str) -> None:
    """One for one, so that positions stay."""
    assert len(clean_text(text)) == len(text)


@given(VALUES)
def test_clean_value_returns_only_what_a_span_may_hold(value: object) -> None:
    """Or nothing."""
    clean = clean_value(value)
    assert clean is None or is_attribute(clean)


@pytest.mark.parametrize("name", NASTY)
def test_clean_value_of_something_nasty(name: str) -> None:
    """Or nothing; never an exception."""
    clean = clean_value(NASTY[name])
    assert clean is None or is_attribute(clean)


@pytest.mark.parametrize(
    "value", ["text", True, 0, -(2**63), 2**63 - 1, 0.5, ("a", "b"), (True, False), (1, 2), (0.5, 1.5), ()]
)
def test_clean_value_keeps_what_is_good(value: object) -> None:
    """Same value, same type."""
    clean = clean_value(value)
    assert clean == value
    assert type(clean) is type(value)


def test_numbers_beyond_64_bits_become_text() -> None:
    """With all digits while that is sensible."""
    assert clean_value(2**64) == "18446744073709551616"


def check_payload(made: tuple[str, str], limit: int) -> None:
    """A payload is valid UTF-8, no longer than its limit and its mark, and JSON if it says so."""
    text, mime = made
    text.encode("utf-8")
    assert len(text) <= limit + 40
    if mime == "application/json":
        json.loads(text)
    else:
        assert mime == "text/plain"
        assert text.endswith("characters cut]")


@given(VALUES, st.sampled_from([50, 500, TEXT_LIMIT]))
def test_a_payload_is_bounded_and_valid(value: object, limit: int) -> None:
    """Whatever it is made of."""
    check_payload(payload(value, limit), limit)
    check_payload(summary(value, limit), limit)


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("make", [payload, summary])
def test_a_payload_of_something_nasty(make: Any, name: str) -> None:
    """Bounded and valid; never an exception, never without end."""
    check_payload(make(NASTY[name]), TEXT_LIMIT)


def test_a_payload_is_the_value() -> None:
    """What fits is all there."""
    text, _ = payload({"a": [1, 2.5, None, True], "node": Node("x"), "event": Thing(text="t")})
    assert json.loads(text) == {
        "a": [1, 2.5, None, True],
        "node": {"name": "x", "next": None},
        "event": {"text": "t"},
    }


def test_a_cycle_is_named() -> None:
    """At the place where it closes."""
    assert json.loads(payload(cycle())[0]) == [{"again": "<cycle>"}]


def test_the_same_value_twice_is_no_cycle() -> None:
    """Only what holds itself is one."""
    shared = [1]
    assert json.loads(payload([shared, shared])[0]) == [[1], [1]]


def test_long_lists_say_what_is_missing() -> None:
    """64 items and a word."""
    items = json.loads(payload(list(range(100)))[0])
    assert items == [*range(64), "… 36 more"]


def test_a_redacted_payload_is_still_json() -> None:
    """A secret in a query string does not swallow the quotes behind it."""
    text, mime = payload({"url": "https://x.test/?token=abcdef", "n": 1})
    assert mime == "application/json"
    assert json.loads(text) == {"url": f"https://x.test/?{REDACTED}", "n": 1}


def test_a_summary_has_no_content() -> None:
    """Only names, types and lengths."""
    text, _ = summary({"name": "Alice", "tags": ["a", "b"], "n": 5, "node": Node("Bob")})
    assert json.loads(text) == {
        "name": "str[5]",
        "tags": "list[2]",
        "n": "int",
        "node": {"name": "str[3]", "next": "NoneType"},
    }


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    ("sk-abcdefghijklmnop1234", "sk-abc"),
    ("sk-proj-abc_DEF-1234567890", "sk-proj"),
    ("sk_live_abcdefghij1234567890", "sk_live"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIA"),
    ("ASIAIOSFODNN7EXAMPLE", "ASIA"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_"),
    ("gho_abcdefghijklmnopqrstuvwxyz0123456789", "gho_"),
    ("github_pat_11ABCDEFG0abcdefghijkl_mnopq", "github_pat"),
    ("xoxb-123456789012-abcdefghijkl", "xoxb"),
    ("glpat-abcdefghij0123456789", "glpat"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIza"),
    (JWT, "eyJ"),
    (PEM, "MIIE"),
    (PEM[:60], "MIIE"),
    ("postgres://joe:hunter2@db.test/x", "hunter2"),
    ("redis://:hunter2@cache.test", "hunter2"),
    ("Authorization: Bearer abcdef123456", "abcdef"),
    ("Authorization: Basic am9lOmh1bnRlcjI=", "am9l"),
    ("https://x.test/?a=1&access_token=hunter2", "hunter2"),
    ("https://x.test/?API_KEY=hunter2", "hunter2"),
    ("https://x.test/?X-Amz-Signature=hunter2&b=1", "hunter2"),
    ("host=db user=joe password=hunter2", "hunter2"),
    ("connect(user='joe', password='hunter 2')", "hunter"),
]
LOOK_ALIKES = [
    "sk-learn",
    "a risk-adjusted-return-on-capital",
    "task-0123456789abcdefghij",
    "AKIA",
    "AKIAshortlower",
    "ghp_short",
    "github_pat",
    "xoxb",
    "AIza",
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "https://example.test:8080/path",
    "https://example.test/@user",
    "mail joe@example.test: hello",
    "the bearer of news",
    "https://x.test/?monkey=1&tokens=5&page=2",
    "the password must have 8 characters",
    "sorted(items, key=len)",
    "max_tokens=100",
    "0123456789abcdef0123456789abcdef",
]


@pytest.mark.parametrize(("text", "hidden"), SECRETS)
def test_a_secret_is_redacted(text: str, hidden: str) -> None:
    """Alone and inside a sentence; what stands around it stays."""
    assert hidden not in redact_text(text)
    inside = redact_text(f"before {text}" if text.startswith("-----") else f"before {text} after")
    assert hidden not in inside
    assert inside.startswith("before ")
    assert REDACTED in inside


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_a_look_alike_is_kept(text: str) -> None:
    """Nothing is taken that is no secret."""
    assert redact_text(f"before {text} after") == f"before {text} after"


@pytest.mark.parametrize(
    "key",
    [
        *("password", "db_password", "dbPassword", "PASSWORD2", "passwd", "pwd", "secret", "client_secret", "token"),
        *("access_token", "accessToken", "api_key", "apikey", "x-api-key", "OPENAI_API_KEY", "openaiApiKey", "auth"),
        *("Authorization", "Set-Cookie", "credentials", "aws.secret.access.key", "private-key", "session_key"),
    ],
)
def test_a_key_that_names_a_secret(key: str) -> None:
    """In any way of writing."""
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *("tokenizer", "max_tokens", "token_count", "prompt.token_count", "author", "authority", "secretary", "key"),
        *("keyboard", "monkey", "passage", "cookies_eaten", "password_policy", "auth_method", "topic", "compass", ""),
        *("primary_key", "tokens", "token_limit"),
    ],
)
def test_a_key_that_does_not(key: str) -> None:
    """Words that only look like it."""
    assert not is_secret_key(key)


def test_a_secret_at_the_cut_does_not_slip_through() -> None:
    """Redaction comes before the cut: no half of a secret is left."""
    secret = "sk-abcdefghijklmnop1234"
    for before in range(TEXT_LIMIT - 30, TEXT_LIMIT + 5):
        assert "sk-" not in safe_text("x " * (before // 2) + secret)


def test_a_cut_says_how_much_is_gone() -> None:
    """The true number, also of very long texts."""
    assert safe_text("x" * 100_000, 100) == "x" * 100 + "…[99900 characters cut]"
    assert cut_text("abc", 3) == "abc"


def test_an_exception_is_described() -> None:
    """Cleaned and redacted; also when it has no text."""
    assert describe_error(ValueError("a\x00 sk-abcdefghijklmnop1234")) == f"a\ufffd {REDACTED}"


ADVERSARIAL = {
    "letters": "a",
    "begins": "-----BEGIN PRIVATE KEY----- ",
    "begin words": "-----BEGIN A ",
    "jwt starts": "eyJaaaaaaaa-",
    "jwt dots": "eyJaaaaaaaa.",
    "urls": "://a:",
    "url colons": "://:::::::",
    "keys": "sk-",
    "queries": "?token=",
    "bearers": "Bearer ",
    "passwords": "password='",
    "spaces": " ",
    "camel": "aA",
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_redaction_takes_time_in_proportion(name: str) -> None:
    """Twice the text is not four times the time, however the text is made."""
    unit = ADVERSARIAL[name]

    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            redact_text(text)
            is_secret_key(text)
            best = min(best, time.perf_counter() - start)
        return best

    seconds(1000)
    assert seconds(200_000) / seconds(100_000) < 4
