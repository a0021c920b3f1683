"""The codec: what goes in comes out, only known types come out, and errors say where and what to do."""

from __future__ import annotations

import enum
import json
import math
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, NamedTuple, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, field_validator

from wftrace import ContextSerdeError, Event, StopEvent
from wftrace.engine.codec import ALWAYS, MAX_DEPTH, JsonSerializer
from wftrace.engine.errors import SavedError
from wftrace.engine.events import StepFailedEvent
from wftrace.engine.known_types import Adapter


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Rights(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Mood(enum.StrEnum):
    GOOD = "good"


class Point(NamedTuple):
    x: int
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Author:
    name: str
    points: tuple[Point, ...] = ()
    seen: int = field(init=False, default=0)


class Line(BaseModel):
    text: str
    authors: list[Author] = []
    rights: Annotated[Rights, "who"] = Rights.READ


class Joke(Event):
    lines: dict[str, Optional[Line]] = {}  # noqa: RUF012, UP045  # the old spelling is read too
    mood: Literal[Mood.GOOD] | None = None


class Score(Event):
    value: int

    @field_validator("value")
    @classmethod
    def not_negative(cls, value: int) -> int:
        if value < 0:
            raise ValueError("a score is not negative")
        return value


class Renamed(BaseModel):
    inner: int = Field(alias="outer")


class Names(RootModel[list[str]]):
    pass


class Unknown(BaseModel):
    secret: str = "password"


class Client:
    """None of the kinds that tell their fields."""


def make(cls: Any, **fields: Any) -> Any:
    """An event as code without type checking makes it."""
    return cls(**fields)


JOKES = JsonSerializer(types=[Joke])

json_texts = st.text(st.characters(exclude_categories=()), max_size=5) | st.sampled_from(["$", "v", "set", "dict"])
json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | json_texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(json_texts, inner, max_size=4)
        | st.fixed_dictionaries({"$": json_texts | inner, "v": inner})
    ),
    max_leaves=20,
)
hashable = st.recursive(
    st.none()
    | st.integers()
    | json_texts
    | st.dates()
    | st.decimals(allow_nan=False)
    | st.sampled_from([*Colour, *Mood]),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.builds(Point, st.integers()),
    max_leaves=5,
)


def there_and_back(serializer: JsonSerializer, value: Any) -> Any:
    return serializer.deserialize(serializer.serialize(value))


@given(json_data)
def test_there_and_back_is_identity_for_json_data(value: Any) -> None:
    """Any JSON data comes back as it was, also what looks like an envelope, with nan and half surrogate pairs."""
    assert repr(there_and_back(JsonSerializer(), value)) == repr(value)


@given(st.dictionaries(hashable, hashable | st.sets(hashable, max_size=4), max_size=4))
def test_there_and_back_is_identity_for_known_types(value: Any) -> None:
    """Keys of any kind, nested tuples and sets come back equal and of the same types."""
    back = there_and_back(JOKES, value)
    assert [type(each) for each in back] == [type(each) for each in value]
    assert back == value


@given(json_data)
def test_what_is_written_is_valid_json(value: Any) -> None:
    """The text is UTF-8 and needs no reader that knows NaN."""
    text = JsonSerializer().serialize(value)
    json.loads(text.encode(), parse_constant=pytest.fail)


@given(json_data)
def test_any_json_is_read_or_refused(data: Any) -> None:
    """Hostile data gives a value or a ContextSerdeError, never another error."""
    for prepared in (data, {"$": "dict", "v": data}, {"$": f"{__name__}.Joke", "v": data}, {"$": "path", "v": data}):
        try:
            JOKES.decode(prepared)
        except ContextSerdeError as error:
            assert str(error)  # noqa: PT017  # most data is read


@pytest.mark.parametrize("name", sorted(JOKES._by_name))
@given(data=json_data)
def test_any_content_of_a_known_type_is_read_or_refused(name: str, data: Any) -> None:
    """Whatever stands in an envelope, there is no other error than ContextSerdeError."""
    try:
        JOKES.decode({"$": name, "v": data})
    except ContextSerdeError as error:
        assert str(error)  # noqa: PT017  # some data is read


@pytest.mark.parametrize(
    "value",
    [
        (1, (2, [3])),
        {1, 2},
        frozenset({"a", None}),
        b"\x00\xff",
        bytearray(b"a"),
        date(2026, 2, 3),
        datetime(2026, 2, 3, 4, 5, 6, 7),  # noqa: DTZ001  # local times are kept as such
        datetime(2026, 2, 3, tzinfo=UTC),
        datetime(2026, 2, 3, tzinfo=timezone(timedelta(hours=-3, seconds=1))),
        time(1, 2, tzinfo=UTC),
        timedelta(days=-1, microseconds=3),
        timezone(timedelta(hours=2)),
        Decimal("1.10"),
        complex(1, -0.0),
        UUID(int=7),
        Path("a/b"),
        PurePosixPath("/a"),
        PureWindowsPath("c:/a"),
        deque([1, 2], 3),
        Counter({"a": 2, (1, 2): 1}),
        OrderedDict(b=1, a=2),
        10**400,
        -(2**63) - 1,
        Colour.GREEN,
        Rights.READ | Rights.WRITE,
        Mood.GOOD,
        Point(1, Colour.GREEN),
        Author("Ann", (Point(1),)),
        Line(text="a", authors=[Author("Ann")]),
        make(Joke, **{"lines": {"1": Line(text="b"), "2": None}, "undeclared": {"a": (1, 2)}, "$": 1}),
        StopEvent(result={"line": Line(text="c")}),
        Joke,
        {None: 1, 2: 3, (4, 5): 6, b"7": 8, Colour.RED: 9},
        "a\ud800b",
        "\ud83d\ude00",
        {"\udfff": "\udfff"},
    ],
    ids=repr,
)
def test_comes_back_equal(value: Any) -> None:
    """Each kind of value comes back equal and of its type."""
    back = there_and_back(JOKES, value)
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value) or isinstance(value, set | frozenset)


def test_a_time_zone_and_the_fold_come_back() -> None:
    """A time at the end of summer time stays the second of the two."""
    value = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    back = there_and_back(JsonSerializer(), value)
    assert (back, back.fold, back.tzinfo) == (value, 1, value.tzinfo)


def test_not_a_number_comes_back() -> None:
    """Floats that JSON has not are kept."""
    nan, inf, zero = there_and_back(JsonSerializer(), [math.nan, -math.inf, -0.0])
    assert math.isnan(nan)
    assert inf == -math.inf
    assert math.copysign(1, zero) == -1


def test_a_number_of_any_size_comes_back() -> None:
    """Python's limit on the digits of a text is no limit here."""
    assert there_and_back(JsonSerializer(), -(10**10_000)) == -(10**10_000)


def test_the_same_value_gives_the_same_text() -> None:
    """Sets are written in one order, whatever order they have in memory."""
    texts = {JsonSerializer().serialize({"a": set(order)}) for order in (("x", "y", "zz"), ("zz", "y", "x"))}
    assert texts == {'{"a":{"$":"set","v":["x","y","zz"]}}'}


def test_wftraces_own_events_are_always_known() -> None:
    """No type needs to be given for them."""
    assert [there_and_back(JsonSerializer(), cls) for cls in ALWAYS] == list(ALWAYS)


def test_an_exception_comes_back_as_a_stand_in() -> None:
    """It names the type and the text of the original, and may be saved again."""
    error = there_and_back(JsonSerializer(), there_and_back(JsonSerializer(), {"e": ValueError("bad")}))["e"]
    assert isinstance(error, SavedError)
    assert (error.type_name, error.text, str(error)) == ("builtins.ValueError", "bad", "builtins.ValueError: bad")


def test_an_exception_that_cannot_be_said_is_saved() -> None:
    """An error whose text raises keeps its type."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert there_and_back(JsonSerializer(), Mute()).type_name.endswith("Mute")


def test_the_failure_of_a_step_comes_back() -> None:
    """The event that tells of a failed step holds the stand-in and the event that the step worked on."""
    event = StepFailedEvent(step_name="a", input_event=Joke(mood=Mood.GOOD), exception=KeyError("k"))
    back = there_and_back(JOKES, event)
    assert back.input_event == event.input_event
    assert back.exception.type_name == "builtins.KeyError"


def test_an_alias_is_kept_apart_from_the_name() -> None:
    """A model that takes its field under another name is made by that name."""
    assert there_and_back(JsonSerializer(types=[Renamed]), Renamed(outer=3)).inner == 3


def test_a_root_model_comes_back() -> None:
    """A model of one value is made of that value."""
    assert there_and_back(JsonSerializer(types=[Names]), Names(["a"])) == Names(["a"])


def test_an_adapter_saves_what_nobody_knows() -> None:
    """A type of any kind is saved by what its adapter makes of it."""
    serializer = JsonSerializer(adapters=[Adapter(slice, lambda it: (it.start, it.stop), lambda two: slice(*two))])
    assert there_and_back(serializer, [slice(1, 2)]) == [slice(1, 2)]


def test_more_types_make_a_new_serializer() -> None:
    """``knowing`` leaves the serializer as it is, and gives it back when there is nothing new."""
    base = JsonSerializer()
    assert base.knowing([Joke]).decode({"$": f"{__name__}.Joke", "v": {}}) == Joke()
    assert base.knowing([StopEvent]) is base
    with pytest.raises(ContextSerdeError):
        base.encode(Joke())


def test_an_unknown_type_is_refused_with_place_and_cure() -> None:
    """The error says where the value is, what it is, and what to do."""
    value = {"llm": make(Joke, client=[Unknown()])}
    with pytest.raises(ContextSerdeError) as error:
        JOKES.encode(value, "state")
    assert str(error.value).startswith(f"state['llm'].client[0]: a value of type {__name__}.Unknown cannot be saved")
    assert "JsonSerializer(types=[Unknown])" in str(error.value)
    assert "password" not in str(error.value)


def test_what_could_never_be_known_gets_the_other_cure() -> None:
    """For a class that tells no fields the cure is an adapter."""
    with pytest.raises(ContextSerdeError, match=r"Adapter\(Client, to_json, from_json\)"):
        JOKES.encode({(1, 2): Client()})
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
        JOKES.decode([{"$": "antigravity.Joke", "v": {}}])


def test_a_model_is_validated_when_it_is_read() -> None:
    """Values that the model refuses are refused, and their text is not repeated."""
    with pytest.raises(ContextSerdeError, match=r"ev: no .*Score can be made of this: value: .*not negative") as error:
        JsonSerializer(types=[Score]).decode({"$": f"{__name__}.Score", "v": {"value": -77}}, "ev")
    assert "77" not in str(error.value)


def test_a_dataclass_takes_no_strange_attributes() -> None:
    """Only declared fields are set."""
    with pytest.raises(ContextSerdeError, match="no field '__class__'"):
        JOKES.decode({"$": f"{__name__}.Author", "v": {"name": "a", "__class__": 1}})


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


def test_as_deep_as_allowed_comes_back() -> None:
    """The deepest value that is written can be read."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = (value,)
    assert there_and_back(JsonSerializer(), value) == value


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
