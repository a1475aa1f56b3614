"""A script: what a model says, call by call, as lines of JSON. Pure.

Law: strict. A field that is not known is a fault and not a reply told in part, and each fault is one sentence that
names the file and the line. The first line may be a header, `{"script": 1, "window": 8000}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends.events import Usage
from ..wire.schema import BrokenRequest, Schema, check
from ..wire.shapes import AT_LEAST_ONE, COUNT, FLAG, NAME, OPEN, TEXT, closed, list_of, one_of
from ..wire.strict_json import read_json

__all__ = [
    "BrokenScript",
    "Line",
    "MAX_SCRIPT_BYTES",
    "REPLY",
    "Script",
    "ScriptedCall",
    "ScriptedError",
    "VERSION",
    "read",
]

VERSION = 1
# A thousand replies of 4 KiB: more than any run may ask for.
MAX_SCRIPT_BYTES = 4 * 1024 * 1024
# A day; a script that waits for longer is one that hangs, and can say so.
_LONGEST = 86_400

_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": _LONGEST}
_HEADER = closed({"script": {"type": "integer"}, "window": AT_LEAST_ONE}, "script")
_CALL = closed({"name": TEXT, "arguments": {"anyOf": [OPEN, TEXT]}, "id": TEXT}, "name")
_USAGE = closed(
    {
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "cost_usd": {"type": "number", "minimum": 0},
        "cached_tokens": COUNT,
        "reasoning_tokens": COUNT,
    }
)
_ERROR = closed(
    {"status": {"type": "integer", "minimum": 400, "maximum": 599}, "message": NAME, "code": TEXT}
    | {"retry_after": _SECONDS},
    "message",
)
REPLY = closed(
    {
        "text": TEXT,
        "thoughts": TEXT,
        "tool_calls": list_of(_CALL),
        "finish": one_of("stop", "length", "tool_calls", "content_filter"),
        "usage": _USAGE,
        "error": _ERROR,
        "seconds": _SECONDS,
        "hang": FLAG,
        "pieces": AT_LEAST_ONE,
        "again": FLAG,
    }
)


class BrokenScript(ValueError):
    """A line that is not what a script has there; the message is a sentence for its owner."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(f"The script {file} is broken in line {line}: {why}")
        self.line = line


@dataclass(frozen=True)
class ScriptedCall:
    """A tool call as it is written: `arguments` is text, and may be no JSON. Without an id the player gives it one."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True)
class ScriptedError:
    """What the endpoint answers instead; without a status it is gone."""

    message: str
    status: int | None = None
    code: str = ""
    retry_after: float | None = None


@dataclass(frozen=True)
class Line:
    """One reply: after `seconds` its thoughts and its text in `pieces`, and then it hangs, fails, or is whole."""

    text: str = ""
    thoughts: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    finish: str = "stop"
    usage: Usage = field(default_factory=Usage)
    error: ScriptedError | None = None
    seconds: float = 0.0
    hang: bool = False
    pieces: int = 1


@dataclass(frozen=True)
class Script:
    """The replies in their order; `again` has the last one come for ever."""

    lines: tuple[Line, ...]
    again: bool = False
    window: int | None = None

    def line(self, number: int) -> Line | None:
        """The reply to the call of this number, counted from zero; None where the script is over."""
        if number < len(self.lines):
            return self.lines[number]
        return self.lines[-1] if self.again else None


def read(data: bytes, file: str) -> Script:
    """Raises `BrokenScript`."""
    if len(data) > MAX_SCRIPT_BYTES:
        raise BrokenScript(file, 1, f"the file is larger than {MAX_SCRIPT_BYTES:,} bytes.")
    told = list(_told(data.removesuffix(b"\n").split(b"\n") if data else (), file))
    window = _header(told.pop(0)[1], file) if told and "script" in told[0][1] else None
    if not told:
        raise BrokenScript(file, 1, "it has no reply.")
    for number, value in told[:-1]:
        if value.get("again"):
            raise BrokenScript(file, number, "only the last reply can come again.")
    return Script(tuple(_line(value) for _, value in told), bool(told[-1][1].get("again")), window)


def _told(lines: Iterable[bytes], file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The number of each line, and what it holds."""
    for number, line in enumerate(lines, start=1):
        try:
            value = read_json(line, "it")
            if not isinstance(value, dict):
                raise BrokenRequest("", "it has to be an object.")
            header = number == 1 and "script" in value
            check(value, _HEADER if header else REPLY, "header" if header else "reply")
        except BrokenRequest as error:
            raise BrokenScript(file, number, str(error)) from error
        yield number, value


def _header(value: Mapping[str, Any], file: str) -> int | None:
    if value["script"] != VERSION:
        raise BrokenScript(file, 1, f"it is in another format than {VERSION}, the one that this version reads.")
    return value.get("window")


def _line(value: Mapping[str, Any]) -> Line:
    calls = tuple(_call(call) for call in value.get("tool_calls", ()))
    error = ScriptedError(**value["error"]) if "error" in value else None
    plain = {name: value[name] for name in ("text", "thoughts", "seconds", "hang", "pieces") if name in value}
    finish = value.get("finish") or ("tool_calls" if calls else "stop")
    return Line(calls=calls, error=error, finish=finish, usage=Usage(**value.get("usage", {})), **plain)


def _call(value: Mapping[str, Any]) -> ScriptedCall:
    arguments = value.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ScriptedCall(value["name"], written, value.get("id"))
