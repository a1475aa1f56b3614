"""The bridge: a real client on loopback, a real program behind it, and the gate between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from litellm_codex_agent.backends.codex.bridge import After, Bridge, Environment
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.spoken import Spoken, spoken

from ...sandbox.stage import sandbox, workspace
from .playing import bounded, play, until

# It says each line again; `fail` is answered by an error, `cut` by a line that is too long, `end` ends it.
SERVER = """
import json, sys
for line in sys.stdin:
    try:
        asked = json.loads(line)
    except ValueError:
        asked = {}
    asked = asked if isinstance(asked, dict) else {}
    method = asked.get("method")
    if method == "cut":
        print("x" * (64 * 2**20 + 1))
    elif method == "end":
        break
    if "id" in asked:
        print(json.dumps({"id": asked["id"], "error" if asked.get("fail") else "result": line.strip()}))
    else:
        print(json.dumps({"id": [], "said": line.strip()}))
    sys.stdout.flush()
"""


@dataclass
class Gatekeeper:
    """Holds each act until `open` is set, and keeps what came of it."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    after: list[bool] = field(default_factory=list)
    tells: bool = True

    async def __call__(self, method: str, params: Mapping[str, Any]) -> After | None:
        self.held.append((method, params))
        await self.open.wait()
        return self._after if self.tells else None

    async def _after(self, ok: bool) -> None:
        self.after.append(ok)


@dataclass
class Stage:
    environment: Environment
    child: Spoken
    gate: Gatekeeper

    def connected(self, token: str = "", url: str = "") -> connect:
        headers = {"Authorization": f"Bearer {token or self.environment.token}"}
        return connect(url or self.environment.url, additional_headers=headers, proxy=None, max_size=None)


async def ask(client: ClientConnection, message: Mapping[str, Any] | str) -> None:
    await client.send(message if isinstance(message, str) else json.dumps(message))


async def answered(client: ClientConnection) -> Any:
    return json.loads(await client.recv())


def on(path: Path, scene: Callable[[Stage, Bridge], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        box = sandbox("none")
        command = Command((box.python, "-c", SERVER), workspace(box, path / "workspace"), 100.0)
        async with Bridge().serving() as bridge, spoken(box, command) as child:
            gate = Gatekeeper()
            with bridge.environment(child, gate) as environment:
                return await scene(Stage(environment, child, gate), bridge)

    return play(run)


def test_lines_go_to_the_program_and_back(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        async with stage.connected() as client:
            await ask(client, '{"id": 1,\n"method": "initialize"}')
            assert await answered(client) == {"id": 1, "result": '{"id": 1, "method": "initialize"}'}
            await client.send(b'{"method": "initialized"}')
            assert (await answered(client))["said"] == '{"method": "initialized"}'
        assert stage.gate.held == []

    on(tmp_path, scene)


@pytest.mark.parametrize("token, path", [("wrong", ""), ("w\xf6rong", ""), ("", "/env-other"), ("", "?x")])
def test_nobody_comes_in_without_the_token_of_this_way(tmp_path: Path, token: str, path: str) -> None:
    async def scene(stage: Stage, _: Bridge) -> int:
        url = stage.environment.url + path if path else ""
        with pytest.raises(InvalidStatus) as refused:
            async with stage.connected(token, url):
                pass
        return refused.value.response.status_code

    assert on(tmp_path, scene) == 401


def test_a_second_one_is_refused_even_when_the_first_has_left(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> list[int]:
        refused = []
        async with stage.connected():
            for _ in range(2):
                with pytest.raises(InvalidStatus) as refusal:
                    await stage.connected()
                refused.append(refusal.value.response.status_code)
        return refused

    assert on(tmp_path, scene) == [409, 409]


@pytest.mark.parametrize("method", ["process/start", "fs/writeFile", "fs/remove", "fs/somethingNew"])
@pytest.mark.parametrize("fail", [False, True])
def test_an_act_waits_at_the_gate_and_its_answer_is_told_there(tmp_path: Path, method: str, fail: bool) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        async with stage.connected() as client:
            await ask(client, {"id": "a", "method": method, "params": {"path": "x"}, "fail": fail})
            await until(lambda: stage.gate.held == [(method, {"path": "x"})])
            silent = asyncio.ensure_future(client.recv())
            await asyncio.wait({silent}, timeout=0.1)
            assert not silent.done()
            stage.gate.open.set()
            assert ("error" in json.loads(await silent)) is fail
        assert stage.gate.after == [not fail]

    on(tmp_path, scene)


@pytest.mark.parametrize("method", ["fs/readFile", "fs/getMetadata", "process/write", "process/terminate"])
def test_a_look_and_what_goes_on_with_an_act_pass_the_gate(tmp_path: Path, method: str) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        async with stage.connected() as client:
            await ask(client, {"id": 1, "method": method})
            assert (await answered(client))["id"] == 1
        assert stage.gate.held == []

    on(tmp_path, scene)


@pytest.mark.parametrize("noise", ["{", "[]", "null", '{"id": 1}', '{"method": "process/start", "params": []}'])
def test_what_cannot_be_read_counts_as_an_act(tmp_path: Path, noise: str) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        stage.gate.open.set()
        stage.gate.tells = '"id"' in noise
        async with stage.connected() as client:
            await ask(client, noise)
            await client.recv()
        assert [params for _, params in stage.gate.held] == [{}]

    on(tmp_path, scene)


def test_an_act_without_a_number_is_answered_by_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        stage.gate.open.set()
        async with stage.connected() as client:
            await ask(client, {"method": "process/start"})
            await ask(client, {"id": 1, "method": "fs/writeFile"})
            assert [(await answered(client))["id"] for _ in range(2)] == [[], 1]
        assert stage.gate.after == [True]

    on(tmp_path, scene)


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> Any:
        async with stage.connected() as client:
            await ask(client, {"id": 1, "method": "cut"})
            return (await answered(client))["id"]

    assert on(tmp_path, scene) == 1


async def silence(client: ClientConnection) -> None:
    """It is open, and whatever it is asked, it says nothing."""
    await ask(client, {"id": 9, "method": "process/start"})
    hearing = asyncio.ensure_future(client.recv())
    await asyncio.wait({hearing}, timeout=0.1)
    assert not hearing.done()
    hearing.cancel()
    await asyncio.wait({hearing})
    await (await client.ping())


def test_when_the_program_has_ended_there_is_silence(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        async with stage.connected() as client:
            await ask(client, {"method": "end"})
            await stage.child.exited
            await silence(client)

    on(tmp_path, scene)


@pytest.mark.parametrize("held", [False, True])
def test_when_the_run_has_ended_there_is_silence_though_its_program_lives(tmp_path: Path, held: bool) -> None:
    async def scene(stage: Stage, bridge: Bridge) -> None:
        gate = Gatekeeper()
        with bridge.environment(stage.child, gate) as environment:
            other = Stage(environment, stage.child, gate)
            client = await other.connected()
            if held:
                await ask(client, {"id": 1, "method": "process/start"})
                await until(lambda: len(gate.held) == 1)
        await asyncio.sleep(0)
        gate.open.set()
        await silence(client)
        with pytest.raises(InvalidStatus):
            await other.connected()
        assert len(gate.held) == held
        await client.close()

    on(tmp_path, scene)


def test_a_client_that_is_torn_away_leaves_no_failure_behind(tmp_path: Path) -> None:
    async def scene(stage: Stage, _: Bridge) -> None:
        client = await stage.connected()
        await ask(client, {"id": 1, "method": "look"})
        await client.recv()
        client.transport.abort()
        with pytest.raises(ConnectionClosed):
            await client.recv()

    on(tmp_path, scene)


def test_a_bridge_that_closes_ends_what_is_silent(tmp_path: Path) -> None:
    async def run() -> None:
        box = sandbox("none")
        command = Command((box.python, "-c", SERVER), workspace(box, tmp_path / "workspace"), 100.0)
        async with Bridge().serving() as bridge, spoken(box, command) as child:
            with bridge.environment(child, gate := Gatekeeper()) as environment:
                client = await Stage(environment, child, gate).connected()
        with pytest.raises(ConnectionClosed):
            await bounded(client.recv())

    play(run)
