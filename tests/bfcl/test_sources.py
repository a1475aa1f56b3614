"""The leaderboard's conversations through our tools over HTTP and MCP: each call once, and the state it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.tools import http, mcp
from litellm_codex_agent.tools.source import Call, Result, Source

from ..soak import size
from .conversations import CATEGORIES, Asked, Conversation, conversations, installed
from .standing import PATIENCE, Classes, classes, prefix
from .world import World, expected, state_of

pytestmark = pytest.mark.skipif(not installed(), reason="bfcl-eval is not installed; `make test-bfcl` brings it")


@pytest.fixture(scope="module")
def served() -> Iterator[Classes]:
    with classes() as found:
        yield found


def opening(served: Classes, kind: str, world: str) -> AbstractAsyncContextManager[Source]:
    if kind == "http":
        base = served.fields(kind, world)["tool_http_base_url"]
        asked = {"headers": {}, "defaults": {}, "origins": [served.url], "run_key": world}
        return http.opened(base, **asked, seconds=PATIENCE)
    servers = served.fields(kind, world)["mcp_servers"]
    return mcp.opened(servers, sandbox=None, workspace=Path(), origins=[served.url], seconds=PATIENCE)


async def played(served: Classes, kind: str, conversation: Conversation, world: str) -> list[list[Result]]:
    """What the calls of each turn came to; a turn is a run, and opens the tools anew."""
    told: list[list[Result]] = []
    for turn in conversation.turns:
        async with opening(served, kind, world) as source:
            calls = [Call(asked.written, prefix(kind) + asked.name, asked.arguments) for asked in turn]
            told.append([await source.call(call, PATIENCE) for call in calls])
    return told


def said(result: Result) -> str:
    """What the tool said, whichever way it was told."""
    return result.error if result.error.startswith("Error during execution") else result.stdout


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("kind", ["http", "mcp"])
def test_a_conversations_calls_leave_the_state_of_the_right_answer(served: Classes, kind: str, category: str) -> None:
    for conversation in islice(conversations(category), size(5, 200)):
        world = f"source-{kind}~{conversation.id}"
        results = asyncio.run(played(served, kind, conversation, world))
        right, state = expected(conversation, f"source_{kind}_{category}")
        found = served.state(world)
        assert [[said(result) for result in turn] for turn in results] == right, conversation.id
        assert found == {"state": state, "said": [text for turn in right for text in turn]}, conversation.id


def test_a_call_too_few_or_too_many_is_another_state() -> None:
    conversation = next(conversations("base"))
    _, state = expected(conversation, "counted")
    calls = [asked for turn in conversation.turns for asked in turn]

    def after(chosen: list[Any]) -> Any:
        world = World(conversation)
        for asked in chosen:
            world.call(asked.name, asked.arguments)
        return state_of(world.instances)

    assert after(calls) == state
    one_more = Asked("touch", {"file_name": "new"}, "")
    assert after(calls[:-2]) != state and after([*calls, one_more]) != state
