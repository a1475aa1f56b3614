"""OpenAI's own Python client against our server, unchanged, sync and async: it has to find all that it expects."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, fail, hang, say, think
from .clients import HELLO, KEY, SOON, WAYS, Ask, aeverything, asking, chat, scripted
from .proxy import until

RUN_ID = "x-codex-agent-run-id"
WORK: list[Step] = [think("Hm."), act("edit"), say("It is "), say("done.")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("openai"), CODEX_AGENT_SERVER_KEY=KEY) as program:
        yield program


@pytest.fixture(params=WAYS)
def ask(server: Program, request: pytest.FixtureRequest) -> Ask:
    return asking(server, request.param)


# What it can ask


def test_the_list_of_models_and_one_of_them(ask: Ask) -> None:
    listed = ask(lambda client: client.models.list()).data
    assert {"echo", "replay:hello", "scripted"} <= {model.id for model in listed}
    one = ask(lambda client: client.models.retrieve("replay:hello"))
    assert one == next(model for model in listed if model.id == "replay:hello")


def test_a_whole_answer(ask: Ask) -> None:
    _, asked = scripted(WORK)
    answer = ask(chat(**asked))
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "It is done.", "stop")
    assert choice.message.reasoning_content == "Hm.\n[edit] \n[ok] done\n"
    assert answer.codex_agent["stopped_reason"] == "success" and answer.id == f"chatcmpl-{answer.codex_agent['run_id']}"


def test_usage_with_its_cost(ask: Ask) -> None:
    case = Case([say("a")], usage={"prompt_tokens": 3, "completion_tokens": 4, "cost_usd": 0.25, "cached_tokens": 2})
    usage = ask(chat(model="scripted", messages=case.messages)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cost) == (3, 4, 7, 0.25)
    assert usage.prompt_tokens_details.cached_tokens == 2


def test_a_stream(ask: Ask) -> None:
    _, asked = scripted(WORK)
    chunks = ask(chat(**asked, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "It is done."
    steps = "".join(getattr(delta, "reasoning_content", "") or "" for delta in deltas)
    assert steps == "Hm.\n[edit] \n[ok] done\n"
    assert (chunks[-2].choices[0].finish_reason, chunks[-2].codex_agent["stopped_reason"]) == ("stop", "success")
    assert not chunks[-1].choices and chunks[-1].usage.total_tokens == 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_head_that_is_asked_for_raw(ask: Ask) -> None:
    raw = ask(lambda client: client.chat.completions.with_raw_response.create(model="echo", messages=HELLO))
    assert raw.parse().codex_agent["run_id"] == raw.headers[RUN_ID]
    assert raw.parse().choices[0].message.content == "one two three"


def test_the_helper_that_streams(server: Program) -> None:
    with (
        OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
        client.chat.completions.stream(model="echo", messages=HELLO) as stream,
    ):
        events = list(stream)
        final = stream.get_final_completion()
    told = [event.delta for event in events if event.type == "content.delta"]
    assert [text for text in told if text] == ["one", " two", " three"]
    assert final.choices[0].message.content == "one two three"


def test_the_async_helper_that_streams(server: Program) -> None:
    async def asked() -> Any:
        async with (
            AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
            client.chat.completions.stream(model="replay:hello", messages=HELLO, extra_body=_AT_ONCE) as stream,
        ):
            return await stream.get_final_completion()

    assert asyncio.run(asked()).choices[0].message.content


_AT_ONCE = {"codex_agent": {"pace": 0}}


def test_our_own_fields_go_along(ask: Ask, server: Program) -> None:
    case, asked = scripted([say("a")])
    ask(chat(**asked, extra_body={"codex_agent": {"permissions": "read-only"}}, user="me"))
    (begun,) = server.ledger.entries(case.name, "started")
    assert begun["options"] == {"permissions": "read-only"}


# Leaving


def closed(server: Program, case: Case, run_id: str) -> bool:
    """Whether the run of a client that has left was cancelled, and its agent closed."""
    if not server.ledger.wait(case.name, "closed", seconds=SOON):
        return False
    with server.client(headers={"authorization": f"Bearer {KEY}"}) as client:
        return until(lambda: _stopped_reason(client, run_id) == "client_disconnected", SOON)


def _stopped_reason(client: httpx.Client, run_id: str) -> Any:
    return client.get(f"/agent/runs/{run_id}").json().get("stopped_reason")


def test_a_stream_that_is_closed_ends_its_run(server: Program) -> None:
    case, asked = scripted([act(), say("a"), hang()])
    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        stream = client.chat.completions.create(**asked, stream=True)
        run_id = next(iter(stream)).id.removeprefix("chatcmpl-")
        stream.close()
        assert closed(server, case, run_id)
    assert server.ledger.count(case.name, "started") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_task_that_is_cancelled_ends_its_run(server: Program, stream: bool) -> None:
    case, asked = scripted([act(), *([say("a")] if stream else []), hang()])

    async def scene() -> None:
        async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            task = asyncio.ensure_future(_aread(client, **asked, stream=stream))
            assert await asyncio.to_thread(server.ledger.wait, case.name, "effect")
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(scene())
    assert closed(server, case, server.ledger.entries(case.name, "started")[0]["run_id"])


async def _aread(client: AsyncOpenAI, **asked: Any) -> Any:
    return await aeverything(await client.chat.completions.create(**asked))


# Errors


ERRORS: list[Any] = [
    pytest.param(openai.BadRequestError, "unsupported_parameter", {"n": 2}, id="400"),
    pytest.param(openai.BadRequestError, "invalid_request", {"temperature": 7}, id="400 of a value"),
    pytest.param(openai.NotFoundError, "model_not_found", {"model": "nobody"}, id="404"),
    pytest.param(openai.PermissionDeniedError, "foreign_origin", {"extra_headers": {"origin": "http://e.x"}}, id="403"),
    pytest.param(openai.InternalServerError, "not_ready", {"model": "scripted:unready"}, id="503"),
    pytest.param(openai.InternalServerError, "internal_error", {"model": "scripted:broken"}, id="500"),
]
FAILURES: list[Any] = [
    pytest.param(openai.InternalServerError, "agent_fault", [{"do": "forget"}], id="500"),
    pytest.param(openai.InternalServerError, "overloaded", [fail(529, code="overloaded")], id="529"),
    pytest.param(openai.RateLimitError, "slow_down", [fail(429, code="slow_down", retry_after=7)], id="429"),
    pytest.param(openai.ConflictError, "taken", [fail(409, code="taken")], id="409"),
    pytest.param(openai.AuthenticationError, "no_key", [fail(401, code="no_key")], id="401"),
    pytest.param(openai.UnprocessableEntityError, "run_failed", [act(), fail(500)], id="422"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "code", "fields"), ERRORS)
def test_a_refusal_is_its_own_exception(
    ask: Ask, kind: type[openai.APIStatusError], code: str, fields: dict[str, Any], stream: bool
) -> None:
    with pytest.raises(kind) as raised:
        ask(chat(**{"model": "echo", "messages": HELLO, "stream": stream, **fields}))
    assert type(raised.value) is kind and raised.value.code == code
    assert raised.value.type and raised.value.message


@pytest.mark.parametrize(("kind", "code", "steps"), FAILURES)
def test_a_failure_is_its_own_exception(
    ask: Ask, kind: type[openai.APIStatusError], code: str, steps: list[Step]
) -> None:
    _, asked = scripted(steps)
    with pytest.raises(kind) as raised:
        ask(chat(**asked))
    assert type(raised.value) is kind and raised.value.code == code
    assert raised.value.response.headers[RUN_ID].startswith("run_")
    assert raised.value.response.headers.get("retry-after") == ("7" if code == "slow_down" else None)


def test_a_wrong_key_is_no_authentication(ask: Ask) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        ask(lambda client: client.models.list(), api_key="sk-wrong")
    assert (raised.value.code, raised.value.type) == ("invalid_api_key", "authentication_error")


def test_a_model_that_there_is_none_of_is_not_found(ask: Ask) -> None:
    with pytest.raises(openai.NotFoundError, match="There is: echo") as raised:
        ask(lambda client: client.models.retrieve("vendor/nobody"))
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


def test_a_failure_inside_a_stream_is_raised_where_it_is_read(ask: Ask) -> None:
    _, asked = scripted([say("half"), act(), fail(500, message="It broke.")])
    with pytest.raises(openai.APIError, match=r"had begun to act.*It broke\.") as raised:
        ask(chat(**asked, stream=True))
    assert raised.value.code == "run_failed" and isinstance(raised.value.body, dict)
    assert raised.value.body["status"] == 422


def test_a_server_without_room_says_when_to_come_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    full = {"CODEX_AGENT_MAX_RUNS": "1", "CODEX_AGENT_MAX_QUEUE": "0"}
    with (
        running(tmp_path_factory.mktemp("full"), **full) as program,
        OpenAI(base_url=f"{program.url}/v1", api_key="none", max_retries=0) as client,
    ):
        stream = client.chat.completions.create(**scripted([say("a"), hang()])[1], stream=True)
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model="echo", messages=HELLO)
        stream.close()
    assert raised.value.code == "busy" and int(raised.value.response.headers["retry-after"]) >= 1


def test_patience_that_ends_is_a_timeout(ask: Ask) -> None:
    with pytest.raises(openai.APITimeoutError):
        ask(chat(**scripted([hang()])[1]), timeout=0.5)


def test_a_server_that_is_not_there_is_no_connection(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(openai.APIConnectionError):
        ask(chat(model="echo", messages=HELLO), base_url=f"http://127.0.0.1:{port}/v1")
