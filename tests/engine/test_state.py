"""The state of a run: copies, and edits that belong together."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from wftrace import WorkflowRuntimeError
from wftrace.engine.store import StateStore, new_state


class User(BaseModel):
    name: str = "nobody"
    age: int = 0


class Basket(BaseModel):
    user: User = User()
    items: list[str] = []
    guests: list[User] = []


@dataclass
class Tally:
    count: int = 0
    seen: list[str] = field(default_factory=list)


class Client:
    """Something alive that cannot be copied."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Client:
        raise TypeError("alive")


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(main())


def copies() -> list[Any]:
    nested: dict[str, Any] = {
        "list": [1, [2]],
        "set": {1},
        "deque": deque([[1]]),
        "tuple": ([1],),
        "counter": Counter("aa"),
    }
    return [nested, Basket(guests=[User(name="Ann")]), Tally(3, ["x"])]


@pytest.mark.parametrize("state", copies(), ids=["dict", "model", "dataclass"])
def test_get_state_is_a_copy(state: Any) -> None:
    """Equal, of the same classes, and no container in it is the same."""
    copy = run(StateStore(state).get_state)
    assert copy == state
    assert type(copy) is type(state)
    if isinstance(state, dict):
        assert all(copy[name] is not state[name] for name in state)
        assert copy["list"][1] is not state["list"][1]
        assert copy["deque"][0] is not state["deque"][0]
        assert type(copy["counter"]) is Counter
    elif isinstance(state, Basket):
        assert copy.guests[0] is not state.guests[0]
    else:
        assert copy.seen is not state.seen


def test_a_copy_shares_what_is_no_container() -> None:
    """A client is not copied, and what refers to itself does no harm."""
    client = Client()
    loop: list[Any] = [client]
    loop.append(loop)
    copy = run(StateStore({"client": client, "loop": loop}).get_state)
    assert copy["client"] is client
    assert copy["loop"] is not loop
    assert copy["loop"][1] is copy["loop"]


def test_set_state_replaces_all_of_it_by_a_copy() -> None:
    """What is given may be changed later without effect."""

    async def main() -> None:
        store, given = StateStore(Basket(items=["old"], user=User(name="Ann"))), Basket(items=["new"])
        await store.set_state(given)
        given.items.append("later")
        assert store.state == Basket(items=["new"])
        untyped = StateStore[dict[str, Any]]({"a": 1})
        await untyped.set_state({"b": 2})
        assert untyped.state == {"b": 2}

    run(main)


def test_set_state_of_a_base_class_sets_its_fields() -> None:
    """The others stay."""

    class Named(User):
        title: str = ""

    async def main() -> None:
        store = StateStore[Any](Named(title="Dr"))
        await store.set_state(User(name="Ann", age=3))
        assert store.state == Named(name="Ann", age=3, title="Dr")

    run(main)


@pytest.mark.parametrize("given", [{"user": {}}, User(), 5])
def test_set_state_of_another_class_is_refused(given: Any) -> None:
    """The error names both."""
    with pytest.raises(ValueError, match=f"takes Basket or a base class of it here, not {type(given).__name__}"):
        run(lambda: StateStore[Any](Basket()).set_state(given))


@pytest.mark.parametrize("state", [{"a": 1}, Basket(items=["a"]), Tally(4)], ids=["dict", "model", "dataclass"])
def test_clear_begins_anew(state: Any) -> None:
    """An empty dict, or the defaults."""
    store = StateStore(state)
    run(store.clear)
    assert store.state == new_state(type(state))


def test_edit_state_gives_the_state_itself() -> None:
    """What is changed in it has changed at once."""

    async def main() -> None:
        store = StateStore(Basket())
        async with store.edit_state() as state:
            state.user.name = "Ann"
            assert await store.get("user.name") == "Ann"
        assert state is store.state

    run(main)


async def spoil(store: StateStore[Any]) -> None:
    """Change the state in a block, at its top and deep inside, and raise."""
    async with store.edit_state() as state:
        if isinstance(state, dict):
            state["list"][1].append(3)
            state["new"] = state.pop("set")
            state["new"].add(2)
        elif isinstance(state, Basket):
            state.guests[0].name = "Bob"
            state.items = ["x"]
        else:
            state.seen.append("y")
            state.count += 1
        raise KeyError


@pytest.mark.parametrize("state", copies(), ids=["dict", "model", "dataclass"])
def test_a_block_that_raises_changes_nothing(state: Any) -> None:
    """However deep the change was; the state is still the same object."""

    async def main() -> None:
        store = StateStore(state)
        before = await store.get_state()
        failing = asyncio.create_task(spoil(store))
        await asyncio.wait([failing])
        assert isinstance(failing.exception(), KeyError)
        assert store.state == before
        assert store.state is state

    run(main)


def test_a_cancelled_block_changes_nothing() -> None:
    """The step is gone, and so is what it had half done."""

    async def main() -> None:
        store = StateStore[dict[str, Any]]({"n": 0})

        async def half() -> None:
            async with store.edit_state() as state:
                state["n"] = 1
                await asyncio.Event().wait()

        task = asyncio.create_task(half())
        await asyncio.sleep(0)
        assert store.state == {"n": 1}
        task.cancel()
        await asyncio.wait([task])
        assert store.state == {"n": 0}
        await store.set("n", 2)
        assert store.state == {"n": 2}

    run(main)


def test_edit_state_inside_edit_state_is_refused() -> None:
    """It would wait for itself; the outer block can go on."""

    async def main() -> None:
        store = StateStore[Any]({})
        async with store.edit_state() as state:
            with pytest.raises(WorkflowRuntimeError, match=r"edit_state\(\) inside edit_state\(\)"):
                async with store.edit_state():
                    pass
            state["n"] = 1
        assert store.state == {"n": 1}

    run(main)


def test_edit_state_in_a_task_of_the_block_is_refused() -> None:
    """The block awaits the task and would hang."""

    async def main() -> None:
        store = StateStore[Any]({})

        async def inner() -> None:
            async with store.edit_state():
                pass

        async with store.edit_state():
            with pytest.raises(WorkflowRuntimeError, match="wait for the outer one"):
                await asyncio.create_task(inner())

    run(main)


def test_a_task_of_a_block_may_edit_after_it() -> None:
    """Then it waits its turn like any other, also while somebody else edits who waited for that block."""

    async def main() -> None:
        store, go, order = StateStore[Any]({}), asyncio.Event(), list[str]()

        async def waiting() -> None:
            async with store.edit_state():
                await go.wait()
                await asyncio.sleep(0)
                order.append("waiting")

        async def started_inside() -> None:
            await go.wait()
            async with store.edit_state():
                order.append("started inside")

        other = asyncio.create_task(waiting())
        async with store.edit_state():
            mine = asyncio.create_task(started_inside())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(other, mine)
        assert order == ["waiting", "started inside"]

    run(main)


def test_a_block_leaves_nothing_behind() -> None:
    """Its task has no longer memory afterwards than before."""

    async def main() -> None:
        store = StateStore[Any]({})
        for _ in range(3):
            async with store.edit_state():
                pass
        kept = {variable.name: value for variable, value in copy_context().items()}
        assert kept["wftrace_state_turns"] == ()

    run(main)


def test_set_inside_ones_own_block_works() -> None:
    """So do set_state and clear: the block is theirs too."""

    async def main() -> None:
        store = StateStore[Any]({})
        async with store.edit_state() as state:
            await store.set("a", 1)
            assert state == {"a": 1}
            await store.set_state({"b": 2})
            assert state == {"b": 2}
            await store.clear()
            assert state == {}

    run(main)


@pytest.mark.parametrize(("call", "given"), [("set", ("n", 5)), ("set_state", ({"n": 5},)), ("clear", ())])
def test_whoever_sets_waits_for_the_block_of_another(call: str, given: tuple[Any, ...]) -> None:
    """Else a block that fails would take their change back."""

    async def main() -> None:
        store, begun, go = StateStore[Any]({"n": 0}), asyncio.Event(), asyncio.Event()

        async def fails() -> None:
            async with store.edit_state() as state:
                begun.set()
                await go.wait()
                assert state == {"n": 0}
                raise KeyError

        failing = asyncio.create_task(fails())
        await begun.wait()
        setting = asyncio.create_task(getattr(store, call)(*given))
        await asyncio.sleep(0)
        assert not setting.done()
        go.set()
        await asyncio.wait([failing, setting])
        assert isinstance(failing.exception(), KeyError)
        assert store.state == ({} if call == "clear" else {"n": 5})

    run(main)


def test_two_stores_may_be_edited_at_once() -> None:
    """One inside the other, and each is still known as taken."""

    async def main() -> None:
        first, second = StateStore[Any]({}), StateStore[Any]({})
        async with first.edit_state(), second.edit_state():
            with pytest.raises(WorkflowRuntimeError):
                async with first.edit_state():
                    pass

    run(main)


def test_a_store_outlives_its_event_loop() -> None:
    """A lock that had waiters in one loop, one of them cancelled, does not bind the store to it."""
    store = StateStore[Any]({"n": 0})

    async def add() -> None:
        async with store.edit_state() as state:
            n = state["n"]
            await asyncio.sleep(0)
            state["n"] = n + 1

    async def main() -> None:
        first, second, third = (asyncio.create_task(add()) for _ in range(3))
        await asyncio.sleep(0)
        third.cancel()
        await asyncio.wait([first, second, third])

    run(main)
    run(main)
    assert store.state == {"n": 4}
