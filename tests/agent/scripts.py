"""Scripts for tests: written as files, asked as the loop asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litellm_codex_agent.agent.model import Asked, Model, Piece
from litellm_codex_agent.agent.scripted import Scripts

# More than any step of a test takes.
PATIENCE = 20.0


def write(folder: Path, name: str, *lines: Mapping[str, Any] | bytes) -> Path:
    path = folder / f"{name}.jsonl"
    told = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    path.write_bytes(b"".join(line + b"\n" for line in told))
    return path


def scripted(folder: Path, *lines: Mapping[str, Any]) -> Model:
    write(folder, "test", *lines)
    return Scripts(folder).model("test")


async def heard(model: Model, messages: Sequence[Mapping[str, Any]] = ()) -> list[Piece]:
    return [piece async for piece in model.ask(Asked(messages))]


def asked(model: Model, messages: Sequence[Mapping[str, Any]] = ()) -> list[Piece]:
    """The pieces of one call, on a loop of its own."""

    async def ask() -> list[Piece]:
        return await asyncio.wait_for(heard(model, messages), PATIENCE)

    return asyncio.run(ask())
