"""Events: fields by name, by position and undeclared, readable as attributes and as items."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from wftrace import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent


class Joke(Event):
    text: str
    score: int = 0


class Critique(StopEvent):
    critique: str


def make(cls: Any, *values: Any, **fields: Any) -> Any:
    """An event as code without type checking makes it."""
    return cls(*values, **fields)


def test_undeclared_fields_are_kept() -> None:
    """A start event takes any field and gives it back as an attribute."""
    assert StartEvent(topic="pirates").topic == "pirates"


def test_missing_field_is_an_attribute_error() -> None:
    """A field that nobody gave is an AttributeError, as for any object."""
    with pytest.raises(AttributeError, match="topic"):
        _ = StartEvent().topic


def test_get_sees_declared_and_undeclared_fields() -> None:
    """``get`` finds every field, and gives the default for the rest."""
    event = make(Joke, text="a", mood="good")
    assert (event.get("text"), event.get("mood"), event.get("nothing", 7)) == ("a", "good", 7)


def test_event_is_a_mapping() -> None:
    """Names, values, length, membership and iteration cover all fields."""
    event = make(Joke, text="a", mood="good")
    assert dict(event.items()) == {"text": "a", "score": 0, "mood": "good"}
    assert list(event) == list(event.keys()) == ["text", "score", "mood"]
    assert len(event) == 3
    assert "mood" in event
    assert event["score"] == 0


def test_an_event_without_fields_is_true() -> None:
    """``if event:`` asks whether there is one, not whether it has fields."""
    assert StartEvent()


def test_fields_by_position() -> None:
    """A subclass's own fields may be given by position, also below StopEvent."""
    assert make(Critique, "dull").critique == "dull"
    assert make(Joke, "a", 3).score == 3


def test_too_many_positions() -> None:
    """More values than fields is a TypeError that counts them."""
    with pytest.raises(TypeError, match="declares 2 fields, but 3 values"):
        make(Joke, "a", 1, 2)


def test_a_field_given_twice() -> None:
    """A field by position and by name is a TypeError that names it."""
    with pytest.raises(TypeError, match="'text' by position and by name"):
        make(Joke, "a", text="b")


def test_human_events_have_the_known_fields() -> None:
    """Questions have a prefix, answers a response."""
    assert InputRequiredEvent(prefix="?").prefix == "?"
    assert HumanResponseEvent(response="42").response == "42"


class Counted(BaseModel):
    """A class beside Event with a constructor of its own."""

    made: ClassVar[int] = 0

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        type(self).made += 1


class Both(Event, Counted):
    """Both constructors have to run."""

    n: int


def test_the_constructor_of_a_class_beside_event_is_called() -> None:
    """Events may share their constructor with other models."""
    assert Both(n=3).n == 3
    assert Both.made == 1


def test_an_event_with_a_constructor_of_its_own_goes_through_it() -> None:
    """A user's ``__init__`` sees the fields and hands them on."""

    class Doubled(Event):
        n: int

        def __init__(self, n: int) -> None:
            super().__init__(n=2 * n)

    assert Doubled(3).n == 6
