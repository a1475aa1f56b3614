"""What goes wrong: one sentence, the class that the Router acts upon, and no secret in it."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import Any

import httpx
import litellm
import openai
import pytest
import respx

from litellm_codex_agent.errors import (
    BrokenReply,
    Misconfigured,
    Refusal,
    Refused,
    TimedOut,
    Unreachable,
)
from litellm_codex_agent.provider.failures import to_litellm
from litellm_codex_agent.wire.chat import MAX_ERROR_CHARS

from ..answers import error
from ..endpoint import Endpoint, reply
from .calls import MODES, ask
from .routers import Kept, acall, call, cooldowns, ids, router

CALL = {"model": "mini", "litellm_params": {"custom_llm_provider": "codex_cli_agent"}}
KEY = "sk-very-secret-key-9876"


def refused(status: int, **fields: Any) -> Refused:
    return Refused(Refusal("no", **fields), status=status, headers={"retry-after": "7", "content-encoding": "gzip"})


TABLE = [
    (refused(400), "BadRequestError", 400),
    (refused(400, code="context_length_exceeded"), "ContextWindowExceededError", 400),
    (refused(400, type="content_policy_violation"), "ContentPolicyViolationError", 400),
    (refused(401), "AuthenticationError", 401),
    (refused(402), "APIError", 402),
    (refused(403), "PermissionDeniedError", 403),
    (refused(404), "NotFoundError", 404),
    (refused(408), "Timeout", 408),
    (refused(409), "APIError", 409),
    (refused(413), "APIError", 413),
    (refused(422), "BadRequestError", 422),
    (refused(429), "RateLimitError", 429),
    (refused(500), "InternalServerError", 500),
    (refused(502), "BadGatewayError", 502),
    (refused(503), "ServiceUnavailableError", 503),
    (refused(504), "Timeout", 504),
    (refused(529), "APIError", 529),
    (Misconfigured("no"), "BadRequestError", 400),
    (Unreachable("no"), "InternalServerError", 500),
    (BrokenReply("no"), "InternalServerError", 500),
    (TimedOut("no"), "Timeout", 408),
]


@pytest.mark.parametrize(("fault", "name", "status"), TABLE, ids=lambda value: str(value)[:20])
def test_each_fault_has_its_litellm_exception(fault: Any, name: str, status: int) -> None:
    raised: Any = to_litellm(fault, CALL)
    assert (type(raised).__name__, raised.status_code) == (name, status)
    assert (raised.model, raised.llm_provider) == ("mini", "codex_cli_agent")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
def test_retry_after_reaches_the_router_with_every_status(status: int) -> None:
    raised: Any = to_litellm(refused(status), CALL)
    assert raised.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Unreachable("x"), "APIConnectionError"),
        (BrokenReply("x"), "APIConnectionError"),
        (refused(503), "APIConnectionError"),
        (TimedOut("x"), "Timeout"),
        (refused(429), "RateLimitError"),
        (refused(400, code="context_length_exceeded"), "ContextWindowExceededError"),
    ],
)
def test_inside_a_stream_a_fault_is_one_of_the_connection_and_a_4xx_stays(fault: Any, name: str) -> None:
    assert type(to_litellm(fault, CALL, in_stream=True)).__name__ == name


def test_a_refusals_code_and_param_reach_openais_clients() -> None:
    raised: Any = to_litellm(refused(400, body={"message": "no", "code": "c", "param": "p"}), CALL)
    assert raised.body == {"message": "no", "code": "c", "param": "p"}


@pytest.mark.parametrize("mode", MODES)
def test_the_endpoints_message_comes_whole(endpoint: Endpoint, mode: str) -> None:
    long = "because " * 500
    with pytest.raises(litellm.BadRequestError, match=long.strip()):
        ask(mode, endpoint.lane(reply(error(long), status=400)))


def test_a_message_over_the_limit_says_how_much_is_left_out(endpoint: Endpoint) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"… \(1,000 characters left out\)"):
        ask("completion", endpoint.lane(reply(error("x" * (MAX_ERROR_CHARS + 1000)), status=400)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_the_key_is_in_no_error(endpoint: Endpoint, mode: str, status: int) -> None:
    headers = {"location": f"/login?key={KEY}"}
    body = {"error": {"message": f"your key {KEY} is no good", "param": KEY}}
    with pytest.raises(Exception, match="no good") as raised:
        ask(mode, endpoint.lane(reply(body, status=status, headers=headers)), api_key=KEY)
    assert KEY not in "".join(traceback.format_exception(raised.value))
    assert KEY not in repr(vars(raised.value))


def test_callbacks_never_see_the_key(endpoint: Endpoint) -> None:
    kept = Kept()
    litellm.callbacks.append(kept)
    lane = endpoint.lane(reply(error("down"), status=500))
    extra = {"X-Api-Key": KEY, "Cookie": f"session={KEY}"}
    with pytest.raises(litellm.InternalServerError):
        asyncio.run(acall(router(lane.base, params={"api_key": KEY}), "acompletion", extra_headers=extra))
    shown = kept.before[0]["additional_args"]["headers"]
    assert shown["authorization"] == "Bearer sk-…9876"
    assert KEY not in repr(shown)
    assert kept.before[0]["additional_args"]["complete_input_dict"]["messages"]


@pytest.mark.parametrize("mode", MODES)
def test_a_refused_connection_says_what_to_look_at(mode: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Exception, match=r"cannot be reached.*Is it running, and is api_base right"):
        ask(mode, None, api_base=f"http://127.0.0.1:{port}")


HTTPX_FAULTS = [
    (httpx.ConnectTimeout("slow"), "Timeout"),
    (httpx.ReadTimeout("slow"), "Timeout"),
    (httpx.PoolTimeout("slow"), "Timeout"),
    (httpx.ConnectError("refused"), "InternalServerError"),
    (httpx.ProxyError("407"), "InternalServerError"),
    (httpx.ReadError("reset"), "InternalServerError"),
    (httpx.RemoteProtocolError("cut"), "InternalServerError"),
    (httpx.DecodingError("gzip"), "InternalServerError"),
]


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
@pytest.mark.parametrize(("fault", "name"), HTTPX_FAULTS, ids=str)
def test_every_error_of_httpx_becomes_litellms(mode: str, fault: Exception, name: str) -> None:
    client = httpx.Client() if mode == "completion" else httpx.AsyncClient()
    with respx.mock(base_url="http://agent.test") as mock:
        mock.post("/v1/chat/completions").mock(side_effect=fault)
        with pytest.raises(openai.OpenAIError) as raised:
            ask(mode, None, api_base="http://agent.test", client=client)
    assert type(raised.value).__name__ == name


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_the_router_waits_as_long_as_the_endpoint_asked_for(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(reply(error("busy"), status=429, headers={"retry-after": "9"}))
    agents = router(lane.base, lane.base, cooldown_time=1)
    with pytest.raises(litellm.RateLimitError):
        call(agents, mode)
    cooled = asyncio.run(cooldowns(agents).async_get_active_cooldowns(ids(agents), parent_otel_span=None))
    assert [entry[1]["cooldown_time"] for entry in cooled] == [9]
