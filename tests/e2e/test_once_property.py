"""Random agents and random clients, straight at the server: what happened, judged by an oracle of its own.

A fault names its plan: `plan(17)` is the same for ever, and `play` plays it alone.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from litellm_codex_agent.wire.sse import Decoder

from ..backends.program import Program, running
from ..soak import size
from .oracle import Heard, Ran, faults, is_final
from .plans import RETRY_SECONDS, Plan, plan

pytestmark = pytest.mark.soak

PLANS = size(40, 500)
# Plans that are played at once: enough to fill their waits, and few enough to be in time.
AT_ONCE = 10
# No plan takes longer than its tries, with all that a busy machine adds.
PATIENCE = 60.0
POLL_SECONDS = 0.03
CHAT = "/v1/chat/completions"
RUN_ID = "x-codex-agent-run-id"
ENDS = ("ended", "closed", "crashed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    limits = {"CODEX_AGENT_MAX_RUNS": "200", "CODEX_AGENT_RETRY_SECONDS": str(RETRY_SECONDS)}
    with running(tmp_path_factory.mktemp("property"), **limits) as program:
        yield program


def test_side_effects_never_twice_no_answer_lost_and_a_second_question_is_a_second_run(server: Program) -> None:
    broken = asyncio.run(_play_all(server, range(PLANS)))
    assert not broken, "\n".join(broken)
    # And it did happen: runs that answered, that failed, that were left alone.
    assert {entry["what"] for entry in server.ledger.entries()} == {"started", "effect", *ENDS}


async def _play_all(server: Program, numbers: Sequence[int]) -> list[str]:
    turn = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, limits=limits, trust_env=False) as client:

        async def one(number: int) -> list[str]:
            async with turn:
                return await asyncio.wait_for(play(client, server, plan(number)), PATIENCE)

        told = await asyncio.gather(*map(one, numbers))
    return [f"plan({number}): {fault}" for number, found in zip(numbers, told, strict=True) for fault in found]


async def play(client: httpx.AsyncClient, server: Program, on: Plan) -> list[str]:
    """What was broken while this plan was played."""
    asked = await _question(client, on)
    await _settled(client, server, on)
    if on.anew:
        asked += [await _ask(client, on, 1, attempt, None) for attempt in range(2)]
        await _settled(client, server, on)
    ran = _ran(server, on)
    broken = faults(on, asked, ran)
    if on.misused and on.key and ran:
        refused = await client.post(CHAT, json={**_body(on), "user": "another"}, headers=_headers(on, 0))
        if (refused.status_code, refused.json()["error"]["code"]) != (422, "idempotency_key_reused"):
            broken.append(f"another body was told {refused.text}")
    return broken


async def _question(client: httpx.AsyncClient, on: Plan) -> list[Heard]:
    """The tries, until somebody has the last word."""
    asked: list[Heard] = []
    for attempt, one in enumerate(on.tries):
        await asyncio.sleep(one.gap)
        heard = await asyncio.gather(*(_ask(client, on, 0, attempt, leaves) for leaves in one.leaves))
        asked += heard
        if any(each.left is None and is_final(each.status) for each in heard):
            break
    return asked


async def _ask(client: httpx.AsyncClient, on: Plan, question: int, attempt: int, leaves: float | None) -> Heard:
    sent = time.time()
    posting = client.post(CHAT, json=_body(on), headers=_headers(on, attempt, question))
    try:
        response = await asyncio.wait_for(posting, leaves)
    except asyncio.TimeoutError:
        return Heard(question, attempt, sent, left=time.time())
    status, text = _read(response)
    return Heard(question, attempt, sent, None, status, response.headers.get(RUN_ID, ""), text)


def _body(on: Plan) -> dict[str, Any]:
    return {"model": "scripted", "messages": on.case.messages, "stream": on.stream}


def _headers(on: Plan, attempt: int, question: int = 0) -> dict[str, str]:
    headers = {"idempotency-key": on.key} if on.key else {}
    if on.style == "ours":
        # Of the second question's two requests none leaves.
        left = len(on.tries) - 1 - attempt + on.spare if question == 0 else 0
        headers |= {"x-codex-agent-attempt": str(attempt), "x-codex-agent-retries-left": str(left)}
    elif on.style == "stainless":
        headers["x-stainless-retry-count"] = str(attempt)
    return headers


def _read(response: httpx.Response) -> tuple[int, str]:
    """The status, wherever it stands, and the text of an answer."""
    if response.status_code != 200:
        return response.status_code, ""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return 200, response.json()["choices"][0]["message"]["content"]
    *told, end = Decoder().feed(response.content)
    assert end.data == b"[DONE]"
    chunks = [json.loads(event.data) for event in told]
    if "error" in chunks[-1]:
        return int(chunks[-1]["error"]["status"]), ""
    return 200, "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


async def _settled(client: httpx.AsyncClient, server: Program, on: Plan) -> None:
    """No run of the plan lives any more. A request whose client left at once may still be on its way."""
    deadline = time.monotonic() + PATIENCE
    await asyncio.sleep(0.2)
    while True:
        begun = [entry["run_id"] for entry in server.ledger.entries(on.case.name, "started")]
        told = [(await client.get(f"/agent/runs/{run_id}")).json()["status"] for run_id in begun]
        if set(told) <= {"ended"}:
            return
        assert time.monotonic() < deadline, f"plan({on.number}): its runs did not end: {told}"
        await asyncio.sleep(POLL_SECONDS)


def _ran(server: Program, on: Plan) -> list[Ran]:
    entries = server.ledger.entries(on.case.name)
    begun = [entry for entry in entries if entry["what"] == "started"]
    ran = []
    for number, start in enumerate(begun, 1):
        own = [entry for entry in entries if entry["run_id"] == start["run_id"]]
        acts = [entry["at"] for entry in own if entry["what"] == "effect"]
        (end,) = [entry for entry in own if entry["what"] in ENDS]
        ran.append(Ran(start["run_id"], number, start["at"], len(acts), min(acts, default=0.0), end["what"], end["at"]))
    return ran
