"""The codec: what goes in comes out."""

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
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr, RootModel

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


class Renamed(BaseModel):
    inner: int = Field(alias="outer")


class Names(RootModel[list[str]]):
    pass


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
@example("\ud800")
@example({"\ud800": ["\udfff"]})
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


class Careful(BaseModel):
    """Says itself what is not to be saved."""

    name: str
    client: Any = Field(default=None, exclude=True)
    _cache: int = PrivateAttr(default=0)


@dataclass
class Tally:
    """Has a field that its constructor does not take."""

    name: str
    count: int = field(init=False, default=0)


class Node(BaseModel):
    """Names itself, as a text."""

    children: list[Node] = []
    made_by: Author | None = None


def test_a_model_may_keep_fields_out() -> None:
    """What it declares with ``exclude=True`` is not saved, whatever it is, and begins with its default."""
    value = Careful(name="a", client=object())
    value._cache = 5
    back = there_and_back(JsonSerializer(types=[Careful]), value)
    assert (back.name, back.client, back._cache) == ("a", None, 0)


def test_a_field_that_the_constructor_does_not_take_comes_back() -> None:
    """A dataclass that counts goes on counting."""
    tally = Tally("a")
    tally.count = 7
    assert there_and_back(JsonSerializer(types=[Tally]), tally) == tally


def test_types_are_known_through_fields_that_name_them_as_text() -> None:
    """Forward references are followed, in circles too."""
    value = Node(children=[Node(), Node(made_by=Author("Ann", (Point(1),)))])
    assert there_and_back(JsonSerializer(types=[Node]), value) == value


def test_as_deep_as_allowed_comes_back() -> None:
    """The deepest value that is written can be read."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = (value,)
    assert there_and_back(JsonSerializer(), value) == value
