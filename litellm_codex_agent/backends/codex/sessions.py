"""Which of Codex's threads a session goes on with: one small file each, so that a restart forgets none.

Law: a session is its tenant's alone, and one run at a time works in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

__all__ = ["Session", "Sessions", "digest"]

_THREAD = re.compile(r"[0-9A-Za-z-]{8,64}")


def digest(*parts: str) -> str:
    """A name for a file, from what may hold anything."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


class Session:
    """`thread` is empty before its first run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def kept(self) -> bool:
        """Whether it goes on; a run without a session's name stands alone."""
        return self._path is not None

    def thread(self) -> str:
        if self._path is None or not self._path.is_file():
            return ""
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        return text if _THREAD.fullmatch(text) else ""

    def keep(self, thread: str) -> None:
        """From now on it goes on with this thread, whatever happens to the server."""
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        new.write_text(f"{thread}\n", encoding="ascii")
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(self._path)


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
