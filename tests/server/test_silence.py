"""A run that tells nothing for a while: whoever listens hears that it lives, and nothing that is not so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from litellm_codex_agent import settings
from litellm_codex_agent.backends.events import Done, Text, Thought
from litellm_codex_agent.server.app import make_app

from ..runs.stage import PATIENCE, Script
from .asked import CHAT, USER, events

# The beat of these tests, and how long their runs are silent: some beats, on a machine that is slow as well.
BEAT = 0.02
SILENCE = 0.5
COMMENT = b": working\n\n"


def silent() -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.sleep(SILENCE)


def streamed(state: Path, *steps: Any, path: str = CHAT, beat: float = BEAT, **fields: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        config = settings.server({"CODEX_AGENT_STATE": str(state)})
        app = make_app(config, {"script": Script(steps)}, beat=beat)
        transport = httpx.ASGITransport(app=app)
        async with app.opened(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            sent = {"model": "script", "messages": [USER], **fields}
            return await client.post(path, json=sent, headers={"accept": "text/event-stream"})

    return asyncio.run(asyncio.wait_for(run(), PATIENCE))


def deltas(response: httpx.Response) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for _, _, chunk in events(response.content)]


def test_a_silent_run_breathes_in_comments_and_at_every_third_beat_in_a_chunk(tmp_path: Path) -> None:
    response = streamed(tmp_path, Thought("I look."), silent(), Text("Done."), Done(), stream=True)
    silence = response.content.split(b'"I look."')[1].split(b'"Done."')[0]
    parts = [part for part in silence.split(b"\n\n")[1:-1] if part]
    assert len(parts) > 5
    chunks = [number for number, part in enumerate(parts, 1) if part != COMMENT.strip()]
    assert chunks == [number for number in range(1, len(parts) + 1) if number % 3 == 0]


def test_a_breath_is_a_thought_of_a_space_and_has_the_id_of_the_event_before_it(tmp_path: Path) -> None:
    response = streamed(tmp_path, Thought("I look."), silent(), Text("Done."), Done(), stream=True)
    told = [(id, chunk["choices"][0]["delta"]) for _, id, chunk in events(response.content)]
    assert told[2] == ("1", {"reasoning_content": " "})


def test_a_run_that_has_told_nothing_yet_breathes_too(tmp_path: Path) -> None:
    response = streamed(tmp_path, silent(), Text("Done."), Done(), stream=True)
    assert response.content.startswith(COMMENT)
    said = deltas(response)
    assert said[0] == {"reasoning_content": " "} and {"role": "assistant", "content": ""} in said


def test_a_breath_is_no_part_of_what_the_run_thought(tmp_path: Path) -> None:
    response = streamed(tmp_path, Thought("I look."), silent(), Text("Done."), Done())
    message = response.json()["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("I look.", "Done.")


def test_the_events_of_a_silent_run_are_told_between_comments(tmp_path: Path) -> None:
    response = streamed(tmp_path, silent(), Text("Done."), Done(), path="/agent/run")
    assert response.content.count(COMMENT) > 5
    assert [name for name, _, _ in events(response.content)] == ["text", "done", "envelope"]


def test_who_speaks_all_the_time_does_not_breathe(tmp_path: Path) -> None:
    response = streamed(tmp_path, Text("a "), Text("b"), Done(), stream=True, beat=PATIENCE)
    assert b": working" not in response.content and " " not in [d.get("reasoning_content") for d in deltas(response)]
