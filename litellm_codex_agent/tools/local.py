"""The tools of this machine: programs and files of one workspace, every call a command behind the wall.

Law: the server touches nothing in the workspace itself. A file is read and written by a program of ours inside the
sandbox, so a link that leads outside leads nowhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..sandbox.command import Command, Finished, Limits, SandboxUnavailable
from ..sandbox.places import reachable
from ..sandbox.sandbox import Sandbox
from .commands import DEFAULT_COMMANDS, NotAllowed, checked
from .offers import Terms, offers
from .source import MAX_WHOLE_BYTES, Call, Result, Source, Tool, cut

__all__ = ["opened"]

# The first that is there reads the lines: models write what bash understands.
SHELLS = ("/bin/bash", "/bin/sh")
NO_WALL = "none"
# With the line that says how much was left out, it is what a result may have.
KEPT_BYTES = MAX_WHOLE_BYTES - 100
_LIMITS = Limits(output_bytes=KEPT_BYTES)
# Node, and much that is built on it, reserves far more than it uses; what all use together is watched as it is.
_SHELL_LIMITS = replace(_LIMITS, address_space=None)
# As a shell says that a command was found and could not be run.
NOT_RUN = 126
# `true` behind the wall is some milliseconds; a machine that is as slow as this runs nothing.
TRIAL_SECONDS = 20.0
# The file of `inside` that has the tool; what it needs is run before it, and only that: each takes its milliseconds.
_FILES = {
    "edit_file": "texts",
    "list_files": "search",
    "read_file": "texts",
    "search_files": "search",
    "write_file": "texts",
}
_START = """
import json, sys, types
sys.modules["inside"] = types.ModuleType("inside")
for name, source in json.loads(sys.argv[1]).items():
    module = sys.modules["inside." + name] = types.ModuleType("inside." + name)
    module.__package__ = "inside"
    exec(compile(source, name, "exec"), vars(module))
sys.modules["inside.program"].main(module)
"""


@asynccontextmanager
async def opened(
    sandbox: Sandbox,
    workspace: Path,
    *,
    commands: Sequence[str] = DEFAULT_COMMANDS,
    seconds: float = 60.0,
    writable: bool = True,
    network: bool = False,
) -> AsyncIterator[Source]:
    """The tools in `workspace`. Raises `SandboxUnavailable` where nothing can be run in it."""
    terms = Terms(tuple(commands), seconds, _shell(sandbox.level), writable, network)
    blank = Command(("true",), workspace, TRIAL_SECONDS, writable=writable, network=network, limits=_LIMITS)
    trial = await sandbox.run(blank)
    if trial.rc:
        told = trial.stderr.decode("utf-8", "replace").strip() or f"`true` ended with {trial.rc}"
        raise SandboxUnavailable(f"Nothing can be run in {workspace}: {told}.{_barred(sandbox, workspace)}")
    yield _Local(sandbox, blank, terms)


def _barred(sandbox: Sandbox, workspace: Path) -> str:
    """Beneath root: the directory that keeps whom commands run as from the workspace, where there is one."""
    if sandbox.uid is None or not workspace.is_dir():
        return ""
    owner = workspace.stat()
    above = reachable(str(workspace.resolve()), owner.st_uid, owner.st_gid)
    return f" The user {owner.st_uid}, as whom commands run there, cannot enter {above}." if above else ""


def _shell(level: str) -> str | None:
    return next((each for each in SHELLS if Path(each).exists()), None) if level != NO_WALL else None


class _Local:
    """`blank` is the command that each call fills in."""

    def __init__(self, sandbox: Sandbox, blank: Command, terms: Terms) -> None:
        self.sandbox = sandbox
        self.blank = blank
        self.terms = terms
        self.tools: Sequence[Tool] = offers(terms)

    async def call(self, call: Call, seconds: float) -> Result:
        if not any(tool.name == call.name for tool in self.tools):
            return Result(NOT_RUN, isolation=self.sandbox.level, error=f"There is no tool {call.name!r} here.")
        most = min(float(call.arguments.get("timeout") or self.terms.seconds), self.terms.seconds, seconds)
        fill = _FILLED.get(call.name, _file_tool)
        try:
            # A long line takes a moment to be read.
            command = await asyncio.to_thread(fill, self, call)
            finished = await self.sandbox.run(replace(command, seconds=most))
        except (NotAllowed, SandboxUnavailable) as error:
            return Result(NOT_RUN, isolation=self.sandbox.level, error=str(error))
        return (_ran if call.name in _FILLED else _told)(finished, most)

    def python(self, *arguments: str, stdin: bytes) -> Command:
        return replace(self.blank, argv=(self.sandbox.python, *arguments), stdin=stdin)


def _exec_python(local: _Local, call: Call) -> Command:
    try:
        # By stdin, for an argument can have no more than 128 KiB.
        return local.python("-", stdin=str(call.arguments["code"]).encode())
    except UnicodeEncodeError as error:
        raise NotAllowed("The code holds half of a character (a lone surrogate).") from error


def _exec_shell(local: _Local, call: Call) -> Command:
    argv = checked(call.arguments["command"], local.terms.commands, shell=local.terms.shell)
    return replace(local.blank, argv=argv, limits=_SHELL_LIMITS)


def _file_tool(local: _Local, call: Call) -> Command:
    asked = json.dumps({"tool": call.name, "arguments": dict(call.arguments)})
    return local.python("-I", "-S", "-c", _START, _sources(_FILES[call.name]), stdin=asked.encode())


_FILLED: Mapping[str, Callable[[_Local, Call], Command]] = {"exec_python": _exec_python, "exec_shell": _exec_shell}


@cache
def _sources(file: str) -> str:
    folder = Path(__file__).parent / "inside"
    return json.dumps({name: (folder / f"{name}.py").read_text("utf-8") for name in ("paths", "program", file)})


def _ran(finished: Finished, seconds: float) -> Result:
    """What a program of the model's did."""
    out, err = _text(finished.stdout), _text(finished.stderr)
    return Result(finished.rc, out, err, finished.timed_out, finished.isolation, _ended(finished, seconds))


def _text(data: bytes) -> str:
    # What is no UTF-8 takes three times as much when it is replaced.
    return cut(data.decode("utf-8", "replace"), KEPT_BYTES // 2)


def _told(finished: Finished, seconds: float) -> Result:
    """What our own program says; if it is no JSON, it was ended before it could."""
    try:
        said: Any = json.loads(finished.stdout)
    except ValueError:
        said = None
    if finished.rc or not isinstance(said, dict):
        return replace(
            _ran(finished, seconds), error=_ended(finished, seconds) or "The tool failed.", rc=finished.rc or 1
        )
    stdout, stderr, error = (str(said.get(name, "")) for name in ("stdout", "stderr", "error"))
    return Result(1 if error else 0, stdout, stderr, isolation=finished.isolation, error=error)


def _ended(finished: Finished, seconds: float) -> str:
    return f"It was ended after {seconds:g} s." if finished.timed_out else finished.ended
