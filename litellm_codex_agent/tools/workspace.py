"""Where a run works: a fresh directory that goes with it, or one that the operator allowed.

Law: no two runs at once change the same directory, or one inside the other's: what each of them changed could not be
told apart. A directory that a server left behind when it died is found again by its lock, which nobody holds.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..sandbox.removal import remove
from .source import ToolsUnavailable

__all__ = ["VARIABLE", "Workspace", "Workspaces", "home_of"]

# What the operator sets; a refusal names it.
VARIABLE = "CODEX_AGENT_WORKSPACES"
# Of a run's id in the name of its directory.
MAX_NAME = 64
# From the sandbox's own uid to where systemd gives uids to others.
USERS = 300

# Beneath root, commands run as another user, who cannot come to a state directory that is closed to all but root.
ROOTS_HOME = Path("/var/lib/litellm-codex-agent")

_log = logging.getLogger("litellm_codex_agent.tools")


@dataclass(frozen=True)
class Workspace:
    """A directory by its real path. A fresh one was made for its run, and goes with it."""

    path: Path
    fresh: bool


def home_of(state: Path, uid: int | None) -> Path:
    """Where fresh workspaces lie: in the server's state directory, or where `uid` can come to them."""
    return (state if uid is None else ROOTS_HOME) / "workspaces"


class Workspaces:
    """`allowed` may be asked for, with what is inside; fresh ones lie in `home`, and `kept` is never lent.

    Beneath root each fresh one belongs to a user of its own, one of those from `uid` on: the kernel counts processes by
    user, and what one run starts must not be what another may not.
    """

    def __init__(self, allowed: Sequence[Path], home: Path, uid: int | None, kept: Sequence[Path] = ()) -> None:
        self._allowed = tuple(allowed)
        self._home = home
        self._kept = tuple(kept)
        self._uid = uid
        self._leased: set[Path] = set()
        self._users: set[int] = set()

    def check(self, asked: str | None) -> Path | None:
        """The real path of the directory that was asked for; None for a fresh one."""
        if asked is None:
            return None
        roots = [root.resolve() for root in self._allowed]
        path = _real(asked)
        # What lies outside is refused in the same words whether it is there or not.
        if path is None or not any(path.is_relative_to(root) for root in roots):
            raise ToolsUnavailable(
                f"The workspace {asked!r} is not one that this server allows. Leave it out for a fresh one; the "
                f"operator allows directories by {VARIABLE} (--workspaces).",
                status=400,
            )
        if not path.is_dir():
            raise ToolsUnavailable(f"The workspace {asked!r} is no directory. Make it first.", status=400)
        kept = [each.resolve() for each in (self._home, *self._kept)]
        if any(each.is_relative_to(path) or path.is_relative_to(each) for each in kept):
            raise ToolsUnavailable(
                f"The workspace {asked!r} holds what this server keeps. Ask for another.", status=400
            )
        return path

    @asynccontextmanager
    async def leased(self, asked: str | None, run_id: str) -> AsyncIterator[Workspace]:
        """A directory for this run alone, for as long as the context lasts."""
        path = self.check(asked)
        if path is None:
            with self._made(run_id) as fresh:
                try:
                    yield Workspace(fresh, fresh=True)
                finally:
                    # A cancel does not wait for it, and does not stop it.
                    await asyncio.shield(asyncio.to_thread(_removed, fresh))
        else:
            with self._lent(path, str(asked)):
                yield Workspace(path, fresh=False)

    @contextmanager
    def _lent(self, path: Path, asked: str) -> Iterator[None]:
        if any(path.is_relative_to(other) or other.is_relative_to(path) for other in self._leased):
            raise ToolsUnavailable(
                f"Another run works in the workspace {asked!r}, or in a part of it. Try again when it has ended.",
                status=409,
            )
        self._leased.add(path)
        try:
            yield
        finally:
            self._leased.discard(path)

    @contextmanager
    def _made(self, run_id: str) -> Iterator[Path]:
        try:
            self._make_home()
            path, lock = self._new(re.sub(r"[^\w-]", "", run_id, flags=re.ASCII)[:MAX_NAME])
        except OSError as error:
            raise ToolsUnavailable(f"No workspace can be made: {error.strerror}.", status=503) from error
        try:
            with self._given_away(lock):
                yield path
        finally:
            os.close(lock)

    def _make_home(self) -> None:
        # Whoever commands run as goes through it, and sees none of the names in it.
        mode = 0o700 if self._uid is None else 0o711
        if self._uid is not None:
            self._home.parent.mkdir(mode=mode, parents=True, exist_ok=True)
        self._home.mkdir(mode=mode, parents=True, exist_ok=True)
        state = self._home.stat()
        if state.st_uid != os.geteuid() or state.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "others can change the directory that they lie in")

    @contextmanager
    def _given_away(self, directory: int) -> Iterator[None]:
        """To a user whom no other run of this server is now, while there are any."""
        if self._uid is None:
            yield
            return
        free = sorted(set(range(self._uid, self._uid + USERS)) - self._users) or [self._uid]
        user = secrets.choice(free)
        try:
            os.chown(directory, user, user)
        except OSError as error:
            raise ToolsUnavailable(f"No workspace can be given away: {error.strerror}.", status=503) from error
        self._users.add(user)
        try:
            yield
        finally:
            self._users.discard(user)

    def _new(self, name: str) -> tuple[Path, int]:
        home = self._home.resolve()
        with self._closed_home():
            path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=home))
            lock = _lock(path)
        return path, lock

    @contextmanager
    def _closed_home(self) -> Iterator[None]:
        """Between a directory that is made and its lock, no other server looks."""
        lock = _lock(self._home.resolve(), wait=True)
        try:
            yield
        finally:
            os.close(lock)

    def clear(self) -> int:
        """Remove the fresh directories that no living server holds; how many there were."""
        if not self._home.is_dir():
            return 0
        return sum(self._cleared(path) for path in sorted(self._home.iterdir()))

    def _cleared(self, path: Path) -> bool:
        try:
            with self._closed_home():
                lock = _lock(path)
        except OSError:  # held by its server, gone with it, or none of ours
            return False
        try:
            return _removed(path)
        finally:
            os.close(lock)


def _real(asked: str) -> Path | None:
    try:
        return Path(asked).resolve() if Path(asked).is_absolute() else None
    except (OSError, ValueError, RuntimeError):  # a name too long, one with a NUL, links that go in a circle
        return None


def _lock(folder: Path, *, wait: bool = False) -> int:
    """A descriptor that holds it for this process alone, until it is closed or the process dies."""
    import fcntl  # no other system than Unix has it, and this module is imported everywhere

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _removed(path: Path) -> bool:
    try:
        remove(path)
    except OSError as error:
        _log.warning("the workspace %s could not be removed: %s", path, error)
        return False
    return True
