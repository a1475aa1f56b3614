"""One command from its beginning to the end of all that comes of it.

This process is the reaper of the whole tree, so no child of the command can leave it, by whatever forks; it kills them
all when the command has ended, when it is told to end, and when the server dies.
"""

from __future__ import annotations

import _socket
import fcntl
import marshal
import os
import select
import sys
import time

from .attendant import attend
from .confined import become
from .control import PDEATHSIG, SUBREAPER, control, drop, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["run"]

# As a shell says that it could not start a command.
_NOT_STARTED = 126
# That of SIGTERM, whatever told us.
_TOLD_TO_END = 143
# The server is gone, or it is not the one that made the spec.
_ORPHANED = 125
_WAIT_SECONDS = 0.001
# Of those that came at once; the rest is heard at the next turn.
_MOST_SIGNALS = 64
_ENDINGS = (signals.SIGTERM, signals.SIGINT, signals.SIGHUP)


def run() -> NoReturn:
    """Do what the last argument says, and exit as the command does, when nothing of it is left."""
    # The server's own words, to this very interpreter.
    spec = marshal.loads(bytes.fromhex(sys.argv[-1]))  # noqa: S302  # as the line above says
    hearing = _heard()
    control(PDEATHSIG, signals.SIGTERM)
    if os.getppid() != spec["parent"]:
        sys.exit(_ORPHANED)
    control(SUBREAPER, 1)
    private = _made(spec)
    try:
        status = _lived(spec, private, hearing)
    finally:
        _bury()
        _remove(private)
    sys.exit(status)


def _heard() -> int:
    """A descriptor on which the number of each signal arrives that is waited for."""
    hearing, telling = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signals.set_wakeup_fd(telling, warn_on_full_buffer=False)
    for number in (*_ENDINGS, signals.SIGCHLD):
        signals.signal(number, lambda *_: None)
    return hearing


def _made(spec: dict[str, Any]) -> str:
    """A directory for this command's temporary files, with a home in it, and one for programs that need a name."""
    private = f"{spec['private']}/codex-agent-{os.getpid()}-{os.urandom(8).hex()}"
    for path in (private, f"{private}/home", f"{private}/bin"):
        os.mkdir(path, 0o700)  # noqa: PTH102  # pathlib is slow to import
        if spec["owner"]:
            os.chown(path, *spec["owner"])
    if spec["python"]:
        os.symlink(spec["python"], f"{private}/bin/python")  # noqa: PTH211  # as above
    # Ours as long as we live: where we are killed, a later server finds it without a lock, and removes it.
    fcntl.flock(os.open(private, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_EX)
    return private


def _lived(spec: dict[str, Any], private: str, hearing: int) -> int:
    ours, theirs = _socket.socketpair()
    child = os.fork()
    if child == 0:
        become(spec, private, theirs)
    theirs.close()
    _let_go()
    if spec["owner"]:
        # It has to be of the same user to look after the command, where it may not do so as root.
        drop(*spec["owner"])
        control(PDEATHSIG, signals.SIGTERM)
        if os.getppid() != spec["parent"]:
            return _ORPHANED
    listener = _received(ours)
    polling = select.poll()
    for each in (hearing, listener) if listener >= 0 else (hearing,):
        polling.register(each, select.POLLIN)
    while True:
        ready = dict(polling.poll())
        if hearing in ready and (status := _ended(child, os.read(hearing, _MOST_SIGNALS))) is not None:
            return status
        if ready.get(listener, 0) & select.POLLIN:
            attend(listener, spec["calls"], (*spec["writable"], private))
        elif listener in ready:
            # Nobody is left behind the filter.
            polling.unregister(listener)


def _ended(child: int, told: bytes) -> int | None:
    status = _reaped(child)
    if status is None and set(told) & set(_ENDINGS):
        return _TOLD_TO_END
    return status


def _let_go() -> None:
    """The pipes are the command's: whoever waits for their end waits for it, not for us."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def _reaped(child: int) -> int | None:
    """The exit status of the command, as a shell has it, where it has ended; orphans are only buried."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                return 128 - code if code < 0 else code
    except ChildProcessError:
        return _NOT_STARTED
    return None


def _bury() -> None:
    """Kill until nobody is left: orphans become our children, so having no child is proof."""
    try:
        while True:
            _kill_all()
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(_WAIT_SECONDS)
    except ChildProcessError:
        return


def _kill_all() -> None:
    try:
        for pid in _descendants(os.getpid()):
            _kill(pid)
    except OSError:
        # Not seen is not gone. It is tried again, and the server looks for itself when this takes too long.
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signals.SIGKILL)
    except OSError:
        return


def _descendants(pid: int) -> list[int]:
    found, new = list[int](), [pid]
    while new:
        new = [child for parent in new for child in _children(parent)]
        found += new
    return found


def _children(pid: int) -> list[int]:
    found = list[int]()
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # pathlib is slow to import
            with open(f"/proc/{pid}/task/{task}/children") as listed:  # noqa: PTH123  # as above
                found += [int(child) for child in listed.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        # It is gone meanwhile.
        return found
    return found


def _remove(private: str) -> None:
    # Of any depth, and with any mode that its owner gave it.
    try:
        if os.path.islink(f"{private}/bin/python"):  # noqa: PTH114  # pathlib is slow to import
            os.unlink(f"{private}/bin/python")  # noqa: PTH108  # as above
        for path in (f"{private}/home", f"{private}/bin", private):
            os.rmdir(path)  # noqa: PTH106  # as above
    except OSError:
        for command in (["chmod", "-R", "u+rwX", "--", private], ["rm", "-rf", "--", private]):
            os.waitpid(os.posix_spawnp(command[0], command, {"PATH": os.defpath}), 0)


def _received(ours: _socket.socket) -> int:
    """The descriptor that the command has sent before it began; below 0 where there is none."""
    told = ours.recvmsg(1, _socket.CMSG_SPACE(4))[1]
    ours.close()
    return int.from_bytes(told[0][2], sys.byteorder) if told else -1
