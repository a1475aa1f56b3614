"""The whole policy, written a second time: what a command may call behind each wall, call by call.

A row that is lost by accident is a hole in a wall, so it takes two hands to take one away.
"""

from __future__ import annotations

import pytest

from litellm_codex_agent.sandbox.calls import ATTENDED, behind_bubblewrap, behind_landlock
from litellm_codex_agent.sandbox.seccomp import ALLOW, ASK
from litellm_codex_agent.sandbox.syscalls import AARCH64

from .filters import of

EPERM, ENOSYS, ENOTSUP = 0x00050001, 0x00050026, 0x0005005F
WALLS = {
    "bwrap": behind_bubblewrap(network=False),
    "bwrap+net": behind_bubblewrap(network=True),
    "landlock": behind_landlock(network=False, signals=True, ask=True),
    "landlock+net": behind_landlock(network=True, signals=True, ask=True),
}
LEAKY = behind_landlock(network=False, signals=False, ask=True)
NOT_ASKING = behind_landlock(network=False, signals=True, ask=False)

OTHERS = "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace memfd_secret migrate_pages"
OTHERS += " move_pages process_mrelease userfaultfd"
MOUNTS = "fsconfig fsmount fsopen fspick listmount mount mount_setattr statmount chroot move_mount open_tree"
MOUNTS += " open_tree_attr pivot_root setns umount2"
HANDLES = "fanotify_init lookup_dcookie name_to_handle_at open_by_handle_at"
KERNEL = "bpf delete_module finit_module init_module kexec_file_load kexec_load perf_event_open ioperm iopl modify_ldt"
KERNEL += " reboot swapoff swapon syslog uselib vhangup"
ACCOUNTS = "acct add_key keyctl quotactl quotactl_fd request_key setdomainname sethostname"
CLOCKS = "adjtimex clock_adjtime clock_settime settimeofday"
NEVER = f"{OTHERS} {MOUNTS} {HANDLES} {KERNEL} {ACCOUNTS} {CLOCKS}".split()
MISSING = ("clone3", "openat2", "io_uring_enter", "io_uring_register", "io_uring_setup")
SHARED = ("mq_open", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd")
SHARED += ("semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget")
OTHERS_RUNNING = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
SIGNALS = ("kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill")
ATTRIBUTES = ("chown", "fchown", "fchownat", "lchown", "file_setattr", "futimesat", "utime", "utimes")
EXTRAS = ("fremovexattr", "lremovexattr", "removexattr", "removexattrat")
EXTRAS += ("fsetxattr", "lsetxattr", "setxattr", "setxattrat")
# linux/sched.h: time, mount, cgroup, uts, ipc, user, pid and net.
NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
UNIX, INET, INET6, NETLINK, PACKET = 1, 2, 10, 16, 17
each_wall = pytest.mark.parametrize("wall", WALLS)


@each_wall
@pytest.mark.parametrize("call", NEVER)
def test_no_wall_lets_a_command_near_other_processes_mounts_or_the_kernel(wall: str, call: str) -> None:
    assert of(WALLS[wall], call) == EPERM


@each_wall
@pytest.mark.parametrize("call", MISSING)
def test_what_has_an_older_way_is_missing_so_that_programs_take_that(wall: str, call: str) -> None:
    assert of(WALLS[wall], call) == ENOSYS


@each_wall
@pytest.mark.parametrize("flag", NAMESPACES)
@pytest.mark.parametrize("call", ["clone", "unshare"])
def test_nobody_makes_a_namespace(wall: str, call: str, flag: int) -> None:
    assert of(WALLS[wall], call, flag | 0x11) == EPERM


@each_wall
def test_threads_and_processes_are_made_as_ever(wall: str) -> None:
    thread = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x80000 | 0x100000 | 0x200000 | 0x1000000
    assert of(WALLS[wall], "clone", thread) == of(WALLS[wall], "clone", 17) == ALLOW
    assert of(WALLS[wall], "unshare", 0x400) == ALLOW


@each_wall
@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x5423])
def test_nobody_types_into_a_terminal(wall: str, request_: int) -> None:
    assert of(WALLS[wall], "ioctl", 0, request_) == EPERM
    assert of(WALLS[wall], "ioctl", request_, 0x5401) == ALLOW


@each_wall
@pytest.mark.parametrize(
    ("asked", "action"), [(0, ALLOW), (8, ALLOW), (0xFFFFFFFF, ALLOW), (0x40000, EPERM), (7, EPERM)]
)
def test_a_personality_may_be_asked_for_and_hardly_changed(wall: str, asked: int, action: int) -> None:
    assert of(WALLS[wall], "personality", asked) == action


@each_wall
@pytest.mark.parametrize(("call", "at"), [("creat", 1), ("mknod", 1), ("mknodat", 2)])
def test_nothing_is_made_that_gives_its_owners_rights(wall: str, call: str, at: int) -> None:
    modes = (0o755, 0o1755, 0o4755, 0o2755, 0o100644)
    assert [of(WALLS[wall], call, *[0] * at, mode) for mode in modes] == [ALLOW, ALLOW, EPERM, EPERM, ALLOW]


@each_wall
@pytest.mark.parametrize(("call", "at"), [("open", 1), ("openat", 2)])
def test_nothing_is_opened_that_gives_its_owners_rights(wall: str, call: str, at: int) -> None:
    create, nameless, write = 0o100, 0o20200000, 0o1
    for mode in (0o4755, 0o2755):
        actions = [of(WALLS[wall], call, *[0] * at, how | write, mode) for how in (create, nameless, 0)]
        assert actions == [EPERM, EPERM, ALLOW]
    assert of(WALLS[wall], call, *[0] * at, create | write, 0o1755) == ALLOW


@pytest.mark.parametrize(("call", "at"), [("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2)])
def test_nothing_is_changed_to_give_its_owners_rights_behind_bubblewrap(call: str, at: int) -> None:
    for wall in ("bwrap", "bwrap+net"):
        modes = (0o755, 0o1755, 0o4755, 0o2755)
        assert [of(WALLS[wall], call, *[0] * at, mode) for mode in modes] == [ALLOW, ALLOW, EPERM, EPERM]


@pytest.mark.parametrize(
    ("wall", "families"),
    [
        ("bwrap", {UNIX, INET, INET6}),
        ("bwrap+net", {INET, INET6}),
        ("landlock", set()),
        ("landlock+net", {INET, INET6}),
    ],
)
def test_sockets_are_those_that_the_wall_holds(wall: str, families: set[int]) -> None:
    of_all = range(48)
    assert {family for family in of_all if of(WALLS[wall], "socket", family) == ALLOW} == families
    assert {of(WALLS[wall], "socket", family) for family in set(of_all) - families} == {EPERM}


@each_wall
def test_a_pair_of_sockets_is_a_pair_of_local_streams(wall: str) -> None:
    stream, datagram, packets, nonblocking = 1, 2, 5, 0x80800
    kinds = [(UNIX, stream), (UNIX, stream | nonblocking), (UNIX, datagram), (UNIX, packets), (INET, stream)]
    actions = [of(WALLS[wall], "socketpair", *kind) for kind in kinds]
    assert actions == [ALLOW, ALLOW, EPERM, EPERM, EPERM]


@pytest.mark.parametrize("call", SHARED)
def test_what_all_processes_share_is_shut_where_no_namespace_does_it(call: str) -> None:
    assert of(WALLS["landlock"], call) == of(WALLS["landlock+net"], call) == EPERM
    assert of(WALLS["bwrap"], call) == ALLOW


@pytest.mark.parametrize("call", OTHERS_RUNNING)
def test_limits_and_the_scheduler_are_asked_for_itself_alone_beneath_landlock(call: str) -> None:
    for wall in ("landlock", "landlock+net"):
        assert [of(WALLS[wall], call, pid) for pid in (0, 1, 0xFFFFFFFF)] == [ALLOW, EPERM, EPERM]
    assert of(WALLS["bwrap"], call, 1) == ALLOW


@pytest.mark.parametrize(("call", "kind"), [("setpriority", 0), ("ioprio_set", 1)])
def test_nobody_elses_turn_is_changed_beneath_landlock(call: str, kind: int) -> None:
    for wall in ("landlock", "landlock+net"):
        allowed = {(what, who) for what in range(4) for who in (0, 1, 77) if of(WALLS[wall], call, what, who) == ALLOW}
        assert allowed == {(kind, 0)}
        assert of(WALLS[wall], call, kind, 77) == EPERM
    assert of(WALLS["bwrap"], call, kind + 1, 77) == ALLOW


@pytest.mark.parametrize(("call", "how"), [("fcntl", 8), ("fcntl", 15), ("ioctl", 0x8901), ("ioctl", 0x8902)])
def test_no_descriptor_signals_another_where_landlock_does_not_keep_that_in(call: str, how: int) -> None:
    assert (of(LEAKY, call, 3, how), of(LEAKY, call, how, 4)) == (EPERM, ALLOW)
    assert {of(WALLS[wall], call, 3, how) for wall in WALLS} == {ALLOW}


def test_nobody_watches_what_others_do_beneath_landlock() -> None:
    for wall in ("landlock", "landlock+net"):
        assert (of(WALLS[wall], "inotify_add_watch"), of(WALLS[wall], "pidfd_open")) == (EPERM, ENOSYS)
    assert of(WALLS["bwrap"], "inotify_add_watch") == of(WALLS["bwrap"], "pidfd_open") == ALLOW


@pytest.mark.parametrize("call", SIGNALS)
def test_signals_are_shut_only_where_landlock_does_not_keep_them_in(call: str) -> None:
    assert of(LEAKY, call) == EPERM
    assert {of(WALLS[wall], call) for wall in WALLS} == {ALLOW}


@pytest.mark.parametrize("call", ATTRIBUTES)
def test_changes_of_owners_and_times_are_refused_beneath_landlock(call: str) -> None:
    assert of(WALLS["landlock"], call) == of(WALLS["landlock+net"], call) == EPERM
    assert of(WALLS["bwrap"], call) == ALLOW


@pytest.mark.parametrize("call", EXTRAS)
def test_extra_attributes_are_none_that_this_place_has_beneath_landlock(call: str) -> None:
    assert (of(WALLS["landlock"], call), of(WALLS["bwrap"], call)) == (ENOTSUP, ALLOW)


@pytest.mark.parametrize("call", ["chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat"])
def test_modes_and_times_are_asked_about_where_somebody_answers(call: str) -> None:
    assert (of(WALLS["landlock"], call), of(NOT_ASKING, call), of(WALLS["bwrap"], call)) == (ASK, EPERM, ALLOW)


def test_where_a_call_that_is_asked_about_has_its_arguments() -> None:
    # The directory, the path, the new value, the flags; and whether the value is a pointer to times (man 2 chmod).
    assert ATTENDED == {
        "chmod": (-1, 0, 1, -1, False),
        "fchmod": (0, -1, 1, -1, False),
        "fchmodat": (0, 1, 2, -1, False),
        "fchmodat2": (0, 1, 2, 3, False),
        "utimensat": (0, 1, 2, 3, True),
    }


@pytest.mark.parametrize("call", [call for call in NEVER if call in AARCH64.numbers])
def test_another_machine_has_the_same_rules(call: str) -> None:
    assert of(WALLS["bwrap"], call, machine=AARCH64) == EPERM
