"""The words between the loop and its tools: a tool, a call, a result, and the source that has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "Call",
    "MAX_TOLD_BYTES",
    "MAX_WHOLE_BYTES",
    "NOT_MADE",
    "Result",
    "Source",
    "TIMED_OUT",
    "Tool",
    "ToolsUnavailable",
    "cut",
]

# SERVER.md's bound on one reply of a tool: what a run keeps of it, in its trace and in its events.
MAX_WHOLE_BYTES = 1024 * 1024
# What a model reads of a text: so much of its beginning and as much of its end.
MAX_TOLD_BYTES = 16 * 1024
# As `timeout` of the coreutils says that time ran out.
TIMED_OUT = 124
# As they say that a command was not started.
NOT_MADE = 125


class ToolsUnavailable(Exception):
    """A source cannot be used at all; the message says why and what to do, `status` what HTTP calls it."""

    def __init__(self, message: str, *, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Tool:
    """What a model is offered: `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """What a model asked for, its arguments read and checked."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came of a call, each text to `MAX_WHOLE_BYTES`. `error` is one sentence where the tool could not do it."""

    rc: int = 0
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False
    isolation: str | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.rc == 0 and not self.error

    def told(self, most: int | None = MAX_TOLD_BYTES) -> str:
        """JSON, as the model reads it; each text cut in its middle to twice `most` bytes, whole without a bound."""
        texts = {"stdout": self.stdout, "stderr": self.stderr}
        if self.error:
            texts["error"] = self.error
        shown = {name: text if most is None else cut(text, most) for name, text in texts.items()}
        told: dict[str, Any] = {"rc": self.rc, **shown, "timed_out": self.timed_out}
        return json.dumps({**told, "isolation": self.isolation} if self.isolation else told, ensure_ascii=False)

    def shown(self, most: int = MAX_TOLD_BYTES) -> str:
        """As a person reads it: what it said, and how it ended where that was not well."""
        end = "time was up" if self.timed_out else f"exit status {self.rc}" if self.rc else ""
        parts = [cut(text, most).rstrip("\n") for text in (self.stdout, self.stderr, self.error) if text]
        return "\n".join([*parts, f"({end})"] if end else parts)


class Source(Protocol):
    """Where tools come from, opened for one run by an async context manager of its module, and closed with it."""

    tools: Sequence[Tool]

    async def call(self, call: Call, seconds: float) -> Result:
        """Never raises for what a tool does; it is cancelled where the run ends first, and then leaves nothing."""
        ...


def cut(text: str, most: int) -> str:
    """The first and the last `most` bytes of `text`, with the number of those left out between them."""
    data = text.encode("utf-8", "replace")
    left_out = len(data) - 2 * most
    if left_out <= 0:
        return text
    begin, end = data[:most].decode("utf-8", "ignore"), data[-most:].decode("utf-8", "ignore")
    return f"{begin}\n[... {left_out:,} bytes left out ...]\n{end}"
