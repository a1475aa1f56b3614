"""A directory removed with all that is in it, however deep it goes and whatever its modes are.

Law: a few descriptors and no recursion, and no link is followed. A directory inside is moved up to the root and
emptied there, so no path grows.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path

__all__ = ["open_up", "remove"]

# Names held in memory at once: a program can make millions.
AT_ONCE = 1000


def remove(root: Path) -> None:
    """Raises an `OSError` where something stays behind."""
    above = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _entered(root.name, above) as descriptor:
            _Removal(descriptor).run()
        os.rmdir(root.name, dir_fd=above)
    finally:
        os.close(above)


class _Removal:
    def __init__(self, root: int) -> None:
        self.root = root
        # No name that the directory's owner could have made before.
        self.mark = uuid.uuid4().hex
        self.numbers = count()

    def run(self) -> None:
        for name in self._folders(self.root):
            with _entered(name, self.root) as inner:
                for below in self._folders(inner):
                    open_up(below, inner)
                    moved = f"{self.mark}-{next(self.numbers)}"
                    os.rename(below, moved, src_dir_fd=inner, dst_dir_fd=self.root)
            os.rmdir(name, dir_fd=self.root)

    def _folders(self, descriptor: int) -> Iterator[str]:
        """The directories in it, which are gone when the next ones are asked for; all else is removed at once."""
        while names := self._some(descriptor):
            for name, is_folder in names:
                if is_folder:
                    yield name
                else:
                    os.unlink(name, dir_fd=descriptor)

    def _some(self, descriptor: int) -> list[tuple[str, bool]]:
        with os.scandir(descriptor) as found:
            return [(each.name, each.is_dir(follow_symlinks=False)) for each in islice(found, AT_ONCE)]


@contextmanager
def _entered(name: str, folder: int) -> Iterator[int]:
    open_up(name, folder)
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_up(name: str, folder: int | None = None) -> None:
    """Its owner may enter, read and change it: what has none of these bits cannot be emptied."""
    # Where it does not work it may not be needed, and what comes next says so.
    with suppress(OSError):
        descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            # Linux changes no mode by a name that must not be a link, nor by such a descriptor.
            Path(f"/proc/self/fd/{descriptor}").chmod(0o700)
        finally:
            os.close(descriptor)
