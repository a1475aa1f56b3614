"""Paths of the workspace, which is the directory that the program is started in."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["Failed", "MAX_BYTES", "Told", "folder", "letters", "opened", "place", "shown"]

# What a model is shown of a tool's output: as much as `source.MAX_TOLD_BYTES` of its beginning and of its end.
MAX_BYTES = 32 * 1024

# The `stdout`, `stderr` and `error` of a result.
Told = dict[str, str]


class Failed(Exception):
    """It cannot be done; the message is what the model is told."""


def place(path: str) -> Path:
    """The real place of a path: every link is followed first, and then it has to lie inside."""
    root = Path.cwd().resolve()
    try:
        found = (root / path).resolve()
    except (ValueError, RuntimeError) as error:  # a NUL, or links that go in a circle
        raise Failed(f"{path!r} is no path that can be used.") from error
    if not found.is_relative_to(root):
        raise Failed(f"{path} lies outside of the workspace, {root}. Give a path inside it, best a relative one.")
    return found


def opened(path: str) -> BufferedReader:
    """An ordinary file, to be read."""
    found = place(path)
    if found.is_dir():
        raise Failed(f"{path} is a directory. Use list_files.")
    if not stat.S_ISREG(found.stat().st_mode):  # a pipe would hold us
        raise Failed(f"{path} is no ordinary file.")
    return found.open("rb")


def folder(path: str) -> Path:
    """A directory."""
    found = place(path)
    if not found.is_dir():
        raise Failed(f"{path} is no directory." if found.exists() else f"There is no {path} in the workspace.")
    return found


def shown(found: Path) -> str:
    """A place as a path of the workspace."""
    return letters(os.path.relpath(found, Path.cwd().resolve()))


def letters(name: str) -> str:
    """A name in letters that every text can hold: a byte that is no UTF-8 is written as `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
