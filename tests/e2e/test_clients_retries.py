"""What OpenAI's own client does by itself when an answer does not come, and how many runs that makes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from ..backends.program import Program, running
from ..backends.scripts import act, fail, hang, pause, say
from .clients import KEY, PATIENCE, SOON, WAYS, Ask, asking, chat, scripted


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("openai"), CODEX_AGENT_SERVER_KEY=KEY) as program:
        yield program


@pytest.fixture(params=WAYS)
def ask(server: Program, request: pytest.FixtureRequest) -> Ask:
    return asking(server, request.param)


def test_it_counts_its_attempts_and_sends_no_key_of_its_own(server: Program) -> None:
    """docs/reference/identity.md says so, and what follows from it."""
    sent: list[Any] = []
    with (
        httpx.Client(event_hooks={"request": [lambda request: sent.append(request.headers)]}) as wire,
        OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=2, http_client=wire) as client,
    ):
        client.chat.completions.create(**scripted([fail(500)], [fail(500)], [say("a")])[1])
    assert [headers["x-stainless-retry-count"] for headers in sent] == ["0", "1", "2"]
    assert not [headers for headers in sent if "idempotency-key" in headers]


def named() -> dict[str, Any]:
    return {"extra_headers": {"Idempotency-Key": uuid.uuid4().hex}}


def test_its_timeouts_are_attempts_at_one_run_where_its_caller_names_the_request(ask: Ask, server: Program) -> None:
    case, asked = scripted([act(), pause(2.5), say("done")], [say("a second run")])
    answer = ask(chat(**asked, **named()), timeout=1.0, max_retries=5)
    assert answer.choices[0].message.content == "done"
    assert server.ledger.counts(case.name) == {"started": 1, "effect": 1, "ended": 1}


def test_without_a_key_each_attempt_is_a_run_and_the_one_before_is_cancelled(ask: Ask, server: Program) -> None:
    case, asked = scripted([act(), hang()], [act(), hang()], [say("the third")])
    answer = ask(chat(**asked), timeout=1.0, max_retries=2)
    assert answer.choices[0].message.content == "the third"
    assert server.ledger.wait(case.name, "closed", 2, SOON)
    assert server.ledger.counts(case.name) == {"started": 3, "effect": 2, "closed": 2, "ended": 1}


@pytest.mark.parametrize("fields", [{}, {"named": True}], ids=["without a key", "with a key"])
def test_it_tries_again_what_failed_before_it_did_anything(ask: Ask, server: Program, fields: dict[str, bool]) -> None:
    case, asked = scripted([fail(500)], [fail(429, retry_after=1)], [act(), say("done")])
    answer = ask(chat(**asked, **(named() if fields else {})), max_retries=2)
    assert answer.choices[0].message.content == "done"
    assert server.ledger.counts(case.name) == {"started": 3, "effect": 1, "ended": 3}


def test_it_does_not_try_again_what_failed_after_it_acted(ask: Ask, server: Program) -> None:
    case, asked = scripted([act(), fail(500)], [say("a second run")])
    with pytest.raises(openai.UnprocessableEntityError):
        ask(chat(**asked), max_retries=2)
    assert server.ledger.counts(case.name) == {"started": 1, "effect": 1, "ended": 1}


def test_two_questions_without_a_key_are_two_runs(ask: Ask, server: Program) -> None:
    _, asked = scripted([act(), say("first")], [act(), say("second")])
    said = [ask(chat(**asked)).choices[0].message.content for _ in range(2)]
    assert said == ["first", "second"]


def test_a_client_of_many_threads_gets_each_its_own_answer(server: Program) -> None:
    answers: dict[int, str] = {}

    def one(number: int) -> None:
        answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": f"say {number}"}])
        answers[number] = str(answer.choices[0].message.content)

    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert answers == {number: f"say {number}" for number in range(20)}
