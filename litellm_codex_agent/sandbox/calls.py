"""Which system calls a command may make: the rules of both walls, as a pure function of the policy.

What the kernel's own walls leave open is closed here: sockets that reach beyond a network namespace, other processes'
memory, new namespaces, and the parts of Linux that few need and many escapes began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .seccomp import ALLOW, ASK, Bits, Equal, Rule, refuse

if TYPE_CHECKING:
    from .launcher.attendant import Layout

__all__ = ["ATTENDED", "behind_bubblewrap", "behind_landlock"]

_EPERM, _ENOSYS, _ENOTSUP = 1, 38, 95
_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _TYPES = 1, 0xF
# clone's flags for a new namespace of any kind: time, cgroup, uts, ipc, user, pid, net and mount.
_NAMESPACES = 0x80 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000
# Typing into a terminal in another's name, and what belongs to the console.
_TERMINAL = (0x5412, 0x541C, 0x5423)
_PLAIN_PERSONALITIES = (0, 8, 0xFFFFFFFF)

_OTHERS_MEMORY = ("kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace")
_OTHERS_PAGES = ("memfd_secret", "migrate_pages", "move_pages", "process_mrelease", "userfaultfd")
_NEW_MOUNTS = ("fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount", "mount_setattr", "statmount")
_MOVED_MOUNTS = ("chroot", "move_mount", "open_tree", "open_tree_attr", "pivot_root", "setns", "umount2")
# Files by number, from any file system.
_HANDLES = ("fanotify_init", "lookup_dcookie", "name_to_handle_at", "open_by_handle_at")
_KERNEL = ("bpf", "delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load", "perf_event_open")
_HARDWARE = ("ioperm", "iopl", "modify_ldt", "reboot", "swapoff", "swapon", "syslog", "uselib", "vhangup")
_ACCOUNTS = ("acct", "add_key", "keyctl", "quotactl", "quotactl_fd", "request_key", "setdomainname", "sethostname")
_CLOCKS = ("adjtimex", "clock_adjtime", "clock_settime", "personality", "settimeofday")
_NEVER = (
    *(*_OTHERS_MEMORY, *_OTHERS_PAGES, *_NEW_MOUNTS, *_MOVED_MOUNTS, *_HANDLES),
    *(*_KERNEL, *_HARDWARE, *_ACCOUNTS, *_CLOCKS),
)
# Programs that find these missing use an older way: glibc `clone`, libuv its threads. What they ask for lies in memory.
_MISSING = ("clone3", "openat2", "io_uring_enter", "io_uring_register", "io_uring_setup")
# A file that makes whoever runs it its owner or of its group, which is a door for the machine's other users. By call:
# which argument is the mode.
_SET_IDS = 0o6000
_MAKES = {"mknod": 1, "mknodat": 2, "creat": 1}
_OPENS = {"open": 2, "openat": 3}
_CHANGES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}
# O_CREAT and O_TMPFILE: without them there is no mode, and anything may stand in its place.
_CREATING = 0o100 | 0o20000000
# Shared between all processes of the machine, beyond Landlock's sight.
_SHARED = (
    *("mq_open", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd"),
    *("semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget"),
)
# Reach any process of the same user, whom they name by a number; 0 is whoever calls. They take its limits, and when and
# where it is run: the launcher's, the server's, and those of another command.
_OTHERS_RUNNING = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
# The same, after what kind of number it is: 0 and 1 are a process, and what else there is are a group and a user.
_OTHERS_TURN = {"setpriority": 0, "ioprio_set": 1}
# fcntl's F_SETOWN and F_SETOWN_EX, and ioctl's FIOSETOWN and SIOCSPGRP: who gets a signal when a descriptor is ready.
_OWN_BY_FCNTL, _OWN_BY_IOCTL = (8, 15), (0x8901, 0x8902)
# Landlock asks nobody who watches a directory, and is told its files' names.
_LOOKS = ("inotify_add_watch",)
# By a number, a descriptor that tells whose process it is and who began it. Programs wait for SIGCHLD without it.
_NUMBERS = ("pidfd_open",)
_SIGNALS = ("kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill")
# What changes a file without opening it, which Landlock does not see.
_OWNERS = ("chown", "fchown", "fchownat", "lchown")
_OLD_TIMES = ("file_setattr", "futimesat", "utime", "utimes")
# Programs take it well where a file system has none of these: `cp -p` sets the mode instead.
_EXTRAS = ("fremovexattr", "lremovexattr", "removexattr", "removexattrat")
_NEW_EXTRAS = ("fsetxattr", "lsetxattr", "setxattr", "setxattrat")
_ATTRIBUTES = (*_OWNERS, *_OLD_TIMES)
# Of these, what programs cannot do without: the launcher makes them in their place, where the file is the command's.
ATTENDED: Mapping[str, Layout] = {
    "chmod": (-1, 0, 1, -1, False),
    "fchmod": (0, -1, 1, -1, False),
    "fchmodat": (0, 1, 2, -1, False),
    "fchmodat2": (0, 1, 2, 3, False),
    "utimensat": (0, 1, 2, 3, True),
}


def behind_bubblewrap(*, network: bool) -> list[Rule]:
    """Without the network its sockets live in a namespace that holds nothing. With it, the machine's Unix sockets
    would be in reach by their abstract names."""
    families = (_INET, _INET6) if network else (_UNIX, _INET, _INET6)
    return [*_always(), *_sockets(families), *_without(_SET_IDS, _CHANGES)]


def behind_landlock(*, network: bool, signals: bool, ask: bool) -> list[Rule]:
    """No socket at all without the network: Landlock below ABI 9 knows only of TCP's. `signals` where it keeps them
    in; `ask` where somebody answers for the changes to a file's mode and times."""
    rules = [*_always(), *_sockets((_INET, _INET6) if network else ()), *_refused(_SHARED)]
    rules += _only_itself()
    if not signals:
        rules += _silenced()
    rules += [*_refused(_LOOKS), *_refused(_NUMBERS, _ENOSYS)]
    rules += [*_refused(_ATTRIBUTES), *_refused((*_EXTRAS, *_NEW_EXTRAS), _ENOTSUP)]
    return [*rules, *(Rule(call, ASK if ask else refuse(_EPERM)) for call in ATTENDED)]


def _always() -> Iterable[Rule]:
    yield from (Rule("personality", ALLOW, (Equal(0, plain),)) for plain in _PLAIN_PERSONALITIES)
    yield from _refused(_NEVER)
    yield from _refused(_MISSING, _ENOSYS)
    yield from (Rule(call, refuse(_EPERM), (Bits(0, _NAMESPACES),)) for call in ("clone", "unshare"))
    yield from (Rule("ioctl", refuse(_EPERM), (Equal(1, request),)) for request in _TERMINAL)
    yield from _without(_SET_IDS, _MAKES)
    # The mode is the last argument, and the flags stand before it.
    for call, mode in _OPENS.items():
        yield Rule(call, refuse(_EPERM), (Bits(mode - 1, _CREATING), Bits(mode, _SET_IDS)))


def _without(bits: int, modes: Mapping[str, int]) -> Iterable[Rule]:
    return (Rule(call, refuse(_EPERM), (Bits(argument, bits),)) for call, argument in modes.items())


def _only_itself() -> Iterable[Rule]:
    yield from (Rule(call, ALLOW, (Equal(0, 0),)) for call in _OTHERS_RUNNING)
    yield from (Rule(call, ALLOW, (Equal(0, kind), Equal(1, 0))) for call, kind in _OTHERS_TURN.items())
    yield from _refused((*_OTHERS_RUNNING, *_OTHERS_TURN))


def _silenced() -> Iterable[Rule]:
    yield from _refused(_SIGNALS)
    yield from (Rule("fcntl", refuse(_EPERM), (Equal(1, how),)) for how in _OWN_BY_FCNTL)
    yield from (Rule("ioctl", refuse(_EPERM), (Equal(1, how),)) for how in _OWN_BY_IOCTL)


def _sockets(families: Iterable[int]) -> Iterable[Rule]:
    yield from (Rule("socket", ALLOW, (Equal(0, family),)) for family in families)
    yield Rule("socket", refuse(_EPERM))
    # A pair of datagram sockets can be sent to any path afterwards; a pair of streams stays what it is.
    yield Rule("socketpair", ALLOW, (Equal(0, _UNIX), Equal(1, _STREAM, _TYPES)))
    yield Rule("socketpair", refuse(_EPERM))


def _refused(names: Iterable[str], errno: int = _EPERM) -> Iterable[Rule]:
    return (Rule(name, refuse(errno)) for name in names)
