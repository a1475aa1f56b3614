"""What a `Scripted` backend is to do: written by a test as the user's message, read in the server.

`Case([think("Hm."), act("edit"), fail(500)], [say("Done.")])`: the first run of this case acts and fails, and
each later one answers. Nothing but the request says what happens, so one server serves all tests.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "Case",
    "Step",
    "act",
    "crash",
    "end",
    "fail",
    "forget",
    "hang",
    "hold",
    "leak",
    "linger",
    "pause",
    "read_case",
    "refuse",
    "say",
    "think",
]

Step = dict[str, Any]


class Case:
    """A request with what each run of it does; the last script is that of all later runs."""

    def __init__(self, *runs: Sequence[Step], name: str = "", usage: Mapping[str, Any] | None = None) -> None:
        self.name = name or uuid.uuid4().hex
        self.runs = [list(steps) for steps in runs]
        self.usage = dict(usage or {})

    @property
    def content(self) -> str:
        return json.dumps({"case": self.name, "runs": self.runs, "usage": self.usage})

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": self.content}]

    def steps(self, number: int) -> list[Step]:
        """Those of the run with this number, counted from 1."""
        return self.runs[min(number, len(self.runs)) - 1]


def read_case(messages: Sequence[Mapping[str, Any]]) -> Case:
    """The case that the last user message tells. Raises `ValueError` where it tells none."""
    told = json.loads(_said(messages))
    if not isinstance(told, dict) or not told.get("runs"):
        raise ValueError("The last user message is no case.")
    return Case(*told["runs"], name=told["case"], usage=told["usage"])


def _said(messages: Sequence[Mapping[str, Any]]) -> str:
    content = next((message["content"] for message in reversed(messages) if message["role"] == "user"), "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


# Steps


def think(text: str) -> Step:
    return {"do": "think", "text": text}


def say(text: str) -> Step:
    """A piece of the answer."""
    return {"do": "say", "text": text}


def act(name: str = "edit") -> Step:
    """Call a tool. Its side effect is a line in the ledger, written once the call was taken note of."""
    return {"do": "act", "name": name}


def leak() -> Step:
    """Tell what the run was given, in every kind of event, as an agent does that prints its environment."""
    return {"do": "leak"}


def pause(seconds: float) -> Step:
    return {"do": "pause", "seconds": seconds}


def hang() -> Step:
    """Tell nothing more until the run is closed."""
    return {"do": "hang"}


def hold(gate: str) -> Step:
    """Tell nothing more until the test opens this gate: `ledger.open(gate)`."""
    return {"do": "hold", "gate": gate}


def linger(seconds: float) -> Step:
    """From here on take so long to close."""
    return {"do": "linger", "seconds": seconds}


def end(reason: str) -> Step:
    """Stop for this reason, with what was said so far."""
    return {"do": "end", "reason": reason}


def refuse() -> Step:
    """Stop as a model that refuses does."""
    return end("refused")


def fail(status: int, *, message: str = "The model failed.", code: str = "", retry_after: float | None = None) -> Step:
    """Stop with a failure of the model. `$NAME` in its message is a variable of the server's."""
    return {"do": "fail", "status": status, "message": message, "code": code, "retry_after": retry_after}


def crash(message: str = "A bug in the backend.") -> Step:
    """Raise what no backend may. `$NAME` in its message is a variable of the server's."""
    return {"do": "crash", "message": message}


def forget() -> Step:
    """End without a `Done`, which no backend may."""
    return {"do": "forget"}
