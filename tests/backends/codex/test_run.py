"""Runs of a stand-in for Codex: what it is told, what each of its ends is to a client, and what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.budget import Budgets
from litellm_codex_agent.agent.setup import Setup, setup
from litellm_codex_agent.backends.backend import NotReady, Task
from litellm_codex_agent.backends.codex import kit as kits
from litellm_codex_agent.backends.codex.binary import Binary
from litellm_codex_agent.backends.codex.codex import Codex
from litellm_codex_agent.backends.codex.pool import Pool
from litellm_codex_agent.backends.codex.process import AppServer, Recipe, running
from litellm_codex_agent.backends.events import Done, Event, Text, Usage
from litellm_codex_agent.backends.parameters import RefusedParameter
from litellm_codex_agent.settings import ServerSettings, server

from ...sandbox.stage import workspace
from .app_server import asked, stub
from .playing import play

ASK = [{"role": "user", "content": "Say it."}]
KEY = {"CODEX_AGENT_UPSTREAM": "http://127.0.0.1:9/v1", "CODEX_AGENT_UPSTREAM_KEY": "sk-test"}


def config(path: Path, **variables: str) -> ServerSettings:
    own = {"CODEX_AGENT_STATE": str(path / "state"), "CODEX_AGENT_SANDBOX": "none"}
    return server({**own, "CODEX_AGENT_CODEX": "sh", **variables})


async def set_up(config: ServerSettings) -> Setup:
    return await setup(config.mini, config.state, max_seconds=60.0)


def codex(path: Path, given: Setup, **variables: str) -> Codex:
    """With the stand-in in place of the program that the settings name."""
    settings = config(path, **KEY, **variables)

    @asynccontextmanager
    async def equip() -> AsyncIterator[kits.Kit]:
        async with kits.opened(settings.coding, settings.state, given, keep_days=1.0) as kit:
            recipe = Recipe(Binary(stub(path)), kit.sandbox)
            home = workspace(kit.sandbox, path / "home")
            pool: Pool[AppServer] = Pool(
                lambda tenant: running(recipe, home / tenant), lambda each: each.usable, most=2, idle_seconds=60.0
            )
            yield replace(kit, binary=recipe.binary, pool=pool)
            await pool.close()

    return Codex(equip)


def on(path: Path, scene: Callable[[Codex], Awaitable[Any]], **variables: str) -> Any:
    async def opened() -> Any:
        given = await set_up(config(path))
        assert given.sandbox is not None
        workspace(given.sandbox, path)
        backend = codex(path, given, **variables)
        async with backend.opened():
            return await scene(backend)

    return play(opened)


async def ran(backend: Codex, model: str = "m", **fields: Any) -> tuple[list[Event], Done]:
    *events, done = [event async for event in backend.answer(Task("run", model, ASK, tenant="a", **fields))]
    assert isinstance(done, Done)
    return events, done


def test_a_run_is_answered_and_its_thread_is_forgotten(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        events, done = await ran(backend)
        assert events == [Text("Said.")] and (done.stopped_reason, done.failure) == ("success", None)
        backend.check("")
        assert backend.models() == ["codex"] and backend.wall.level == "none"

    on(tmp_path, scene)
    assert asked(tmp_path, "thread/delete") == [{"threadId": "thread-0001"}]
    assert not list((tmp_path / "state" / "codex").rglob("*"))


def test_a_session_is_found_in_its_process_and_taken_up_by_the_next_one(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        for _ in range(2):
            await ran(backend, session="chat")
        assert len(asked(tmp_path, "thread/start")) == 1 and not asked(tmp_path, "thread/resume")

    on(tmp_path, scene)

    async def later(backend: Codex) -> None:
        await ran(backend, session="chat")

    on(tmp_path, later)
    assert [each["threadId"] for each in asked(tmp_path, "thread/resume")] == ["thread-0001"]
    assert asked(tmp_path, "thread/delete") == []


def test_a_session_that_codex_knows_no_more_begins_anew_with_the_next_request(tmp_path: Path) -> None:
    async def first(backend: Codex) -> None:
        await ran(backend, session="chat")

    async def later(backend: Codex) -> None:
        _, done = await ran(backend, "refuse:thread/resume", session="chat")
        assert done.failure is not None and done.failure.status == 502
        assert done.failure.message.startswith("Codex knows this session's conversation no more: not today.")
        assert (await ran(backend, session="chat"))[1].failure is None

    on(tmp_path, first)
    on(tmp_path, later)
    assert len(asked(tmp_path, "thread/start")) == 2


@pytest.mark.parametrize(
    "model, status, code, sentence",
    [
        ("refuse:thread/start", 502, "agent_failed", "not today"),
        ("refuse:turn/start", 502, "agent_failed", "not today"),
        ("die:turn/start", 502, "agent_failed", "It ended before it answered. It said last: out of luck"),
    ],
)
def test_what_codex_does_not_do_is_a_failure_with_its_words(
    tmp_path: Path, model: str, status: int, code: str, sentence: str
) -> None:
    async def scene(backend: Codex) -> None:
        _, done = await ran(backend, model)
        assert done.stopped_reason == "model_error" and done.failure is not None
        assert (done.failure.status, done.failure.code, done.failure.message) == (status, code, sentence)
        # And the next one is served, by the same process or by a new one.
        assert (await ran(backend))[1].failure is None
        assert backend._kit is not None and backend._kit.relay._seats._by_digest == {}

    on(tmp_path, scene)


@pytest.mark.parametrize(
    "fields, status, code",
    [
        ({"options": {"permissions": "full"}}, 400, "unsupported_parameter"),
        ({"options": {"workspace": "/no/such/place"}}, 400, "tools_unavailable"),
        ({"parameters": {"response_format": {"type": "json_object"}}}, 502, "answer_unfit"),
    ],
)
def test_what_cannot_be_given_is_a_failure_of_the_run(
    tmp_path: Path, fields: dict[str, Any], status: int, code: str
) -> None:
    async def scene(backend: Codex) -> None:
        _, done = await ran(backend, **fields)
        assert done.failure is not None and (done.failure.status, done.failure.code) == (status, code)

    on(tmp_path, scene)


def test_what_no_run_could_honour_is_refused_before_there_is_one(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        backend.look(ASK, {}, {})
        for messages, options in ((ASK, {"permissions": "full"}), (ASK[:0], {})):
            with pytest.raises(RefusedParameter):
                backend.look(messages, {}, options)

    on(tmp_path, scene)


def test_a_state_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        (tmp_path / "state" / "codex").mkdir(parents=True)
        (tmp_path / "state" / "codex" / "sessions").write_text("a file")
        _, done = await ran(backend, session="chat")
        assert done.failure is not None and done.failure.status == 503
        assert done.failure.message == "Codex cannot be started: File exists."

    on(tmp_path, scene)


def test_a_program_that_is_no_codex_is_told_with_its_last_words(tmp_path: Path) -> None:
    async def scene() -> None:
        settings = config(tmp_path, **KEY)
        given = await set_up(settings)
        backend = Codex(lambda: kits.opened(settings.coding, settings.state, given, keep_days=1.0))
        async with backend.opened():
            _, done = await ran(backend)
        assert done.failure is not None and (done.failure.status, done.failure.code) == (503, "not_ready")
        assert done.failure.message.startswith("Codex's app-server does not start: ")
        assert "app-server" in done.failure.message.partition("It said last: ")[2]

    play(scene)


@pytest.mark.parametrize(
    "variables, sentence",
    [
        ({"CODEX_AGENT_CODEX": "no-such-codex"}, "There is no program 'no-such-codex'"),
        ({"CODEX_AGENT_UPSTREAM_KEY": ""}, "It has no key for http://127.0.0.1:9/v1. Set CODEX_AGENT_UPSTREAM_KEY"),
        ({"CODEX_AGENT_PRICES": "/no/prices.json"}, "The file of prices /no/prices.json cannot be read"),
    ],
)
def test_without_what_it_needs_it_says_why_and_the_rest_works(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    async def scene() -> None:
        settings = config(tmp_path, **{**KEY, **variables})
        given = await set_up(settings)
        backend = Codex(lambda: kits.opened(settings.coding, settings.state, given, keep_days=1.0))
        async with backend.opened():
            with pytest.raises(NotReady, match=f"^{sentence}"):
                backend.check("")
            assert backend.wall.level is None and backend.wall.reason.startswith(sentence)
        with pytest.raises(NotReady, match="It is not open yet"):
            backend.check("")

    play(scene)


def test_without_a_wall_it_is_not_ready(tmp_path: Path) -> None:
    async def scene() -> None:
        settings = config(tmp_path, **KEY)
        given = replace(await set_up(settings), sandbox=None, no_sandbox="Nothing works here.")
        with pytest.raises(NotReady, match="Nothing works here"):
            async with kits.opened(settings.coding, settings.state, given, keep_days=1.0):
                pass

    play(scene)


def test_a_login_of_the_operators_needs_no_key_and_its_home_is_left_as_it_is(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        kit = backend._kit
        assert kit is not None and kit.upstream is None and isinstance(kit.budgets, Budgets)
        done = (await ran(backend))[1]
        # As Codex counts, from nothing.
        assert (done.failure, done.usage) == (None, Usage(5, 2))

    on(tmp_path, scene, CODEX_AGENT_CODEX_HOME=str(tmp_path / "login"))
    config_given = asked(tmp_path, "thread/start")[0]["config"]
    assert "model_provider" not in config_given and not (tmp_path / "login").exists()


def test_a_run_that_is_left_is_cancelled_with_all_that_it_has(tmp_path: Path) -> None:
    async def scene(backend: Codex) -> None:
        events = backend.answer(Task("run", "m", ASK, tenant="a"))
        assert await events.__anext__() == Text("Said.")
        await asyncio.wait_for(events.aclose(), 20)
        assert (await ran(backend))[1].failure is None

    on(tmp_path, scene)


def test_a_process_forgets_what_it_was_told_to_before_it_ends(tmp_path: Path) -> None:
    async def scene() -> None:
        given = await set_up(config(tmp_path))
        assert given.sandbox is not None
        home = workspace(given.sandbox, tmp_path) / "home"
        async with running(Recipe(Binary(stub(tmp_path)), given.sandbox), home) as process:
            process.forget("thread-0001")
        assert asked(tmp_path, "thread/delete") == [{"threadId": "thread-0001"}]
        assert not process.usable

    play(scene)
