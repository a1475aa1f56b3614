"""`codex-agent demo`: an agent fixes a failing test, through the provider and a Router, and its steps are seen live.

The agent, its tools and the wall around them are real; its model is a script, and the demo says so.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from .. import settings
from .demo_stage import Stage, failing, stage

__all__ = ["demo"]

QUESTION = "A test fails. Find out why, and fix the code."
SCRIPTED = "mini:script/fix-test"
# Where no wall works, tools are not offered; then a recording shows what would have been seen.
RECORDED = "replay:fix-test"
_WIDTH = 100


@dataclass
class Seen:
    """What came of the stream."""

    answer: str = ""
    usage: Any = None
    agent: dict[str, Any] = field(default_factory=dict)


def demo() -> int:
    """Run the demo; 0 if the test failed before and passes afterwards, and the answer, the usage and the diff came."""
    began = time.monotonic()
    with stage() as here:
        model = SCRIPTED if here.wall else RECORDED
        _introduce(here, model)
        failed_before = bool(failing(here.repository))
        print(f"tests      {'one of them fails' if failed_before else 'they pass?'}\n")
        seen = asyncio.run(_ask(here, model))
        passes = not failing(here.repository)
        _show_end(seen, passes)
    print(f"done in    {time.monotonic() - began:.1f} s, most of it LiteLLM's import")
    told = bool(seen.answer and seen.usage)
    return 0 if told and failed_before and (passes or not here.wall) else 1


def _introduce(here: Stage, model: str) -> None:
    print(f"endpoint   {here.url}  (codex-agent serve)")
    if model == SCRIPTED:
        print(f"agent      mini, its tools behind {here.wall}; its model is a script, for there is no key here")
    else:
        reason = (here.ready.get("sandbox") or {}).get("reason", "")
        print(f"agent      a recording, since no sandbox works here: {reason}")
    print(f"repository {here.repository}")


async def _ask(here: Stage, model: str) -> Seen:
    settings.open_gate()
    from litellm.router import Router

    import litellm_codex_agent

    litellm_codex_agent.register()
    deployment = {"model": f"codex-agent/{model}", "api_base": here.url}
    print(f"router     model_list=[{{'model_name': 'agent', 'litellm_params': {deployment}}}]")
    print(f"question   {QUESTION}\n")
    router = Router(model_list=[{"model_name": "agent", "litellm_params": deployment}])
    workspace = {"codex_agent": {"workspace": str(here.repository)}} if model == SCRIPTED else {}
    stream = await router.acompletion(
        model="agent",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
        extra_body=workspace,
    )
    return await _show(stream)


async def _show(stream: Any) -> Seen:
    seen = Seen()
    async for chunk in stream:
        delta = chunk.choices[0].delta if chunk.choices else None
        for line in (getattr(delta, "reasoning_content", None) or "").strip().splitlines()[:1]:
            print(f"  · {line[:_WIDTH]}")
        if delta is not None and delta.content:
            print("" if seen.answer else "\nanswer     ", delta.content, sep="", end="", flush=True)
            seen.answer += delta.content
        told = getattr(delta, "provider_specific_fields", None) or {}
        seen.agent = told.get("codex_agent") or seen.agent
        seen.usage = getattr(chunk, "usage", None) or seen.usage
    print()
    return seen


def _show_end(seen: Seen, passes: bool) -> None:
    for file in seen.agent.get("files", ()):
        print(f"\n{file.get('diff', file['path']).rstrip()}")
    if seen.usage:
        counts = f"{seen.usage.prompt_tokens} tokens in, {seen.usage.completion_tokens} out"
        print(f"\nusage      {counts}, as the endpoint told it")
    print(f"tests      {'they pass' if passes else 'as they were'}")
