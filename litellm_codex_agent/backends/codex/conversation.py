"""An OpenAI message list → what Codex is given: its instructions, what was said before, and what is asked now. Pure.

Law: nothing that was said is lost without a word. What Codex cannot take is refused by its place; only the thinking
of earlier turns is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..parameters import RefusedParameter
from .parts import Part, Words, parts_of, text_of

__all__ = ["MAX_INPUT_CHARS", "Opening", "opening"]

Message = Mapping[str, Any]
Item = dict[str, Any]

_INSTRUCTING = ("system", "developer")
_USER = "user"
_ASSISTANT = "assistant"
# More its app-server does not take at once.
MAX_INPUT_CHARS = 2**20
_TOO_LONG = f"Codex takes {MAX_INPUT_CHARS:,} letters from its user at once. Put the rest into files of its workspace."
_NOTHING_ASKED = "Codex answers a user: the last of `messages` has to be a user's, with text or an image in it."


@dataclass(frozen=True)
class Opening:
    """`instructions` are a thread's `developerInstructions`, `history` are items for `thread/inject_items`, as the
    Responses API has them, and `input` is a turn's."""

    instructions: str
    history: Sequence[Item]
    input: Sequence[Item]


def opening(messages: Sequence[Message], *, continues: bool) -> Opening:
    """What Codex is given for `messages`. With `continues` its thread has the history already. Raises
    `RefusedParameter`."""
    placed = [(f"messages[{number}]", message) for number, message in enumerate(messages)]
    told = [text_of(each["content"], f"{place}.content") for place, each in placed if each["role"] in _INSTRUCTING]
    talk = [(place, each) for place, each in placed if each["role"] not in _INSTRUCTING]
    begin = next((number + 1 for number in reversed(range(len(talk))) if talk[number][1]["role"] != _USER), 0)
    asked = [part for place, each in talk[begin:] for part in parts_of(each["content"], f"{place}.content")]
    if not asked:
        raise RefusedParameter("messages", _NOTHING_ASKED)
    if sum(len(part.text) for part in asked if isinstance(part, Words)) > MAX_INPUT_CHARS:
        raise RefusedParameter("messages", _TOO_LONG)
    history = () if continues else tuple(_History().items(talk[:begin]))
    return Opening("\n\n".join(filter(None, told)), history, tuple(map(_input, asked)))


def _input(part: Part) -> Item:
    if isinstance(part, Words):
        return {"type": "text", "text": part.text, "text_elements": []}
    return {"type": "image", "url": part.url, **_detail(part.detail)}


def _content(part: Part) -> Item:
    if isinstance(part, Words):
        return {"type": "input_text", "text": part.text}
    return {"type": "input_image", "image_url": part.url, **_detail(part.detail)}


def _detail(detail: str) -> Item:
    return {"detail": detail} if detail else {}


@dataclass
class _History:
    """Messages → items. Each call has to have its answer, as the Responses API wants it.

    `_open` are the calls without one: the place of each, and the type of item that answers it.
    """

    _open: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Functions, which came before tools, have no ids.
    _functions: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def items(self, placed: Sequence[tuple[str, Message]]) -> list[Item]:
        items = []
        for place, message in placed:
            if self._open and message["role"] in (_USER, _ASSISTANT):
                self._refuse_open()
            items += _ROLES[message["role"]](self, message, place)
        if self._open:
            self._refuse_open()
        return items

    def user(self, message: Message, place: str) -> list[Item]:
        content = list(map(_content, parts_of(message["content"], f"{place}.content")))
        return [{"type": "message", "role": _USER, "content": content}] if content else []

    def assistant(self, message: Message, place: str) -> list[Item]:
        if message.get("audio") and not message.get("content"):
            raise RefusedParameter(f"{place}.audio", f"`{place}.audio` is a sound: Codex takes what was said as text.")
        said = [text_of(message.get("content"), f"{place}.content"), message.get("refusal") or ""]
        content = [{"type": "output_text", "text": text} for text in said if text]
        items: list[Item] = [{"type": "message", "role": _ASSISTANT, "content": content}] if content else []
        for number, call in enumerate(message.get("tool_calls") or ()):
            items.append(self._call(call, f"{place}.tool_calls[{number}]"))
        if function := message.get("function_call"):
            self._count += 1
            id = f"call_{self._count}_of_function"
            self._functions[function["name"]] = id
            items.append(self._call({"type": "function", "id": id, "function": function}, f"{place}.function_call"))
        return items

    def tool(self, message: Message, place: str) -> list[Item]:
        return [self._answer(message["tool_call_id"], message, f"{place}.tool_call_id")]

    def function(self, message: Message, place: str) -> list[Item]:
        return [self._answer(self._functions.pop(message["name"], ""), message, f"{place}.name")]

    def _call(self, call: Message, place: str) -> Item:
        custom = call["type"] == "custom"
        named = call["custom" if custom else "function"]
        kind, words = ("custom_tool_call", "input") if custom else ("function_call", "arguments")
        self._open[call["id"]] = (place, f"{kind}_output")
        return {"type": kind, "call_id": call["id"], "name": named["name"], words: named[words]}

    def _answer(self, id: str, message: Message, place: str) -> Item:
        if id not in self._open:
            raise RefusedParameter(place, f"`{place}` answers no call of the message before it: Codex takes each once.")
        _, kind = self._open.pop(id)
        parts = parts_of(message.get("content"), f"{place.rpartition('.')[0]}.content")
        texts = [part.text for part in parts if isinstance(part, Words)]
        output = "\n\n".join(texts) if len(texts) == len(parts) else list(map(_content, parts))
        return {"type": kind, "call_id": id, "output": output}

    def _refuse_open(self) -> None:
        place, _ = next(iter(self._open.values()))
        raise RefusedParameter(place, f"`{place}` has no answer: Codex takes a call with the tool's message behind it.")


_ROLES: Mapping[str, Callable[[_History, Message, str], list[Item]]] = {
    _ASSISTANT: _History.assistant,
    "function": _History.function,
    "tool": _History.tool,
    _USER: _History.user,
}
