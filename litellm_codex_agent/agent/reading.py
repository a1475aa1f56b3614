"""What a model's reply means: calls, an answer, a refusal, or nothing that can be read. Pure.

Law: a reply is a call only where it names a tool that was offered. Text is an answer, whatever it looks like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .model import RawCall, Reply

__all__ = ["Answer", "Calls", "Refusal", "Unreadable", "Verdict", "read"]

_CODE = re.compile(r"```(python|py|bash|sh|shell)[ \t]*\n(.*?)\n?```", re.DOTALL)
_TOOLS_OF_CODE = {"python": "exec_python", "py": "exec_python"}
_SHELL = "exec_shell"
_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.DOTALL)
_EMPTY = "Your reply was empty. Call a tool, or answer in text."
_CUT = (
    "Your reply was cut at its length limit in the middle of a tool call. Say it in fewer words, or in several calls."
)
# What models call the arguments of a call that they write as text.
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_NAMES = ("name", "tool", "tool_name", "function")


@dataclass(frozen=True)
class Calls:
    """Tool calls, in the order asked."""

    calls: tuple[RawCall, ...]


@dataclass(frozen=True)
class Answer:
    """The last word; `cut` where the model had more to say."""

    text: str
    cut: bool = False


@dataclass(frozen=True)
class Refusal:
    """The model, or its provider, would not."""

    text: str


@dataclass(frozen=True)
class Unreadable:
    """A reply that is none; `why` is for the model to read."""

    why: str


Verdict = Calls | Answer | Refusal | Unreadable


def read(reply: Reply, offered: Collection[str], *, run_code: bool = False) -> Verdict:
    """What `reply` means where these tools were offered. `run_code` takes a block of code as a call to run it."""
    if reply.finish == "content_filter":
        return Refusal(reply.text)
    if reply.finish == "length" and reply.calls:
        return Unreadable(_CUT)
    calls = (
        reply.calls or _said_as_json(reply.text, offered) or (_said_as_code(reply.text, offered) if run_code else ())
    )
    if calls and offered:
        return Calls(calls)
    if not reply.text.strip():
        return Unreadable(_EMPTY)
    return Answer(reply.text, cut=reply.finish == "length")


def _said_as_json(text: str, offered: Collection[str]) -> tuple[RawCall, ...]:
    stripped = text.strip()
    fenced = _FENCE.match(stripped)
    value = _object(fenced[1] if fenced else stripped)
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
    arguments = next((value[key] for key in _ARGUMENTS if isinstance(value.get(key), dict)), None)
    if name not in offered or arguments is None or name is None:
        return ()
    return (RawCall("", name, json.dumps(arguments)),)


def _object(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _said_as_code(text: str, offered: Collection[str]) -> tuple[RawCall, ...]:
    found = _CODE.search(text)
    if not found:
        return ()
    tool = _TOOLS_OF_CODE.get(found[1], _SHELL)
    arguments = {"command" if tool == _SHELL else "code": found[2]}
    return (RawCall("", tool, json.dumps(arguments)),) if tool in offered else ()
