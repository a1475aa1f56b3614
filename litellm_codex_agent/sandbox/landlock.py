"""What Landlock and seccomp are told of one command, as pure functions of the policy; `launcher.py` does it.

Law: whatever this kernel's Landlock can refuse is refused, and then only what the command needs is given.
"""

from __future__ import annotations

import marshal
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command import Command, Limits
from .owner import Owner
from .places import Places

if TYPE_CHECKING:
    from .launcher.attendant import Layout

__all__ = ["Filters", "LEAST_ABI", "Launch", "SIGNALS_ABI", "STANDS_FOR_PRIVATE", "landlock", "ruleset", "unwalled"]

# Linux 6.2, the first that can refuse to cut a file it may not write.
LEAST_ABI = 3
# Linux 6.12, which keeps signals inside, and abstract sockets outside.
SIGNALS_ABI = 6
_NETWORK_ABI, _DEVICES_ABI = 4, 5

# linux/landlock.h: the rights to files, in the order of their bits, of which ABI 3 has 15 and ABI 5 one more.
_EXECUTE, _WRITE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHARACTER, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _STEER = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

READING = _EXECUTE | _READ_FILE | _READ_DIRECTORY
# All but to make a device and to steer one.
WRITING = (_TRUNCATE | (_TRUNCATE - 1)) & ~(_MAKE_CHARACTER | _MAKE_BLOCK)
# What the environment says where it means the command's own directory, which has no name before it is made.
STANDS_FOR_PRIVATE = "/codex-agent-private"
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
# Who is who, as everyone on the machine can read it: programs ask for their own name.
ACCOUNTS = ("/etc/group", "/etc/passwd")

# asm-generic/resource.h; `resource` does not name them on every system.
_FILE_BYTES, _CORE, _PROCESSES, _DESCRIPTORS, _ADDRESS_SPACE = 1, 4, 6, 7, 9


@dataclass(frozen=True)
class Filters:
    """One that asks about changes to files, and one that refuses them where asking is not possible; the number of the
    call that sets them, and how the calls look that are asked about."""

    asking: bytes
    refusing: bytes
    call: int
    attended: Mapping[int, Layout]


@dataclass(frozen=True)
class Launch:
    """One start: from which process, as whom, how many processes with those of that user, and with which filters."""

    parent: int
    owner: Owner | None
    processes: int
    private: str
    # Where it reads the command's environment.
    environment: str
    abi: int = 0
    filters: Filters | None = None
    # Where `python` is to lead, where no directory of PATH has it.
    python: str = ""


def ruleset(abi: int, *, network: bool) -> bytes:
    """`struct landlock_ruleset_attr` for that ABI: all that it can refuse, but TCP where the network is given."""
    files = (_STEER if abi >= _DEVICES_ABI else _TRUNCATE) * 2 - 1
    sockets = 0 if network else _BIND_TCP_AND_CONNECT
    if abi < _NETWORK_ABI:
        return struct.pack("=Q", files)
    if abi < SIGNALS_ABI:
        return struct.pack("=QQ", files, sockets)
    return struct.pack("=QQQ", files, sockets, _ABSTRACT_SOCKETS_AND_SIGNALS)


def landlock(command: Command, places: Places, launch: Launch) -> str:
    """The launcher's argument. It names the file of the environment: a command line is for all to read."""
    readable = [*places.readable, *command.readable, *ACCOUNTS, *(places.network if command.network else ())]
    rules = [(path, READING) for path in readable]
    rules += [(path, _READ_FILE | _WRITE) for path in DEVICES]
    rules.append((str(command.workspace), WRITING if command.writable else READING))
    walled = {"ruleset": ruleset(launch.abi, network=command.network), "rules": rules}
    return _told({**_begun(command, launch), **walled, **_filtered(launch.filters)})


def unwalled(command: Command, launch: Launch) -> str:
    """The launcher's argument where there is no wall: the same limits, and the same end of the whole tree."""
    return _told({**_begun(command, launch), "ruleset": b"", "rules": []})


def _filtered(filters: Filters | None) -> dict[str, Any]:
    if filters is None:
        return {}
    programs = {"asking": filters.asking, "refusing": filters.refusing}
    return {**programs, "seccomp": filters.call, "calls": dict(filters.attended)}


def _begun(command: Command, launch: Launch) -> dict[str, Any]:
    return {
        "parent": launch.parent,
        "argv": list(command.argv),
        "cwd": str(Path(command.workspace) / command.cwd),
        "environment": launch.environment,
        "private": launch.private,
        "python": launch.python,
        "stands_for_private": STANDS_FOR_PRIVATE,
        "own": WRITING,
        "writable": [os.path.realpath(command.workspace)] if command.writable else [],
        "owner": (launch.owner.uid, launch.owner.gid) if launch.owner else None,
        "limits": _limits(command.limits, launch.processes),
    }


def _limits(limits: Limits, processes: int) -> list[tuple[int, int]]:
    always = [(_PROCESSES, processes), (_FILE_BYTES, limits.file_bytes), (_DESCRIPTORS, limits.descriptors), (_CORE, 0)]
    return always if limits.address_space is None else [*always, (_ADDRESS_SPACE, limits.address_space)]


def _told(spec: dict[str, Any]) -> str:
    return marshal.dumps(spec).hex()
