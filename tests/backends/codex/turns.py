"""Turns of the real app-server, in short: notifications as it sent them, without ids of threads and times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from litellm_codex_agent.backends.codex.progress import Progress
from litellm_codex_agent.backends.events import Event, Text, Thought

__all__ = [
    "Notification",
    "answer",
    "change",
    "command",
    "completed",
    "delta",
    "ended",
    "heard",
    "message",
    "started",
    "text_in",
    "thinking",
    "thoughts_in",
    "tokens",
]

Notification = tuple[str, dict[str, Any]]


def heard(notifications: Iterable[Notification], **options: Any) -> tuple[Progress, list[Event]]:
    """What is told of these, up to the end."""
    progress = Progress(**options)
    events = [event for method, params in notifications for event in progress.hear(method, params)]
    return progress, events + progress.close()


def text_in(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def thoughts_in(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Thought))


def started(kind: str, id: str, **fields: Any) -> Notification:
    return "item/started", {"item": {"type": kind, "id": id, **fields}, "threadId": "t", "turnId": "u"}


def completed(kind: str, id: str, **fields: Any) -> Notification:
    return "item/completed", {"item": {"type": kind, "id": id, **fields}, "threadId": "t", "turnId": "u"}


def delta(kind: str, id: str, piece: str, **fields: Any) -> Notification:
    return f"item/{kind}", {"threadId": "t", "turnId": "u", "itemId": id, "delta": piece, **fields}


def message(id: str, *pieces: str, phase: str | None = None, whole: str | None = None) -> list[Notification]:
    """A message as it streams; it ends with `whole`, or with what its pieces said."""
    said = "".join(pieces) if whole is None else whole
    return [
        started("agentMessage", id, text="", phase=phase, memoryCitation=None, delivery=None, questions=None),
        *(delta("agentMessage/delta", id, piece) for piece in pieces),
        completed("agentMessage", id, text=said, phase=phase, memoryCitation=None, delivery=None, questions=None),
    ]


def thinking(id: str, *parts: Sequence[str]) -> list[Notification]:
    """Reasoning, whose parts come in pieces."""
    told = [started("reasoning", id, summary=[], content=[])]
    for index, pieces in enumerate(parts):
        told.append(("item/reasoning/summaryPartAdded", {"itemId": id, "summaryIndex": index}))
        told += [delta("reasoning/summaryTextDelta", id, piece, summaryIndex=index) for piece in pieces]
    return [*told, completed("reasoning", id, summary=["".join(pieces) for pieces in parts], content=[])]


def command(id: str, words: str, output: str | None = "", *, code: int = 0) -> list[Notification]:
    fields = {"command": f"/bin/sh -lc '{words}'", "cwd": "/srv/ws", "source": "unifiedExecStartup"}
    none = {"aggregatedOutput": None, "exitCode": None, "durationMs": None}
    came = {"aggregatedOutput": output, "exitCode": code, "durationMs": 7}
    return [
        started("commandExecution", id, **fields, status="inProgress", **none),
        completed("commandExecution", id, **fields, status="failed" if code else "completed", **came),
    ]


def change(id: str, path: str) -> list[Notification]:
    changes = [{"path": path, "kind": {"type": "add"}, "diff": "hello\n"}]
    return [
        started("fileChange", id, changes=changes, status="inProgress"),
        completed("fileChange", id, changes=changes, status="completed"),
    ]


def tokens(total: Sequence[int], last: Sequence[int] = (1000, 50, 100, 20)) -> Notification:
    """Input, output, cached and reasoning tokens, of the thread and of the last request."""
    told = {"total": _breakdown(*total), "last": _breakdown(*last), "modelContextWindow": 258400}
    return "thread/tokenUsage/updated", {"threadId": "t", "turnId": "u", "tokenUsage": told}


def _breakdown(asked: int, answered: int, cached: int, reasoned: int) -> dict[str, int]:
    return {
        "totalTokens": asked + answered,
        "inputTokens": asked,
        "cachedInputTokens": cached,
        "cacheWriteInputTokens": 0,
        "outputTokens": answered,
        "reasoningOutputTokens": reasoned,
    }


def ended(status: str = "completed", error: Any = None, items: Any = ()) -> Notification:
    turn = {"id": "u", "items": list(items), "itemsView": "summary", "status": status, "error": error}
    return "turn/completed", {"threadId": "t", "turn": turn}


def answer(id: str, text: str) -> dict[str, Any]:
    """A message as the end of a turn has it."""
    return {"type": "agentMessage", "id": id, "text": text, "phase": None}
