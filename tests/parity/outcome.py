"""One call of one row through a real Router, and all that can be seen of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import litellm
from litellm import Router

from .. import answers
from ..endpoint import Endpoint, reply
from ..provider.routers import cooldowns
from .rows import Row

MODES = ("completion", "acompletion", "streaming", "astreaming")
MESSAGES = [{"role": "user", "content": "hi"}]
# Two retries are three requests. Below 1.106 a Router asks without end where a sync stream fails, until it is refused.
ENOUGH_REQUESTS = 12


@dataclass(frozen=True)
class Outcome:
    """What a caller and an operator see."""

    error: str
    status: int | None
    text: str
    reasoning: str
    calls: str
    finish: str | None
    usage: tuple[int, int, int] | None
    requests: int
    cooled: int


@dataclass(frozen=True)
class Way:
    """How to reach the endpoint: by which address, with which parameters of the deployment."""

    url: str = ""
    params: dict[str, Any] = field(default_factory=dict)


DIRECT = Way()


async def outcome(endpoint: Endpoint, provider: str, row: Row, mode: str, way: Way = DIRECT) -> Outcome:
    """Run `row` in `mode` against two deployments of one group, with two retries."""
    act = row.streamed if "stream" in mode else row.whole
    lane = endpoint.lane(*[act] * ENOUGH_REQUESTS, reply(answers.error("enough"), status=400))
    base = lane.base.replace(endpoint.url, way.url or endpoint.url)
    params = {"model": f"{provider}/mini", "api_base": base, "api_key": "sk-parity", **way.params}
    ids = [f"{lane.base}#{n}" for n in range(2)]
    models = [
        {"model_name": "agent", "litellm_params": {**params, "tags": [id]}, "model_info": {"id": id}} for id in ids
    ]
    router = Router(model_list=models, num_retries=2, retry_after=0)
    call: dict[str, Any] = {"model": "agent", "messages": MESSAGES, **row.call}
    if "stream" in mode:
        call.update(stream=True, stream_options={"include_usage": True})
    error, status, seen = "", None, None
    try:
        seen = await _result(router, mode, call)
    except Exception as raised:
        error, status = type(raised).__name__, getattr(raised, "status_code", None)
    cooled = await cooldowns(router).async_get_active_cooldowns(ids, parent_otel_span=None)
    return Outcome(error, status, *_seen(seen), requests=len(lane.asked), cooled=len(cooled))


async def _result(router: Router, mode: str, call: dict[str, Any]) -> Any:
    if mode == "completion":
        return router.completion(**call)
    if mode == "acompletion":
        return await router.acompletion(**call)
    if mode == "streaming":
        return litellm.stream_chunk_builder(list(router.completion(**call)))
    return litellm.stream_chunk_builder([chunk async for chunk in await router.acompletion(**call)])


def _seen(response: Any) -> tuple[Any, ...]:
    if response is None or not response.choices:
        return "", "", "", None, None
    choice = response.choices[0]
    message = choice.message
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    usage = getattr(response, "usage", None)
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) if usage else None
    reasoning = getattr(message, "reasoning_content", None) or ""
    return message.content or "", reasoning, str(calls), choice.finish_reason, counts
