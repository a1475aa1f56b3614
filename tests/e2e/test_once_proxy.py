"""One request, one run, through a real proxy with its own retries: what its client got, and what was truly done.

`did` is (runs, side effects). The proxy stands before a server of ours whose cable can be pulled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from ..backends.program import BEAT, Program, running
from ..backends.scripts import Case, act, crash, fail, hang, pause, say, think
from ..provider.relays import Cable, cable
from .once import ANSWER, PATIENCE, RETRIES, RETRY_SECONDS, WORK, did
from .proxy import MASTER_KEY, free_port
from .proxy import running as proxy
from .routes import CHAT, RESPONSES, Route, events
from .stand import Reply, Stand

pytestmark = pytest.mark.proxy

KEY = "Idempotency-Key"
TOLD_422 = "The run failed after it had begun to act, so it is not tried again"
# A client's patience where it is to leave: long enough for its request to be on its way, which the test sees.
GIVE_UP_SECONDS = 1.5
# A proxy notices that its client has left, and a server that the proxy has, on a busy machine.
SOON = 2.0


@dataclass(frozen=True)
class Once:
    """A proxy, its server, the cable between them, and another to a server that a test starts at `port`.

    `breathing` is the model of a server that gives a sign of life every 0.1 s.
    """

    stand: Stand
    server: Program
    way: Cable
    port: int

    def ask(self, route: Route, case: Case, model: str = "agent", *, streamed: bool = False, **fields: Any) -> Reply:
        return self.stand.ask(route, model, streamed=streamed, **question(route, case), **fields)

    def leaves(self, case: Case, *, streamed: bool, headers: Any = None) -> float:
        """A client that gives up; when it did."""
        asked = {"streamed": streamed, "headers": headers, "seconds": GIVE_UP_SECONDS, **question(CHAT, case)}
        with pytest.raises(httpx.ReadTimeout), self.stand.asking(CHAT, "agent", **asked) as response:
            response.read()
        return time.time()


def question(route: Route, case: Case) -> dict[str, Any]:
    return {"input": case.content} if route is RESPONSES else {"messages": case.messages}


def said(reply: Reply) -> str:
    """The answer, or the refusal wherever in the reply it stands."""
    return reply.answer.text if reply.status == 200 and TOLD_422.encode() not in reply.body else reply.body.decode()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Once]:
    directory, port = tmp_path_factory.mktemp("proxy"), free_port()
    with ExitStack() as stack:
        server, breathing = (
            stack.enter_context(running(tmp_path_factory.mktemp("server"), **variables))
            for variables in ({"CODEX_AGENT_RETRY_SECONDS": str(RETRY_SECONDS)}, {BEAT: "0.1"})
        )
        way, other = (stack.enter_context(cable(url)) for url in (server.url, f"http://127.0.0.1:{port}"))
        started = stack.enter_context(proxy(_config(way.url, other.url, breathing.url), directory))
        started.wait_until_ready()
        yield Once(Stand(started, {}, directory), server, way, port)


def _config(agent: str, mortal: str, breathing: str) -> dict[str, Any]:
    """Each model has two deployments, between which the Router does not wait."""
    models = {
        "agent": {"api_base": agent},
        "hasty": {"api_base": agent, "timeout": 1},
        "careful": {"api_base": agent},
        "mortal": {"api_base": mortal},
        "breathing": {"api_base": breathing},
        "set": {"api_base": agent, "codex_agent": {"permissions": "read-only"}},
    }
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": "codex-agent/scripted", "api_key": "sk-endpoint", **params},
                "model_info": {"id": f"{name}-{number}"},
            }
            for name, params in models.items()
            for number in range(2)
        ],
        "litellm_settings": {"callbacks": ["litellm_codex_agent.hook"]},
        "router_settings": {"num_retries": RETRIES, "disable_cooldowns": True, "fallbacks": [{"careful": ["agent"]}]},
        "general_settings": {"cancel_on_disconnect": True},
    }


# Failures


@pytest.mark.parametrize("failure", [fail(500), fail(429, retry_after=7), crash()], ids=["500", "429", "crash"])
def test_a_failure_before_the_first_side_effect_is_tried_afresh(
    once: Once, route: Route, streamed: bool, failure: Any
) -> None:
    case = Case([failure], [failure], WORK)
    assert said(once.ask(route, case, streamed=streamed)) == ANSWER
    assert did(once.server, case) == (3, 1)


@pytest.mark.parametrize("failure", [fail(500), crash()], ids=["500", "crash"])
def test_a_failure_after_a_side_effect_is_told_and_not_tried_again(
    once: Once, route: Route, streamed: bool, failure: Any
) -> None:
    case = Case([act(), failure], WORK)
    reply = once.ask(route, case, streamed=streamed)
    assert TOLD_422 in said(reply)
    # The head of a stream is out before the run fails.
    assert reply.status == (200 if streamed else 422)
    assert did(once.server, case) == (1, 1)


def test_a_fallback_to_another_group_is_a_second_run_by_choice(once: Once) -> None:
    case = Case([act(), fail(500)], WORK)
    assert said(once.ask(CHAT, case, "careful")) == ANSWER
    assert did(once.server, case) == (2, 2)


# Connections and time


def test_a_connection_that_is_cut_in_mid_run_costs_an_attempt_and_no_run(
    once: Once, route: Route, streamed: bool
) -> None:
    case = Case([pause(1), *WORK] if streamed else [act(), pause(1), say(ANSWER)])
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(once.ask, route, case, streamed=streamed)
        assert once.server.ledger.wait(case.name, "started" if streamed else "effect")
        once.way.pull()
        assert said(asking.result(PATIENCE)) == ANSWER
    assert did(once.server, case) == (1, 1)


def test_the_routers_next_attempt_joins_the_run_that_took_too_long_for_the_last(once: Once, streamed: bool) -> None:
    case = Case([pause(2.4), *WORK] if streamed else [act(), pause(2.4), say(ANSWER)])
    assert said(once.ask(CHAT, case, "hasty", streamed=streamed)) == ANSWER
    assert did(once.server, case) == (1, 1)


def test_a_client_that_gave_up_finds_its_run_by_its_key(once: Once, streamed: bool) -> None:
    case = Case([pause(2), *WORK] if streamed else [act(), pause(2), say(ANSWER)])
    once.leaves(case, streamed=streamed, headers={KEY: case.name})
    assert said(once.ask(CHAT, case, streamed=streamed, headers={KEY: case.name})) == ANSWER
    assert did(once.server, case) == (1, 1)


def test_an_answer_that_was_lost_on_its_way_is_told_to_the_clients_next_try(once: Once, route: Route) -> None:
    case = Case(WORK)
    tries = [{KEY: case.name, "x-stainless-retry-count": str(count)} for count in range(2)]
    assert [said(once.ask(route, case, headers=headers)) for headers in tries] == [ANSWER] * 2
    assert did(once.server, case) == (1, 1)


@pytest.mark.parametrize(("retries", "seconds"), [("0", 0.0), (str(RETRIES), RETRY_SECONDS)])
def test_a_run_whose_client_gave_up_ends_once_nobody_can_come_back(once: Once, retries: str, seconds: float) -> None:
    case = Case([act(), hang()])
    left = once.leaves(case, streamed=False, headers={"x-litellm-num-retries": retries})
    assert once.server.ledger.wait(case.name, "closed", seconds=seconds + PATIENCE)
    (closed,) = once.server.ledger.entries(case.name, "closed")
    assert seconds - 0.5 < closed["at"] - left < seconds + SOON
    assert did(once.server, case) == (1, 1)


@pytest.mark.parametrize(
    ("when", "script", "told", "done"),
    [
        pytest.param("started", [hang()], ANSWER, (2, 1), id="before it acts"),
        pytest.param("effect", [act(), hang()], TOLD_422, (1, 1), id="after it acted"),
    ],
)
def test_a_server_that_is_killed_in_mid_run_is_asked_again_and_acts_once(
    once: Once, tmp_path: Path, when: str, script: Any, told: str, done: tuple[int, int]
) -> None:
    case, port = Case(script, WORK), {"MINI_AGENT_API_PORT": str(once.port)}
    with running(tmp_path, **port) as first, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(once.ask, CHAT, case, "mortal")
        assert first.ledger.wait(case.name, when)
        first.kill()
        with running(tmp_path, **port) as second:
            assert told in said(asking.result(PATIENCE))
            assert did(second, case) == done


# Several who ask


def _at_once(once: Once, route: Route, case: Case, **fields: Any) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(once.ask, route, case, **fields) for _ in range(2)]
        return [said(answer.result(PATIENCE)) for answer in asking]


def test_two_clients_who_ask_the_same_at_once_by_one_key_share_a_run(once: Once, route: Route, streamed: bool) -> None:
    case = Case([pause(1), *WORK])
    assert _at_once(once, route, case, streamed=streamed, headers={KEY: case.name}) == [ANSWER] * 2
    assert did(once.server, case) == (1, 1)


def test_two_clients_who_ask_the_same_at_once_without_a_key_have_a_run_each(once: Once, route: Route) -> None:
    case = Case([pause(0.5), *WORK])
    assert _at_once(once, route, case) == [ANSWER] * 2
    assert did(once.server, case) == (2, 2)


def test_two_equal_questions_of_one_session_are_two_runs(once: Once, route: Route, streamed: bool) -> None:
    case = Case(WORK)
    for _ in range(2):
        headers = {"x-litellm-session-id": "mine", "x-litellm-trace-id": "mine"}
        assert said(once.ask(route, case, streamed=streamed, headers=headers)) == ANSWER
    assert did(once.server, case) == (2, 2)


def test_openais_client_with_a_key_that_times_out_gets_its_answer_from_one_run(once: Once) -> None:
    case = Case([act(), pause(2.2), say(ANSWER)])
    with (
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(
            base_url=f"{once.stand.proxy.url}/v1", api_key=MASTER_KEY, http_client=http, timeout=1.5, max_retries=3
        ) as client,
    ):
        messages: Any = case.messages
        answer = client.chat.completions.create(model="agent", messages=messages, extra_headers={KEY: case.name})
    assert answer.choices[0].message.content == ANSWER
    assert did(once.server, case) == (1, 1)


# What else goes through


def test_what_is_asked_of_an_agent_reaches_it(once: Once, route: Route, streamed: bool) -> None:
    case, other, asked = Case(WORK), Case(WORK), {"permissions": "edit", "workspace": "/srv/work"}
    once.ask(route, case, "set", streamed=streamed, codex_agent=asked)
    once.ask(route, other, "set", streamed=streamed)
    heard = [once.server.ledger.entries(each.name, "started")[0]["options"] for each in (case, other)]
    assert heard == [asked, {"permissions": "read-only"}]


def test_what_an_agent_says_of_its_run_comes_with_a_whole_chat(once: Once) -> None:
    reply = once.ask(CHAT, Case(WORK))
    agent = json.loads(reply.body)["codex_agent"]
    assert (agent["stopped_reason"], agent["metrics"]["tool_calls"]) == ("success", 1)
    assert reply.headers["llm_provider-x-codex-agent-run-id"] == agent["run_id"]


def test_what_an_agent_says_of_its_run_comes_with_a_streamed_chat(once: Once) -> None:
    reply = once.ask(CHAT, Case(WORK), streamed=True)
    deltas = [chunk["choices"][0]["delta"] for chunk in events(reply.body) if chunk["choices"]]
    (agent,) = [fields["codex_agent"] for delta in deltas if (fields := delta.get("provider_specific_fields"))]
    assert (agent["stopped_reason"], agent["metrics"]["tool_calls"]) == ("success", 1)
    assert reply.headers["llm_provider-x-codex-agent-run-id"] == agent["run_id"]


def test_the_breath_of_a_silent_run_reaches_the_client_while_it_is_silent(once: Once, route: Route) -> None:
    case = Case([think("Hm."), pause(1.5), say(ANSWER)])
    heard: list[float] = []
    with once.stand.asking(route, "breathing", streamed=True, **question(route, case)) as response:
        for part in response.iter_raw():
            heard += [time.monotonic()] * (ANSWER.encode() not in part)
    # Every 0.3 s here; a quarter of the silence is still life enough on a busy machine.
    assert len(heard) > 4
    assert max(after - before for before, after in pairwise(heard)) < 1


def test_a_silent_run_is_told_as_one_that_was_not(once: Once, route: Route) -> None:
    case = Case([think("Hm."), pause(1), say(ANSWER)])
    answer = once.ask(route, case, "breathing", streamed=True).answer
    assert (answer.text, answer.reasoning.strip()) == (ANSWER, "Hm.")
