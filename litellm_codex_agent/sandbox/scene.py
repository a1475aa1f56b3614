"""What a hostile program is let loose in: a secret, sockets that listen, and memory to share.

All of it may be read and used by whoever runs the program, as far as the file system's modes go: only the wall is left.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .command import Limits

__all__ = ["Scene", "set_up"]

_SECRET = b"what nobody inside may know"
# Not now: the probes set another, and would not be seen to.
_THEN = 1_000_000_000
_REMOVE = 0
_READ_AND_WRITE = 0o666
_PRIVATE_KEY = 0


@dataclass(frozen=True)
class Scene:
    """`token` stands in the server's environment, in the name of a file, and in the argv of each hostile program."""

    root: Path
    token: str
    shared: int
    stream: socket.socket
    datagram: socket.socket
    abstract: socket.socket
    path: socket.socket

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def secret(self) -> Path:
        return self.root / "secret"

    def facts(self, limits: Limits, server: int, variables: Iterable[str]) -> bytes:
        """What a hostile program is told, as JSON."""
        told = {
            "secret": str(self.secret),
            "empty": str(self.root / "empty"),
            "token": self.token,
            "server": server,
            "variables": list(variables),
            "shared": self.shared,
            "tcp": self.stream.getsockname()[1],
            "udp": self.datagram.getsockname()[1],
            "abstract": self.token,
            "path": str(self.root / "socket"),
            "processes": limits.processes,
            "descriptors": limits.descriptors,
        }
        return json.dumps(told).encode()

    def broken(self) -> list[str]:
        """What of it is not as it was, in words."""
        found = list[str]()
        with suppress(OSError):
            state = self.secret.stat()
            same = (state.st_mode & 0o777, state.st_mtime, os.listxattr(self.secret)) == (0o666, _THEN, [])
            found += [] if same and self.secret.read_bytes() == _SECRET else ["changed a file"]
        found += [] if self.secret.exists() and (self.root / "empty").exists() else ["removed a file"]
        found += ["wrote a file"] if (self.root / "written").exists() else []
        found += ["was loaded into a process outside"] if list(self.root.glob("loaded*")) else []
        listening = {"TCP": self.stream, "UDP": self.datagram, "an abstract socket": self.abstract, "a path": self.path}
        return found + [f"reached {name}" for name, each in listening.items() if _heard(each)]


def _heard(each: socket.socket) -> bool:
    try:
        if each.type == socket.SOCK_STREAM:
            each.accept()[0].close()
        else:
            each.recv(1)
    except BlockingIOError:
        return False
    return True


@contextmanager
def set_up(uid: int | None) -> Iterator[Scene]:
    """A scene whose files belong to `uid`, where there is one: its modes protect nothing from it."""
    token = f"codex-agent-{secrets.token_hex(8)}"
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="codex-agent-probe-")))
        _furnish(root, token, uid)
        stream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagram = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagram.bind(("127.0.0.1", 0))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind("\0" + token)
        abstract.listen()
        path = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        path.bind(str(root / "socket"))
        (root / "socket").chmod(0o777)
        for each in (stream, datagram, abstract, path):
            each.setblocking(False)
        yield Scene(root, token, stack.enter_context(_shared_memory()), stream, datagram, abstract, path)


def _furnish(root: Path, token: str, uid: int | None) -> None:
    (root / "secret").write_bytes(_SECRET)
    (root / "secret").chmod(0o666)
    (root / token).touch()
    for name in ("empty", "workspace"):
        (root / name).mkdir(mode=0o700)
    os.utime(root / "secret", (_THEN, _THEN))
    root.chmod(0o777)
    if uid is not None:
        for name in ("secret", "empty", "workspace"):
            os.chown(root / name, uid, uid)


@contextmanager
def _shared_memory() -> Iterator[int]:
    """A segment by its number. It is gone with whoever has it in his memory, so that no killed process leaves it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    segment = libc.shmget(_PRIVATE_KEY, ctypes.c_size_t(4096), _READ_AND_WRITE)
    address = libc.shmat(segment, None, 0)
    libc.shmctl(segment, _REMOVE, None)
    try:
        yield segment
    finally:
        libc.shmdt(address)
