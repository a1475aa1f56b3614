"""What is asked of the kernel through the C library, and becoming another user."""

from __future__ import annotations

import ctypes
import os

__all__ = ["NO_NEW_PRIVS", "PDEATHSIG", "SECCOMP", "SUBREAPER", "checked", "control", "drop", "libc", "signals"]

# linux/prctl.h
PDEATHSIG, SECCOMP, SUBREAPER, NO_NEW_PRIVS = 1, 22, 36, 38

libc = ctypes.CDLL(None, use_errno=True)
# The module `signal` without its enumerations, which take as long to import as all of this together.
signals = __import__("_signal")


def control(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(each) for each in (value, 0, 0, 0)]
    checked(libc.prctl(option, *arguments))


def checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def drop(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
