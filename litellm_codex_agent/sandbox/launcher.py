"""A program of its own, which starts one command and outlives all that comes of it: `python -I -S launcher.py SPEC`.

It is the reaper of the whole tree, so no child of the command can leave it, by whatever forks; it kills them all when
the command has ended, when it is told to end, and when the server dies. It imports little, for it starts each time,
and nothing of ours. What the wall is made of was decided before: SPEC (landlock.py) holds only numbers and paths.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import signal
import stat
import sys
import time
from contextlib import suppress
from typing import Any

__all__ = ["STANDS_FOR_PRIVATE", "main"]

# linux/prctl.h
_PDEATHSIG, _SECCOMP, _NO_NEW_PRIVS, _SUBREAPER = 1, 22, 38, 36
_FILTER = 2
# The same on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
# What a rule for a file may hold: to run, write, read, cut and steer it.
_OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
# As a shell says that it could not start a command, and that there is none.
_NOT_STARTED, _NOT_THERE = 126, 127
# The server is gone, or it is not the one that made SPEC.
_ORPHANED = 125
_WAIT_SECONDS = 0.001
# What the environment says where it means the command's own directory, which has no name before it is made.
STANDS_FOR_PRIVATE = "/codex-agent-private"
_AWAITED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True)


def main(spec: dict[str, Any]) -> int:
    """The exit status of the command, when nothing of it is left."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    _control(_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != spec["parent"]:
        return _ORPHANED
    _control(_SUBREAPER, 1)
    private = _made(spec["private"], spec["owner"])
    if spec["python"]:
        os.symlink(spec["python"], f"{private}/bin/python")  # noqa: PTH211  # pathlib is slow to import
    try:
        child = os.fork()
        if child == 0:
            _become(spec, private)
        _let_go()
        status = _awaited(child)
        _bury()
    finally:
        _remove(private)
    return status


def _control(option: int, *values: int) -> None:
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(option, *arguments))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _made(parent: str, owner: tuple[int, int] | None) -> str:
    """A directory for this command's temporary files, with a home in it."""
    private = f"{parent}/codex-agent-{os.getpid()}-{os.urandom(8).hex()}"
    for path in (private, f"{private}/home", f"{private}/bin"):
        os.mkdir(path, 0o700)  # noqa: PTH102  # pathlib is slow to import
        if owner:
            os.chown(path, *owner)
    return private


def _let_go() -> None:
    """The pipes are the command's: whoever waits for their end waits for it, not for us."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def _awaited(child: int) -> int:
    """The command's exit status, as a shell has it; or that of being told to end."""
    while True:
        told = signal.sigwait(_AWAITED)
        if told != signal.SIGCHLD:
            return 128 + told
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child:
                    code = os.waitstatus_to_exitcode(ended[1])
                    return 128 - code if code < 0 else code


def _bury() -> None:
    """Kill until nobody is left: orphans become our children, so having no child is proof."""
    with suppress(ChildProcessError):
        while True:
            for pid in _descendants(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(_WAIT_SECONDS)


def _descendants(pid: int) -> list[int]:
    found, new = list[int](), [pid]
    while new:
        new = [child for parent in new for child in _children(parent)]
        found += new
    return found


def _children(pid: int) -> list[int]:
    found = list[int]()
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # pathlib is slow to import
            with open(f"/proc/{pid}/task/{task}/children") as listed:  # noqa: PTH123  # as above
                found += [int(child) for child in listed.read().split()]
    return found


def _remove(private: str) -> None:
    try:
        if os.path.islink(f"{private}/bin/python"):  # noqa: PTH114  # as above
            os.unlink(f"{private}/bin/python")  # noqa: PTH108  # as above
        for path in (f"{private}/home", f"{private}/bin", private):
            os.rmdir(path)  # noqa: PTH106  # as above
    except OSError:
        # Of any depth, and with any mode that its owner gave it.
        for command in (["chmod", "-R", "u+rwX", "--", private], ["rm", "-rf", "--", private]):
            pid = os.posix_spawnp(command[0], command, {"PATH": os.defpath})
            os.waitpid(pid, 0)


def _become(spec: dict[str, Any], private: str) -> None:
    """The command, in our place; never returns."""
    argv, code = spec["argv"], _NOT_STARTED
    try:
        _confine(spec, private)
        os.execvpe(argv[0], argv, _environment(private))  # noqa: S606  # ours to start
    except OSError as error:
        code = _NOT_THERE if isinstance(error, FileNotFoundError) else _NOT_STARTED
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def _confine(spec: dict[str, Any], private: str) -> None:
    os.setsid()
    _control(_PDEATHSIG, signal.SIGKILL)
    # Python ignores these, and what is ignored stays so in the command.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for kind, most in spec["limits"]:
        resource.setrlimit(kind, (most, most))
    ruleset = _ruleset(spec, private) if spec["ruleset"] else -1
    if spec["owner"]:
        uid, gid = spec["owner"]
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        # Becoming another has undone the wish.
        _control(_PDEATHSIG, signal.SIGKILL)
    os.chdir(spec["cwd"])
    if ruleset >= 0:
        _control(_NO_NEW_PRIVS, 1)
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
        _filter(spec["seccomp"])


def _ruleset(spec: dict[str, Any], private: str) -> int:
    attributes = spec["ruleset"]
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path, access in (*spec["rules"], (private, spec["writable"])):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        access &= -1 if stat.S_ISDIR(os.fstat(place).st_mode) else _OF_A_FILE  # noqa: PLW2901  # the rest is refused
        rule = access.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        _checked(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
        os.close(place)
    return ruleset


def _filter(program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    # An instruction has 8 bytes.
    whole = Program(len(program) // 8, program)
    _checked(_libc.prctl(_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(whole), 0, 0))


def _environment(private: str) -> dict[str, str]:
    """What we were given; what stands in it for a directory of the command's own is put in its place."""
    return {name: value.replace(STANDS_FOR_PRIVATE, private) for name, value in os.environ.items()}


if __name__ == "__main__":
    sys.exit(main(marshal.loads(bytes.fromhex(sys.argv[1]))))  # noqa: S302  # the server's, of this very interpreter
