"""Questions to a `scripted` agent through a Router, what their caller got, and what the agent truly did."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from litellm import Router

from ..backends.program import Program
from ..backends.scripts import Case, Step, act, say
from ..provider.routers import acall, call, router

__all__ = [
    "ANSWER",
    "DONE",
    "FAILED",
    "Got",
    "PATIENCE",
    "RETRIES",
    "RETRY_SECONDS",
    "WORK",
    "aasked",
    "agents",
    "aside",
    "asked",
    "did",
    "key",
    "read",
]

RETRIES = 2
ANSWER = "Done."
# What a run does that answers: one side effect, and the words.
WORK: list[Step] = [act(), say(ANSWER)]
# How long a run waits for the next attempt, as these tests set it.
RETRY_SECONDS = 3.0
# Every wait of these tests ends here at the latest.
PATIENCE = 30.0


@dataclass(frozen=True)
class Got:
    """What a caller got: the text of an answer, or a refusal's status with the code of its body."""

    text: str = ""
    status: int = 200
    code: str = ""


DONE = Got(ANSWER)
FAILED = Got("", 422, "run_failed")


def agents(*bases: str, params: dict[str, Any] | None = None, **options: Any) -> Router:
    """A Router with retries. With two deployments LiteLLM does not wait before a retry, with one it does."""
    options.setdefault("num_retries", RETRIES)
    return router(*bases, params={"model": "codex-agent/scripted", **(params or {})}, **options)


def asked(of: Router, mode: str, case: Case, **fields: Any) -> Got:
    """One question in one of the four modes."""
    try:
        return read(call(of, mode, messages=case.messages, **fields))
    except Exception as error:
        return _refused(error)


async def aasked(of: Router, mode: str, case: Case, **fields: Any) -> Got:
    """The same from inside a loop."""
    try:
        return read(await acall(of, mode, messages=case.messages, **fields))
    except Exception as error:
        return _refused(error)


@contextmanager
def aside(of: Router, mode: str, case: Case, **fields: Any) -> Iterator[Future[Got]]:
    """The same in a thread of its own, while the test does something else; the block ends with the answer."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(asked, of, mode, case, **fields)


def read(answer: Any) -> Got:
    """A whole answer, or the chunks of one."""
    if isinstance(answer, list):
        return Got("".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices))
    return Got(answer.choices[0].message.content)


def key(case: Case) -> dict[str, Any]:
    """The fields of a question whose caller names it himself."""
    return {"extra_headers": {"Idempotency-Key": case.name}}


def did(server: Program, case: Case) -> tuple[int, int]:
    """How many runs of this case were begun, and how many side effects they had."""
    return server.ledger.count(case.name, "started"), server.ledger.count(case.name, "effect")


def _refused(error: Exception) -> Got:
    body = getattr(error, "body", None)
    code = body.get("code") if isinstance(body, dict) else ""
    return Got("", getattr(error, "status_code", 0), code or type(error).__name__)
