"""Words arrive as they are said: in their order, and each before the next one is out.

No clock is asked. The endpoint holds the next word back until the client has the last one; and where the endpoint takes
half a second between two words, each is with the client before the next one has left.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest

from litellm_codex_agent.backends.held import HOLD_CHARS
from litellm_codex_agent.wire.sse import Decoder

from ..e2e.proxy import MASTER_KEY
from ..provider.routers import router
from ..responses_endpoint import say, shell, think, turn, wait_for
from .desk import ASK_SECONDS, Desk, Script

# A word that does not come is missed after this.
WORD_SECONDS = 20.0
BETWEEN_SECONDS = 0.5
WORDS = [f"word{number} " for number in range(5)]
# Held until it is too long for a thought; what follows is not.
LONG = "x" * (HOLD_CHARS + 1) + " "
CASES = {"the answer by its phase": ("final_answer", WORDS), "a long text": ("", [LONG, *WORDS])}
THROUGH = [
    "server",
    pytest.param("router", id="router"),
    pytest.param("async router", id="async router", marks=pytest.mark.agents),
    pytest.param("proxy", id="proxy", marks=[pytest.mark.agents, pytest.mark.proxy]),
]


@dataclass
class Tape:
    """What was heard. `when_next` is how much of it there was each time the endpoint went on."""

    heard: list[str] = field(default_factory=list)
    when_next: list[int] = field(default_factory=list)
    _arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def hear(self, word: str) -> None:
        self.heard.append(word)
        self._arrived.release()

    def wait(self) -> None:
        """Behind a word of the endpoint: nothing more before it was heard."""
        assert self._arrived.acquire(timeout=WORD_SECONDS), "the word did not arrive"
        self.when_next.append(len(self.heard))

    def rest(self) -> None:
        """Behind a word of the endpoint: half a second."""
        time.sleep(BETWEEN_SECONDS)
        self.when_next.append(len(self.heard))


Listen = Callable[[str, Script, Callable[[str], None]], None]


@pytest.fixture
def listen(desk: Desk, request: pytest.FixtureRequest) -> Listen:
    """Asks through something, and tells each piece of the answer as it comes."""

    def listened(through: str, script: Script, hear: Callable[[str], None]) -> None:
        if through == "server":
            _by_client(desk.url, "none", script, hear)
        elif through == "proxy":
            _by_client(request.getfixturevalue("proxied").proxy.url, MASTER_KEY, script, hear)
        elif through == "router":
            _by_router(desk, script, hear)
        else:
            asyncio.run(_by_async_router(desk, script, hear))

    return listened


def _by_client(url: str, key: str, script: Script, hear: Callable[[str], None]) -> None:
    """OpenAI's own."""
    messages: Any = script.messages
    with (
        openai.DefaultHttpxClient(trust_env=False, timeout=ASK_SECONDS) as http,
        openai.OpenAI(base_url=f"{url}/v1", api_key=key, http_client=http, max_retries=0) as client,
        client.chat.completions.create(model="codex", messages=messages, stream=True) as chunks,
    ):
        for chunk in chunks:
            _told(chunk, hear)


def _by_router(desk: Desk, script: Script, hear: Callable[[str], None]) -> None:
    of = router(desk.url, params={"model": "codex-agent/codex"})
    for chunk in of.completion(model="agent", messages=script.messages, stream=True):
        _told(chunk, hear)


async def _by_async_router(desk: Desk, script: Script, hear: Callable[[str], None]) -> None:
    of = router(desk.url, params={"model": "codex-agent/codex"})
    async for chunk in await of.acompletion(model="agent", messages=script.messages, stream=True):
        _told(chunk, hear)


def _told(chunk: Any, hear: Callable[[str], None]) -> None:
    for choice in chunk.choices:
        if choice.delta.content:
            hear(choice.delta.content)


def _reasoning(data: bytes) -> str:
    choices = json.loads(data)["choices"] if data != b"[DONE]" else []
    return "".join(choice["delta"].get("reasoning_content") or "" for choice in choices)


@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("case", CASES)
def test_the_next_word_is_said_when_the_last_one_was_heard(desk: Desk, listen: Listen, through: str, case: str) -> None:
    phase, words = CASES[case]
    tape = Tape()
    listen(through, desk.script(turn(say("".join(words), phase=phase, between=tape.wait))), tape.hear)
    assert tape.heard == words
    assert tape.when_next == [number + 1 for number in range(len(words))]


@pytest.mark.agents
@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("case", CASES)
def test_words_half_a_second_apart_arrive_half_a_second_apart(
    desk: Desk, listen: Listen, through: str, case: str
) -> None:
    phase, words = CASES[case]
    tape = Tape()
    listen(through, desk.script(turn(say("".join(words), phase=phase, between=tape.rest))), tape.hear)
    assert tape.heard == words
    assert tape.when_next == [number + 1 for number in range(len(words))]


def test_the_answer_after_a_command_arrives_as_it_is_said(desk: Desk, listen: Listen) -> None:
    tape = Tape()
    answer = say("".join(WORDS), phase="final_answer", between=tape.wait)
    listen("server", desk.script(turn(think("Hm."), shell("echo made > new.txt")), turn(answer)), tape.hear)
    assert tape.heard == WORDS


def test_steps_arrive_while_the_model_still_thinks(desk: Desk) -> None:
    """A thought, a command and its result are with the client before the model goes on."""
    gate = threading.Event()
    script = desk.script(turn(think("Hm."), shell("echo seen")), turn(wait_for(gate), say("Done.")))
    body = {"model": "codex", "messages": script.messages, "stream": True}
    steps, decoder = "", Decoder()
    with desk.client.stream("POST", "/v1/chat/completions", json=body) as response:
        for data in response.iter_bytes():
            for event in decoder.feed(data):
                steps += _reasoning(event.data)
            if "[ok] seen" in steps:
                gate.set()
    assert steps == "Hm.\n[shell] echo seen\n[ok] seen\n"
