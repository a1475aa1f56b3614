"""What LiteLLM's Router does with a Codex that failed: it tries again, cools down, falls back, and never acts twice."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import pytest
from litellm import Router

from ..endpoint import Act, Connection
from ..provider.calls import MODES
from ..provider.routers import call, cooldowns, ids, router
from ..responses_endpoint import fault, in_order, say, shell, turn
from .desk import Desk, Script

WAIT = 9
BUSY = fault(429, "Slower.", headers={"retry-after": str(WAIT)})
ANSWER = turn(say("Done."))
WORK = turn(shell("echo made > new.txt"))
# After so many calls between two deployments each of them was chosen, or the machine has no luck at all.
CALLS = 40
each_mode = pytest.mark.parametrize(
    "mode", [MODES[1], *(pytest.param(mode, marks=pytest.mark.agents) for mode in (MODES[0], *MODES[2:]))]
)


def by_model(**acts: Act) -> Act:
    """Another answer for each model of Codex's."""

    def act(connection: Connection) -> None:
        acts[connection.asked.json["model"]](connection)

    return act


def group(desk: Desk, *models: str, **options: Any) -> Router:
    """One group, with a deployment for each of Codex's models."""
    of = router(*(desk.url for _ in models), **options)
    deployments: Any = of.model_list
    for deployment, model in zip(deployments, models, strict=True):
        deployment["litellm_params"]["model"] = f"codex-agent/codex:{model}"
    of.set_model_list([{name: each[name] for name in ("model_name", "litellm_params")} for each in deployments])
    return of


def said(answer: Any) -> str:
    if isinstance(answer, list):
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
    return str(answer.choices[0].message.content)


def asked_for(script: Script, model: str) -> int:
    return sum(body["model"] == model for body in script.asked)


@each_mode
def test_a_failure_before_any_command_is_tried_again_by_the_router_alone(desk: Desk, mode: str) -> None:
    script = desk.script(in_order(fault(500), fault(500), ANSWER))
    of = group(desk, "one", "two", num_retries=2)
    assert said(call(of, mode, messages=script.messages)) == "Done."
    assert len(script.asked) == 3


@each_mode
def test_a_failure_that_stays_is_asked_for_once_an_attempt(desk: Desk, mode: str) -> None:
    script = desk.script(fault(500, "Broken."))
    with pytest.raises(litellm.InternalServerError):
        call(group(desk, "one", "two", num_retries=2), mode, messages=script.messages)
    assert len(script.asked) == 3


@each_mode
def test_a_429_cools_its_deployment_down_for_as_long_as_it_asks(desk: Desk, mode: str) -> None:
    of = group(desk, "one", "two", cooldown_time=1)
    with pytest.raises(litellm.RateLimitError):
        call(of, mode, messages=desk.script(BUSY).messages)
    cooled = asyncio.run(cooldowns(of).async_get_active_cooldowns(ids(of), parent_otel_span=None))
    assert [entry[1]["cooldown_time"] for entry in cooled] == [WAIT]


def test_a_deployment_that_cools_down_is_not_asked(desk: Desk) -> None:
    script = desk.script(by_model(one=BUSY, two=ANSWER))
    of = group(desk, "one", "two", num_retries=1)
    for _ in range(CALLS):
        if asked_for(script, "one"):
            break
        assert said(call(of, "completion", messages=script.messages)) == "Done."
    for _ in range(3):
        assert said(call(of, "completion", messages=script.messages)) == "Done."
    assert asked_for(script, "one") == 1


@each_mode
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_fallback_model_answers(desk: Desk, mode: str, status: int) -> None:
    script = desk.script(by_model(one=fault(status, "No."), spare=ANSWER))
    of = _with_spare(desk)
    assert said(call(of, mode, messages=script.messages)) == "Done."
    assert (asked_for(script, "one"), asked_for(script, "spare")) == (1, 1)


@pytest.mark.parametrize("mode", ["completion", pytest.param("acompletion", marks=pytest.mark.agents)])
def test_a_fallback_after_a_command_is_a_second_run_by_choice(desk: Desk, mode: str) -> None:
    script = desk.script(WORK, by_model(one=fault(500, "No."), spare=ANSWER))
    of = _with_spare(desk)
    assert said(call(of, mode, messages=script.messages)) == "Done."
    assert (asked_for(script, "one"), asked_for(script, "spare")) == (2, 2)


def test_a_context_that_is_too_long_has_its_own_fallback(desk: Desk) -> None:
    too_long = fault(400, "Too long.", code="context_length_exceeded")
    script = desk.script(by_model(one=too_long, spare=ANSWER))
    of = _with_spare(desk, of="context_window_fallbacks")
    assert said(call(of, "acompletion", messages=script.messages)) == "Done."
    assert (asked_for(script, "one"), asked_for(script, "spare")) == (1, 1)


def _with_spare(desk: Desk, *, of: str = "fallbacks") -> Router:
    made = group(desk, "one", **{of: [{"agent": ["spare"]}]})
    params = {"model": "codex-agent/codex:spare", "api_base": desk.url, "api_key": "sk-test-key-1234"}
    made.set_model_list([*made.model_list, {"model_name": "spare", "litellm_params": params}])
    return made
