"""Files without a name, which a child opens by a path as long as this process lives: no litter, and no race.

Law: nobody who has opened one can change it for another.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Iterable

__all__ = ["Argv", "in_memory", "lifeline", "path_of", "sealed"]


class Argv(list[str]):
    """A command line. The file `held` that it names by a path is there for as long as this very list is."""

    def __init__(self, words: Iterable[str], held: int) -> None:
        super().__init__(words)
        weakref.finalize(self, os.close, held).atexit = False


def in_memory(content: bytes) -> str:
    """A path under /proc that any process of the same user can read `content` from. Held until this process ends."""
    return path_of(_held(content, os.getpid()))


def lifeline() -> str:
    """A path to a file that is locked until this process is dead: whoever has opened it can wait for the lock."""
    return path_of(_lifeline(os.getpid()))


def path_of(descriptor: int) -> str:
    """By which other processes of this user open it."""
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def sealed(content: bytes) -> int:
    """A descriptor of a file that holds `content` and can never hold anything else."""
    # Not everywhere, where this module is imported all the same.
    import fcntl

    descriptor = os.memfd_create("codex-agent", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


@functools.cache
def _lifeline(_: int) -> int:
    import fcntl

    # Not a pipe: all commands share it, and what a pipe is read by can be opened to write to it.
    descriptor = sealed(b"")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@functools.cache
def _held(content: bytes, _: int) -> int:
    # By content and process, so there are as many as there are filters: a handful.
    return sealed(content)
