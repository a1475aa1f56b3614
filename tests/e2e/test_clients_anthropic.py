"""Anthropic's own Python client, unchanged, through a real LiteLLM proxy, with our server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, fail, hang, say, think
from .proxy import MASTER_KEY, Proxy
from .proxy import running as proxy

pytestmark = pytest.mark.proxy

KEY = "sk-key-of-the-server-1234"
MODELS = ("scripted", "echo", "nobody")
PATIENCE = 30.0
# A proxy notices that its client has left, and a server that the proxy has, on a busy machine.
SOON = 10.0
WORK: list[Step] = [think("Hm."), act("edit"), say("It is "), say("done.")]
STEPS = "Hm.\n[edit] \n[ok] done\n"


@dataclass(frozen=True)
class Behind:
    """A proxy and the server behind it."""

    proxy: Proxy
    server: Program

    @property
    def options(self) -> dict[str, Any]:
        return {"base_url": self.proxy.url, "api_key": MASTER_KEY, "max_retries": 0, "timeout": PATIENCE}

    def client(self, **more: Any) -> Anthropic:
        return Anthropic(**{**self.options, **more})


def of(case: Case) -> dict[str, Any]:
    """The fields that ask for it."""
    return {"model": "scripted", "max_tokens": 50, "messages": case.messages}


def asked(*runs: list[Step]) -> dict[str, Any]:
    return of(Case(*runs))


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path_factory.mktemp("server"), CODEX_AGENT_SERVER_KEY=KEY))
        started = stack.enter_context(proxy(_config(server.url), tmp_path_factory.mktemp("proxy")))
        started.wait_until_ready()
        yield Behind(started, server)


def _config(url: str) -> dict[str, Any]:
    handler = {"provider": "codex-agent", "custom_handler": "litellm_codex_agent.codex_agent"}
    params = {"api_base": url, "api_key": KEY}
    return {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"codex-agent/{name}", **params}} for name in MODELS
        ],
        "litellm_settings": {"custom_provider_map": [handler]},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"cancel_on_disconnect": True},
    }


def blocks(message: Any) -> list[tuple[str, str]]:
    return [(block.type, getattr(block, block.type)) for block in message.content]


def test_a_message_has_the_steps_as_thinking_and_then_the_answer(behind: Behind) -> None:
    with behind.client() as client:
        message = client.messages.create(**asked(WORK))
    assert blocks(message) == [("thinking", STEPS), ("text", "It is done.")]
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")


def test_a_message_has_the_tokens_of_its_run(behind: Behind) -> None:
    case = Case([say("a")], usage={"prompt_tokens": 3, "completion_tokens": 4})
    with behind.client() as client:
        usage = client.messages.create(**of(case)).usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)


def test_a_stream_shows_the_steps_while_they_are_taken(behind: Behind) -> None:
    with behind.client() as client, client.messages.stream(**asked(WORK)) as stream:
        told = [(event.type, getattr(event, event.type)) for event in stream if event.type in ("text", "thinking")]
        message = stream.get_final_message()
    steps = [("thinking", "Hm."), ("thinking", "\n[edit] \n"), ("thinking", "[ok] done\n")]
    assert told == [*steps, ("text", "It is "), ("text", "done.")]
    assert blocks(message) == [("thinking", STEPS), ("text", "It is done.")]


def test_a_stream_of_text_alone_is_the_answer(behind: Behind) -> None:
    with behind.client() as client, client.messages.stream(**asked(WORK)) as stream:
        assert "".join(stream.text_stream) == "It is done."


def test_the_async_client_asks_and_streams_as_well(behind: Behind) -> None:
    async def scene() -> tuple[Any, Any]:
        async with AsyncAnthropic(**behind.options) as client:
            whole = await client.messages.create(**asked(WORK))
            async with client.messages.stream(**asked(WORK)) as stream:
                return whole, await stream.get_final_message()

    whole, streamed = asyncio.run(scene())
    assert blocks(whole) == blocks(streamed) == [("thinking", STEPS), ("text", "It is done.")]


def test_the_list_of_models(behind: Behind) -> None:
    with behind.client() as client:
        assert {model.id for model in client.models.list()} == set(MODELS)


FAILURES: list[Any] = [
    pytest.param(anthropic.BadRequestError, [fail(400)], id="400"),
    pytest.param(anthropic.AuthenticationError, [fail(401)], id="401"),
    pytest.param(anthropic.PermissionDeniedError, [fail(403)], id="403"),
    pytest.param(anthropic.NotFoundError, [fail(404)], id="404"),
    pytest.param(anthropic.RateLimitError, [fail(429, retry_after=7)], id="429"),
    pytest.param(anthropic.InternalServerError, [fail(500)], id="500"),
    pytest.param(anthropic.InternalServerError, [fail(503)], id="503"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "steps"), FAILURES)
def test_a_failure_is_its_own_exception(
    behind: Behind, kind: type[anthropic.APIStatusError], steps: list[Step], stream: bool
) -> None:
    with behind.client() as client, pytest.raises(kind, match=r"The model failed\.") as raised:
        client.messages.create(**asked(steps), stream=stream)
    assert raised.value.status_code == steps[0]["status"]


def test_a_run_that_failed_after_it_acted_is_unprocessable(behind: Behind) -> None:
    with behind.client() as client, pytest.raises(anthropic.UnprocessableEntityError, match="had begun to act"):
        client.messages.create(**asked([act(), fail(500)]))


def test_a_model_that_the_server_has_not_is_not_found(behind: Behind) -> None:
    with behind.client() as client, pytest.raises(anthropic.NotFoundError, match="There is: echo"):
        client.messages.create(**{**asked(WORK), "model": "nobody"})


def test_a_failure_inside_a_stream_is_raised_where_it_is_read(behind: Behind) -> None:
    told: list[str] = []
    with behind.client() as client, pytest.raises(anthropic.APIStatusError, match=r"It broke\."):
        for event in client.messages.create(**asked([say("half"), act(), fail(500, message="It broke.")]), stream=True):
            told.append(event.type)
    assert "content_block_delta" in told and "message_stop" not in told


def test_a_stream_that_is_closed_ends_its_run(behind: Behind) -> None:
    case = Case([act(), say("a"), hang()])
    with behind.client() as client:
        stream = client.messages.create(**of(case), stream=True)
        assert any(event.type == "content_block_delta" for event in stream)
        stream.close()
        assert behind.server.ledger.wait(case.name, "closed", seconds=SOON)
    assert behind.server.ledger.counts(case.name) == {"started": 1, "effect": 1, "closed": 1}


def test_a_client_that_gives_up_ends_its_run(behind: Behind) -> None:
    case = Case([act(), hang()])
    with behind.client(timeout=2.0) as client, pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**of(case))
    assert behind.server.ledger.wait(case.name, "closed", seconds=SOON)
    assert behind.server.ledger.counts(case.name) == {"started": 1, "effect": 1, "closed": 1}


def test_its_own_retries_are_fresh_tries_of_what_had_done_nothing(behind: Behind) -> None:
    case = Case([fail(500)], [act(), say("done")])
    with behind.client(max_retries=2) as client:
        message = client.messages.create(**of(case))
    assert ("text", "done") in blocks(message)
    assert behind.server.ledger.counts(case.name) == {"started": 2, "effect": 1, "ended": 2}
