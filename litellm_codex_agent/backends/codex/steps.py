"""What Codex does, as a person reads it: one item of a turn → the call that is told, and what came of it. Pure.

Law: an item comes from outside, so a field that is not there, or is another thing, reads as empty.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ...tools.source import MAX_TOLD_BYTES, Result, cut
from ..events import ToolCall, ToolResult

__all__ = ["call_of", "mapping_of", "result_of", "text_of"]

Item = Mapping[str, Any]

COMMAND = "commandExecution"
# Codex wraps what its model has asked for in a shell, by any path.
_SHELLS = frozenset({"bash", "dash", "sh", "zsh"})
_RUN = frozenset({"-c", "-lc"})
_CHANGES = {"add": "add", "delete": "delete", "update": "change"}


def text_of(item: Item, name: str) -> str:
    """A text field; empty where there is none."""
    value = item.get(name)
    return value if isinstance(value, str) else ""


def mapping_of(item: Item, name: str) -> Item:
    """A field that is an object; empty where there is none."""
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def call_of(item: Item, workspace: str = "") -> ToolCall | None:
    """The call that an item tells of; None for an item that is no act. Paths in `workspace` are told inside it."""
    kind = text_of(item, "type")
    if not text_of(item, "id") or kind not in _CALLS:
        return None
    name, text = _CALLS[kind](item, workspace)
    return ToolCall(text_of(item, "id"), name, cut(text, MAX_TOLD_BYTES))


def result_of(item: Item) -> ToolResult:
    """What came of an item that is an act and has ended."""
    kind = text_of(item, "type")
    result = _RESULTS.get(kind, _plain)(item)
    return ToolResult(text_of(item, "id"), result.ok, result.shown())


def _shell(item: Item, _: str) -> tuple[str, str]:
    command = text_of(item, "command")
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: it is shown as it is
        return "shell", command
    wrapped = len(words) == 3 and words[0].rsplit("/", 1)[-1] in _SHELLS and words[1] in _RUN
    return "shell", words[2] if wrapped else command


def _edit(item: Item, workspace: str) -> tuple[str, str]:
    return "edit", "\n".join(_changed(change, workspace) for change in _mappings(item, "changes"))


def _changed(change: Item, workspace: str) -> str:
    kind = mapping_of(change, "kind")
    done = _CHANGES.get(text_of(kind, "type"), "change")
    told = f"{done} {_inside(text_of(change, 'path'), workspace)}"
    moved = text_of(kind, "move_path")
    return f"{told} -> {_inside(moved, workspace)}" if moved else told


def _inside(path: str, workspace: str) -> str:
    return path.removeprefix(workspace.rstrip("/") + "/") if workspace else path


def _mcp(item: Item, _: str) -> tuple[str, str]:
    return f"{text_of(item, 'server')}.{text_of(item, 'tool')}", _json(item.get("arguments"))


def _dynamic(item: Item, _: str) -> tuple[str, str]:
    names = (text_of(item, "namespace"), text_of(item, "tool"))
    return ".".join(filter(None, names)), _json(item.get("arguments"))


def _search(item: Item, _: str) -> tuple[str, str]:
    action = mapping_of(item, "action")
    return "web_search", text_of(item, "query") or text_of(action, "url") or text_of(action, "query")


def _agent(item: Item, _: str) -> tuple[str, str]:
    return "agent", ": ".join(filter(None, (text_of(item, "tool"), text_of(item, "prompt"))))


def _sleep(item: Item, _: str) -> tuple[str, str]:
    duration = item.get("durationMs")
    return "sleep", f"{duration / 1000:g} s" if isinstance(duration, (int, float)) else ""


_CALLS: Mapping[str, Callable[[Item, str], tuple[str, str]]] = {
    COMMAND: _shell,
    "collabAgentToolCall": _agent,
    "dynamicToolCall": _dynamic,
    "fileChange": _edit,
    "imageGeneration": lambda item, _: ("generate_image", text_of(item, "revisedPrompt")),
    "imageView": lambda item, workspace: ("view_image", _inside(text_of(item, "path"), workspace)),
    "mcpToolCall": _mcp,
    "sleep": _sleep,
    "webSearch": _search,
}


def _ran(item: Item) -> Result:
    """An exit status says more than the item's own, but for a command that was not run."""
    status, output = item.get("exitCode"), text_of(item, "aggregatedOutput")
    if isinstance(status, int) and status:
        return Result(status, output)
    return Result(0, output, error=_ended(item) or ("" if status == 0 else "It has no exit status."))


def _answered(item: Item) -> Result:
    """A tool of an MCP server or of a client: the texts of what it sent."""
    sent = _mappings(mapping_of(item, "result"), "content") + _mappings(item, "contentItems")
    said = "\n".join(filter(None, (text_of(part, "text") for part in sent)))
    error = text_of(mapping_of(item, "error"), "message") or _ended(item)
    return Result(0, said, error=error or ("It failed." if item.get("success") is False else ""))


def _plain(item: Item) -> Result:
    return Result(0, error=_ended(item))


def _ended(item: Item) -> str:
    """How it ended where that was not well. An item without a status has none to tell."""
    status = text_of(item, "status")
    return "" if status in ("", "completed") else f"It was not done: {status}."


_RESULTS: Mapping[str, Callable[[Item], Result]] = {
    COMMAND: _ran,
    "dynamicToolCall": _answered,
    "mcpToolCall": _answered,
}


def _mappings(item: Item, name: str) -> list[Item]:
    value = item.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value is not None else ""
