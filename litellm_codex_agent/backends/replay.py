"""`replay:<name>`: plays a recorded run, at its own pace or another. Its tokens and its cost are those of the record.

Law: a file is opened only by a name that could be listed, never by a path; a broken one is one model that is not
ready, and says in which line. The folders are looked at anew each time, so a file that is dropped in can be asked for.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..wire.recording import MAX_RECORDING_BYTES, SUFFIX, BrokenRecording, is_name, read
from .backend import NoSuchModel, NotReady, Task
from .events import Done, Event, Failure
from .parameters import BUDGETS, HARMLESS, STEERING, Parameters
from .telling import BrokenEvent, from_json

__all__ = ["Replay"]

# Read in some milliseconds, so that a list of models can say which of them is broken; /ready and a 404 list them all.
MAX_AT_ONCE_BYTES = 128 * 1024
# Verdicts on files, a short sentence each: more than any folder that a person still looks through.
_REMEMBERED = 4096


class Replay:
    """Plays the files of `folders`; of two with one name, the one in the later folder.

    `pace` stretches the recorded times: 1 as it was, 2 at half speed, 0 without waiting. A request's own wins.
    """

    name = "replay"
    # It has no model to steer: what was said is on record.
    parameters = Parameters(ignored=HARMLESS | STEERING | BUDGETS, options=frozenset({"pace"}))

    def __init__(self, folders: Sequence[Path], pace: float = 1.0) -> None:
        self._folders = tuple(folders)
        self._pace = pace

    def models(self) -> Sequence[str]:
        return [f"{self.name}:{name}" for name in self._names()]

    def check(self, model: str) -> None:
        """`NotReady` names the file and its line; in a long file, when it is played, and before anything is told."""
        path, now = self._find(model)
        if not MAX_AT_ONCE_BYTES < now.st_size <= MAX_RECORDING_BYTES:
            _check(path, now)

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        pace = float(task.options.get("pace", self._pace))
        clock = asyncio.get_running_loop().time
        try:
            await asyncio.to_thread(_check, *self._find(task.model))
        except (NoSuchModel, NotReady) as error:
            yield _unplayable(error)
            return
        began = clock()
        with closing(self._played(task.model)) as played:
            for at, event in played:
                # Without a wait the loop is given up all the same: a long recording is not alone in it.
                await asyncio.sleep(max(0.0, began + at * pace - clock()))
                yield event

    def _played(self, model: str) -> Generator[tuple[float, Event], None, None]:
        try:
            yield from _events(self._find(model)[0])
        except (NoSuchModel, NotReady) as error:  # it was changed or taken away after the check, perhaps in mid-play
            yield 0.0, _unplayable(error)

    def _names(self) -> list[str]:
        return sorted({name for folder in self._folders for name in _listed(folder)})

    def _find(self, model: str) -> tuple[Path, os.stat_result]:
        for folder in reversed(self._folders):
            path = folder / f"{model}{SUFFIX}"
            if is_name(model) and (now := _stat(path)):
                return path, now
        raise NoSuchModel(f"There is no recording {model!r:.80}.")


def _listed(folder: Path) -> Iterator[str]:
    for path in folder.glob(f"*{SUFFIX}"):
        if is_name(path.stem) and _stat(path):
            yield path.stem


def _stat(path: Path) -> os.stat_result | None:
    """Of a plain file; None where there is another thing, nothing, or no way to it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _unplayable(error: Exception) -> Done:
    return Done("model_error", failure=Failure(503, str(error), "not_ready"))


def _check(path: Path, now: os.stat_result) -> None:
    if fault := _fault(path, (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)):
        raise NotReady(fault)


@lru_cache(maxsize=_REMEMBERED)
def _fault(path: Path, _now: tuple[int, ...]) -> str:
    """Why the file, as it stands now, cannot be played; empty where it can."""
    try:
        for _ in _events(path):
            pass
    except NotReady as error:
        return str(error)
    return ""


def _events(path: Path) -> Iterator[tuple[float, Event]]:
    """The recorded events, each read when it is asked for. Raises `NotReady`."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_RECORDING_BYTES:
                raise BrokenRecording(path.name, 1, f"the file is larger than {MAX_RECORDING_BYTES:,} bytes.")
            for at, event, line in read(file, path.name)[1]:
                yield at, _event(event, path.name, line)
    except OSError as error:
        raise NotReady(f"The recording {path.name} cannot be read: {error.strerror}.") from error
    except BrokenRecording as error:
        raise NotReady(f"{error} Mend the file or take it away.") from error


def _event(told: Mapping[str, Any], file: str, line: int) -> Event:
    try:
        return from_json(dict(told))
    except BrokenEvent as error:
        raise BrokenRecording(file, line, str(error)) from error
