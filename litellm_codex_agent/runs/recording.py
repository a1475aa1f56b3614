"""Writes an ended run as a recording, so that a bug report, a demo and a hermetic test are one file.

Law: the file is whole or absent, and only its owner can read it: it holds what was asked and answered.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..backends.events import Event
from ..backends.telling import to_json
from ..wire.recording import SUFFIX, Header, encode, is_name, read

__all__ = ["Unrecorded", "prepare", "write"]

# The last directory alone: what is above it is not ours to close.
_OWNER_ONLY = 0o700


class Unrecorded(Exception):
    """The run was not recorded; the message says why. What the run answered is not touched by it."""


def prepare(directory: Path) -> None:
    """Make the directory and see that it takes files, so that a run is not the first to find out.

    Raises `Unrecorded`.
    """
    try:
        directory.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise Unrecorded(
            f"Recordings cannot be written to {directory}: {error.strerror}. Set CODEX_AGENT_RECORD to another folder."
        ) from error


def write(directory: Path, name: str, header: Header, events: Iterable[tuple[float, Event]]) -> Path:
    """The new file, to be played as `replay:<name>`; one of that name is replaced. Raises `Unrecorded`."""
    if not is_name(name):
        raise Unrecorded(f"A recording cannot be called {name!r:.80}: small letters, digits, - and _ make its name.")
    path = directory / f"{name}{SUFFIX}"
    try:
        directory.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        _replace(path, encode(header, ((at, to_json(event)) for at, event in events)))
    except (OSError, TypeError, ValueError) as error:
        raise Unrecorded(f"The recording {path} cannot be written: {error}") from error
    return path


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    """`path` with these lines, in one step. mkstemp gives the mode 0600, whatever the umask."""
    # The dot keeps a half-written file out of every list of recordings.
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(number, "wb+") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())  # else a crash may leave the name and not the lines
            file.seek(0)
            for _ in read(file, path.name)[1]:
                pass  # what nobody could play is not kept
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
