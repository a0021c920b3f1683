"""What the codec refuses: types that it does not know, data that somebody has tampered with, what has no end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from wftrace import ContextSerdeError, Event
from wftrace.engine.codec import MAX_DEPTH, JsonSerializer


class Line(BaseModel):
    text: str


class Joke(Event):
    lines: dict[str, Line | None] = {}  # noqa: RUF012  # pydantic copies it


@dataclass(frozen=True)
class Author:
    name: str


class Score(Event):
    value: int

    @field_validator("value")
    @classmethod
    def not_negative(cls, value: int) -> int:
        if value < 0:
            raise ValueError("a score is not negative")
        return value


class Unknown(BaseModel):
    secret: str = "password"


class Client:
    """None of the kinds that tell their fields."""


def make(cls: Any, **fields: Any) -> Any:
    """An event as code without type checking makes it."""
    return cls(**fields)


KNOWN = JsonSerializer(types=[Joke, Author, Score])


def test_an_unknown_type_is_refused_with_place_and_cure() -> None:
    """The error says where the value is, what it is, and what to do."""
    value = {"llm": make(Joke, client=[Unknown()])}
    with pytest.raises(ContextSerdeError) as error:
        KNOWN.encode(value, "state")
    assert str(error.value).startswith(f"state['llm'].client[0]: a value of type {__name__}.Unknown cannot be saved")
    assert "JsonSerializer(types=[Unknown])" in str(error.value)
    assert "password" not in str(error.value)


def test_what_could_never_be_known_gets_the_other_cure() -> None:
    """For a class that tells no fields the cure is an adapter."""
    with pytest.raises(ContextSerdeError, match=r"Adapter\(Client, to_json, from_json\)"):
        KNOWN.encode({(1, 2): Client()})
    with pytest.raises(ContextSerdeError, match=r"Client cannot be saved.*Adapter\(Client, to_json, from_json\)"):
        JsonSerializer(types=[Client])


@pytest.mark.parametrize("value", [type("Text", (str,), {})("a"), type("Rows", (dict,), {})(), type("N", (int,), {})()])
def test_subclasses_of_json_types_are_refused(value: Any) -> None:
    """They would come back as something else."""
    with pytest.raises(ContextSerdeError, match="cannot be saved"):
        JsonSerializer().encode(value)


def test_an_unknown_type_in_data_is_refused() -> None:
    """A type's name is looked up and never imported, though it could be."""
    with pytest.raises(ContextSerdeError, match=r"\[0\]: the type 'antigravity.Joke' is not known; here .*Joke'"):
        KNOWN.decode([{"$": "antigravity.Joke", "v": {}}])


def test_a_model_is_validated_when_it_is_read() -> None:
    """Values that the model refuses are refused, and their text is not repeated."""
    with pytest.raises(ContextSerdeError, match=r"ev: no .*Score can be made of this: value: .*not negative") as error:
        JsonSerializer(types=[Score]).decode({"$": f"{__name__}.Score", "v": {"value": -77}}, "ev")
    assert "77" not in str(error.value)


def test_a_dataclass_takes_no_strange_attributes() -> None:
    """Only declared fields are set."""
    with pytest.raises(ContextSerdeError, match="no field '__class__'"):
        KNOWN.decode({"$": f"{__name__}.Author", "v": {"name": "a", "__class__": 1}})


def test_two_classes_of_one_name_are_refused() -> None:
    """Saved data could not tell them apart."""

    def make() -> type[Event]:
        class Twin(Event):
            pass

        return Twin

    with pytest.raises(ContextSerdeError, match=r"two different classes are called '.*Twin'"):
        JsonSerializer(types=[make(), make()])


def test_what_contains_itself_is_refused() -> None:
    """A cycle is named by its place."""
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)
    with pytest.raises(ContextSerdeError, match=r"state\['a'\]\[0\]: this dict contains itself"):
        JsonSerializer().encode(value, "state")


def test_what_is_only_shared_is_written_twice() -> None:
    """The same list in two places is no cycle."""
    shared = [1]
    assert JsonSerializer().encode([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_too_deep_is_refused_both_ways(depth: int) -> None:
    """Deep values are an error that says so, whatever Python's recursion limit is."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    serializer = JsonSerializer()
    for call in (serializer.encode, serializer.decode):
        with pytest.raises(ContextSerdeError, match="deep"):
            call(value)
    with pytest.raises(ContextSerdeError):
        serializer.deserialize("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "9" * 5000,
        '{"$":"set"}',
        '{"$":1,"v":2}',
        '{"$":"set","v":[[]]}',
        '{"$":"dict","v":[[1]]}',
        b"\xff",
    ],
)
def test_damaged_text_is_refused(text: Any) -> None:
    """It is a ContextSerdeError that says what is wrong."""
    with pytest.raises(ContextSerdeError, match=r"it is not JSON|must|can be made|is no saved"):
        JsonSerializer().deserialize(text)
