"""What goes wrong at the model's endpoint, as LiteLLM's Router raises it, before a command ran and after one.

The endpoint counts what it was asked: nothing is tried again in secret, neither by Codex nor by the relay.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import litellm
import openai
import pytest
from litellm import Router

from ..e2e.routes import CHAT
from ..e2e.stand import Stand
from ..endpoint import Act, hang, stream
from ..provider.calls import MODES
from ..provider.routers import call, router
from ..responses_endpoint import fault, say, shell, turn
from .desk import KEY, Desk, Script

WAIT = 9
# What a request allows for a run that hangs: long enough for Codex to start its command on a busy machine.
HANG_BUDGET = {"budgets": {"max_seconds": 8}}
GONE_SECONDS = 60.0
# All that there is of an answer whose stream ends in order, and too early.
BEGUN = b'event: response.created\ndata: {"type": "response.created", "response": {"id": "resp_0"}}\n\n'


class Fault(NamedTuple):
    """What the endpoint does, and what a Router raises of it before anything was done."""

    act: Act
    error: type[Exception]
    status: int
    more: Mapping[str, Any] = MappingProxyType({})


FAULTS = {
    "401": Fault(fault(401, "No such key."), litellm.AuthenticationError, 401),
    "403": Fault(fault(403, "Not for you."), litellm.PermissionDeniedError, 403),
    "404": Fault(fault(404, "No such model.", code="model_not_found"), litellm.NotFoundError, 404),
    "429": Fault(fault(429, "Slower.", headers={"retry-after": str(WAIT)}), litellm.RateLimitError, 429),
    "500": Fault(fault(500, "Broken."), litellm.InternalServerError, 500),
    "503": Fault(fault(503, "Too much to do."), litellm.ServiceUnavailableError, 503),
    "cut": Fault(turn(say("Half of it."), cut_after=3), litellm.BadGatewayError, 502),
    "no end": Fault(stream(BEGUN), litellm.BadGatewayError, 502),
    "failed in a stream": Fault(turn(failed=("server_error", "Broken.")), litellm.InternalServerError, 500),
    "limit in a stream": Fault(turn(failed=("rate_limit_exceeded", "Slower.")), litellm.RateLimitError, 429),
    "context": Fault(fault(400, "Too long.", code="context_length_exceeded"), litellm.ContextWindowExceededError, 400),
    "context in a stream": Fault(
        turn(failed=("context_length_exceeded", "Too long.")), litellm.ContextWindowExceededError, 400
    ),
    "hang": Fault(hang(GONE_SECONDS), litellm.BadRequestError, 422, HANG_BUDGET),
    "hang in a stream": Fault(turn(hang=GONE_SECONDS), litellm.BadRequestError, 422, HANG_BUDGET),
}
# Every run tries these, in one whole mode and in one streamed.
SHORT = {"401", "429", "500", "cut", "context"}
SHORT_MODES = {"completion", "astreaming"}
WORK = turn(shell("echo made > new.txt"))


def _cases() -> list[Any]:
    return [
        pytest.param(name, mode, id=f"{name} {mode}", marks=() if _short(name, mode) else pytest.mark.agents)
        for name in FAULTS
        for mode in MODES
    ]


def _short(name: str, mode: str) -> bool:
    return name in SHORT and mode in SHORT_MODES


def agents(*desks: Desk, **options: Any) -> Router:
    return router(*(desk.url for desk in desks), params={"model": "codex-agent/codex"}, **options)


def raised(of: Router, mode: str, script: Script, **codex_agent: Any) -> Any:
    """What a call raises, streamed or not."""
    asked = {"codex_agent": codex_agent} if codex_agent else {}
    with pytest.raises(openai.OpenAIError) as found:
        call(of, mode, messages=script.messages, **asked)
    error: Any = found.value
    # Around what a stream raises after its first chunk the Router puts an error of its own.
    return getattr(error, "original_exception", None) or error


@pytest.mark.parametrize(("name", "mode"), _cases())
def test_a_fault_before_any_command_is_litellms_own_error(desk: Desk, name: str, mode: str) -> None:
    fault = FAULTS[name]
    script = desk.script(fault.act)
    error = raised(agents(desk), mode, script, **fault.more)
    assert (type(error), error.status_code) == (fault.error, fault.status)
    assert len(script.asked) == 1


@pytest.mark.parametrize(("name", "mode"), _cases())
def test_a_fault_after_a_command_is_a_422_and_nothing_is_tried_again(desk: Desk, name: str, mode: str) -> None:
    fault = FAULTS[name]
    script = desk.script(WORK, fault.act)
    error = raised(agents(desk, desk, num_retries=2), mode, script, **fault.more)
    assert (type(error), error.status_code) == (litellm.BadRequestError, 422)
    assert len(script.asked) == 2


@pytest.mark.parametrize("mode", ["completion", "astreaming"])
def test_the_endpoints_words_and_its_retry_after_are_told(desk: Desk, mode: str) -> None:
    error = raised(agents(desk), mode, desk.script(FAULTS["429"].act))
    assert "Slower." in str(error)
    assert error.response.headers["retry-after"] == str(WAIT)
    assert KEY not in str(error)


@pytest.mark.parametrize("mode", ["streaming", "astreaming"])
def test_a_stream_that_is_cut_in_mid_answer_is_an_error_and_no_answer(desk: Desk, mode: str) -> None:
    script = desk.script(turn(say("One two three four.", phase="final_answer"), cut_after=6))
    error = raised(agents(desk), mode, script)
    assert "The connection to the model's endpoint broke" in str(error)
    assert len(script.asked) == 1


@pytest.mark.parametrize("mode", [MODES[0], *(pytest.param(mode, marks=pytest.mark.agents) for mode in MODES[1:])])
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(hang(GONE_SECONDS), id="no head"),
        pytest.param(turn(hang=GONE_SECONDS), id="no event", marks=pytest.mark.agents),
    ],
)
def test_a_hang_that_the_caller_does_not_wait_for_is_a_timeout(desk: Desk, mode: str, act: Act) -> None:
    script = desk.script(act)
    with pytest.raises(litellm.Timeout):
        call(agents(desk), mode, messages=script.messages, timeout=4)
    assert len(script.asked) == 1


@pytest.mark.agents
@pytest.mark.proxy
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", [name for name in FAULTS if "hang" not in name])
def test_a_proxy_tells_the_status_of_a_fault(desk: Desk, proxied: Stand, name: str, streamed: bool) -> None:
    script = desk.script(FAULTS[name].act)
    reply = proxied.ask(CHAT, "codex", streamed=streamed, messages=script.messages)
    assert reply.status == FAULTS[name].status
    assert reply.headers.get("llm_provider-retry-after") == (str(WAIT) if name == "429" else None)
    assert len(script.asked) == 1
