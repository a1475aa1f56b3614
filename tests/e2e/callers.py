"""Clients of our own server, each with a connection of its own: what one asks, and how much of the answer reached it.

A server that dies in mid-answer is no fault here: `Answer.whole` says whether all of it had come.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from litellm_codex_agent.wire import sse

from ..backends.program import ASK_SECONDS, POLL_SECONDS
from ..backends.scripts import Case

__all__ = ["Answer", "Call", "Outcome", "WAYS", "ask", "ask_all", "authorized", "outcome_of", "shown"]

CHAT, RUNS = "/v1/chat/completions", "/agent/runs"
RUN_ID = "x-codex-agent-run-id"
Outcome = tuple[int, str, str]
WAYS = ("whole", "stream", "detached")


@dataclass(frozen=True)
class Call:
    """A request: what is to be done, and how it is asked for."""

    case: Case
    way: str
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def body(self) -> dict[str, Any]:
        asked = {"model": "scripted", "messages": self.case.messages}
        return {**asked, "stream": self.way == "stream"} if self.way != "detached" else asked


@dataclass
class Answer:
    """What came of it. `code` is that of a refusal or a failure."""

    whole: bool = False
    run_id: str = ""
    status: int = 0
    text: str = ""
    code: str = ""
    retry_after: str = ""

    @property
    def outcome(self) -> Outcome:
        return self.status, self.text, self.code


def ask(url: str, call: Call, attempt: int = 0, left: int = 1, server_key: str = "") -> Answer:
    """Ask, and take what comes until the end of the answer or of the server."""
    answer = Answer()
    headers = {
        **authorized(server_key),
        "idempotency-key": call.key,
        "x-codex-agent-attempt": str(attempt),
        "x-codex-agent-retries-left": str(left),
    }
    with (
        suppress(httpx.TransportError),
        # Not that anything is verified here: reading the certificates of the system takes longer than asking.
        httpx.Client(base_url=url, headers=headers, timeout=ASK_SECONDS, trust_env=False, verify=False) as client,
    ):
        _ASKING[call.way](client, call, answer)
    return answer


def authorized(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def ask_all(url: str, calls: Sequence[Call], **how: Any) -> list[Answer]:
    """All at once."""
    with ThreadPoolExecutor(max(len(calls), 1)) as threads:
        return list(threads.map(lambda call: ask(url, call, **how), calls))


def shown(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """What GET says of a run, which has to be there."""
    response = client.get(f"{RUNS}/{run_id}")
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def outcome_of(told: dict[str, Any]) -> Outcome:
    """Status, text and code of an ended run, as GET shows it."""
    envelope = told["envelope"]
    error = envelope.get("error")
    return (error["status"], "", error["code"]) if error else (200, envelope["final_answer"], "")


def _whole(client: httpx.Client, call: Call, answer: Answer) -> None:
    response = client.post(CHAT, json=call.body)
    _head(answer, response)
    body = response.json()
    if response.status_code == 200:
        answer.text = body["choices"][0]["message"]["content"]
    else:
        answer.code = body["error"]["code"]
    answer.whole = True


def _stream(client: httpx.Client, call: Call, answer: Answer) -> None:
    decoder = sse.Decoder()
    with client.stream("POST", CHAT, json=call.body) as response:
        _head(answer, response)
        if response.status_code != 200:
            answer.code = json.loads(response.read())["error"]["code"]
            answer.whole = True
            return
        for data in response.iter_bytes():
            for event in decoder.feed(data):
                _take(answer, event)


def _take(answer: Answer, event: sse.Event) -> None:
    if event.data == b"[DONE]":
        answer.whole = True
    elif event.name == "error":
        error = json.loads(event.data)["error"]
        answer.status, answer.code = error["status"], error["code"]
    else:
        answer.text += json.loads(event.data)["choices"][0]["delta"].get("content", "")


def _detached(client: httpx.Client, call: Call, answer: Answer) -> None:
    """Begun, and asked for until it has ended."""
    response = client.post(RUNS, json=call.body)
    _head(answer, response)
    told = response.json()
    if response.status_code != 202:
        answer.code, answer.whole = told["error"]["code"], True
        return
    while told["status"] != "ended":
        time.sleep(POLL_SECONDS)
        told = shown(client, answer.run_id)
    answer.status, answer.text, answer.code = outcome_of(told)
    answer.whole = True


def _head(answer: Answer, response: httpx.Response) -> None:
    answer.status = response.status_code
    answer.run_id = response.headers.get(RUN_ID, "")
    answer.retry_after = response.headers.get("retry-after", "")


_ASKING = {"whole": _whole, "stream": _stream, "detached": _detached}
