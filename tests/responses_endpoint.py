"""A scripted endpoint of the Responses API, good enough for the real Codex: `endpoint.lane(conversations(scripts))`.

A script is a list of turns, and a conversation says which is its own: `script:<name>` in the last message of its user
that says one. Which turn it is stands in the ids of the calls whose outputs came back. So the endpoint remembers
nothing, and any number of conversations can be under way. The lane holds every request, with its headers and body.

    SCRIPTS = {"hello": [turn(shell("touch a")), turn(think("Hm."), say("Done."))]}
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from .endpoint import Act, Connection, reply
from .responses_parts import Part, Place, call, custom, pause, say, shell, think, wait_for

__all__ = [
    "USAGE",
    "call",
    "conversations",
    "custom",
    "fault",
    "in_order",
    "pause",
    "say",
    "shell",
    "think",
    "turn",
    "usage",
    "wait_for",
]

_MARK = re.compile(r"script:([\w-]+)")
_CALL = re.compile(r"call_(\d+)_\d+")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


def usage(asked: int, answered: int, *, cached: int = 0, reasoning: int = 0, **more: Any) -> dict[str, Any]:
    """As the Responses API counts; `more` is LiteLLM's `cost`."""
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": asked + answered,
        **more,
    }


USAGE = usage(1000, 50, cached=100, reasoning=20)


def turn(
    *parts: Part,
    usage: Mapping[str, Any] | None = USAGE,
    failed: tuple[str, str] | None = None,
    incomplete: str = "",
    cut_after: int | None = None,
    hang: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Act:
    """One answer, made of its parts.

    It ends as completed; or as failed, with a code and a message; or as incomplete, for a reason. With `cut_after`
    the connection is closed behind so many events; with `hang` nothing more comes after the parts, until the agent
    leaves.
    """
    end = {"failed": failed, "incomplete": incomplete, "usage": usage}

    def act(connection: Connection) -> None:
        connection.head(200, {"content-type": "text/event-stream", **(headers or {})})
        number = turn_of(connection.asked.json)
        for sequence, event in enumerate(
            _events(parts, number, connection.asked.json.get("model", ""), end, bool(hang))
        ):
            if sequence == cut_after:
                connection.keep = False
                return
            after = event.pop("_after", None)
            connection.chunk(_encoded({**event, "sequence_number": sequence}))
            if after is not None:
                after()
        if hang:
            connection.wait_until_left(hang)
            return
        connection.chunk(b"")

    return act


def fault(status: int, message: str = "scripted", *, code: str = "", headers: Mapping[str, str] | None = None) -> Act:
    """An error instead of an answer, in OpenAI's shape."""
    error = {"message": message, "type": "scripted_error", "param": None, "code": code or None}
    return reply({"error": error}, status=status, headers=dict(headers or {}))


def in_order(*acts: Act) -> Act:
    """Another answer each time that the same turn is asked for; the last again and again."""
    numbers = count()

    def act(connection: Connection) -> None:
        acts[min(next(numbers), len(acts) - 1)](connection)

    return act


def conversations(scripts: Mapping[str, Sequence[Act]]) -> Act:
    """What a conversation's script says for its turn; the last turn again and again."""

    def act(connection: Connection) -> None:
        if connection.asked.method != "POST" or not connection.asked.path.endswith("/responses"):
            fault(404, "No such route.")(connection)
            return
        script = scripts[script_of(connection.asked.json)]
        script[min(turn_of(connection.asked.json), len(script) - 1)](connection)

    return act


def script_of(body: Mapping[str, Any]) -> str:
    """The name in the last message of the user that names a script."""
    marks = [found[-1] for item in _items(body) if (found := _MARK.findall(_said(item)))]
    return marks[-1] if marks else ""


def turn_of(body: Mapping[str, Any]) -> int:
    """How many turns of the script have been answered since."""
    number = 0
    for item in _items(body):
        if _MARK.search(_said(item)):
            number = 0
        elif item.get("type") in _OUTPUTS and (found := _CALL.fullmatch(str(item.get("call_id")))):
            number = max(number, int(found[1]) + 1)
    return number


def _items(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = body.get("input", [])
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _said(item: Mapping[str, Any]) -> str:
    if item.get("role") != "user":
        return ""
    content = item.get("content") or ""
    return content if isinstance(content, str) else " ".join(str(part.get("text", "")) for part in content)


def _events(
    parts: Sequence[Part], number: int, model: str, end: Mapping[str, Any], hangs: bool
) -> Iterator[dict[str, Any]]:
    response = {"id": f"resp_{number}", "object": "response", "created_at": int(time.time()), "model": model}
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    output: list[Any] = []
    for part in parts:
        item = part(Place(number, len(output)))
        if item is None:
            continue
        for event in item.events:
            yield {"output_index": len(output), **event}
        output.append(item.whole)
    if not hangs:
        yield _end({**response, "output": output}, end)


def _end(response: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    if end["failed"]:
        code, message = end["failed"]
        error = {"code": code, "message": message}
        return {"type": "response.failed", "response": {**response, "status": "failed", "error": error, "usage": None}}
    status = "incomplete" if end["incomplete"] else "completed"
    details = {"reason": end["incomplete"]} if end["incomplete"] else None
    more = {"status": status, "incomplete_details": details, "usage": end["usage"]}
    return {"type": f"response.{status}", "response": {**response, **more}}


def _encoded(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
