"""The scripted model: says what a file has for each call. For tests and demos, and it claims to be nothing else.

Law: a script is opened only by a name that could be listed, never by a path; a broken one is one model that is not
ready, and says in which line. Nothing is made up: a call past its end is an error that says so.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..backends.backend import NoSuchModel, NotReady
from ..errors import AgentError, BrokenReply
from ..wire.recording import SUFFIX, is_name
from .failures import failed
from .model import Asked, Model, Mused, Piece, RawCall, Reply, Said
from .script import MAX_SCRIPT_BYTES, BrokenScript, Line, Script, ScriptedError, read

__all__ = ["LAST_RESULT", "PREFIX", "Scripted", "Scripts"]

# How a script is told from the models that LiteLLM knows.
PREFIX = "script/"
# In a text it stands for what the last tool message holds, so that a reader sees what the model has seen.
LAST_RESULT = "{{last_result}}"


class Scripted:
    """A model of one run: its n-th call gets the n-th reply."""

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self.window = script.window
        self._script = script
        self._calls = 0

    async def ask(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        number, self._calls = self._calls, self._calls + 1
        line = self._script.line(number)
        if line is None:
            raise BrokenReply(
                f"{self.name} is over: it has {_counted(len(self._script.lines))}, and was asked for another.",
                hint="Write one more, or give the last one `again`.",
            )
        await asyncio.sleep(line.seconds)
        seen = _last_result(asked.messages)
        thoughts, text = (said.replace(LAST_RESULT, seen) for said in (line.thoughts, line.text))
        for piece in _pieces(thoughts, line.pieces):
            yield Mused(piece)
        for piece in _pieces(text, line.pieces):
            yield Said(piece)
        if line.hang:
            await asyncio.get_running_loop().create_future()  # until the caller has had enough
        if line.error:
            raise _failed(line.error)
        yield _reply(line, text, thoughts, number)


class Scripts:
    """The scripts of a folder, looked at anew each time: a file that is dropped in can be asked for."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def names(self) -> Sequence[str]:
        paths = self._folder.glob(f"*{SUFFIX}") if self._folder else ()
        return sorted(path.stem for path in paths if is_name(path.stem) and _is_file(path))

    def model(self, name: str) -> Model:
        """The script from its beginning, for one run. Raises `NoSuchModel`, or `NotReady` where it is broken."""
        path = self._folder / f"{name}{SUFFIX}" if self._folder and is_name(name) else None
        if path is None or not _is_file(path):
            raise NoSuchModel(f"There is no script {name!r:.80}{self._why()}.")
        try:
            with path.open("rb") as file:
                return Scripted(f"{PREFIX}{name}", read(file.read(MAX_SCRIPT_BYTES + 1), path.name))
        except OSError as error:
            raise NotReady(f"The script {path.name} cannot be read: {error.strerror}.") from error
        except BrokenScript as error:
            raise NotReady(f"{error} Mend the file or take it away.") from error

    def _why(self) -> str:
        if self._folder is None:
            return ": CODEX_AGENT_SCRIPTS (--scripts) names no directory of them"
        return f" in {self._folder}" if self._folder.is_dir() else f": there is no directory {self._folder}"


def _is_file(path: Path) -> bool:
    """A plain file: opening a pipe would wait for whoever writes into it."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _pieces(text: str, count: int) -> Iterator[str]:
    """`text` in so many pieces of about one length; in fewer where it has not as many letters."""
    count = min(count, len(text))
    edges = (len(text) * number // count for number in range(count + 1 if text else 0))
    return (text[begin:end] for begin, end in pairwise(edges))


def _last_result(messages: Sequence[Mapping[str, Any]]) -> str:
    told = (message.get("content") for message in reversed(messages) if message.get("role") == "tool")
    content = next(told, "")
    return content if isinstance(content, str) else ""


def _failed(error: ScriptedError) -> AgentError:
    wait = "" if error.retry_after is None else f"{error.retry_after:g}"
    return failed(error.status, error.message, code=error.code, retry_after=wait)


def _reply(line: Line, text: str, thoughts: str, number: int) -> Reply:
    calls = tuple(
        RawCall(f"call_{number + 1}_{place}" if call.id is None else call.id, call.name, call.arguments)
        for place, call in enumerate(line.calls, start=1)
    )
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return Reply(message, text, calls, line.finish, line.usage)


def _counted(replies: int) -> str:
    return f"{replies} {'reply' if replies == 1 else 'replies'}"
