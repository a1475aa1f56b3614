"""One contestant's calls in one process, so that none pays for another's callbacks."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_ENABLE_CODEX_AGENT"] = "1"

import litellm
from litellm import ModelResponse, ModelResponseStream
from litellm.llms.custom_llm import CustomLLM

import litellm_codex_agent
from tests.answers import chunk, completion

__all__ = ["FLOOR", "OPENAI", "OURS", "acall", "call", "enter"]

FLOOR, OPENAI, OURS = "nothing", "openai", "codex-agent"
_WHOLE = completion()
_WORDS, _STOP = [chunk({"content": text}) for text in ("one ", "two ")], chunk({}, finish="stop")
# Longer than a held reply is held.
TIMEOUT_SECONDS = 120
_MESSAGES = [{"role": "user", "content": "hi"}]


class Nothing(CustomLLM):
    """A handler that does nothing: what is left is LiteLLM's own share.

    It answers under the name that was asked for: LiteLLM looks long for the price of another.
    """

    def completion(self, *args: Any, **call: Any) -> ModelResponse:
        return ModelResponse(**{**_WHOLE, "model": call["model"]})

    async def acompletion(self, *args: Any, **call: Any) -> ModelResponse:
        return ModelResponse(**{**_WHOLE, "model": call["model"]})

    async def astreaming(self, *args: Any, **call: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # never awaited
        # As many as the endpoint would send: its address ends with `…-N/v1`.
        model, number = call["model"], int(call["api_base"].split("/")[-2].rpartition("-")[2])
        for n in range(number):
            yield ModelResponseStream(**{**_WORDS[n % 2], "model": model})
        yield ModelResponseStream(**{**_STOP, "model": model})


def enter(contestant: str) -> None:
    """Make `contestant` a provider of this process."""
    logging.disable(logging.CRITICAL)
    litellm.suppress_debug_info = True
    if contestant == OURS:
        litellm_codex_agent.register()
    elif contestant == FLOOR:
        # Under the name of ours: what LiteLLM does for a name is its own share.
        litellm.custom_provider_map.append({"provider": OURS, "custom_handler": Nothing()})
        litellm.utils.custom_llm_setup()  # type: ignore[no-untyped-call]  # LiteLLM has no type for it


def call(contestant: str, base: str, *, stream: bool) -> int:
    """One sync call; how many chunks came of it."""
    answer = litellm.completion(**_asked(contestant, base), stream=stream)
    return sum(1 for _ in answer) if stream else 1


async def acall(contestant: str, base: str, *, stream: bool) -> int:
    """One async call; how many chunks came of it."""
    answer = await litellm.acompletion(**_asked(contestant, base), stream=stream)
    return len([part async for part in answer]) if stream else 1


def _asked(contestant: str, base: str) -> dict[str, Any]:
    return {
        "model": f"{OURS if contestant == FLOOR else contestant}/mini",
        "messages": _MESSAGES,
        "api_base": base,
        "api_key": "sk-bench",
        "timeout": TIMEOUT_SECONDS,
    }
