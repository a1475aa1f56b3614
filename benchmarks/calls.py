"""One contestant's calls in one process, so that none pays for another's callbacks."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_ENABLE_CODEX_AGENT"] = "1"

import litellm
from litellm import CustomLLM, ModelResponse, ModelResponseStream

import litellm_codex_agent
from tests.answers import chunk, completion

__all__ = ["FLOOR", "OPENAI", "OURS", "acall", "call", "enter"]

FLOOR, OPENAI, OURS = "nothing", "openai", "codex-agent"
_MESSAGES = [{"role": "user", "content": "hi"}]


class Nothing(CustomLLM):
    """A handler that does nothing: what is left is LiteLLM's own share. It says as many chunks as its model's name."""

    def completion(self, *args: Any, **call: Any) -> ModelResponse:
        return ModelResponse(**completion())

    async def acompletion(self, *args: Any, **call: Any) -> ModelResponse:
        return ModelResponse(**completion())

    def streaming(self, *args: Any, **call: Any) -> Iterator[Any]:
        return _chunks(int(call["model"]))

    async def astreaming(self, *args: Any, **call: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # never awaited
        for part in _chunks(int(call["model"])):
            yield part


def _chunks(number: int) -> Iterator[ModelResponseStream]:
    for n in range(number):
        yield ModelResponseStream(**chunk({"content": f"word{n % 10} "}))
    yield ModelResponseStream(**chunk({}, finish="stop"))


def enter(contestant: str) -> None:
    """Make `contestant` a provider of this process."""
    logging.disable(logging.CRITICAL)
    litellm.suppress_debug_info = True
    if contestant == OURS:
        litellm_codex_agent.register()
    elif contestant == FLOOR:
        litellm.custom_provider_map.append({"provider": FLOOR, "custom_handler": Nothing()})
        litellm.utils.custom_llm_setup()


def call(contestant: str, base: str, chunks: int, *, stream: bool) -> int:
    """One sync call; how many chunks came of it."""
    answer = litellm.completion(**_asked(contestant, base, chunks), stream=stream)
    return sum(1 for _ in answer) if stream else 1


async def acall(contestant: str, base: str, chunks: int, *, stream: bool) -> int:
    """One async call; how many chunks came of it."""
    answer = await litellm.acompletion(**_asked(contestant, base, chunks), stream=stream)
    return len([part async for part in answer]) if stream else 1


def _asked(contestant: str, base: str, chunks: int) -> dict[str, Any]:
    model = f"{contestant}/{chunks if contestant == FLOOR else 'mini'}"
    return {"model": model, "messages": _MESSAGES, "api_base": base, "api_key": "sk-bench", "timeout": 120}
