"""One request, one run, through a real Router with three attempts: what its caller got, and what was truly done.

`did` is (runs, side effects). A stream whose first word has come is not tried again by the Router, as no stream is:
its caller is told, and may ask again by the same key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, crash, fail, hang, pause, say, think
from ..provider.calls import MODES
from ..provider.relays import cable
from ..provider.routers import acall, router
from ..soak import size
from .once import ANSWER, DONE, FAILED, PATIENCE, RETRY_SECONDS, WORK, Got, aasked, agents, aside, asked, did, key

pytestmark = pytest.mark.soak

WHOLE = ["completion", "acompletion"]
STREAMED = ["streaming", "astreaming"]
# Those of the slow tests: one whole and one streamed, one sync and one async.
SOME = ["completion", "astreaming", *["acompletion", "streaming"][: size(0, 2)]]
# Between an act and its line in the ledger, and between a look and a deed, on a busy machine.
SOON = 1.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("once"), CODEX_AGENT_RETRY_SECONDS=str(RETRY_SECONDS)) as program:
        yield program


def _named(failure: Step) -> str:
    return f"{failure['do']} {failure.get('status', '')}"


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _working(mode: str, seconds: float) -> Case:
    """A run that takes so long. One that streams says nothing before: its caller would be told, and not try again."""
    return Case([pause(seconds), *WORK] if mode in STREAMED else [act(), pause(seconds), say(ANSWER)])


# Failures


@pytest.mark.parametrize("failure", [fail(500), fail(429, retry_after=7), fail(503), crash()], ids=_named)
def test_a_failure_before_the_first_side_effect_is_tried_afresh(server: Program, mode: str, failure: Step) -> None:
    case = Case([failure], WORK)
    assert asked(agents(server.url, server.url), mode, case) == DONE
    assert did(server, case) == (2, 1)


@pytest.mark.parametrize("mode", SOME)
def test_the_router_waits_as_long_as_a_failed_run_asks_for(server: Program, mode: str) -> None:
    case = Case([fail(429, retry_after=1)], WORK)
    began = time.monotonic()
    assert asked(agents(server.url), mode, case) == DONE
    assert time.monotonic() - began >= 1
    assert did(server, case) == (2, 1)


def test_a_failure_that_stays_is_told_after_three_runs_without_a_side_effect(server: Program, mode: str) -> None:
    case = Case([fail(500)])
    assert asked(agents(server.url, server.url), mode, case).status == 500
    assert did(server, case) == (3, 0)


@pytest.mark.parametrize("failure", [fail(500), fail(429, retry_after=7), crash()], ids=_named)
def test_a_failure_after_a_side_effect_is_a_422_and_not_tried_again(server: Program, mode: str, failure: Step) -> None:
    case = Case([act(), failure], WORK)
    assert asked(agents(server.url, server.url), mode, case) == FAILED
    assert did(server, case) == (1, 1)


@pytest.mark.parametrize(("mode", "got", "done"), [(WHOLE[1], DONE, (2, 1)), *((m, None, (1, 0)) for m in STREAMED)])
def test_a_run_that_fails_after_its_first_word_is_tried_again_where_nobody_heard_it(
    server: Program, mode: str, got: Got | None, done: tuple[int, int]
) -> None:
    case = Case([think("Hm."), fail(500)], WORK)
    assert asked(agents(server.url, server.url), mode, case) == (got or Got("", 500, "APIConnectionError"))
    assert did(server, case) == done


def test_a_caller_whose_stream_broke_may_ask_again_by_his_key(server: Program) -> None:
    case = Case([think("Hm."), fail(500)], WORK)
    first, second = (asked(agents(server.url), "astreaming", case, **key(case)) for _ in range(2))
    assert (first.status, second) == (500, DONE)
    assert did(server, case) == (2, 1)


# Connections


def test_a_connection_that_is_cut_in_mid_run_costs_an_attempt_and_no_run(server: Program, mode: str) -> None:
    case = _working(mode, 1)
    with cable(server.url) as way, aside(agents(way.url, way.url), mode, case) as answer:
        assert server.ledger.wait(case.name, "started" if mode in STREAMED else "effect")
        way.pull()
        assert answer.result(PATIENCE) == DONE
    assert (way.connections, did(server, case)) == (2, (1, 1))


@pytest.mark.parametrize("mode", STREAMED)
def test_a_stream_that_is_cut_after_its_first_word_is_joined_again_by_its_key(server: Program, mode: str) -> None:
    case = Case([act(), pause(1), say(ANSWER)])
    with cable(server.url) as way:
        with aside(agents(way.url, way.url), mode, case, **key(case)) as answer:
            assert server.ledger.wait(case.name, "effect")
            time.sleep(0.2)  # its first word is on the way
            way.pull()
            assert answer.result(PATIENCE).status == 500
        assert asked(agents(way.url), mode, case, **key(case)) == DONE
    assert did(server, case) == (1, 1)


@pytest.mark.parametrize("mode", SOME)
def test_a_run_that_ended_before_the_next_attempt_came_is_told_to_it(server: Program, mode: str) -> None:
    case = _working(mode, 0.3)
    with cable(server.url) as way, aside(agents(way.url, retry_after=2), mode, case) as answer:
        assert server.ledger.wait(case.name, "started" if mode in STREAMED else "effect")
        way.pull()
        assert server.ledger.wait(case.name, "ended")
        assert way.connections == 1
        assert answer.result(PATIENCE) == DONE
    assert did(server, case) == (1, 1)


# Time


@pytest.mark.parametrize("mode", SOME)
def test_the_routers_next_attempt_joins_the_run_that_took_too_long_for_the_last(server: Program, mode: str) -> None:
    case = _working(mode, 2.4)
    with cable(server.url) as way:
        assert asked(agents(way.url, way.url, params={"timeout": 1}), mode, case) == DONE
    assert (way.connections, did(server, case)) == (3, (1, 1))


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_a_client_that_gave_up_finds_its_run_by_its_key(server: Program, mode: str) -> None:
    case = Case([act(), pause(1.5), say(ANSWER)])

    async def scene() -> Got:
        of = agents(server.url)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(acall(of, mode, messages=case.messages, **key(case)), 1)
        return await aasked(of, mode, case, **key(case))

    assert asyncio.run(scene()) == DONE
    assert did(server, case) == (1, 1)


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
@pytest.mark.parametrize(("retries", "seconds"), [(0, 0.0), (2, RETRY_SECONDS)])
def test_a_run_whose_client_gave_up_ends_once_nobody_can_come_back(
    server: Program, mode: str, retries: int, seconds: float
) -> None:
    case = Case([act(), hang()])

    async def scene() -> float:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(acall(agents(server.url, num_retries=retries), mode, messages=case.messages), 1)
        return time.time()

    left = asyncio.run(scene())
    assert server.ledger.wait(case.name, "closed", seconds=seconds + PATIENCE)
    (closed,) = server.ledger.entries(case.name, "closed")
    assert seconds - 0.5 < closed["at"] - left < seconds + SOON
    assert did(server, case) == (1, 1)


# Several who ask


def _at_once(server: Program, mode: str, case: Case, **fields: Any) -> list[Got]:
    """Two clients, each with a Router of its own."""
    clients = [agents(server.url) for _ in range(2)]
    with aside(clients[0], mode, case, **fields) as one, aside(clients[1], mode, case, **fields) as other:
        return [one.result(PATIENCE), other.result(PATIENCE)]


def test_two_clients_who_ask_the_same_at_once_by_one_key_share_a_run(server: Program, mode: str) -> None:
    case = Case([pause(0.7), *WORK])
    assert _at_once(server, mode, case, **key(case)) == [DONE] * 2
    assert did(server, case) == (1, 1)


def test_two_clients_who_ask_the_same_at_once_without_a_key_have_a_run_each(server: Program, mode: str) -> None:
    case = Case([pause(0.3), *WORK])
    assert _at_once(server, mode, case) == [DONE] * 2
    assert did(server, case) == (2, 2)


@pytest.mark.parametrize("session", ["metadata", "litellm_session_id"])
def test_two_equal_questions_of_one_session_are_two_runs(server: Program, mode: str, session: str) -> None:
    case, of = Case(WORK), agents(server.url)
    for _ in range(2):
        assert asked(of, mode, case, **{session: {"session_id": "s"} if session == "metadata" else "s"}) == DONE
    assert did(server, case) == (2, 2)


def test_a_question_that_is_asked_anew_by_its_old_key_is_a_new_run(server: Program, mode: str) -> None:
    case, of = Case(WORK), agents(server.url)
    assert [asked(of, mode, case, **key(case)) for _ in range(2)] == [DONE] * 2
    assert did(server, case) == (2, 2)


def test_another_question_under_a_key_is_refused(server: Program, mode: str) -> None:
    case, other, of = Case(WORK), Case(WORK), agents(server.url)
    assert asked(of, mode, case, **key(case)) == DONE
    assert asked(of, mode, other, **key(case)) == Got("", 422, "idempotency_key_reused")
    assert did(server, other) == (0, 0)


@pytest.mark.parametrize("mode", WHOLE)
def test_a_fallback_to_another_group_is_a_second_run_by_choice(server: Program, mode: str) -> None:
    case = Case([act(), fail(500)], WORK)
    of = router(server.url, params={"model": "codex-agent/scripted"}, num_retries=2, fallbacks=[{"agent": ["spare"]}])
    spare = {"model": "codex-agent/scripted", "api_base": server.url, "api_key": "sk-test-key-1234"}
    of.set_model_list([*of.model_list, {"model_name": "spare", "litellm_params": spare}])
    assert asked(of, mode, case) == DONE
    assert did(server, case) == (2, 2)


# A server that dies


def _killed(directory: Path, mode: str, case: Case, when: str) -> tuple[Got, tuple[int, int]]:
    """A server that is killed at a moment of its run, and started again where it was."""
    with running(directory) as first, cable(first.url) as way, aside(agents(way.url, way.url), mode, case) as answer:
        assert first.ledger.wait(case.name, when)
        first.kill()
        with running(directory, MINI_AGENT_API_PORT=str(urlsplit(first.url).port)) as second:
            return answer.result(PATIENCE), did(second, case)


@pytest.mark.parametrize("mode", SOME)
def test_a_run_that_dies_with_its_server_before_it_acts_is_begun_again(tmp_path: Path, mode: str) -> None:
    assert _killed(tmp_path, mode, Case([hang()], WORK), "started") == (DONE, (2, 1))


@pytest.mark.parametrize("mode", WHOLE)
def test_a_run_that_dies_with_its_server_after_it_acted_is_a_422(tmp_path: Path, mode: str) -> None:
    assert _killed(tmp_path, mode, Case([act(), hang()], WORK), "effect") == (FAILED, (1, 1))
