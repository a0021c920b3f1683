"""Paths into a state: what they find, what setting them checks."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from wftrace.engine.store import StateStore


class User(BaseModel):
    name: str = "nobody"
    age: int = Field(default=0, ge=0)


class Basket(BaseModel):
    user: User = User()
    prices: dict[str, float] = {}
    items: list[str] = []
    guests: list[User] = []
    pair: tuple[int, int] = (1, 2)

    @property
    def total(self) -> float:
        return sum(self.prices.values())


@dataclass
class Tally:
    count: int = 0
    seen: list[str] = field(default_factory=list)


def both(store: StateStore[Any], path: str | tuple[str, ...], value: Any) -> Any:
    """Set the value, and get it back."""

    async def main() -> Any:
        await store.set(path, value)
        return await store.get(path)

    return asyncio.run(main())


def got(state: Any, path: str | tuple[str, ...], *default: Any) -> Any:
    return asyncio.run(StateStore(state).get(path, *default))


def test_a_path_goes_through_models_dicts_and_lists() -> None:
    """Each part is a field, a key or an index, from the end too."""
    state = {"basket": Basket(guests=[User(name="Ann")]), "rows": [[1, 2], [3, 4]], "tally": Tally(count=7)}
    assert got(state, "basket.guests.0.name") == "Ann"
    assert got(state, "rows.1.0") == 3
    assert got(state, "rows.-1.-1") == 4
    assert got(state, "basket.pair.1") == 2
    assert got(state, "tally.count") == 7


def test_an_index_that_is_no_number_is_missing() -> None:
    """No list has such a place."""
    assert got({"rows": [1]}, "rows.first", None) is None
    assert got({"rows": [1]}, "rows.-2", None) is None
    assert got({"rows": [1]}, "rows.²", None) is None


@pytest.mark.parametrize(
    ("path", "value"), [("a.b", 1), ("a.b.c", 2), ("x.y", 3), ("x.y.z", 4), (("x", "y"), 5), (("a.b",), 1)]
)
def test_the_longest_key_that_exists_wins(path: str | tuple[str, ...], value: int) -> None:
    """A key with a dot is found before a way into what its first part names; a tuple goes part by part."""
    state = {"a.b": 1, "a": {"b": -1, "b.c": -1}, "a.b.c": 2, "x": {"y": 5}, "x.y": {"z": 4}}
    if path == "x.y":
        state["x.y"] = 3
    assert got(state, path) == value


def test_a_missing_value_without_default_says_what_is_there() -> None:
    """At the top, inside, in a list, and in what has no parts."""
    state = {"user": User(name="Ann"), "rows": [1, 2], "n": 1, "none": None}
    for path, said in [
        (
            "query",
            "the run's state has no 'query' (it has 'user', 'rows', 'n', 'none'); set it first or give a default",
        ),
        ("user.nam", "has no 'user.nam' ('user' has 'name', 'age')"),
        ("rows.2", "has no 'rows.2' ('rows' has 2 items)"),
        ("n.x", "has no 'n.x' ('n' is int, which has no parts)"),
        ("none.x", "'none' is None, which has no parts"),
    ]:
        with pytest.raises(ValueError, match=re.escape(said)):
            got(state, path)


def test_what_has_no_value_gives_the_default() -> None:
    """Also when the way there ends before, and also None."""
    assert got({}, "query", "all") == "all"
    assert got({"a": 1}, "a.b.c", None) is None


def test_methods_and_attributes_of_a_model_are_no_state() -> None:
    """A path reaches fields only."""
    for name in ("copy", "__class__", "total", "model_fields"):
        with pytest.raises(ValueError, match="has no"):
            got(Basket(), name)


def test_setting_makes_dicts_on_the_way() -> None:
    """What is missing becomes a dict in a dict."""
    store = StateStore[Any]({})
    assert both(store, "user.address.city", "Kiel") == "Kiel"
    assert store.state == {"user": {"address": {"city": "Kiel"}}}


def test_setting_by_a_tuple_keeps_dots_in_names() -> None:
    """Each part is one key."""
    store = StateStore[Any]({"files": {}})
    assert both(store, ("files", "a.txt"), 1) == 1
    assert store.state == {"files": {"a.txt": 1}}


def test_setting_an_item_of_a_list() -> None:
    """An existing one; another is refused with what there is."""
    store = StateStore[Any]({"items": ["a", "b"]})
    assert both(store, "items.1", "c") == "c"
    with pytest.raises(ValueError, match=r"'items' has no item '2': it has 2 items; add one inside edit_state\(\)"):
        both(store, "items.2", "d")


def test_setting_below_what_has_no_parts_is_refused() -> None:
    """A number stays a number, a tuple as it is."""
    store = StateStore[Any]({"n": 1, "pair": (1, 2)})
    with pytest.raises(ValueError, match="'n' is int, which has no parts: 'x' cannot be set"):
        both(store, "n.x", 1)
    with pytest.raises(ValueError, match="'pair' is a tuple: it cannot be changed"):
        both(store, "pair.0", 1)
    assert store.state == {"n": 1, "pair": (1, 2)}


def test_a_typed_field_is_validated() -> None:
    """What fits is converted as pydantic does, what does not is refused and nothing changes."""
    store = StateStore(Basket())
    assert both(store, "user.age", "41") == 41
    with pytest.raises(ValueError, match=r"'age' of User cannot be this int: .*greater than or equal to 0"):
        both(store, "user.age", -1)
    assert store.state.user.age == 41


def test_what_lies_inside_a_typed_field_is_validated_with_it() -> None:
    """An item of a dict[str, float] must be a number; the items of models in lists are checked by those models."""
    store = StateStore(Basket(guests=[User()]))
    assert both(store, "prices.apple", "1.5") == 1.5
    assert both(store, "guests.0.name", "Ann") == "Ann"
    with pytest.raises(ValueError, match=r"'prices' of Basket .*prices\.pear: .*valid number"):
        both(store, "prices.pear", "cheap")
    with pytest.raises(ValueError, match="'name' of User"):
        both(store, "guests.0.name", 5)
    assert store.state.prices == {"apple": 1.5}
    assert store.state.guests == [User(name="Ann")]


def test_an_unknown_field_is_refused() -> None:
    """The error names the fields that there are."""
    with pytest.raises(ValueError, match=r"the run's state has no field 'usr': Basket has 'user', .*declare it there"):
        both(StateStore(Basket()), "usr", 1)


def test_a_model_that_allows_extra_fields_takes_them() -> None:
    """As an Event does."""

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    store = StateStore(Open())
    assert both(store, "anything", 1) == 1
    assert both(store, "nested.deep", 2) == 2


def test_a_validator_of_the_whole_model_can_refuse() -> None:
    """The field has its old value then."""

    class Range(BaseModel):
        low: int = 1
        high: int = 2

        @model_validator(mode="after")
        def check(self) -> Range:
            if self.low > self.high:
                raise ValueError("low above high")
            return self

    store = StateStore(Range())
    with pytest.raises(ValueError, match="low above high"):
        both(store, "low", 9)
    assert store.state == Range(low=1, high=2)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_state_is_not_set(frozen: bool) -> None:
    """Neither in a model nor in a dataclass."""

    class Frozen(BaseModel):
        model_config = ConfigDict(frozen=True)
        n: int = 0

    @dataclass(frozen=True)
    class Still:
        n: int = 0

    store = StateStore[Any](Frozen() if frozen else Still())
    with pytest.raises(ValueError, match="is frozen"):
        both(store, "n", 1)
    assert store.state.n == 0


def test_a_dataclass_is_set_without_a_check() -> None:
    """As Python does; unknown fields are refused all the same."""
    store = StateStore(Tally())
    assert both(store, "count", 3) == 3
    with pytest.raises(ValueError, match="Tally has 'count', 'seen'"):
        both(store, "cuont", 3)


@pytest.mark.parametrize("path", ["", ()])
def test_an_empty_path_is_refused(path: str | tuple[str, ...]) -> None:
    """The whole state has methods of its own."""
    with pytest.raises(ValueError, match="at least one name"):
        got({"a": 1}, path)
    with pytest.raises(ValueError, match="at least one name"):
        both(StateStore[Any](Basket()), path, 1)
