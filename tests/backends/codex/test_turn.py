"""One turn over a connection whose other end is the test, with a real program in place of the exec-server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.codex.connection import Connection, Refused
from litellm_codex_agent.backends.codex.process import AppServer
from litellm_codex_agent.backends.codex.progress import Progress
from litellm_codex_agent.backends.codex.turn import Turn
from litellm_codex_agent.backends.events import Event, Text, ToolCall, ToolResult
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.spoken import spoken

from ...sandbox.stage import sandbox, workspace
from .playing import Wire, play, until
from .turns import Notification, change, command, ended, message

LONG = 1000.0
CALL = ToolCall("c1", "shell", "echo hi")
START = {"metadata": {"toolCallId": "c1"}, "argv": ["/bin/sh", "-c", "echo hi"]}


@dataclass
class Stage:
    """`told` is what the turn has told; while `reads` is not set, nobody reads it."""

    wire: Wire
    server: AppServer
    most_calls: int
    told: list[Event] = field(default_factory=list)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    turn: Turn = field(init=False)
    playing: asyncio.Future[None] = field(init=False)

    def __post_init__(self) -> None:
        self.turn = Turn(self.server, self.server.child, self.tell, Progress(), self.most_calls, thread="t")
        self.reads.set()
        self.wire.known.add("thread/loaded/list")

    async def tell(self, event: Event) -> None:
        self.told.append(event)
        await self.reads.wait()

    def begin(self, seconds: float = LONG) -> None:
        self.playing = asyncio.ensure_future(self.turn.play({"input": []}, seconds=seconds))

    async def begun(self, seconds: float = LONG) -> None:
        self.begin(seconds)
        await self.answer("turn/start", {"turn": {"id": "u"}})

    async def answer(self, method: str, result: Any) -> dict[str, Any]:
        asked = await self.wire.heard()
        assert asked["method"] == method
        self.wire.say({"id": asked["id"], "result": result})
        return asked

    def say(self, *notifications: Notification, turn: str = "u") -> None:
        for method, params in notifications:
            whose = {"turn": params["turn"] | {"id": turn}} if "turn" in params else {"turnId": turn}
            self.wire.say({"method": method, "params": params | whose})

    async def interrupted(self) -> None:
        asked = await self.answer("turn/interrupt", {})
        assert asked["params"] == {"threadId": "t", "turnId": "u"}
        self.say(ended("interrupted"))


def on(path: Path, scene: Callable[[Stage], Awaitable[Any]], *, most_calls: int = 10) -> Any:
    async def run() -> Any:
        box, wire = sandbox("none"), Wire()
        async with spoken(box, Command(("sleep", "100"), workspace(box, path / "workspace"), 100.0)) as child:
            server = AppServer(Connection(wire), child)
            stage = Stage(wire, server, most_calls)
            try:
                return await scene(stage)
            finally:
                await server.connection.close()

    return play(run)


def test_a_turn_is_told_as_it_comes_and_its_answer_is_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.say(*command("c1", "echo hi", "hi"), *message("m", "All ", "done."), ended())
        await stage.playing
        assert stage.told[:2] == [CALL, ToolResult("c1", True, "hi")]
        assert "".join(each.text for each in stage.told if isinstance(each, Text)) == stage.turn.answer == "All done."
        assert stage.turn.server.usable and not stage.turn.child.exited.done()

    on(tmp_path, scene)


def test_what_another_turn_of_the_thread_tells_is_passed_over(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.say(*message("old", "Late."), ended("failed"), turn="before")
        stage.say(*message("m", "Mine."), ended())
        await stage.playing
        assert (stage.turn.answer, stage.turn.progress.status) == ("Mine.", "completed")

    on(tmp_path, scene)


def test_a_command_at_the_gate_waits_until_its_call_is_read(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.reads.clear()
        held = asyncio.ensure_future(stage.turn.gate("process/start", START))
        await until(lambda: stage.told == [CALL])
        assert not held.done()
        stage.reads.set()
        assert await held is None
        stage.say(*command("c1", "echo hi", "hi"), ended())
        await stage.playing
        assert stage.told == [CALL, ToolResult("c1", True, "hi")]

    on(tmp_path, scene)


def test_a_gate_waits_too_where_the_notification_came_first_and_words_are_before_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.reads.clear()
        begin, end = command("c1", "echo hi", "hi")
        stage.say(*message("m", "I look."), begin)
        await until(lambda: bool(stage.told))
        held = asyncio.ensure_future(stage.turn.gate("process/start", START))
        await asyncio.wait({held}, timeout=0.05)
        assert not held.done() and CALL not in stage.told
        stage.reads.set()
        await held
        assert stage.told.count(CALL) == 1
        stage.say(end, ended())
        await stage.playing

    on(tmp_path, scene)


def test_a_write_without_a_call_is_one_and_a_write_of_a_patch_is_none(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        after = await stage.turn.gate("fs/writeFile", {"path": "file:///w/a"})
        assert after is not None
        await after(False)
        begin, end = change("c2", "/w/b")
        stage.say(begin)
        await until(lambda: stage.turn.progress.acting)
        assert await stage.turn.gate("fs/writeFile", {"path": "file:///w/b"}) is None
        stage.say(end, ended())
        await stage.playing
        ids = [event.id for event in stage.told if isinstance(event, ToolCall | ToolResult)]
        assert stage.told[0] == ToolCall("write_1", "edit", "/w/a") and ids == ["write_1", "write_1", "c2", "c2"]

    on(tmp_path, scene)


def test_a_command_that_has_no_name_of_codex_gets_one(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for params in ({"processId": "p1", "argv": ["ls"]}, {}):
            await stage.turn.gate("process/start", params)
        assert stage.told == [ToolCall("p1", "shell", "ls"), ToolCall("command", "shell")]

    on(tmp_path, scene)


@pytest.mark.parametrize("at_the_gate", [True, False])
def test_a_call_too_many_is_never_told_and_never_done(tmp_path: Path, at_the_gate: bool) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        await stage.turn.gate("process/start", START)
        if not at_the_gate:
            stage.say(*command("p2", "ls"))
            await until(stage.turn.over.done)
        held = asyncio.ensure_future(stage.turn.gate("process/start", {"processId": "p2"}))
        await stage.interrupted()
        await stage.playing
        assert stage.turn.over.result() == "max_tool_calls" and not held.done()
        assert [event.id for event in stage.told if not isinstance(event, Text)] == ["c1", "c1"]
        held.cancel()

    on(tmp_path, scene, most_calls=1)


def test_a_turn_whose_time_is_over_is_stopped_before_its_wall_and_its_late_result_counts(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun(0.1)
        stage.say((begin := command("c1", "echo hi", "hi", code=1))[0])
        asked = await stage.wire.heard()
        assert asked["method"] == "turn/interrupt" and not stage.turn.child.exited.done()
        stage.wire.say({"id": asked["id"], "result": {}})
        stage.say(begin[1], ended("interrupted"))
        await stage.playing
        assert stage.turn.over.result() == "budget" and stage.turn.child.exited.done()
        assert stage.told == [CALL, ToolResult("c1", False, stage.told[1].text)]  # type: ignore[union-attr]
        assert stage.turn.server.usable

    on(tmp_path, scene)


def test_what_has_no_end_when_the_turn_is_stopped_gets_one(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        await stage.turn.gate("process/start", START)
        stage.turn.end("budget"), stage.turn.end("later")
        await stage.interrupted()
        await stage.playing
        assert stage.told == [CALL, ToolResult("c1", False, "It had not ended when the turn did.")]
        assert stage.turn.over.result() == "budget"

    on(tmp_path, scene)


def test_a_cancelled_turn_is_stopped_and_nothing_of_it_waits_any_more(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.reads.clear()
        held = asyncio.ensure_future(stage.turn.gate("process/start", START))
        await until(lambda: stage.told == [CALL])
        stage.playing.cancel()
        await stage.interrupted()
        await asyncio.wait({stage.playing})
        assert stage.playing.cancelled() and stage.turn.child.exited.done()
        late = asyncio.ensure_future(stage.turn.gate("process/start", {"processId": "late"}))
        await asyncio.wait({late}, timeout=0.05)
        assert not late.done() and not held.done() and stage.told == [CALL]
        late.cancel(), held.cancel()

    on(tmp_path, scene)


def test_a_turn_that_begins_when_nobody_wants_it_any_more_is_stopped(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.begin()
        asked = await stage.wire.heard()
        stage.playing.cancel()
        await asyncio.sleep(0)
        stage.wire.say({"id": asked["id"], "result": {"turn": {"id": "u"}}})
        await stage.interrupted()
        await asyncio.wait({stage.playing})
        assert stage.playing.cancelled() and stage.turn.server.usable

    on(tmp_path, scene)


@pytest.mark.parametrize("begun", [True, False])
def test_a_process_that_does_not_become_quiet_is_used_no_more(tmp_path: Path, begun: bool) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun() if begun else stage.begin()
        await asyncio.sleep(0)
        stage.playing.cancel()
        await asyncio.wait({stage.playing})
        assert stage.turn.server.retired and not stage.turn.server.usable and stage.turn.child.exited.done()

    on(tmp_path, scene)


def test_a_process_that_ends_in_mid_turn_is_gone_and_the_wall_with_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.wire.end()
        await stage.playing
        assert stage.turn.lost == "Codex's process has ended."
        assert stage.turn.child.exited.done() and not stage.turn.server.usable

    on(tmp_path, scene)


def test_one_that_has_hardly_begun_and_will_not_be_stopped_is_told_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.turn.end("budget")
        asked = await stage.wire.heard()
        stage.wire.say({"id": asked["id"], "error": {"message": "no active turn to interrupt"}})
        await stage.interrupted()
        await stage.playing
        assert stage.turn.server.usable

    on(tmp_path, scene)


def test_a_process_that_ends_while_its_turn_is_being_stopped_is_waited_for_no_longer(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.turn.end("budget")
        await stage.answer("turn/interrupt", {})
        stage.wire.end()
        await stage.playing
        assert stage.turn.child.exited.done() and not stage.turn.server.usable

    on(tmp_path, scene)


def test_a_turn_that_is_refused_says_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.begin()
        asked = await stage.wire.heard()
        stage.wire.say({"id": asked["id"], "error": {"message": "unknown turn environment id"}})
        with pytest.raises(Refused, match="unknown turn environment id"):
            await stage.playing
        assert stage.turn.server.usable and stage.turn.child.exited.done()

    on(tmp_path, scene)


def test_an_exec_server_that_ends_in_mid_turn_is_not_waited_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begun()
        stage.say(command("c1", "echo hi")[0])
        await until(lambda: stage.told == [CALL])
        await stage.turn.child.bury()
        await stage.interrupted()
        await stage.playing
        assert stage.turn.lost == "What ran Codex's commands has ended." and stage.turn.server.usable
        assert [event.id for event in stage.told if not isinstance(event, Text)] == ["c1", "c1"]

    on(tmp_path, scene)
