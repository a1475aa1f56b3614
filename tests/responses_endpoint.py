"""A scripted endpoint of the Responses API, good enough for the real Codex: `endpoint.lane(conversations(scripts))`.

A script is a list of turns, and a conversation says which is its own: `script:<name>` in the last message of its user
that says one. Which turn it is stands in the ids of the calls whose outputs came back. So the endpoint remembers
nothing, and any number of conversations can be under way. The lane holds every request, with its headers and body.

    SCRIPTS = {"hello": [turn(shell("touch a")), turn(think("Hm."), say("Done."))]}
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from .endpoint import Act, Connection, reply

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

GATE_SECONDS = 20.0
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


class Item(NamedTuple):
    """One item of the answer: the events that tell it, and itself as it is in the end."""

    events: Sequence[Mapping[str, Any]]
    whole: Mapping[str, Any]


class Place(NamedTuple):
    """Where an item stands: in which turn, and as which of its items."""

    turn: int
    index: int


# Makes an item; or does something between two of them, and makes none.
Part = Callable[[Place], "Item | None"]


def say(text: str, *, between: float = 0.0) -> Part:
    """The answer, word by word, with so many seconds between two words."""

    def made(place: Place) -> Item:
        item = {"type": "message", "id": f"msg_{place.turn}_{place.index}", "role": "assistant"}
        part = {"type": "output_text", "text": text, "annotations": []}
        at = {"item_id": item["id"], "content_index": 0}
        whole = {**item, "status": "completed", "content": [part]}
        return Item(
            [
                {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "content": []}},
                {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
                *(
                    {"type": "response.output_text.delta", **at, "delta": word, "_after": between}
                    for word in _words(text)
                ),
                {"type": "response.output_text.done", **at, "text": text},
                {"type": "response.content_part.done", **at, "part": part},
                {"type": "response.output_item.done", "item": whole},
            ],
            whole,
        )

    return made


def think(text: str) -> Part:
    """A summary of reasoning, word by word."""

    def made(place: Place) -> Item:
        item = {"type": "reasoning", "id": f"rs_{place.turn}_{place.index}"}
        part = {"type": "summary_text", "text": text}
        at = {"item_id": item["id"], "summary_index": 0}
        whole = {**item, "summary": [part], "encrypted_content": None}
        return Item(
            [
                {"type": "response.output_item.added", "item": {**item, "summary": []}},
                {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}},
                *({"type": "response.reasoning_summary_text.delta", **at, "delta": word} for word in _words(text)),
                {"type": "response.reasoning_summary_text.done", **at, "text": text},
                {"type": "response.reasoning_summary_part.done", **at, "part": part},
                {"type": "response.output_item.done", "item": whole},
            ],
            whole,
        )

    return made


def call(name: str, **arguments: Any) -> Part:
    """A call of a function."""
    text = json.dumps(arguments)

    def made(place: Place) -> Item:
        whole = _called(place, "function_call", name=name, arguments=text)
        at = {"item_id": whole["id"]}
        return Item(
            [
                {"type": "response.output_item.added", "item": {**whole, "arguments": "", "status": "in_progress"}},
                {"type": "response.function_call_arguments.delta", **at, "delta": text},
                {"type": "response.function_call_arguments.done", **at, "arguments": text},
                {"type": "response.output_item.done", "item": whole},
            ],
            whole,
        )

    return made


def custom(name: str, text: str) -> Part:
    """A call of a tool that takes plain text, as Codex's `apply_patch`."""

    def made(place: Place) -> Item:
        whole = _called(place, "custom_tool_call", name=name, input=text)
        added = {"type": "response.output_item.added", "item": {**whole, "input": "", "status": "in_progress"}}
        return Item([added, {"type": "response.output_item.done", "item": whole}], whole)

    return made


def shell(command: str, **more: Any) -> Part:
    """A command, by the tool that Codex offers for it."""
    return call("exec_command", cmd=command, **more)


def pause(seconds: float) -> Part:
    """Nothing, for so long."""
    return lambda _: time.sleep(seconds)


def wait_for(gate: threading.Event) -> Part:
    """Nothing, until the test opens the gate."""

    def waited(_: Place) -> None:
        assert gate.wait(GATE_SECONDS), "the gate was not opened"

    return waited


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
            after = event.pop("_after", 0.0)
            connection.chunk(_encoded({**event, "sequence_number": sequence}))
            time.sleep(after)
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


def _called(place: Place, kind: str, **more: Any) -> dict[str, Any]:
    ids = {"id": f"item_{place.turn}_{place.index}", "call_id": f"call_{place.turn}_{place.index}"}
    return {"type": kind, "status": "completed", **ids, **more}


def _encoded(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)
