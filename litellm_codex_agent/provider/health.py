"""LiteLLM's health check calls the model. For an agent that would start a run, so the endpoint is asked instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litellm.types.utils import ModelResponse, Usage

from ..errors import Refused
from ..wire.chat import sibling_url
from .aiohttp_transport import asend
from .identity import metadata_of
from .replies import checked
from .request import Request
from .transport import aread

__all__ = ["ahealth", "is_health_check"]

# LiteLLM's tag for the calls of its own /health.
_TAG = "litellm-internal-health-check"
_READY = "/ready"
_MODELS = "/v1/models"
# An endpoint that is not ours may not know /ready; these say so, and any other refusal is its answer.
_NO_SUCH_ROUTE = (404, 405, 501)


def is_health_check(params: Mapping[str, Any]) -> bool:
    """Whether LiteLLM only wants to know if the endpoint is up. Its own check passes no Router; a client's tag does."""
    metadata = metadata_of(params)
    return "model_group" not in metadata and _TAG in (metadata.get("tags") or ())


async def ahealth(request: Request) -> ModelResponse:
    """Ask `/ready`, else `/v1/models`; a refusal is raised as that of a call would be."""
    try:
        await _get(request, _READY)
    except Refused as error:
        if error.status not in _NO_SUCH_ROUTE:
            raise
        await _get(request, _MODELS)
    answer = {"message": {"role": "assistant", "content": "ready"}}
    return ModelResponse(model=request.model, choices=[answer], usage=Usage())


async def _get(request: Request, route: str) -> None:
    answer = await asend(replace(request, method="GET", url=sibling_url(request.url, route)))
    checked(answer.status, answer.headers, await aread(answer))
