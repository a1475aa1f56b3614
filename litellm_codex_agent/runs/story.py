"""What a run's events add up to: its answer, its steps as thoughts, its files and its figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..backends.events import ClientCall, Done, Event, FileChange, Text, Thought, ToolCall, ToolResult

__all__ = ["Story", "as_thought"]

# A chat shows that a tool spoke and how it began; the whole is in the run's events.
SHOWN_CHARS = 400
# All diffs of one reply together: with more, a reader of the reply would hold the repository.
MAX_DIFF_CHARS = 1024 * 1024


@dataclass
class Story:
    """The sum of the events that `add` has seen."""

    text: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    tool_calls: int = 0
    failed_tools: int = 0
    files: dict[str, FileChange] = field(default_factory=dict)
    client_calls: list[ClientCall] = field(default_factory=list)
    last_call: ToolCall | None = None
    last_result: ToolResult | None = None

    @property
    def answer(self) -> str:
        return "".join(self.text)

    @property
    def reasoning(self) -> str:
        return "".join(self.thoughts)

    def add(self, event: Event) -> None:
        """One more event, in its order."""
        if isinstance(event, Text):
            self.text.append(event.text)
        elif isinstance(event, ToolCall):
            self.tool_calls += 1
            self.last_call, self.last_result = event, None
        elif isinstance(event, ToolResult):
            self.failed_tools += not event.ok
            if self.last_call is not None and self.last_call.id == event.id:
                self.last_result = event
        elif isinstance(event, FileChange):
            self.files[event.path] = event
        elif isinstance(event, ClientCall):
            self.client_calls.append(event)
        if thought := as_thought(event):
            self.thoughts.append(thought)

    def changed(self) -> list[dict[str, str]]:
        """The files, each with its diff while there is room for it."""
        told, room = [], MAX_DIFF_CHARS
        for change in self.files.values():
            entry = {"path": change.path, "kind": change.kind}
            if change.diff and len(change.diff) <= room:
                room -= len(change.diff)
                entry["diff"] = change.diff
            told.append(entry)
        return told

    def metrics(self, done: Done) -> dict[str, Any]:
        """The run's figures: those of the backend, and what was counted here."""
        counted = {"tool_calls": self.tool_calls, "failed_tool_calls": self.failed_tools}
        return {**counted, "cost_usd": done.usage.cost_usd, **done.metrics}


def as_thought(event: Event) -> str:
    """How a step reads in a chat, as a piece of its `reasoning_content`; empty for what is no step."""
    if isinstance(event, Thought):
        return event.text
    if isinstance(event, ToolCall):
        return f"\n[{event.name}] {_begin(event.text)}\n"
    if isinstance(event, ToolResult):
        return f"[{'ok' if event.ok else 'failed'}] {_begin(event.text)}\n"
    if isinstance(event, FileChange):
        return f"[{event.kind}] {event.path}\n"
    return ""


def _begin(text: str) -> str:
    text = text.strip()
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(text) - SHOWN_CHARS:,} characters more)"
