"""What is run behind the wall, how much it may take, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Command", "FOR_EVER", "Finished", "Limits", "SandboxUnavailable"]

_MIB = 2**20
# Of a program whose time is somebody else's to bound.
FOR_EVER = 10.0**9


class SandboxUnavailable(Exception):
    """No wall that was asked for works here; the message says why, and what to do."""


@dataclass(frozen=True)
class Limits:
    """What one command with all its children may take. An address space of None is for programs that reserve more
    than they use, as node does."""

    processes: int = 256
    address_space: int | None = 4096 * _MIB
    # Of all its processes together, watched while it runs.
    memory_bytes: int = 4096 * _MIB
    file_bytes: int = 256 * _MIB
    # Over all that it adds to the workspace, watched while it runs.
    disk_bytes: int = 1024 * _MIB
    descriptors: int = 512
    # Kept of stdout and of stderr, each; what is over it is read, counted and dropped.
    output_bytes: int = _MIB


@dataclass(frozen=True)
class Command:
    """One command in a workspace. `cwd` is inside it; `environment` comes on top of one that is built from nothing.

    `readable` are files and directories that it may read and run beside those of the system.
    """

    argv: tuple[str, ...]
    workspace: Path
    seconds: float
    cwd: str = "."
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    writable: bool = True
    network: bool = False
    readable: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Finished:
    """`rc` as a shell has it: 124 where time ran out, 128 and the number where a signal ended it.

    `said` are the bytes that it wrote to stdout and to stderr, of which the first are kept. `ended` says in one
    sentence why we ended it, where we did for another reason than time.
    """

    rc: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False
    isolation: str = "none"
    said: tuple[int, int] = (0, 0)
    ended: str = ""
