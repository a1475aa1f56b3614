"""The app-server's protocol over a pipe whose other end is the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from litellm_codex_agent.backends.codex.connection import MAX_LINE_BYTES, Connection, Gone, Refused, Told

from .playing import Wire, play

Scene = Callable[[Wire, Connection], Awaitable[Any]]


def on(scene: Scene) -> Any:
    async def opened() -> Any:
        wire = Wire()
        connection = Connection(wire)
        try:
            return await scene(wire, connection)
        finally:
            await connection.close()

    return play(opened)


def calling(connection: Connection, method: str, **options: Any) -> asyncio.Future[Any]:
    return asyncio.ensure_future(connection.call(method, {"for": method}, **options))


def told(thread: Any, word: str) -> dict[str, Any]:
    return {"method": "say", "params": {"threadId": thread, "word": word}}


def test_each_call_gets_its_own_answer_in_whatever_order_they_come() -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        calls = {method: calling(connection, method) for method in ("one", "two")}
        asked = [await wire.heard(), await wire.heard()]
        assert [each["params"] for each in asked] == [{"for": "one"}, {"for": "two"}]
        wire.say(*({"id": each["id"], "result": each["method"]} for each in reversed(asked)))
        assert [await each for each in calls.values()] == ["one", "two"]

    on(scene)


@pytest.mark.parametrize("error, sentence", [({"code": -1, "message": "not today"}, "not today"), ("no", "no")])
def test_a_call_that_is_refused_says_why(error: Any, sentence: str) -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        call = calling(connection, "one")
        wire.say({"id": (await wire.heard())["id"], "error": error})
        with pytest.raises(Refused, match=sentence):
            await call

    on(scene)


def test_an_answer_that_nobody_waits_for_is_passed_over() -> None:
    async def scene(wire: Wire, connection: Connection) -> str:
        call = calling(connection, "one")
        id = (await wire.heard())["id"]
        wire.say(*({"id": other, "result": "another's"} for other in (7, None, "x", [id], {})))
        wire.say({"id": id, "result": "first"}, {"id": id, "result": "second"})
        return str(await call)

    assert on(scene) == "first"


def test_whoever_listens_to_a_thread_hears_that_one_alone() -> None:
    async def scene(wire: Wire, connection: Connection) -> list[Told | None]:
        with connection.listening("a") as a, connection.listening("b") as b:
            wire.say(told("b", "1"), told("a", "2"), told("c", "3"), {"method": "say"}, told("a", "4"))
            heard = [await a.get(), await a.get(), await b.get()]
            assert a.empty() and b.empty()
        return heard

    assert [each.params["word"] for each in on(scene)] == ["2", "4", "1"]


def test_what_is_told_after_the_block_is_lost_and_a_new_listener_takes_over() -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        with connection.listening("a") as old:
            with connection.listening("a") as new:
                wire.say(told("a", "1"))
                assert (await new.get()) is not None
            wire.say(told("a", "2"), {"id": 99, "method": "ask"})
            await wire.heard()
            assert old.empty() and new.empty()

    on(scene)


def test_a_request_of_the_other_side_is_refused() -> None:
    async def scene(wire: Wire, connection: Connection) -> dict[str, Any]:
        wire.say({"id": 5, "method": "item/commandExecution/requestApproval", "params": {}})
        return await wire.heard()

    assert (answer := on(scene))["id"] == 5 and answer["error"]["code"] == -32601


def test_a_notification_of_ours_has_no_number() -> None:
    async def scene(wire: Wire, connection: Connection) -> dict[str, Any]:
        await connection.tell("initialized")
        return await wire.heard()

    assert on(scene) == {"method": "initialized"}


@pytest.mark.parametrize("closed", [False, True])
def test_the_end_is_told_to_all_who_wait_and_to_all_who_come_later(closed: bool) -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        call = calling(connection, "one")
        with connection.listening("a") as heard:
            await wire.heard()
            await connection.close() if closed else wire.end()
            assert await heard.get() is None
        with pytest.raises(Gone, match=r"It ended before it answered\."):
            await call
        with pytest.raises(Gone, match=r"It has ended\."):
            await connection.call("two", {})
        with connection.listening("a") as heard:
            assert connection.gone and await heard.get() is None

    on(scene)


def test_a_pipe_that_breaks_is_an_end_with_its_reason() -> None:
    class Broken(Wire):
        async def write(self, data: bytes) -> None:
            if b"error" in data:
                raise ConnectionResetError("reset")
            await super().write(data)

    async def scene() -> None:
        connection = Connection(wire := Broken())
        call = calling(connection, "one")
        await wire.heard()
        wire.say({"id": 5, "method": "ask"})
        with pytest.raises(Gone, match=r"It ended before it answered \(reset\)\."):
            await call

    play(scene)


@pytest.mark.parametrize("noise", [b"", b"{", b"[1]", b"\xff", b"null", b"x" * (MAX_LINE_BYTES + 1)], ids=range(6))
def test_a_line_that_is_no_message_is_passed_over(noise: bytes) -> None:
    async def scene(wire: Wire, connection: Connection) -> Any:
        call = calling(connection, "one")
        wire.say(noise, {"id": (await wire.heard())["id"], "result": "well"})
        return await call

    assert on(scene) == "well"


@pytest.mark.parametrize("reads", [True, False])
def test_a_call_without_an_answer_ends_in_its_time(reads: bool) -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        if not reads:
            wire.room.clear()
        with pytest.raises(Gone, match=r"It did not answer one within 0\.05 s\."):
            await connection.call("one", {}, seconds=0.05)
        wire.say({"id": (await wire.heard())["id"], "result": "late"})
        wire.room.set()
        other = calling(connection, "two")
        wire.say({"id": (await wire.heard())["id"], "result": "well"})
        assert await other == "well"

    on(scene)


def test_a_call_that_is_cancelled_while_the_other_side_ends_leaves_no_failure_behind() -> None:
    async def scene(wire: Wire, connection: Connection) -> None:
        call = calling(connection, "one")
        await wire.heard()
        with connection.listening("a") as heard:
            wire.end()
            # The call has its answer by now, and has not woken up to it.
            assert await heard.get() is None
            call.cancel()
        await asyncio.wait({call})
        assert call.cancelled()

    on(scene)
