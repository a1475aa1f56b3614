"""Which of Codex's threads a session goes on with: one small file each, so that a restart forgets none.

Law: a session is its tenant's alone, and one run at a time works in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ...sandbox.removal import remove

__all__ = ["Session", "Sessions", "digest", "prune", "tidy"]

# Where Codex writes a thread down, below the home of its process.
_WRITTEN = "sessions/*/*/*/rollout-*.jsonl"
_THREAD = re.compile(r"[0-9A-Za-z-]{8,64}")

_log = logging.getLogger("litellm_codex_agent.codex")


def digest(*parts: str) -> str:
    """A name for a file, from what may hold anything."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


class Session:
    """`thread` is empty before its first run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def thread(self) -> str:
        """Empty too where a run has no session's name, and stands alone."""
        return self._lines()[0]

    def told(self) -> str:
        """The digest of the instructions that its thread was told last."""
        return self._lines()[1]

    def _lines(self) -> tuple[str, str]:
        if self._path is None or not self._path.is_file():
            return "", ""
        thread, _, told = self._path.read_text(encoding="ascii", errors="replace").strip().partition("\n")
        return (thread, told) if _THREAD.fullmatch(thread) else ("", "")

    def keep(self, thread: str, told: str = "") -> None:
        """From now on it goes on with this thread, which was `told` these instructions, whatever happens to us."""
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        new.write_text(f"{thread}\n{told}\n", encoding="ascii")
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(self._path)

    def forget(self) -> None:
        """The next run begins it anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class Sessions:
    """Those of all tenants, in one folder that no agent sees."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def taken(self, tenant: str, name: str) -> AsyncIterator[Session]:
        """The session for one run; whoever comes meanwhile waits."""
        if not name:
            yield Session(None)
            return
        key = digest(tenant, name)
        lock, waiting = self._waiting.get(key, (asyncio.Lock(), 0))
        self._waiting[key] = lock, waiting + 1
        try:
            async with lock:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                yield Session(self._folder / key)
        finally:
            lock, waiting = self._waiting[key]
            if waiting == 1:
                del self._waiting[key]
            else:
                self._waiting[key] = lock, waiting - 1


def prune(folder: Path, homes: Path, before: float) -> int:
    """Remove the sessions and threads that nobody has gone on with since; how many there were."""
    return sum(_pruned(path, before) for path in (*folder.glob("*"), *homes.glob(f"*/{_WRITTEN}")))


def tidy(homes: Path) -> None:
    """Remove the homes in which no conversation is kept, of a server that has ended."""
    for home in homes.glob("*"):
        if next(home.glob(_WRITTEN), None) is not None:
            continue
        try:
            remove(home)
        except OSError as error:
            _log.warning("the home %s could not be removed: %s", home, error)
    with suppress(OSError):
        homes.rmdir()


def _pruned(path: Path, before: float) -> bool:
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_mtime >= before:
            return False
        path.unlink()
    except OSError as error:
        _log.warning("the old conversation %s could not be removed: %s", path, error)
        return False
    return True
