"""What the tests of backends share: running one to its end, and recordings as files."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litellm_codex_agent.backends.backend import Backend, Task
from litellm_codex_agent.backends.events import Event

# No test's run takes longer; a hang is to fail, not to hang.
SECONDS = 20.0
HEAD = {"recording": 1, "title": "A test", "spoken_by": "script", "model": "none", "messages": []}


def task(model: str = "", content: str = "hello", **options: Any) -> Task:
    return Task("run_1", model, [{"role": "user", "content": content}], options=options)


def timed(backend: Backend, asked: Task) -> list[tuple[float, Event]]:
    """All that a run tells, with the seconds since it began."""

    async def collect() -> list[tuple[float, Event]]:
        began = time.monotonic()
        return [(time.monotonic() - began, event) async for event in backend.answer(asked)]

    return asyncio.run(asyncio.wait_for(collect(), SECONDS))


def told(backend: Backend, asked: Task) -> list[Event]:
    return [event for _, event in timed(backend, asked)]


def record(folder: Path, name: str, *events: tuple[float, Mapping[str, Any]]) -> Path:
    """A recording as a file of `folder`, whatever its worth."""
    lines = [HEAD, *({"at": at, "event": event} for at, event in events)]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
