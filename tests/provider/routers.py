"""Routers of our own deployments, and a logger that keeps what LiteLLM tells its callbacks."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litellm import Router
from litellm.integrations.custom_logger import CustomLogger

from .calls import MESSAGES

# LiteLLM tells its callbacks from a queue and from threads of its own.
LOG_SECONDS = 10.0
# How long one event too many would take to show.
MORE_SECONDS = 0.2


def router(
    *bases: str, params: dict[str, Any] | None = None, info: dict[str, Any] | None = None, **options: Any
) -> Router:
    """One group, `agent`, with a deployment for each base; with two of them LiteLLM does not sleep before a retry."""
    deployments = []
    for number, base in enumerate(bases):
        own = {"model": "codex-agent/mini", "api_base": base, "api_key": "sk-test-key-1234", "tags": [str(number)]}
        deployments.append(
            {"model_name": "agent", "litellm_params": {**own, **(params or {})}, "model_info": info or {}}
        )
    options.setdefault("num_retries", 0)
    options.setdefault("retry_after", 0)
    return Router(model_list=deployments, **options)


def call(of: Router, mode: str, **fields: Any) -> Any:
    """One call through a Router in one of the four modes; a stream gives its chunks."""
    fields = {"model": "agent", "messages": MESSAGES, **fields}
    if mode == "completion":
        return of.completion(**fields)
    if mode == "streaming":
        return list(of.completion(stream=True, **fields))
    return asyncio.run(acall(of, mode, **fields))


async def acall(of: Router, mode: str, **fields: Any) -> Any:
    """The same from inside a loop."""
    fields = {"model": "agent", "messages": MESSAGES, **fields}
    if mode == "acompletion":
        return await of.acompletion(**fields)
    return [chunk async for chunk in await of.acompletion(stream=True, **fields)]


def cooldowns(of: Any) -> Any:
    """LiteLLM 1.109 has a new name for them, and warns of the old one."""
    return of.health().cooldowns if hasattr(of, "health") else of.cooldown_cache


def ids(of: Any) -> list[str]:
    """Those of the group's deployments; as above."""
    return list(of.registry().names("agent", kind="ids") if hasattr(of, "registry") else of.get_model_ids("agent"))


class Kept(CustomLogger):
    """What LiteLLM told its callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[dict[str, Any]] = []
        self.successes: list[tuple[dict[str, Any], Any]] = []
        self.failures: list[dict[str, Any]] = []

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: dict[str, Any]) -> None:
        self.before.append(dict(kwargs))

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.successes.append((dict(kwargs), response_obj))

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.successes.append((dict(kwargs), response_obj))

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.failures.append(dict(kwargs))

    async def told(self, count: int, base: str) -> list[tuple[dict[str, Any], Any]]:
        """The success events of calls to `base`, once there are `count`, and a moment later.

        LiteLLM's queue outlives a test: an event of the test before may come first.
        """
        deadline = time.monotonic() + LOG_SECONDS
        while len(self._of(base)) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await asyncio.sleep(MORE_SECONDS)
        return self._of(base)

    def _of(self, base: str) -> list[tuple[dict[str, Any], Any]]:
        return [event for event in self.successes if str(event[0]["litellm_params"].get("api_base")).startswith(base)]
