"""The loop on a real model, where there is one: any that LiteLLM knows, by CODEX_AGENT_LIVE_MODEL.

What a small model says is its own affair. That it is heard, counted and brought to an end is what is shown here.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

from litellm_codex_agent.agent import run
from litellm_codex_agent.agent.litellm_model import Models
from litellm_codex_agent.agent.model import Asked, Reply, Said

MODEL = os.environ.get("CODEX_AGENT_LIVE_MODEL", "").strip()
# A small model on a CPU reads some hundred tokens a second, and writes ten.
SECONDS = 300
ENDS = {"success", "max_iterations", "max_tool_calls", "max_tokens", "budget", "repeated_format_error"}
ENDS |= {"repeated_tool_call", "refused"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}

pytestmark = pytest.mark.skipif(
    not MODEL, reason="set CODEX_AGENT_LIVE_MODEL to a model that LiteLLM knows, as in ollama_chat/qwen3:0.6b"
)


def told(text: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return run(messages, model=MODEL, **{"max_total_seconds": SECONDS, "max_iterations": 8, **fields})


def test_what_is_streamed_is_what_is_answered_and_it_is_counted() -> None:
    async def scene() -> list[Any]:
        asked = Asked(({"role": "user", "content": "Say hello, in one word."},))
        model = await Models().model(MODEL)
        return [piece async for piece in model.ask(asked)]

    *pieces, reply = asyncio.run(asyncio.wait_for(scene(), SECONDS))
    assert isinstance(reply, Reply) and reply.text
    assert "".join(piece.text for piece in pieces if isinstance(piece, Said)) == reply.text
    assert reply.usage.prompt_tokens > 0 and reply.usage.completion_tokens > 0


def test_a_plain_call_is_answered() -> None:
    answer = told("Say hello, in one word.", tool_backend="router")
    assert answer["ok"] and answer["stopped_reason"] == "success" and answer["final_answer"].strip()
    assert answer["usage"]["completion_tokens"] > 0 and answer["metrics"]["iterations"] == 1


def test_a_run_with_tools_comes_to_an_end_of_its_own_or_by_a_budget() -> None:
    answer = told("Write the number 7 into the file seven.txt with your tools. Then say that it is done.")
    assert answer["stopped_reason"] in ENDS
    assert answer["metrics"]["iterations"] <= 9
    assert answer["usage"]["prompt_tokens"] > 0


def test_an_answer_in_a_form_has_it_or_the_run_says_that_it_has_not() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "number", "schema": SCHEMA}}
    answer = told("How much is 3 and 4? Answer as JSON: an object with `n`.", use_tools=False, response_format=wanted)
    if answer["ok"]:
        assert type(json.loads(answer["final_answer"])["n"]) is int
    else:
        assert answer["error"] and answer["stopped_reason"] in {*ENDS, "model_error"}
