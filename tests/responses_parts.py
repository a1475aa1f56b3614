"""What an answer of the scripted Responses endpoint is made of: text, thoughts, calls, and what lies between them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

__all__ = ["Item", "Part", "Place", "call", "custom", "pause", "say", "shell", "think", "wait_for"]

GATE_SECONDS = 20.0


class Item(NamedTuple):
    """One item of the answer: the events that tell it, and itself as it is in the end."""

    events: Sequence[Mapping[str, Any]]
    whole: Mapping[str, Any]


class Place(NamedTuple):
    """Where an item stands: in which turn, and as which of its items."""

    turn: int
    nth: int


# Makes an item; or does something between two of them, and makes none.
Part = Callable[[Place], "Item | None"]


def say(text: str, *, between: float | Callable[[], None] = 0.0, phase: str = "") -> Part:
    """The answer, word by word, and behind each word so many seconds, or what a test does there.

    `phase` is OpenAI's word for what the message is, `commentary` or `final_answer`.
    """
    after = between if callable(between) else partial(time.sleep, between)

    def made(place: Place) -> Item:
        item = {"type": "message", "id": f"msg_{place.turn}_{place.nth}", "role": "assistant"}
        if phase:
            item["phase"] = phase
        part = {"type": "output_text", "text": text, "annotations": []}
        at = {"item_id": item["id"], "content_index": 0}
        whole = {**item, "status": "completed", "content": [part]}
        return Item(
            [
                {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "content": []}},
                {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
                *(
                    {"type": "response.output_text.delta", **at, "delta": word, "_after": after}
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
        item = {"type": "reasoning", "id": f"rs_{place.turn}_{place.nth}"}
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


def _called(place: Place, kind: str, **more: Any) -> dict[str, Any]:
    ids = {"id": f"item_{place.turn}_{place.nth}", "call_id": f"call_{place.turn}_{place.nth}"}
    return {"type": kind, "status": "completed", **ids, **more}


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)
