"""The bridges: `/v1/responses` and `/v1/messages` of a Router, in process, on our chat completions.

Beside us stands `custom_openai/`, which LiteLLM bridges as it does us: `openai/` itself would ask for
/v1/responses, which is another wire. What `custom_openai/` says of our script, we must say.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from litellm import Router

from ..answers import chunks, completion, error, tool_call
from ..endpoint import Act, Endpoint, reply, stream
from .calls import wants_stream

OPENAI_LIKE = "custom_openai"
BRIDGES = ("aresponses", "aanthropic_messages")
# What LiteLLM makes anew for each call, and the names of who was asked.
OWN = (
    "id",
    "item_id",
    "response_id",
    "created_at",
    "completed_at",
    "model",
    "sequence_number",
    "call_id",
    "_hidden_params",
)


def said(message: dict[str, Any], *deltas: dict[str, Any], **fields: Any) -> Act:
    whole, streamed = reply(completion(message, **fields)), stream(*chunks(*(deltas or (message,)), **fields))
    return lambda connection: (streamed if wants_stream(connection.asked) else whole)(connection)


SUCCESSES = {
    "text": said({"content": "Hello there"}, {"content": "Hello"}, {"content": " there"}),
    "tool call": said(
        {"content": None, "tool_calls": [tool_call()]},
        {"tool_calls": [{"index": 0, **tool_call()}]},
        finish="tool_calls",
    ),
    "reasoning": said({"content": "4", "reasoning_content": "2+2"}, {"reasoning_content": "2+2"}, {"content": "4"}),
}


async def ask(endpoint: Endpoint, provider: str, act: Act, bridge: str, streamed: bool) -> tuple[Any, int]:
    """What a caller gets of one call, or the error, and how many requests the endpoint saw."""
    lane = endpoint.lane(act)
    params = {"model": f"{provider}/mini", "api_base": lane.base, "api_key": "sk-bridge"}
    models = [{"model_name": "agent", "litellm_params": {**params, "tags": [str(n)]}} for n in range(2)]
    router = Router(model_list=models, num_retries=2, retry_after=0)
    asked = {"input": "hi"} if bridge == "aresponses" else {"messages": [{"role": "user", "content": "hi"}]}
    try:
        answer = await getattr(router, bridge)(model="agent", max_tokens=99, stream=streamed, **asked)
        seen = [_plain(part) async for part in answer] if streamed else _plain(answer)
    except Exception as raised:
        seen = f"{type(raised).__name__} {getattr(raised, 'status_code', None)}"
    return seen, len(lane.asked)


def _plain(part: Any) -> Any:
    if isinstance(part, bytes):
        part = [json.loads(line[6:]) for line in part.decode().splitlines() if line.startswith("data: ")]
    if hasattr(part, "model_dump"):
        part = part.model_dump(mode="json")
    if isinstance(part, dict):
        return {name: _plain(value) for name, value in part.items() if name not in OWN}
    return [_plain(value) for value in part] if isinstance(part, list) else part


def both(endpoint: Endpoint, act: Act, bridge: str, streamed: bool) -> list[tuple[Any, int]]:
    async def run() -> list[tuple[Any, int]]:
        return [await ask(endpoint, name, act, bridge, streamed) for name in (OPENAI_LIKE, "codex-agent")]

    return asyncio.run(run())


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("bridge", BRIDGES)
@pytest.mark.parametrize("name", SUCCESSES)
def test_a_bridge_tells_what_it_tells_of_an_openai_endpoint(
    endpoint: Endpoint, name: str, bridge: str, streamed: bool
) -> None:
    theirs, ours = both(endpoint, SUCCESSES[name], bridge, streamed)
    assert ours == theirs
    assert ours[1] == 1


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("bridge", BRIDGES)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_bridge_fails_and_retries_as_with_an_openai_endpoint(
    endpoint: Endpoint, status: int, bridge: str, streamed: bool
) -> None:
    theirs, ours = both(endpoint, reply(error("no"), status=status), bridge, streamed)
    assert ours == theirs


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_bridge_tells_the_usage_of_the_endpoint(endpoint: Endpoint, bridge: str, streamed: bool) -> None:
    _, (seen, _) = both(endpoint, SUCCESSES["text"], bridge, streamed)
    assert '"input_tokens": 11' in json.dumps(seen) and '"output_tokens": 7' in json.dumps(seen)
