"""Changes to a file's mode and times, made in the place of programs that may not: Landlock does not see them.

Law: a file is opened first, then looked up where it lies, and only that very file is changed: nobody can swap it.
The launcher imports it and starts each time, so nothing here is slow to import.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Layout", "attend"]

# Which argument is the directory, the path, the value and the flags, below 0 where a call has none; and whether the
# value points at two times, or is a mode.
Layout = tuple[int, int, int, int, bool]

# linux/seccomp.h: receive, send, and whether the caller still waits; and how much is told.
_RECEIVE, _SEND, _STILL_WAITS = 0xC0502100, 0xC0182101, 0x40082102
_TOLD_BYTES, _PID, _CALL, _ARGUMENTS = 80, 8, 16, 32
# linux/fcntl.h
_HERE, _NOT_THROUGH_A_LINK = -100, 0x100
# linux/stat.h: instead of nanoseconds, that a time is now, and that it stays.
_NOW, _STAYS = 0x3FFFFFFF, 0x3FFFFFFE
_TIME_BYTES = 16
_MOST_PATH = 4096
_SET_IDS = 0o6000
_NANO = 10**9
_EPERM, _ENOENT = 1, 2


def attend(listener: int, calls: Mapping[int, Layout], roots: Sequence[str]) -> None:
    """Answer the next call that waits: done in `roots`, and refused anywhere else."""
    told, error = bytearray(_TOLD_BYTES), 0
    try:
        fcntl.ioctl(listener, _RECEIVE, told)
        try:
            _do(listener, bytes(told), calls, roots)
        except OSError as fault:
            error = fault.errno or _EPERM
        fcntl.ioctl(listener, _SEND, _answer(bytes(told[:8]), error))
    except OSError:
        # Whoever called has been killed meanwhile.
        return


def _answer(identity: bytes, error: int) -> bytes:
    """`struct seccomp_notif_resp`: no value, an error or none, and no flags."""
    return identity + bytes(8) + (-error).to_bytes(4, sys.byteorder, signed=True) + bytes(4)


def _do(listener: int, told: bytes, calls: Mapping[int, Layout], roots: Sequence[str]) -> None:
    pid = _number(told, _PID, 4)
    directory, path, value, flags, is_times = calls[_number(told, _CALL, 4)]
    arguments = [_number(told, _ARGUMENTS + 8 * each, 8) for each in range(4)]
    times = _times(pid, arguments[value]) if is_times else None
    follow = flags < 0 or not arguments[flags] & _NOT_THROUGH_A_LINK
    base = _HERE if directory < 0 else arguments[directory] & 0xFFFFFFFF
    place = _opened(pid, base, arguments[path] if path >= 0 else 0, follow=follow)
    try:
        # Until here it may all have been read from another, which has got the number of one that is dead.
        fcntl.ioctl(listener, _STILL_WAITS, told[:8])
        _change(place, roots, arguments[value] & 0o7777, times)
    finally:
        os.close(place)


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], sys.byteorder)


def _opened(pid: int, base: int, path: int, *, follow: bool) -> int:
    """What the caller names: a descriptor of its own, or a path from there, or from where it is."""
    start = f"/proc/{pid}/cwd" if base in (_HERE, _HERE & 0xFFFFFFFF) else f"/proc/{pid}/fd/{base}"
    if not path:
        return os.open(start, os.O_PATH | os.O_CLOEXEC)
    name = _memory(pid, path, _MOST_PATH).split(b"\0")[0]
    if not name:
        raise OSError(_ENOENT, "no path")
    if name.startswith(b"/"):
        return os.open(name, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    at = os.open(start, os.O_PATH | os.O_CLOEXEC)
    try:
        return os.open(name, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW), dir_fd=at)
    finally:
        os.close(at)


def _memory(pid: int, address: int, size: int) -> bytes:
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Less where its memory ends there.
        return os.pread(memory, size, address)
    finally:
        os.close(memory)


def _times(pid: int, address: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Seconds and nanoseconds, of access and of change; both are now where no address is given."""
    data = _memory(pid, address, 2 * _TIME_BYTES) if address else bytes(8) + _NOW.to_bytes(8, sys.byteorder)
    pairs = [(_number(data, at, 8), _number(data, at + 8, 8)) for at in (0, len(data) - _TIME_BYTES)]
    return pairs[0], pairs[1]


def _change(place: int, roots: Sequence[str], mode: int, times: tuple[tuple[int, int], tuple[int, int]] | None) -> None:
    itself = f"/proc/self/fd/{place}"
    where = os.readlink(itself)  # noqa: PTH115  # pathlib is slow to import
    if not any(where == root or where.startswith(f"{root}/") for root in roots):
        raise OSError(_EPERM, where)
    if times is None:
        # A directory runs as nobody, and gives its group to what is made in it.
        if mode & _SET_IDS and not stat.S_ISDIR(os.stat(place).st_mode):
            raise OSError(_EPERM, where)
        os.chmod(itself, mode)  # noqa: PTH101  # as above
        return
    state = os.stat(place)
    os.utime(itself, ns=(_moment(times[0], state.st_atime_ns), _moment(times[1], state.st_mtime_ns)))


def _moment(pair: tuple[int, int], before: int) -> int:
    seconds, rest = pair
    if rest in (_NOW, _STAYS):
        return time.time_ns() if rest == _NOW else before
    return seconds * _NANO + rest
