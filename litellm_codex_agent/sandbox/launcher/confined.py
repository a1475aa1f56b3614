"""The child's way to the command: each wall is put up from inside, and none can be taken down again."""

from __future__ import annotations

import _socket
import ctypes
import os
import resource
import stat
import sys

from .control import NO_NEW_PRIVS, PDEATHSIG, SECCOMP, checked, control, drop, libc, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["become"]

# linux/seccomp.h
_FILTER, _SET_FILTER, _WITH_LISTENER = 2, 1, 1 << 3
# The same on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
# What a rule for a file may hold: to run, write, read, cut and steer it.
_OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
# As a shell says that it could not start a command, and that there is none.
_NOT_STARTED, _NOT_THERE = 126, 127
_NO_SUCH = 2


def become(spec: dict[str, Any], private: str, launcher: _socket.socket) -> NoReturn:
    """The command, in our place."""
    argv, code = spec["argv"], _NOT_STARTED
    try:
        # Read while we can come to it.
        environment = _environment(spec, private)
        _confine(spec, private, launcher)
        _execute(argv, environment)
    except OSError as error:
        code = _NOT_THERE if isinstance(error, FileNotFoundError) else _NOT_STARTED
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def _execute(argv: list[str], environment: dict[bytes, bytes]) -> None:
    # `os.execvpe` imports a module first, which the wall may not let us read by now.
    if "/" in argv[0]:
        os.execve(argv[0], argv, environment)  # noqa: S606  # ours to start
    fault: OSError = FileNotFoundError(_NO_SUCH, os.strerror(_NO_SUCH))
    for directory in os.fsdecode(environment.get(b"PATH", os.defpath)).split(":"):
        try:
            os.execve(f"{directory}/{argv[0]}", argv, environment)  # noqa: S606  # as above
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            fault = error
    raise fault


def _confine(spec: dict[str, Any], private: str, launcher: _socket.socket) -> None:
    os.setsid()
    # Python ignores these, and what is ignored stays so in the command.
    for number in (signals.SIGPIPE, signals.SIGXFSZ):
        signals.signal(number, signals.SIG_DFL)
    for kind, most in spec["limits"]:
        resource.setrlimit(kind, (most, most))
    ruleset = _ruleset(spec, private) if spec["ruleset"] else -1
    if spec["owner"]:
        drop(*spec["owner"])
    control(PDEATHSIG, signals.SIGKILL)
    os.chdir(spec["cwd"])
    if ruleset >= 0:
        control(NO_NEW_PRIVS, 1)
        checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
        _filter(spec, launcher)


def _ruleset(spec: dict[str, Any], private: str) -> int:
    attributes = spec["ruleset"]
    ruleset = checked(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path, given in (*spec["rules"], (private, spec["own"])):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        access = given if stat.S_ISDIR(os.fstat(place).st_mode) else given & _OF_A_FILE
        rule = access.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
        os.close(place)
    return ruleset


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    def __init__(self, program: bytes) -> None:
        # An instruction has 8 bytes.
        super().__init__(len(program) // 8, program)


def _filter(spec: dict[str, Any], launcher: _socket.socket) -> None:
    program = ctypes.byref(_Program(spec["asking"]))
    listener = libc.syscall(spec["seccomp"], _SET_FILTER, ctypes.c_ulong(_WITH_LISTENER), program)
    if listener >= 0:
        rights = listener.to_bytes(4, sys.byteorder)
        launcher.sendmsg([b"x"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        os.close(listener)
    else:
        # Another who asks is there already: then whatever would be asked is refused.
        program = ctypes.byref(_Program(spec["refusing"]))
        checked(libc.prctl(SECCOMP, ctypes.c_ulong(_FILTER), program, 0, 0))


def _environment(spec: dict[str, Any], private: str) -> dict[bytes, bytes]:
    """What the file says; what stands in it for a directory of the command's own is put in its place."""
    with open(spec["environment"], "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        told = file.read().replace(spec["stands_for_private"].encode(), os.fsencode(private))
    return dict(pair.split(b"=", 1) for pair in told.split(b"\0"))
