"""The argv of bubblewrap for one command: what it sees, may and is, as a pure function of the policy.

Beneath root it makes the namespaces as root, and `setpriv` becomes the ordinary user inside: an interpreter in a
directory that only root can enter is bound all the same. An ordinary user gets a user namespace, and none inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .command import Command
from .owner import Owner
from .places import Places

__all__ = ["KNOWN_HOSTS", "PRIVATE", "Programs", "Start", "accounts", "bubblewrap", "hosts"]

# Its own in each command, gone with it.
PRIVATE = "/tmp"  # noqa: S108  # a file system of its own inside
HOME = f"{PRIVATE}/home"
NAME = "sandbox"
KNOWN_HOSTS = "/etc/hosts"
SHARED_MEMORY = "/dev/shm"  # noqa: S108  # as above
# Both are memory. The second is as large as a container's, by custom.
MOST_PRIVATE, MOST_SHARED = 512 * 2**20, 64 * 2**20
# What root needs to go into another's directory, and `setpriv` to become that user and to have none of it ever after.
BECOMING = ("CAP_DAC_READ_SEARCH", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
# The shell has opened these by then: they are paths until then, for a program that starts us hands on no descriptor.
SECCOMP, PASSWD, GROUP, HOSTS = "9", "8", "7", "4"
# Two are for inside: the lifeline and the environment. Whose server is gone is another's child by now, and
# does not begin.
OPENING = '[ "$PPID" = "$1" ] || exit 125; exec 9<"$2" 8<"$3" 7<"$4" 6<"$5" 5<"$6" 4<"$7"; shift 7; exec "$@"'
# bubblewrap asks to die with its parent when it has begun to make its namespaces, and where the parent is dead by then
# it never does. So a process inside waits for the server's death as well. Whatever could kill that one has begun, and
# by then bubblewrap has asked. That process has begun before the environment is read (carried.py), and has none of it.
WATCHED = '("$1" -s 6 && kill -s KILL -- -1) 5<&- </dev/null >/dev/null 2>&1 & shift; . /proc/self/fd/5'


@dataclass(frozen=True)
class Programs:
    """Where they are. All but bubblewrap belong to util-linux and the shell."""

    bwrap: str
    flock: str
    prlimit: str
    setpriv: str
    sh: str


@dataclass(frozen=True)
class Start:
    """One start: from which process, as whom, with which files, and where its pid is told."""

    parent: int
    owner: Owner | None
    seccomp: str
    passwd: str
    group: str
    lifeline: str
    environment: str
    hosts: str
    processes: int
    status: int | None = None


def accounts(uid: int, gid: int) -> tuple[bytes, bytes]:
    """The passwd and group files inside: root's name, and ours."""
    passwd = f"root:x:0:0:root:/:/bin/sh\nagent:x:{uid}:{gid}:agent:{HOME}:/bin/sh\n"
    return passwd.encode(), f"root:x:0:\nagent:x:{gid}:\n".encode()


def hosts(known: bytes) -> bytes:
    """The hosts file inside. A program that looks for its own name would wait for a network that is not there."""
    return b"127.0.0.1 localhost " + NAME.encode() + b"\n::1 localhost\n" + known


def bubblewrap(command: Command, places: Places, programs: Programs, start: Start) -> list[str]:
    """The whole command line; what follows `--` runs inside."""
    opening = [programs.sh, "-c", OPENING, "sh", str(start.parent)]
    files = [start.seccomp, start.passwd, start.group, start.lifeline, start.environment, start.hosts]
    status = [] if start.status is None else ["--json-status-fd", str(start.status)]
    wall = [*_apart(start.owner, network=command.network), *status, *_sights(command, places)]
    inside = [*_become(programs.setpriv, start.owner), *_limited(programs.prlimit, command, start.processes)]
    last = [programs.sh, "-c", WATCHED, "sh", programs.flock, *command.argv]
    return [*opening, *files, programs.bwrap, *wall, "--", *inside, *last]


def _apart(owner: Owner | None, *, network: bool) -> Iterator[str]:
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
    if not network:
        yield "--unshare-net"
    if owner is None:
        yield from ("--unshare-user", "--disable-userns")
    yield from ("--hostname", NAME, "--die-with-parent", "--new-session", "--seccomp", SECCOMP)
    yield from ("--cap-drop", "ALL")
    for capability in BECOMING if owner else ():
        yield from ("--cap-add", capability)


def _sights(command: Command, places: Places) -> Iterator[str]:
    size = str(min(command.limits.disk_bytes, MOST_PRIVATE))
    yield from ("--perms", "1777", "--size", size, "--tmpfs", PRIVATE, "--perms", "0777", "--dir", HOME)
    if not places.named:
        yield from ("--symlink", places.python, f"{PRIVATE}/bin/python")
    for link, target in places.links:
        yield from ("--symlink", target, link)
    yield from ("--proc", "/proc", "--dev", "/dev", "--perms", "1777")
    yield from ("--size", str(MOST_SHARED), "--tmpfs", SHARED_MEMORY)
    yield from ("--dir", "/etc", "--perms", "0444", "--ro-bind-data", PASSWD, "/etc/passwd")
    yield from ("--perms", "0444", "--ro-bind-data", GROUP, "/etc/group")
    yield from ("--perms", "0444", "--ro-bind-data", HOSTS, KNOWN_HOSTS)
    yield from _bound(command, places)
    # Else what is no mount of its own could be written to: into memory, without a limit.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(command.workspace / command.cwd))


def _bound(command: Command, places: Places) -> Iterator[str]:
    readable = [
        *places.readable,
        *command.readable,
        *(each for each in places.network if command.network and each != KNOWN_HOSTS),
    ]
    workspace = str(command.workspace)
    binds = [("--ro-bind", each) for each in readable]
    binds.append(("--bind" if command.writable else "--ro-bind", workspace))
    made = {"/", PRIVATE, "/etc"}
    # The outer first, whichever it is: an environment may lie in the workspace, and a workspace in what is readable.
    for how, path in sorted(binds, key=lambda bind: len(Path(bind[1]).parts)):
        # bubblewrap makes the parents that are missing for root alone.
        for parent in reversed(Path(path).parents):
            if str(parent) not in made:
                made.add(str(parent))
                yield from ("--dir", str(parent))
        made.add(path)
        yield from (how, path, path)


def _become(setpriv: str, owner: Owner | None) -> Iterator[str]:
    if owner is not None:
        yield from (setpriv, "--reuid", str(owner.uid), "--regid", str(owner.gid), "--clear-groups")
        yield from ("--inh-caps", "-all", "--bounding-set", "-all", "--")


def _limited(prlimit: str, command: Command, processes: int) -> Iterator[str]:
    limits = command.limits
    yield from (prlimit, f"--nproc={processes}", f"--fsize={limits.file_bytes}", f"--nofile={limits.descriptors}")
    yield "--core=0"
    if limits.address_space is not None:
        yield f"--as={limits.address_space}"
    yield "--"
