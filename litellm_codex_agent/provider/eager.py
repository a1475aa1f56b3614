"""The deployment hook: opens streams while the Router still listens, lets reasoning parameters through, names requests.

Up to 1.106 LiteLLM hands a custom provider's stream on before its request is sent, so the Router
takes every stream for a success. The hook makes LiteLLM await the call as if it were not streamed;
the handler opens the stream and answers with it. The note between the two lies in the task's own
context under the call's id, so it can reach no other call, and `claim` undoes the change at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.types.utils import CallTypes

from .identity import DEPLOYMENT_RETRIES, REQUEST_ID
from .request import NAMES

__all__ = ["Hook", "claim"]

# LiteLLM refuses these for a provider that it does not know, unless they are allowed by name.
_ALLOWED = ("reasoning_effort", "thinking", "verbosity")
# What LiteLLM answers by itself, and would then answer with a whole reply to one who asked for a stream.
_ANSWERED_BY_LITELLM = ("mock_response", "mock_tool_calls", "mock_timeout", "complete_response", "fallbacks")
_METADATA = ("metadata", "litellm_metadata")

_opened: ContextVar[dict[str, Any] | None] = ContextVar("codex_agent_opened", default=None)


class Hook(CustomLogger):
    """One for the process; `register` puts it among LiteLLM's callbacks.

    `ensure` is called where LiteLLM's map of providers has become another: a proxy's config assigns it.
    """

    def __init__(self, ensure: Callable[[], None]) -> None:
        super().__init__()
        self._ensure = ensure
        self._seen: object = None

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        """Called after the deployment is chosen, with one attempt's own copy of the arguments, made to be changed."""
        if call_type is not CallTypes.acompletion or not _is_ours(kwargs):
            return None
        if litellm.custom_provider_map is not self._seen:
            self._ensure()
            self._seen = litellm.custom_provider_map
        wanted = [name for name in _ALLOWED if kwargs.get(name) is not None]
        if wanted:
            kwargs["allowed_openai_params"] = [*(kwargs.get("allowed_openai_params") or ()), *wanted]
        if _opens_early(kwargs):
            kwargs["stream"] = False
            _opened.set(kwargs)
        return kwargs

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: Any,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: Any = None,
    ) -> list[Any]:
        """Called before each attempt with the Router's own arguments: a request gets its name at its first."""
        for name in _METADATA:
            metadata = (request_kwargs or {}).get(name)
            if isinstance(metadata, dict) and "model_group" in metadata and not metadata.get("attempted_retries"):
                metadata[REQUEST_ID] = uuid.uuid4().hex
                metadata[DEPLOYMENT_RETRIES] = max(map(_retries, healthy_deployments), default=0)
        return healthy_deployments


def claim(logging: Any) -> bool:
    """Whether the hook asked for this call's stream to be opened early. Undoes what the hook changed."""
    kwargs = _opened.get()
    if kwargs is None or kwargs.get("litellm_call_id") != logging.litellm_call_id:
        return False
    _opened.set(None)
    kwargs["stream"] = True
    logging.stream = True
    logging.model_call_details["stream"] = True
    return True


def _is_ours(kwargs: Mapping[str, Any]) -> bool:
    provider = kwargs.get("custom_llm_provider") or str(kwargs.get("model", "")).partition("/")[0]
    return provider in NAMES


def _retries(deployment: Any) -> int:
    """The deployment's own `num_retries`, which the Router looks at only after a failure."""
    value = str((deployment.get("litellm_params") or {}).get("num_retries"))
    return int(value) if value.isdecimal() else 0


def _opens_early(kwargs: Mapping[str, Any]) -> bool:
    """In a Router's call only: outside of one nobody looks for a failure before the first chunk."""
    routed = any("model_group" in (kwargs.get(name) or {}) for name in _METADATA)
    return (
        routed
        and kwargs.get("stream") is True
        # A hit in LiteLLM's response cache would come back whole.
        and litellm.cache is None
        and not any(kwargs.get(name) for name in _ANSWERED_BY_LITELLM)
    )
