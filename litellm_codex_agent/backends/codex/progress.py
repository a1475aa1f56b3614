"""The notifications of one turn → our events. It knows nothing of processes and sockets.

Law: each act is told once before what came of it, each has one result, and no text is told twice or lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..events import Event, ToolCall, ToolResult, Usage
from .faults import is_cut
from .speech import Speech
from .steps import call_of, mapping_of, result_of, text_of

__all__ = ["Progress"]

Params = Mapping[str, Any]

_MESSAGE = "agentMessage"
_REASONING = "reasoning"
_COUNTED = {
    "prompt_tokens": "inputTokens",
    "completion_tokens": "outputTokens",
    "cached_tokens": "cachedInputTokens",
    "reasoning_tokens": "reasoningOutputTokens",
}
_NOT_ENDED = "It had not ended when the turn did."


class Progress:
    """Hears a turn and tells it. `before` is what the thread had taken before the turn, where that is known.

    With `whole` a structured answer was asked for. `usage` is the turn's, `total` the thread's as it was heard last,
    `status` and `error` how the turn ended; `status` is empty while it has not.
    """

    def __init__(self, *, before: Usage | None = None, whole: bool = False, workspace: str = "") -> None:
        self.usage = Usage()
        self.total = before
        self.status = ""
        self.error: Params | None = None
        self._workspace = workspace
        self._speech = Speech(whole=whole)
        self._known: set[str] = set()
        # Called and not ended, in their order.
        self._open: dict[str, None] = {}
        self._mused: set[str] = set()
        self._by_method: Mapping[str, Callable[[Params], list[Event]]] = {
            "error": self._failed,
            "item/agentMessage/delta": self._said,
            "item/completed": self._completed,
            "item/reasoning/summaryTextDelta": self._thought,
            "item/reasoning/textDelta": self._thought,
            "item/started": self._started,
            "thread/tokenUsage/updated": self._counted,
            "turn/completed": self._ended,
        }

    @property
    def calls(self) -> int:
        """How many were told."""
        return len(self._known)

    @property
    def acting(self) -> bool:
        """Whether a call has no result yet."""
        return bool(self._open)

    def ended(self, id: str, *, ok: bool) -> list[Event]:
        """A call that was seen elsewhere has ended, and Codex does not tell of it."""
        if id not in self._open:
            return []
        del self._open[id]
        return [ToolResult(id, ok)]

    def hear(self, method: str, params: Params) -> list[Event]:
        """What a notification tells; most tell nothing."""
        heard = self._by_method.get(method)
        return heard(params) if heard else []

    def call(self, call: ToolCall) -> list[Event]:
        """A call that was seen elsewhere before Codex tells of it: what is to be told of it now."""
        if call.id in self._known:
            return []
        self._known.add(call.id)
        self._open[call.id] = None
        return [*self._speech.acts(), call]

    def close(self) -> list[Event]:
        """Nothing more is heard: what was held is told, and each call that has no result gets one."""
        told = self._speech.settle()
        ends = [ToolResult(id, False, _NOT_ENDED) for id in self._open]
        self._open.clear()
        return [*told, *ends]

    def _started(self, params: Params) -> list[Event]:
        item = mapping_of(params, "item")
        if text_of(item, "type") == _MESSAGE:
            return self._speech.begin(text_of(item, "id"), text_of(item, "phase"))
        if text_of(item, "type") == _REASONING:
            return self._speech.settle()
        call = call_of(item, self._workspace)
        if call is None:
            return []
        return self.call(call) or self._speech.acts()

    def _completed(self, params: Params) -> list[Event]:
        item = mapping_of(params, "item")
        id, kind = text_of(item, "id"), text_of(item, "type")
        if kind == _MESSAGE:
            return self._speech.end(id, text_of(item, "phase"), text_of(item, "text"))
        if kind == _REASONING:
            return self._reasoned(item)
        told = self._started(params)
        if id not in self._open:
            return told
        del self._open[id]
        return [*told, result_of(item)]

    def _reasoned(self, item: Params) -> list[Event]:
        """A thought that came whole. Of one that came in pieces there is nothing more to tell."""
        id = text_of(item, "id")
        if id in self._mused:
            return []
        told = self._started({"item": item})
        for name in ("summary", "content"):
            parts = item.get(name)
            for number, part in enumerate(parts if isinstance(parts, list) else []):
                told += self._speech.think(f"{id}/{name}/{number}", part if isinstance(part, str) else "")
        return told

    def _said(self, params: Params) -> list[Event]:
        return self._speech.hear(text_of(params, "itemId"), text_of(params, "delta"))

    def _thought(self, params: Params) -> list[Event]:
        id = text_of(params, "itemId")
        self._mused.add(id)
        part = f"{id}/{params.get('summaryIndex')}/{params.get('contentIndex')}"
        return self._speech.think(part, text_of(params, "delta"))

    def _counted(self, params: Params) -> list[Event]:
        told = mapping_of(params, "tokenUsage")
        total, last = _usage(mapping_of(told, "total")), _usage(mapping_of(told, "last"))
        # A question that was too long for its model sets the thread's total back, and one that was cut has no `last`.
        step = _each(total, self.total, -1) if self.total is not None else last
        self.usage = _each(self.usage, last if _is_negative(step) else step, 1)
        self.total = total
        return []

    def _failed(self, params: Params) -> list[Event]:
        if params.get("willRetry") is not True:
            self.error = mapping_of(params, "error")
        return []

    def _ended(self, params: Params) -> list[Event]:
        turn = mapping_of(params, "turn")
        self.status = text_of(turn, "status")
        self.error = mapping_of(turn, "error") or self.error
        told: list[Event] = []
        items = turn.get("items")
        for item in items if isinstance(items, list) else []:
            # Of a message that was heard, there is nothing left to tell.
            if isinstance(item, dict) and text_of(item, "type") == _MESSAGE:
                told += self._completed({"item": item})
        if self.status == "completed":
            return told + self._speech.last()
        return told + self._speech.settle(answer=is_cut(self.error))


def _usage(told: Params) -> Usage:
    counts = {ours: told.get(theirs) for ours, theirs in _COUNTED.items()}
    return Usage(**{name: count for name, count in counts.items() if isinstance(count, int)})


def _each(one: Usage, other: Usage, sign: int) -> Usage:
    return Usage(**{name: getattr(one, name) + sign * getattr(other, name) for name in _COUNTED})


def _is_negative(usage: Usage) -> bool:
    return any(getattr(usage, name) < 0 for name in _COUNTED)
