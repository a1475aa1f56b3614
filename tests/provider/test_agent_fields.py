"""Our own field: what a caller asks of an agent beyond a model, and what an agent says of its run beside the answer.

The server is our own, so both ends are measured on each LiteLLM.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from ..backends.program import BEAT, Program, running
from ..backends.scripts import Case, act, pause, say, think
from ..endpoint import Endpoint, event, stream
from .calls import MODES, ask
from .routers import call, router

RUN_ID = "x-codex-agent-run-id"
STREAMED = ["streaming", "astreaming"]
ASKED = {"permissions": "edit", "workspace": "/srv/work", "budgets": {"max_seconds": 60}}
WAYS: dict[str, dict[str, Any]] = {
    "by the call": {"codex_agent": ASKED},
    "by its extra_body": {"extra_body": {"codex_agent": ASKED}},
    "by the deployment": {"params": {"codex_agent": ASKED}},
    "by the call before the deployment": {
        "codex_agent": ASKED,
        "params": {"codex_agent": {"permissions": "read-only", "session_id": "s"}},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("fields"), **{BEAT: "0.05"}) as program:
        yield program


def answered(server: Program, mode: str, case: Case | None = None, params: Any = None, **fields: Any) -> Any:
    case = case or Case([act(), say("Done.")])
    agents = router(server.url, params={"model": "codex-agent/scripted", **(params or {})})
    return call(agents, mode, messages=case.messages, **fields)


def heard(server: Program, case: Case) -> Any:
    """The options that the agent was given."""
    (started,) = server.ledger.entries(case.name, "started")
    return started["options"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("where", WAYS)
def test_what_is_asked_of_an_agent_reaches_it(server: Program, mode: str, where: str) -> None:
    case = Case([say("Done.")])
    answered(server, mode, case, **deepcopy(WAYS[where]))
    assert heard(server, case) == ASKED


@pytest.mark.parametrize("mode", MODES)
def test_what_is_asked_of_an_agent_reaches_it_without_a_router(server: Program, mode: str) -> None:
    case = Case([say("Done.")])
    asked = {"api_base": server.url, "messages": case.messages, "codex_agent": ASKED}
    ask(mode, None, model="codex-agent/scripted", **asked)
    assert heard(server, case) == ASKED


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_what_an_agent_says_of_its_run_stands_beside_the_answer(server: Program, mode: str) -> None:
    reply = answered(server, mode)
    assert reply.codex_agent["stopped_reason"] == "success" and reply.codex_agent["metrics"]["tool_calls"] == 1
    assert reply._hidden_params["additional_headers"][f"llm_provider-{RUN_ID}"] == reply.codex_agent["run_id"]


@pytest.mark.parametrize("mode", STREAMED)
def test_what_an_agent_says_of_its_run_comes_before_the_end_of_a_stream(server: Program, mode: str) -> None:
    chunks = answered(server, mode)
    said = [number for number, chunk in enumerate(chunks) if getattr(chunk, "codex_agent", None)]
    ends = [number for number, chunk in enumerate(chunks) if chunk.choices and chunk.choices[0].finish_reason]
    assert len(said) == len(ends) == 1 and said < ends
    chunk = chunks[said[0]]
    assert chunk.codex_agent["stopped_reason"] == "success"
    # A proxy hands on what stands in the delta, and drops what stands beside the choices.
    assert chunk.choices[0].delta.provider_specific_fields["codex_agent"] == chunk.codex_agent


@pytest.mark.parametrize("mode", STREAMED)
def test_the_breath_of_a_silent_run_reaches_its_caller(server: Program, mode: str) -> None:
    case = Case([think("Hm."), pause(1), say("Done.")])
    deltas = [chunk.choices[0].delta for chunk in answered(server, mode, case) if chunk.choices]
    thoughts = [thought for delta in deltas if (thought := getattr(delta, "reasoning_content", None))]
    assert thoughts[0] == "Hm." and len(thoughts) > 2 and set(thoughts[1:]) == {" "}


@pytest.mark.parametrize("mode", STREAMED)
def test_what_an_endpoint_has_put_into_a_delta_stays_there(endpoint: Endpoint, mode: str) -> None:
    own = {"delta": {"provider_specific_fields": {"mine": 1}}, "index": 0, "finish_reason": None}
    told = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [own]}
    end = {**told, "choices": [{**own, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    lane = endpoint.lane(stream(event({**told, "codex_agent": {"run_id": "r"}}), event(end), event(b"[DONE]")))
    chunk = call(router(lane.base), mode)[0]
    assert chunk.choices[0].delta.provider_specific_fields == {"mine": 1, "codex_agent": {"run_id": "r"}}
