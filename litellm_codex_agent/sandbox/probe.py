"""The proof that a wall stands: a program behind it does what it may, and fails at what it may not.

Law: a level that cannot be proven is not offered. A wall that does not start says so by not answering.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .command import Command, Finished, SandboxUnavailable
from .sandbox import Sandbox

__all__ = ["proven"]

SECONDS = 20.0
# Ubuntu 24.04 lets no program make a user namespace that its policy does not name, and a container mostly none.
NAMESPACES = (
    "User namespaces may be restricted here: see kernel.apparmor_restrict_unprivileged_userns, "
    "user.max_user_namespaces, and a container's own rules"
)
# Says one word for each thing that it could do.
PROGRAM = """
import os, socket, sys
secret, outside, port, parent = sys.argv[1:]
def tried(name, act):
    try:
        act()
    except OSError:
        return
    if name:
        print(name)
def connected():
    with socket.socket() as speaking:
        speaking.settimeout(2)
        speaking.connect(("127.0.0.1", int(port)))
tried("write", lambda: open("written", "w").close())
tried("fork", lambda: os.waitpid(os.fork() or os._exit(0), 0))
tried("read what lies outside", lambda: open(secret).close())
tried("", lambda: open(outside, "w").close())
tried("open a socket to this machine", connected)
tried("read the server's environment", lambda: open(f"/proc/{parent}/environ").close())
tried("unshare", lambda: os.unshare(0x10000000) if hasattr(os, "unshare") else os.open("/nowhere", 0))
"""
MAY = {"write", "fork"}


async def proven(sandbox: Sandbox) -> None:
    """Returns where the wall holds; else `SandboxUnavailable` says what did not."""
    with _scene(sandbox.uid) as scene:
        finished = await sandbox.run(scene.command(sandbox.python))
        could = set(finished.stdout.decode(errors="replace").splitlines())
        # It may have written into a directory of its own that has the same name.
        could |= {"write outside"} if (scene.root / "outside").exists() else set()
    if not could >= MAY:
        raise SandboxUnavailable(_silent(sandbox.level, finished, MAY - could))
    if could > MAY:
        raise SandboxUnavailable(f"A program behind it could {', '.join(sorted(could - MAY))}.")


def _silent(level: str, finished: Finished, missing: set[str]) -> str:
    told = finished.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    what = told or f"a program behind it could not {', '.join(sorted(missing))}"
    hint = f" {NAMESPACES}." if level == "bwrap" else ""
    return f"It does not start ({what}).{hint}"


@dataclass(frozen=True)
class _Scene:
    root: Path
    port: int

    def command(self, python: str) -> Command:
        secret, outside = self.root / "secret", self.root / "outside"
        argv = (python, "-I", "-S", "-c", PROGRAM, str(secret), str(outside), str(self.port), str(os.getpid()))
        return Command(argv, self.root / "workspace", SECONDS)


@contextmanager
def _scene(uid: int | None) -> Iterator[_Scene]:
    """A workspace, a secret beside it that anybody may read, and a port that listens."""
    with tempfile.TemporaryDirectory(prefix="codex-agent-probe-") as name, socket.create_server(("127.0.0.1", 0)) as on:
        root = Path(name)
        # Whom the command runs as has to come through; what it may not is the wall's to say.
        root.chmod(0o777)
        (root / "secret").write_text("secret")
        (root / "workspace").mkdir(mode=0o700)
        if uid is not None:
            os.chown(root / "workspace", uid, uid)
        yield _Scene(root, on.getsockname()[1])
