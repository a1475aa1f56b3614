"""Disks that are full for a while: a small file system of its own, and a limit on the size of a process's files."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

from litellm_codex_agent.runs.state import JOURNAL

from ..backends.program import Program

__all__ = ["DISKS", "Disk", "small_file_system"]

# Enough for some runs, little enough to be filled at once.
SIZE = "4m"
MOUNT_SECONDS = 20


class Disk(Protocol):
    """`state` is the directory on it."""

    state: Path

    def fill(self, server: Program) -> None: ...

    def make_room(self, server: Program) -> None: ...


class FileSystem:
    """A tmpfs, filled by a file beside the journal."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self._ballast = directory / "ballast"

    def fill(self, server: Program | None = None) -> None:
        with self._ballast.open("ab", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def make_room(self, server: Program | None = None) -> None:
        self._ballast.unlink()


class Limit:
    """No file of the server's may grow beyond its journal (`RLIMIT_FSIZE`). It is EFBIG where a disk says ENOSPC."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self._before = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

    def fill(self, server: Program) -> None:
        size = (self.state / f"{JOURNAL}-wal").stat().st_size
        self._before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, self._before[1]))

    def make_room(self, server: Program) -> None:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, self._before)


@contextmanager
def small_file_system(directory: Path) -> Iterator[FileSystem]:
    """One of its own, where the tester may mount it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    point = directory / "disk"
    point.mkdir()
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(point))
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield FileSystem(point)
    finally:
        _run("umount", "--lazy", str(point))


@contextmanager
def limited(directory: Path) -> Iterator[Limit]:
    if not hasattr(resource, "prlimit"):
        pytest.skip("the limits of another process can only be set on Linux")
    yield Limit(directory)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_SECONDS)


DISKS: dict[str, Callable[[Path], AbstractContextManager[Disk]]] = {
    "a full disk": small_file_system,
    "a limit": limited,
}
