"""Which wall works here: each is proven by a probe behind it, the strongest first."""

from __future__ import annotations

import os
import shutil

from .bubblewrap import PRIVATE, Programs, Start, accounts, bubblewrap
from .calls import behind_bubblewrap
from .command import Command, SandboxUnavailable
from .environment import environment
from .in_memory import in_memory
from .owner import Owner, ordinary, owner_of
from .places import places
from .sandbox import Sandbox, Wall
from .seccomp import assembled
from .syscalls import machine_of

__all__ = ["LEVELS", "chosen"]

LEVELS = ("bwrap", "landlock", "none")


async def chosen(asked: str = "auto") -> Sandbox:
    """The level that was asked for, or the first that works; `none` only where it is asked for by name."""
    if asked == "none":
        return _bare()
    return _bwrap()


def _bwrap() -> Sandbox:
    found, uid, machine = places(), ordinary(), machine_of(os.uname().machine)
    if machine is None:
        raise SandboxUnavailable("There is no seccomp filter for this machine.")
    programs = Programs(*(shutil.which(each) or each for each in ("bwrap", "prlimit", "setpriv", "sh")))

    def argv(command: Command, status: int | None) -> list[str]:
        owner = owner_of(command.workspace, uid)
        who = owner or Owner(os.getuid(), os.getgid())
        passwd, group = (in_memory(each) for each in accounts(who.uid, who.gid))
        seccomp = in_memory(assembled(behind_bubblewrap(network=command.network), machine))
        start = Start(os.getpid(), owner, seccomp, passwd, group, command.limits.processes, status)
        return bubblewrap(command, found, programs, start)

    def around(command: Command) -> dict[str, str]:
        return environment(found.path, PRIVATE, command.environment)

    return Sandbox(Wall("bwrap", argv, around, namespace=True), found.python, uid)


def _bare() -> Sandbox:
    found = places()

    def argv(command: Command, _: int | None) -> list[str]:
        return list(command.argv)

    def around(command: Command) -> dict[str, str]:
        return environment(found.path, PRIVATE, command.environment)

    return Sandbox(Wall("none", argv, around, group=True), found.python)
