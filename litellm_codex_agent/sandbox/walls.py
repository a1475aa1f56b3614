"""The three walls of this machine, made ready: each says why it cannot be tried, and none has been proven yet."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .bubblewrap import KNOWN_HOSTS, PRIVATE, Programs, Start, accounts, bubblewrap, hosts
from .calls import ATTENDED, behind_bubblewrap, behind_landlock
from .carried import as_pairs, as_script
from .command import Command, SandboxUnavailable
from .environment import environment
from .in_memory import Argv, in_memory, lifeline, path_of, sealed
from .kernel import landlock_abi
from .landlock import LEAST_ABI, SIGNALS_ABI, STANDS_FOR_PRIVATE, Filters, Launch, landlock, unwalled
from .owner import Owner, ordinary, owner_of
from .places import SYSTEM_PYTHONS, Places, places, reachable
from .processes import threads_of
from .sandbox import Sandbox, Wall
from .seccomp import assembled
from .syscalls import Machine, machine_of

__all__ = ["LEVELS", "made"]

# The strongest first.
LEVELS = ("bwrap", "landlock", "none")
NEEDED = {"bwrap": "bubblewrap", "flock": "util-linux", "prlimit": "util-linux", "setpriv": "util-linux", "sh": "dash"}
# Imported from its directory and not started as a file, so that it is compiled but once; last on the path, so that
# nothing there is taken for a module of Python's. The package itself is slow to import.
LAUNCHER = str(Path(__file__).parent)
BEGINNING = "import sys; sys.path.append(sys.argv[1]); from launcher.main import run; run()"


def made(level: str, *, abi: int | None = None) -> Sandbox:
    """The wall of that level, unproven; `abi` is for an older Landlock than this kernel's."""
    if sys.platform != "linux":
        raise SandboxUnavailable(f"{level} needs Linux, and this is {sys.platform}.")
    if level == "bwrap":
        return _bubblewrapped(_machine())
    if level == "landlock":
        return _landlocked(_machine(), landlock_abi() if abi is None else abi)
    return _bare()


def _machine() -> Machine:
    name = os.uname().machine
    machine = machine_of(name)
    if machine is None:
        raise SandboxUnavailable(f"There is no filter of system calls for {name}, only for x86_64 and aarch64.")
    return machine


def _bubblewrapped(machine: Machine) -> Sandbox:
    found, uid = places(), ordinary()
    programs = Programs(*(_program(name, package) for name, package in NEEDED.items()))
    own = _around(found, PRIVATE)

    def argv(command: Command, status: int | None) -> Argv:
        owner = owner_of(command.workspace, uid)
        passwd, group = (in_memory(each) for each in accounts(*_who(owner)))
        seccomp = in_memory(assembled(behind_bubblewrap(network=command.network), machine))
        # A user namespace counts its own; beneath root there is none, so those of that user's other commands count.
        others = threads_of(owner.uid) if owner else 0
        processes = command.limits.processes + others
        held = sealed(as_script(own(command), found.python))
        start = Start(
            parent=os.getpid(),
            owner=owner,
            seccomp=seccomp,
            passwd=passwd,
            group=group,
            lifeline=lifeline(),
            environment=path_of(held),
            hosts=in_memory(hosts(_known() if command.network else b"")),
            processes=processes,
            status=status,
        )
        return Argv(bubblewrap(command, found, programs, start), held)

    return Sandbox(Wall("bwrap", argv, own, namespace=True), found.python, uid)


def _known() -> bytes:
    """The machine's own hosts, which a command with the network may have to reach."""
    path = Path(KNOWN_HOSTS)
    return path.read_bytes() if path.is_file() else b""


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SandboxUnavailable(f"There is no {name} here. Install it: apt-get install {package}")
    return path


def _landlocked(machine: Machine, abi: int) -> Sandbox:
    if abi < LEAST_ABI:
        told = f"this kernel has version {abi}" if abi else "this kernel has it not, or did not switch it on"
        raise SandboxUnavailable(f"Landlock is needed in version {LEAST_ABI} (Linux 6.2), and {told}.")
    uid = ordinary()
    found = places(_python(uid))
    own = _around(found, STANDS_FOR_PRIVATE)

    def argv(command: Command, _: int | None) -> Argv:
        owner = owner_of(command.workspace, uid)
        filters = _filters(machine, network=command.network, signals=abi >= SIGNALS_ABI)
        held = sealed(as_pairs(own(command)))
        launch = replace(_launch(command, owner, found, held), abi=abi, filters=filters)
        return _launcher(landlock(command, found, launch), held)

    return Sandbox(Wall("landlock", argv, own, private=_temporary()), found.python, uid)


def _filters(machine: Machine, *, network: bool, signals: bool) -> Filters:
    asking, refusing = (
        assembled(behind_landlock(network=network, signals=signals, ask=ask), machine) for ask in (True, False)
    )
    attended = {machine.numbers[name]: layout for name, layout in ATTENDED.items() if name in machine.numbers}
    return Filters(asking, refusing, machine.numbers["seccomp"], attended)


def _bare() -> Sandbox:
    found = places()
    own = _around(found, STANDS_FOR_PRIVATE)

    def argv(command: Command, _: int | None) -> Argv:
        held = sealed(as_pairs(own(command)))
        return _launcher(unwalled(command, _launch(command, None, found, held)), held)

    return Sandbox(Wall("none", argv, own, private=_temporary()), found.python)


def _launch(command: Command, owner: Owner | None, found: Places, held: int) -> Launch:
    processes = command.limits.processes + threads_of(_who(owner)[0])
    named = "" if found.named else found.python
    return Launch(os.getpid(), owner, processes, str(_temporary()), path_of(held), python=named)


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _launcher(spec: str, held: int) -> Argv:
    return Argv([sys.executable, "-I", "-S", "-c", BEGINNING, LAUNCHER, spec], held)


def _python(uid: int | None) -> str:
    """Empty for the server's own; the system's, where whom commands run as cannot come to that."""
    if uid is None or not any(reachable(each, uid, uid) for each in (sys.prefix, os.path.realpath(sys.executable))):
        return ""
    others = [each for each in SYSTEM_PYTHONS if Path(each).exists()]
    if not others:
        raise SandboxUnavailable(f"Only root can come to {sys.executable}, and there is no Python of the system.")
    return others[0]


def _who(owner: Owner | None) -> tuple[int, int]:
    return (owner.uid, owner.gid) if owner else (os.getuid(), os.getgid())


def _around(found: Places, private: str) -> Callable[[Command], dict[str, str]]:
    return lambda command: environment(found.path(private), private, command.environment)
