"""The echo endpoint: what any OpenAI client may ask it, and what it says to one that asks wrongly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.echo import echo
from litellm_codex_agent.backends.events import Chat, Done
from litellm_codex_agent.server.app import MAX_BODY_BYTES, make_app
from litellm_codex_agent.wire import sse

USER = {"role": "user", "content": "one two three"}
CHAT = {"model": "echo", "messages": [USER]}


def ask(method: str, path: str, *, key: str = "", headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=make_app(key))
        async with httpx.AsyncClient(transport=transport, base_url="http://agent.test") as client:
            return await client.request(method, path, headers=headers, **body)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_a_whole_answer_repeats_the_user_with_steps_and_usage(path: str) -> None:
    body = ask("POST", path, json=CHAT).json()
    message = body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("one two three", "Repeating 3 words.")
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


def streamed(**fields: Any) -> list[Any]:
    response = ask("POST", "/v1/chat/completions", json={**CHAT, "stream": True, **fields})
    events = sse.Decoder().feed(response.content)
    assert events[-1].data == b"[DONE]"
    return [json.loads(event.data) for event in events[:-1]]


def test_a_stream_tells_steps_then_words_then_its_finish() -> None:
    choices = [chunk["choices"][0] for chunk in streamed()]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == "one two three"
    assert choices[1]["delta"] == {"reasoning_content": "Repeating 3 words."}
    assert choices[-1]["finish_reason"] == "stop"


def test_usage_streams_only_to_those_who_ask() -> None:
    assert "usage" not in streamed()[-1]
    assert streamed(stream_options={"include_usage": True})[-1]["usage"]["total_tokens"] == 6


def test_text_parts_and_older_messages_are_understood() -> None:
    parts = [
        {"type": "text", "text": "a b"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "c"},
    ]
    messages = [USER, {"role": "assistant", "content": None}, {"role": "user", "content": parts}]
    assert ask("POST", "/v1/chat/completions", json={**CHAT, "messages": messages}).json()["usage"] == {
        "prompt_tokens": 6,
        "completion_tokens": 3,
        "total_tokens": 9,
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{oops", "not JSON"),
        (b"[]", "JSON object"),
        (b'{"messages": []}', "`model`"),
        (b'{"model": "echo"}', "`messages`"),
        (b'{"model": "echo", "messages": []}', "at least one"),
        (b'{"model": "echo", "messages": ["hi"]}', "`messages`"),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(body: bytes, words: str) -> None:
    response = ask("POST", "/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


def test_an_unknown_model_is_a_404_that_lists_what_there_is() -> None:
    response = ask("POST", "/v1/chat/completions", json={**CHAT, "model": "nobody"})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    assert "There is: echo." in response.json()["error"]["message"]


def test_a_body_over_the_limit_is_a_413() -> None:
    assert ask("POST", "/v1/chat/completions", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}])
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models")])
def test_with_a_key_set_no_other_is_let_in(method: str, path: str, header: dict[str, str]) -> None:
    response = ask(method, path, key="sk-right", headers=header)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


def test_the_right_key_is_let_in_and_models_are_listed() -> None:
    response = ask("GET", "/v1/models", key="sk-right", headers={"authorization": "Bearer sk-right"})
    assert [model["id"] for model in response.json()["data"]] == ["echo"]


@pytest.mark.parametrize("path", ["/ready", "/health", "/healthz"])
def test_the_health_routes_need_no_key(path: str) -> None:
    assert ask("GET", path, key="sk-right").json() == {"ok": True}


def test_a_chat_without_a_user_is_answered_with_nothing() -> None:
    async def events() -> list[Any]:
        return [event async for event in echo(Chat("echo", [{"role": "system", "content": "x"}]))]

    assert [type(event) for event in asyncio.run(events())].count(Done) == 1
