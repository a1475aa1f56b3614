"""What the endpoint can do, one named model each: a proxy's deployments are fixed when it boots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..answers import USAGE, chunk, chunks, completion, error, tool_call
from ..endpoint import Act, Connection, Endpoint, Lane, event, hang, reply, stream, stream_then

__all__ = ["COST", "MODELS", "Model", "PRICES", "REFUSALS", "config", "lanes"]

# Longer than any test waits for a client's leaving to be noticed.
HANG_SECONDS = 20.0
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
COST = 0.4321
REFUSALS = (400, 401, 429, 500)


@dataclass(frozen=True)
class Model:
    """The script of its lane, and what its deployment adds."""

    acts: tuple[Act, ...]
    params: dict[str, Any] = field(default_factory=dict)


def _either(whole: Act, streamed: Act) -> Act:
    def act(connection: Connection) -> None:
        asked = connection.asked
        (streamed if asked.body and asked.json.get("stream") else whole)(connection)

    return act


def _says(message: dict[str, Any], *deltas: dict[str, Any], **fields: Any) -> Act:
    return _either(reply(completion(message, **fields)), stream(*chunks(*deltas, **fields)))


def _refuses(status: int) -> Act:
    headers = {"retry-after": "7"} if status == 429 else {}
    return reply(error(f"scripted refusal {status}"), status=status, headers=headers)


_TEXT = _says({"content": "Hello there"}, {"content": "Hello"}, {"content": " there"})
_DEAR = _says({"content": "Hello there"}, {"content": "Hello there"}, usage={**USAGE, "cost": COST})
_TOOLS = _says(
    {"content": None, "tool_calls": [tool_call("look", '{"x":1}')]},
    {"tool_calls": [{"index": 0, **tool_call("look", "")}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
    finish="tool_calls",
)
_REASONING = _says(
    {"content": "4", "reasoning_content": "two and two"},
    {"reasoning_content": "two "},
    {"reasoning_content": "and two"},
    {"content": "4"},
)
_HANGS = _either(hang(HANG_SECONDS), stream_then(hang(HANG_SECONDS), event(chunk({"content": "Hello"}))))


def _health(connection: Connection) -> None:
    known = connection.asked.path.endswith("/models")
    reply({"object": "list", "data": []} if known else error("no such route"), status=200 if known else 404)(connection)


MODELS = {
    "text": Model((_TEXT,)),
    "tools": Model((_TOOLS,)),
    "reasoning": Model((_REASONING,)),
    "priced": Model((_DEAR,), PRICES),
    "reported": Model((_DEAR,)),
    "hanging": Model((_HANGS,)),
    "flaky": Model((_refuses(500), _TEXT), {"num_retries": 2}),
    "ready": Model((reply({"status": "ready"}),)),
    "foreign": Model((_health,)),
    **{f"refuses-{status}": Model((_refuses(status),)) for status in REFUSALS},
}


def lanes(endpoint: Endpoint) -> dict[str, Lane]:
    """A lane for each model."""
    return {name: endpoint.lane(*model.acts) for name, model in MODELS.items()}


def config(lanes: dict[str, Lane], provider: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The config of a proxy whose deployments are these lanes, once for `provider` and once for `openai`."""
    return {
        "model_list": [_deployment(name, lane, provider) for name, lane in lanes.items()]
        + [_deployment(name, lane, "openai", "openai-") for name, lane in lanes.items()],
        "litellm_settings": {"telemetry": False, **settings},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"cancel_on_disconnect": True},
    }


def _deployment(name: str, lane: Lane, provider: str, prefix: str = "") -> dict[str, Any]:
    params = {"model": f"{provider}/mini", "api_base": lane.base, "api_key": "sk-endpoint", **MODELS[name].params}
    return {"model_name": f"{prefix}{name}", "litellm_params": params}
