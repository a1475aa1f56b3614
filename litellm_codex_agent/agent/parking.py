"""Runs that wait for their client: each with its conversation and all that it holds open, for a bounded time.

Law: who takes a run has it alone, and only its own tenant can take it. What nobody comes for is closed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Answers", "Closable", "MOST_WAITING", "Parking", "answers_of"]

# Of the ids that `Conversation` makes for a client's call.
_ID = re.compile(r"call_(run_[0-9a-f]+)_[0-9]+(?:_[0-9]+)?")


@dataclass(frozen=True)
class Answers:
    """What a client's tools said, by the call's id, and what its user added behind them.

    `others` are the ids of results that are there twice, or under no id of ours.
    """

    run_id: str
    by_call: Mapping[str, str]
    added: Sequence[Mapping[str, Any]] = ()
    others: Sequence[str] = ()


class Closable(Protocol):
    """What waits, and is the tenant's alone."""

    tenant: str

    async def close(self) -> None: ...


# Of one tenant's: each holds a workspace, and maybe a server of tools.
MOST_WAITING = 64

_Held = TypeVar("_Held", bound=Closable)


class Parking(Generic[_Held]):
    """The runs that wait, by the id of the request that began them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[str, tuple[_Held, asyncio.TimerHandle]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def put(self, name: str, held: _Held) -> None:
        """Let a run wait. A tenant who has too many of them loses the one that has waited longest."""
        waiting = [each for each, (other, _) in self._waiting.items() if other.tenant == held.tenant]
        if len(waiting) >= MOST_WAITING:
            self._too_late(waiting[0])
        self._waiting[name] = (held, asyncio.get_running_loop().call_later(self.seconds, self._too_late, name))

    def take(self, name: str, tenant: str) -> _Held | None:
        """The run, and from now on it is the caller's to close."""
        if name not in self._waiting or self._waiting[name][0].tenant != tenant:
            return None
        held, alarm = self._waiting.pop(name)
        alarm.cancel()
        return held

    async def close(self) -> None:
        """Closes all that wait."""
        for name in list(self._waiting):
            self._too_late(name)
        if self._closing:
            await asyncio.wait(self._closing)

    def _too_late(self, name: str) -> None:
        held, alarm = self._waiting.pop(name)
        alarm.cancel()
        closing = asyncio.ensure_future(held.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def answers_of(messages: Sequence[Mapping[str, Any]]) -> Answers | None:
    """The answers to a parked run's calls; None where the messages do not end with any."""
    last = max((at for at, message in enumerate(messages) if message.get("role") == "assistant"), default=-1)
    behind = messages[last + 1 :]
    runs: set[str] = set()
    answers: dict[str, str] = {}
    others = []
    for message in filter(_is_answer, behind):
        call_id = str(message.get("tool_call_id"))
        match = _ID.fullmatch(call_id)
        if match and call_id not in answers:
            runs.add(match[1])
            answers[call_id] = _text(message.get("content"))
        else:
            others.append(call_id)
    if not runs:
        return None
    added = tuple(message for message in behind if not _is_answer(message))
    return Answers(min(runs), answers, added, tuple(others))


def _is_answer(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "tool"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or () if isinstance(part, Mapping))
