"""What the endpoint can do, one named model each: a proxy's deployments are fixed when it boots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..answers import USAGE, chunk, chunks, completion, error, tool_call
from ..endpoint import Act, Connection, Endpoint, Lane, event, hang, reply, stream, stream_then

__all__ = ["COST", "MODELS", "Model", "PRICED_COST", "RETRIES", "STATUSES", "config", "lanes"]

# Longer than any test waits for a client's leaving to be noticed.
HANG_SECONDS = 20.0
# What the endpoint says its answer cost, and what the deployment's own prices make of the same tokens.
COST = 0.4321
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
PRICED_COST = 0.081
RETRIES = 2
STATUSES = (400, 401, 429, 500)


@dataclass(frozen=True)
class Model:
    """The script of its lane, what its deployments add, and how many they are: between two the Router does not wait."""

    acts: tuple[Act, ...]
    params: dict[str, Any] = field(default_factory=dict)
    deployments: int = 1


def _says(message: dict[str, Any], *deltas: dict[str, Any], **fields: Any) -> Act:
    return _either(reply(completion(message, **fields)), stream(*chunks(*deltas, **fields)))


def _either(whole: Act, streamed: Act) -> Act:
    def act(connection: Connection) -> None:
        asked = connection.asked
        (streamed if asked.body and asked.json.get("stream") else whole)(connection)

    return act


def _refuses(status: int) -> Act:
    headers = {"retry-after": "7"} if status == 429 else {}
    return reply(error(f"scripted refusal {status}"), status=status, headers=headers)


_HELLO = {"content": "Hello"}
_TEXT = _says({"content": "Hello there"}, _HELLO, {"content": " there"})
_DEAR = _says({"content": "Hello there"}, _HELLO, {"content": " there"}, usage={**USAGE, "cost": COST})
_TOOLS = _says(
    {"content": None, "tool_calls": [tool_call("look", '{"x":1}')]},
    {"tool_calls": [{"index": 0, **tool_call("look", "")}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
    finish="tool_calls",
)
_REASONING = _says(
    {"content": "4", "reasoning_content": "two and two"},
    {"reasoning_content": "two "},
    {"reasoning_content": "and two"},
    {"content": "4"},
)
_HANGS = _either(hang(HANG_SECONDS), stream_then(hang(HANG_SECONDS), event(chunk(_HELLO))))
_NO_ROUTE = reply(error("no such route"), status=404)

MODELS = {
    "text": Model((_TEXT,)),
    "tools": Model((_TOOLS,)),
    "reasoning": Model((_REASONING,)),
    "priced": Model((_DEAR,), PRICES),
    "reported": Model((_DEAR,)),
    "hanging": Model((_HANGS,)),
    "flaky": Model((_refuses(500), _TEXT), {"num_retries": RETRIES}, deployments=2),
    "failing": Model((_refuses(500),), deployments=2),
    "ready": Model((reply({"status": "ready"}),)),
    "foreign": Model((_NO_ROUTE, reply({"object": "list", "data": []}))),
    **{f"refuses-{status}": Model((_refuses(status),)) for status in STATUSES},
}


def lanes(endpoint: Endpoint) -> dict[str, Lane]:
    """A lane for each model."""
    return {name: endpoint.lane(*model.acts) for name, model in MODELS.items()}


def config(lanes: dict[str, Lane], provider: str, **settings: Any) -> dict[str, Any]:
    """The config of a proxy with a deployment for each lane, and an `openai/` one beside it to compare with."""
    return {
        "model_list": [
            _deployment(name, lane, maker, number)
            for name, lane in lanes.items()
            for maker in (provider, "openai")
            for number in range(MODELS[name].deployments)
        ],
        # Without this and the flag on each LiteLLM asks an openai/ deployment on another route than ours.
        "litellm_settings": {"use_chat_completions_url_for_anthropic_messages": True, **settings},
        # No cooldowns: the tests of refusals must not close a model to each other.
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"cancel_on_disconnect": True},
    }


def _deployment(name: str, lane: Lane, provider: str, number: int) -> dict[str, Any]:
    params = {"model": f"{provider}/mini", "api_base": lane.base, "api_key": "sk-endpoint", **MODELS[name].params}
    shown = name
    if provider == "openai":
        shown, params["use_chat_completions_api"] = f"openai-{name}", True
    # Two that differ in nothing would be one to the Router, so each has an id of its own.
    return {"model_name": shown, "litellm_params": params, "model_info": {"id": f"{shown}-{number}"}}
