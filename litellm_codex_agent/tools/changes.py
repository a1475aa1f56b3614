"""What a run changed in its workspace: a snapshot before, a look afterwards, and a diff of each file.

Law: time and memory have bounds, and what lies beyond one is told without a diff, never left out in silence where
it is known. Both sides are read as `tree` reads them; git is never run, and its own directory is no part of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .diffs import File, applicable, diff
from .tree import Entry, Listing, Tree, opened

__all__ = ["Change", "MAX_DIFF_CHARS", "MAX_KEPT_BYTES", "MAX_PATH_CHARS", "MAX_SECONDS", "Snapshot", "changes", "more"]

# Held in memory for as long as the run lives, and a server has many runs.
MAX_KEPT_BYTES = 32 * 1024 * 1024
# Of all diffs of a run together: they travel in its envelope, and are read by people. And of all their paths.
MAX_DIFF_CHARS = 4 * 1024 * 1024
MAX_PATH_CHARS = 4 * 1024 * 1024
# For the contents, before as after. A run waits for it, and a person for the run.
MAX_SECONDS = 10.0
# The kernel stamps files by a clock that ticks this coarsely at most (CONFIG_HZ=100), so a file that was changed as
# shortly after we saw it may look untouched.
_TICK_NS = 20_000_000

_Clock = Callable[[], float]


@dataclass(frozen=True)
class Change:
    """A file that is `added`, `changed` or `removed`, by its path in the workspace. No diff: it could not be shown.

    A path that ends with `/` is a directory that can no longer be looked into.
    """

    path: str
    kind: str
    diff: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A workspace as it was: what there was, and what was in it as far as that is kept."""

    listing: Listing
    contents: Mapping[str, bytes]
    taken_ns: int

    @staticmethod
    def take(path: Path, *, clock: _Clock = time.monotonic) -> Snapshot:
        """Of a directory, the smallest files first, so that what cannot be kept are few."""
        deadline, taken_ns = clock() + MAX_SECONDS, time.time_ns()
        contents: dict[str, bytes] = {}
        kept = 0
        with opened(path) as tree:
            listing = tree.listed()
            for name, entry in sorted(listing.entries.items(), key=lambda item: item[1].size):
                if kept + entry.size > MAX_KEPT_BYTES or clock() > deadline:
                    break
                content = tree.read(name, entry.mode)
                if content is not None:
                    contents[name] = content
                    kept += len(content)
        return Snapshot(listing, contents, taken_ns)

    def knows_unchanged(self, path: str, entry: Entry) -> bool:
        """Whether it can be told without a look into it."""
        old = self.listing.entries.get(path)
        if old is None or (old.mode, old.stamp) != (entry.mode, entry.stamp):
            return False
        return path not in self.contents or entry.changed_ns < self.taken_ns - _TICK_NS


def changes(before: Snapshot, path: Path, *, clock: _Clock = time.monotonic) -> list[Change]:
    """All that is known to have changed in the directory since, in the order of the paths."""
    with opened(path) as tree:
        return list(_Look(before, tree, clock).told())


def more(left_out: int) -> str:
    """What stands in the place of a path, where there was no room for so many."""
    return f"(and {left_out:,} more)"


class _Look:
    """The look afterwards, with what is left of its time and of the room for diffs."""

    def __init__(self, before: Snapshot, tree: Tree, clock: _Clock) -> None:
        self.before = before
        self.tree = tree
        self.clock = clock
        self.deadline = clock() + MAX_SECONDS
        self.room = MAX_DIFF_CHARS
        self.after = tree.listed()

    def told(self) -> Iterator[Change]:
        """The changes, as long as there is room for their paths; how many more there are is told at the end."""
        left_out, room = 0, MAX_PATH_CHARS
        for change in self.changes():
            room -= len(change.path)
            left_out += room < 0
            if room >= 0:
                yield change
        if left_out:
            yield Change(more(left_out), "changed")

    def changes(self) -> Iterator[Change]:
        for folder in sorted(self.after.shut - self.before.listing.shut):
            yield Change(f"{_shown(folder) or '.'}/", "changed")
        for path in sorted({*self.before.listing.entries, *self.after.entries}):
            old, new = self.before.listing.entries.get(path), self.after.entries.get(path)
            if new is None:
                if old is not None and self.after.knows(path):
                    yield self._told(path, "removed", old, None, None)
            elif not self.before.knows_unchanged(path, new):
                yield from self._seen(path, old, new)

    def _seen(self, path: str, old: Entry | None, new: Entry) -> Iterator[Change]:
        if old is None and not self.before.listing.knows(path):
            # Beyond what the snapshot saw: it was there, or came; that it was touched since is all there is to know.
            if new.changed_ns >= self.before.taken_ns - _TICK_NS:
                yield Change(_shown(path), "changed")
            return
        content = None if self._over() else self.tree.read(path, new.mode)
        if old is None:
            yield self._told(path, "added", None, new, content)
        elif self._differs(path, old, new, content):
            yield self._told(path, "changed", old, new, content)

    def _differs(self, path: str, old: Entry, new: Entry, content: bytes | None) -> bool:
        if content is None:
            return (old.mode, old.stamp) != (new.mode, new.stamp)
        return old.mode != new.mode or content != self.before.contents.get(path)

    def _told(self, path: str, kind: str, old: Entry | None, new: Entry | None, content: bytes | None) -> Change:
        was = self.before.contents.get(path)
        known = (old is None or was is not None) and (new is None or content is not None)
        modes = [each.mode for each in (old, new) if each]
        text = ""
        if known and not self._over() and all(applicable(path, mode) for mode in modes):
            text = diff(path, _file(old, was), _file(new, content))
        if len(text) > self.room:
            return Change(_shown(path), kind)
        self.room -= len(text)
        return Change(_shown(path), kind, text)

    def _over(self) -> bool:
        return self.clock() >= self.deadline


def _file(entry: Entry | None, content: bytes | None) -> File | None:
    return File(entry.mode, content) if entry and content is not None else None


def _shown(path: str) -> str:
    """The path as JSON can hold it: a byte that is no UTF-8 is written as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
