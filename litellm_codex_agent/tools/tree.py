"""The files of a workspace, read through descriptors of its directories: no link is followed, at any moment.

Law: whoever owns the workspace can have changed anything in it, and may change it now. A link leads nowhere, a pipe
does not hold us, and how much is read has bounds. Beneath root, what the workspace's owner cannot read is not read.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .diffs import EXECUTABLE, LINK, ORDINARY

__all__ = ["Entry", "Listing", "MAX_DEPTH", "MAX_ENTRIES", "MAX_FILE_BYTES", "MAX_PATHS_BYTES", "Tree", "opened"]

# Looked at in one go: a large repository has as many, and to read them takes a second or two.
MAX_ENTRIES = 20_000
# Of all their paths together: two hundred bytes each, while one alone may have sixteen thousand.
MAX_PATHS_BYTES = 4 * 1024 * 1024
# Real trees are not as deep; each step down is a descriptor that is opened anew.
MAX_DEPTH = 64
# A larger file is told as changed and not shown.
MAX_FILE_BYTES = 1024 * 1024
# Not everywhere, where this module is imported all the same.
_PATH = getattr(os, "O_PATH", os.O_RDONLY)


@dataclass(frozen=True)
class Entry:
    """A file or a link as it was seen: `stamp` changes with whatever is done to it."""

    mode: str
    size: int
    stamp: tuple[int, ...]
    changed_ns: int


@dataclass(frozen=True)
class Listing:
    """What there is, by its path, and the directories that were not read, or not to their end; `shut` are those of
    them that we may not read."""

    entries: Mapping[str, Entry]
    unread: frozenset[str]
    shut: frozenset[str] = frozenset()

    def knows(self, path: str) -> bool:
        """Whether `path` would be listed if it were there."""
        parts = path.split("/")
        return not any("/".join(parts[:length]) in self.unread for length in range(len(parts)))


@contextmanager
def opened(root: Path) -> Iterator[Tree]:
    """The tree at `root`, which must be a directory and no link."""
    # Without the right to read it, which whoever owns it can take away.
    descriptor = os.open(root, _PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield Tree(descriptor)
    finally:
        os.close(descriptor)


class Tree:
    """A directory held open. A path is one inside it, and each of its parts is entered by its name alone."""

    def __init__(self, root: int) -> None:
        self._root = root
        # Root reads everything; what it reads is shown to whoever asked for the run.
        self._owner = os.fstat(root).st_uid if os.geteuid() == 0 else None

    def listed(self, most: int = MAX_ENTRIES) -> Listing:
        """Every file and link, the directories nearest to the root first, until `most` names were seen, or their
        paths are too long together."""
        entries: dict[str, Entry] = {}
        unread, shut = set[str](), set[str]()
        waiting = deque([""])
        seen = size = 0
        while waiting:
            folder = waiting.popleft()
            try:
                for name, state in self._names(folder):
                    path = f"{folder}/{name}" if folder else name
                    seen, size = seen + 1, size + len(path)
                    if seen > most or size > MAX_PATHS_BYTES:
                        unread.add(folder)
                        break
                    if stat.S_ISDIR(state.st_mode):
                        waiting.append(path)
                    elif mode := _mode(state):
                        entries[path] = _entry(mode, state)
            except OSError as error:
                unread.add(folder)
                shut.update([folder] if isinstance(error, PermissionError) else [])
        return Listing(entries, frozenset(unread), frozenset(shut))

    def _names(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        """What is in a directory, but for git's own, which is none of the run's work."""
        if folder.count("/") >= MAX_DEPTH:
            raise OSError
        with self._entered(folder) as descriptor, os.scandir(descriptor) as found:
            for entry in found:
                # It may be gone by now.
                with suppress(FileNotFoundError):
                    if entry.name.lower() != ".git":
                        yield entry.name, entry.stat(follow_symlinks=False)

    @contextmanager
    def _entered(self, folder: str) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(".", flags, dir_fd=self._root)
        try:
            for name in folder.split("/") if folder else ():
                inner = os.open(name, flags, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
                self._allowed(os.fstat(descriptor), stat.S_IROTH | stat.S_IXOTH)
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self, path: str, mode: str) -> bytes | None:
        """What is in a file, or where a link points; None where it cannot be read, or is larger than is shown."""
        folder, _, name = path.rpartition("/")
        try:
            with self._entered(folder) as descriptor:
                if mode == LINK:
                    return os.fsencode(os.readlink(name, dir_fd=descriptor))
                return self._content(name, descriptor)
        except OSError:
            return None

    def _content(self, name: str, folder: int) -> bytes | None:
        # A pipe that has taken the file's place is opened without waiting for its other end.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        with os.fdopen(os.open(name, flags, dir_fd=folder), "rb", buffering=0) as file:
            state = os.fstat(file.fileno())
            self._allowed(state, stat.S_IROTH)
            if not stat.S_ISREG(state.st_mode) or state.st_size > MAX_FILE_BYTES:
                return None
            return file.read(state.st_size)

    def _allowed(self, state: os.stat_result, bits: int) -> None:
        if self._owner not in (None, state.st_uid) and state.st_mode & bits != bits:
            raise PermissionError


def _mode(state: os.stat_result) -> str:
    """As git has it; empty for what is neither a file nor a link."""
    if stat.S_ISLNK(state.st_mode):
        return LINK
    if not stat.S_ISREG(state.st_mode):
        return ""
    return EXECUTABLE if state.st_mode & stat.S_IXUSR else ORDINARY


def _entry(mode: str, state: os.stat_result) -> Entry:
    stamp = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return Entry(mode, state.st_size, stamp, state.st_ctime_ns)
