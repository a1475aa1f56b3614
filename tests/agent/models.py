"""A real LiteLLM in front of the scripted endpoint, for tests of the agent's models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from litellm_codex_agent.agent.litellm_model import Models
from litellm_codex_agent.agent.model import Asked, Model, Piece

from .. import endpoint as scripted

KEY = "sk-test-0123456789abcdef"
PATIENCE = 30.0
HI = Asked(({"role": "user", "content": "hi"},))
_Got = TypeVar("_Got")


def chunk(delta: dict[str, Any], finish: str | None = None, model: str = "m") -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}
    return scripted.event({**head, "choices": [choice]})


def used(prompt: int, completion: int, **details: Any) -> bytes:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    total = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return scripted.event({**head, "usage": {**total, **details}})


def call(index: int, name: str | None, arguments: str, id: str | None = None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    piece: dict[str, Any] = {"index": index, "function": function}
    return {"tool_calls": [{**piece, "id": id, "type": "function"} if id else piece]}


def said(*chunks: bytes) -> scripted.Act:
    return scripted.stream(*chunks, scripted.DONE)


def answering(text: str) -> scripted.Act:
    return said(chunk({"role": "assistant", "content": text}), chunk({}, "stop"), used(3, 2))


def config(folder: Path, base: str, model: str = "openai/m", **settings: Any) -> Path:
    """A Router's config file with one group, `group`, in front of the endpoint."""
    params = {"model": model, "api_base": base, "api_key": KEY}
    path = folder / "router.json"
    rows = [{"model_name": "group", "litellm_params": params}]
    path.write_text(json.dumps({"model_list": rows, "router_settings": {"num_retries": 0, **settings}}))
    return path


async def of(path: Path | None, name: str = "group") -> Model:
    return await Models(path).model(name)


async def pieces(model: Model, asked: Asked = HI) -> list[Piece]:
    return [piece async for piece in model.ask(asked)]


def run(scene: Coroutine[Any, Any, _Got]) -> _Got:
    async def patiently() -> _Got:
        return await asyncio.wait_for(scene, PATIENCE)

    return asyncio.run(patiently())
