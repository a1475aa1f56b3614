"""What came back, as LiteLLM's own types: whole replies, chunks, usage, cost, headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import litellm
from litellm.litellm_core_utils.core_helpers import process_response_headers
from litellm.types.utils import ModelResponse, ModelResponseStream, Usage

from ..errors import BrokenReply, Refusal, Refused
from ..wire.chat import read_refusal, read_reply
from ..wire.dialects import settled
from .request import NAMES, Request

__all__ = ["checked", "chunk_of", "headers_of", "log_request", "reply_of"]

# What an agent server says of a run beside its answer.
AGENT = "codex_agent"
# The deployment's own prices. LiteLLM lets a cost that we pass on override them, so none is passed on beside them.
_PRICE_MARKS = ("cost_per_token", "cost_per_second", "cost_per_character", "cost_per_query", "cost_per_pixel")


def checked(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """`body`, if the status says that it is a reply."""
    if 200 <= status < 300:
        return body
    refusal = read_refusal(status, body)
    if 300 <= status < 400:
        raise Refused(_redirect(refusal.message, headers), status=status, headers=headers)
    raise Refused(refusal, status=status, headers=headers)


def reply_of(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> ModelResponse:
    """A `ModelResponse` under the requested name, with the endpoint's name and headers in the hidden parameters."""
    _log_reply(request, body)
    reply = settled(read_reply(checked(status, headers, body)))
    cost = _reported_cost(request, reply.get("usage"))
    try:
        response = ModelResponse(**{**reply, "usage": _usage(reply.get("usage") or {}, cost)})
    except (TypeError, ValueError, AttributeError) as error:
        raise BrokenReply(f"The endpoint's reply is not a chat completion: {error}.") from error
    upstream, response.model = response.model, request.model
    response._response_headers = dict(headers)
    response._hidden_params.update(
        {"additional_headers": headers_of(headers), "upstream_model": upstream},
    )
    if cost is not None:
        response._hidden_params["response_cost"] = cost
    return response


def chunk_of(request: Request, chunk: Mapping[str, Any]) -> ModelResponseStream:
    """A `ModelResponseStream` under the requested name."""
    fields = {key: value for key, value in chunk.items() if value is not None}
    fields["model"] = request.model
    if AGENT in fields:
        fields["choices"] = [_with_agent(choice, fields[AGENT]) for choice in fields["choices"]]
    try:
        if "usage" in fields:
            fields["usage"] = _usage(fields["usage"], _reported_cost(request, fields["usage"]))
        return request.stamp.made(fields)
    except (TypeError, ValueError, AttributeError) as error:
        raise BrokenReply(f"A chunk of the stream is not one of a chat completion: {error}.") from error


def _with_agent(choice: Mapping[str, Any], agent: object) -> dict[str, Any]:
    """What an agent says of its run, where a proxy hands it on: of what stands beside the choices it tells nothing."""
    delta = choice["delta"]
    told = {**(delta.get("provider_specific_fields") or {}), AGENT: agent}
    return {**choice, "delta": {**delta, "provider_specific_fields": told}}


def headers_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """The endpoint's headers as the proxy shows them: `llm_provider-*`."""
    return process_response_headers({name.lower(): value for name, value in headers.items()})


def log_request(request: Request) -> None:
    """Callbacks see what goes out, the key masked."""
    shown = request.shown_headers
    request.logging.pre_call(
        input=request.body["messages"],
        api_key=shown.get("authorization", ""),
        additional_args={"complete_input_dict": request.body, "api_base": request.url, "headers": shown},
    )


def _log_reply(request: Request, body: bytes) -> None:
    """Callbacks see what came back."""
    request.logging.post_call(
        input=request.body["messages"],
        api_key="",
        original_response=body.decode("utf-8", "replace"),
        additional_args={"complete_input_dict": request.body},
    )


def _redirect(message: str, headers: Mapping[str, str]) -> Refusal:
    target = next((value for name, value in headers.items() if name.lower() == "location"), "nowhere")
    return Refusal(f"The endpoint redirects to {target}; set api_base to that address. {message}".strip())


def _usage(usage: Mapping[str, Any], cost: float | None) -> Usage:
    """Its cost stays only where it is the one to log: some LiteLLMs bill what stands here, others fail on a word."""
    return Usage(**{name: value for name, value in usage.items() if name != "cost" or cost is not None})


def _reported_cost(request: Request, usage: object) -> float | None:
    """What the endpoint says that the call has cost, where the user set no price."""
    cost = usage.get("cost") if isinstance(usage, Mapping) else None
    if not isinstance(cost, (int, float)) or isinstance(cost, bool) or _is_priced(request):
        return None
    return float(cost)


def _is_priced(request: Request) -> bool:
    """Whether the user set a price: on the deployment, or registered for one of the model's names."""
    info = request.params.get("model_info") or {}
    for source in (request.params, info):
        if any(source[name] is not None for name in source if name.endswith(_PRICE_MARKS)):
            return True
    names = (f"{provider}/{request.model}" for provider in NAMES)
    return any(_has_price(litellm.model_cost.get(name)) for name in (*names, request.model))


def _has_price(entry: Mapping[str, Any] | None) -> bool:
    return any(value for name, value in (entry or {}).items() if name.endswith(_PRICE_MARKS))
