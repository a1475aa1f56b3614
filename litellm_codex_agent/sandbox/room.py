"""What a command holds of the disk at this moment, as the kernel says it.

Law: what cannot be read counts as nothing, and is said to be hidden. No path is longer than a name: each directory is
opened in the one above it, and a link that has taken the place of one leads nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Room", "free", "room"]

# What st_blocks counts in, on every file system of Linux.
_BLOCK = 512
# An empty file has a name and an inode: a million of them are not for nothing.
_LEAST = 4096
# Each is a descriptor that is held open. Real trees are not as deep.
_MOST_DEPTH = 128
# Two seconds or so. Beyond it nobody looks: what the whole disk loses is what counts then.
_MOST_ENTRIES = 500_000
# Where a namespace has file systems in memory, and what a name in one takes of it.
_IN_MEMORY = ("tmp", "dev/shm")
_INODE = 1024
_INSIDE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class Room:
    """`hidden` where something could not be looked into."""

    size: int = 0
    hidden: bool = False


def free(path: Path) -> int:
    """How much of its file system is free."""
    told = os.statvfs(path)
    return told.f_bfree * told.f_frsize


def room(directories: Iterable[Path], members: Iterable[int]) -> Room:
    """What lies in `directories`, in files without a name that `members` hold open or have mapped, and in file systems
    that are theirs alone."""
    walk = _Walk()
    for directory in directories:
        walk.enter(str(directory), None, 0)
    for pid in members:
        walk.held(f"/proc/{pid}/fd")
        walk.held(f"/proc/{pid}/map_files")
        walk.private(f"/proc/{pid}/root")
    return Room(walk.size, walk.hidden)


class _Walk:
    def __init__(self) -> None:
        self.size = 0
        self.hidden = False
        self._seen = set[tuple[int, int]]()

    def enter(self, name: str, above: int | None, depth: int) -> None:
        """A directory with all that is below it."""
        try:
            descriptor = os.open(name, _INSIDE & ~(0 if depth else os.O_NOFOLLOW), dir_fd=above)
        except OSError as error:
            # Something that is gone by now is nothing; something that is shut may be anything.
            self.hidden = self.hidden or not isinstance(error, (FileNotFoundError, NotADirectoryError))
            return
        try:
            for inner in self._counted(descriptor):
                if depth == _MOST_DEPTH:
                    self.hidden = True
                    break
                self.enter(inner, descriptor, depth + 1)
        finally:
            os.close(descriptor)

    def _counted(self, descriptor: int) -> list[str]:
        """The directories in one, when all that is in it was counted."""
        inner: list[str] = []
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if len(self._seen) > _MOST_ENTRIES:
                        raise OSError
                    # Between its name and its size it may be gone, and what comes after it is not.
                    with suppress(FileNotFoundError):
                        state = entry.stat(follow_symlinks=False)
                        self._add(state)
                        inner += [entry.name] * stat.S_ISDIR(state.st_mode)
        except OSError:
            self.hidden = True
        return inner

    def held(self, directory: str) -> None:
        """The files without a name that a directory of /proc leads to."""
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        self._nameless(entry.path)
        except (FileNotFoundError, ProcessLookupError):
            return
        except OSError:
            self.hidden = True

    def _nameless(self, link: str) -> None:
        try:
            state = os.stat(link)  # noqa: PTH116  # a Path for each would cost more than the question
        except PermissionError:
            # Where a mapping leads only root may see, but not that its file is gone.
            self.hidden = self.hidden or str(Path(link).readlink()).endswith(" (deleted)")
            return
        if stat.S_ISREG(state.st_mode) and not state.st_nlink:
            self._add(state)

    def private(self, root: str) -> None:
        """The file systems in memory of whoever has its own."""
        for name in _IN_MEMORY:
            # What cannot be seen of one process another of its namespace shows.
            with suppress(OSError):
                place = Path(root, name)
                device = place.stat().st_dev
                if device != Path("/", name).stat().st_dev and (device, 0) not in self._seen:
                    self._seen.add((device, 0))
                    told = os.statvfs(place)
                    self.size += (told.f_blocks - told.f_bfree) * told.f_frsize
                    self.size += (told.f_files - told.f_ffree) * _INODE

    def _add(self, state: os.stat_result) -> None:
        if (state.st_dev, state.st_ino) not in self._seen:
            self._seen.add((state.st_dev, state.st_ino))
            self.size += max(state.st_blocks * _BLOCK, _LEAST)
