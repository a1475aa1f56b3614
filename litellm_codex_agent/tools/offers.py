"""The tools of this machine as a model is told of them: names, descriptions, the schemas of arguments. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import ANY, allows
from .inside.paths import MAX_BYTES
from .inside.search import MAX_FOUND, MAX_LISTED
from .inside.texts import DEFAULT_LINES
from .source import MAX_TOLD_BYTES, Tool

__all__ = ["Terms", "offers"]

_SHOWN = f"Of output beyond {2 * MAX_TOLD_BYTES // 1024} KiB the middle is left out."
_FILE = "Path of a file, relative to the workspace."
_FOLDER = "Path of a directory, relative to the workspace. Default: the workspace."
_GLOB = "`*.py` for names, `src/**/*.{js,ts}` for paths."


@dataclass(frozen=True)
class Terms:
    """What the operator and the run have settled. Without a `shell` there is no wall either."""

    commands: Collection[str]
    seconds: float
    shell: str | None
    writable: bool = True
    network: bool = False


def offers(terms: Terms) -> list[Tool]:
    """What can be used under these terms, in the order in which it is told."""
    tools = [_exec_python(terms)] if allows("python", terms.commands) or allows("python3", terms.commands) else []
    tools += [_exec_shell(terms)] if terms.commands else []
    tools += [_READ_FILE, *([_WRITE_FILE, _EDIT_FILE] if terms.writable else []), _LIST_FILES, _SEARCH_FILES]
    return tools


def _tool(name: str, description: str, required: Mapping[str, Any], optional: Mapping[str, Any]) -> Tool:
    properties = {**required, **optional}
    schema = {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}
    return Tool(name, description, schema)


def _text(description: str) -> Mapping[str, Any]:
    return {"type": "string", "description": description}


def _number(description: str) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": 1, "description": description}


def _flag(description: str) -> Mapping[str, Any]:
    return {"type": "boolean", "description": description}


def _timeout(terms: Terms) -> Mapping[str, Any]:
    told = f"Seconds until it is ended. Default and most: {terms.seconds:g}."
    return {"timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": terms.seconds, "description": told}}


def _where(terms: Terms) -> str:
    """What a program can reach, in one sentence."""
    if terms.shell is None:
        return "There is no sandbox around it."
    network = "the network can be used" if terms.network else "there is no network"
    files = "the workspace and $TMPDIR" if terms.writable else "$TMPDIR"
    return f"It runs in a sandbox: {network}, only {files} can be written to, and no process outlives the call."


def _exec_python(terms: Terms) -> Tool:
    description = (
        f"Run Python code in a new process in the workspace; print what you want to see. {_where(terms)} {_SHOWN}"
    )
    return _tool("exec_python", description, {"code": _text("The program, with newlines.")}, _timeout(terms))


def _exec_shell(terms: Terms) -> Tool:
    line = (
        f"a line of {Path(terms.shell).name}"
        if terms.shell
        else "one command of plain words; there are no pipes, redirections or `&&`"
    )
    allowed = "all" if ANY in terms.commands else ", ".join(sorted(terms.commands))
    command = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "description": "The line, or the words of one command as a list, which no shell reads.",
    }
    description = (
        f"Run {line}. Each call starts anew in the workspace: `cd` and variables do not last, and stdin is empty. "
        f"{_where(terms)} {_SHOWN} Allowed commands: {allowed}."
    )
    return _tool("exec_shell", description, {"command": command}, _timeout(terms))


_READ_FILE = _tool(
    "read_file",
    f"Read a text file of the workspace, at most {MAX_BYTES // 1024} KiB at once. "
    "`stderr` says where to go on if there is more.",
    {"path": _text(_FILE)},
    {"offset": _number("First line. Default: 1."), "limit": _number(f"Most lines. Default: {DEFAULT_LINES}.")},
)
_WRITE_FILE = _tool(
    "write_file",
    "Write a whole text file of the workspace, with the directories that are missing; what was in it is replaced.",
    {"path": _text(_FILE), "content": _text("All of the file.")},
    {},
)
_EDIT_FILE = _tool(
    "edit_file",
    "Replace a piece of a text file of the workspace. `old_text` has to be in it exactly once, with its spaces and "
    "line breaks; give some lines around the change. If it is not, nothing is changed and the error says what is near.",
    {"path": _text(_FILE), "old_text": _text("What is there."), "new_text": _text("What takes its place.")},
    {"replace_all": _flag("Replace it wherever it stands. Default: false.")},
)
_LIST_FILES = _tool(
    "list_files",
    "List what is in a directory of the workspace (directories end with `/`), or, with a `pattern`, the files below it "
    f"that fit. At most {MAX_LISTED}.",
    {},
    {"path": _text(_FOLDER), "pattern": _text(f"Only files that fit: {_GLOB}")},
)
_SEARCH_FILES = _tool(
    "search_files",
    "Search the text files below a directory of the workspace, line by line. "
    f"Gives `path:number: line`, at most {MAX_FOUND}.",
    {"pattern": _text("A regular expression of Python.")},
    {
        "path": _text("Path of a directory or a file, relative to the workspace. Default: the workspace."),
        "glob": _text(f"Only files that fit: {_GLOB}"),
        "ignore_case": _flag("Default: false."),
    },
)
