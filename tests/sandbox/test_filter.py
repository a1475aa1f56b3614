"""The filter of system calls, run as the kernel runs it: each rule jumps rightly, and each call ends as it should."""

from __future__ import annotations

import errno

import pytest

from litellm_codex_agent.sandbox.calls import ATTENDED, behind_bubblewrap, behind_landlock
from litellm_codex_agent.sandbox.seccomp import ALLOW, ASK, KILL, NEWEST, Bits, Equal, Rule, assembled, refuse
from litellm_codex_agent.sandbox.syscalls import AARCH64, X86_64, Machine, machine_of

from .filters import of, result

REFUSED, MISSING, UNSUPPORTED = refuse(errno.EPERM), refuse(errno.ENOSYS), refuse(errno.ENOTSUP)
UNIX, INET, INET6, NETLINK, VSOCK = 1, 2, 10, 16, 40
STREAM, DATAGRAM, NONBLOCK = 1, 2, 0o4000
DANGEROUS = """
acct add_key bpf chroot fanotify_init init_module kcmp kexec_load keyctl mount move_mount
name_to_handle_at open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root
process_vm_readv process_vm_writev ptrace quotactl reboot request_key setns settimeofday swapon
syslog umount2 userfaultfd
"""
BUBBLEWRAP, LANDLOCK = behind_bubblewrap(network=False), behind_landlock(network=False, signals=True, ask=True)

each_machine = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86_64", "aarch64"])


def test_a_call_that_no_rule_names_goes_through() -> None:
    assert of([], "socket", 2) == ALLOW


def test_a_rule_without_a_condition_always_holds() -> None:
    assert of([Rule("socket", REFUSED)], "socket", 7) == REFUSED
    assert of([Rule("socket", REFUSED)], "ptrace") == ALLOW


def test_all_conditions_of_a_rule_have_to_hold() -> None:
    rule = Rule("socketpair", ALLOW, (Equal(0, UNIX), Equal(1, STREAM, 0xF)))
    rules = [rule, Rule("socketpair", REFUSED)]
    assert of(rules, "socketpair", UNIX, STREAM | NONBLOCK) == ALLOW
    assert of(rules, "socketpair", UNIX, DATAGRAM) == REFUSED
    assert of(rules, "socketpair", INET, STREAM) == REFUSED


def test_one_bit_of_many_is_enough() -> None:
    rules = [Rule("clone", REFUSED, (Bits(0, 0b110),))]
    assert [of(rules, "clone", flags) for flags in (0b001, 0b010, 0b101, 0b1000)] == [ALLOW, REFUSED, REFUSED, ALLOW]


def test_the_first_rule_that_fits_counts_and_the_next_one_is_still_seen() -> None:
    rules = [Rule("ioctl", REFUSED, (Equal(1, 5),)), Rule("socket", MISSING), Rule("ioctl", MISSING)]
    assert (of(rules, "ioctl", 0, 5), of(rules, "ioctl", 0, 6), of(rules, "socket")) == (REFUSED, MISSING, MISSING)


def test_a_call_of_another_machine_kills() -> None:
    assert result(assembled([], X86_64), 1, AARCH64.audit) == KILL


def test_a_call_that_is_newer_than_the_list_is_missing_and_so_are_those_of_x32() -> None:
    program = assembled([], X86_64)
    told = [result(program, number, X86_64.audit) for number in (NEWEST, NEWEST + 1, 0x40000000)]
    assert told == [ALLOW, MISSING, MISSING]


def test_a_rule_for_a_call_that_a_machine_has_not_is_left_out() -> None:
    assert assembled([Rule("chmod", REFUSED)], AARCH64) == assembled([], AARCH64)


def test_a_machine_is_known_by_its_name() -> None:
    assert (machine_of("x86_64"), machine_of("aarch64"), machine_of("riscv64")) == (X86_64, AARCH64, None)


@each_machine
@pytest.mark.parametrize("rules", [BUBBLEWRAP, LANDLOCK], ids=["bwrap", "landlock"])
@pytest.mark.parametrize(
    "call",
    DANGEROUS.split(),
)
def test_what_opens_other_processes_and_the_kernel_is_refused(machine: Machine, rules: list[Rule], call: str) -> None:
    assert of(rules, call, machine=machine) == REFUSED


@each_machine
@pytest.mark.parametrize("call", ["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"])
def test_what_no_filter_can_look_into_is_missing(machine: Machine, call: str) -> None:
    assert of(BUBBLEWRAP, call, machine=machine) == of(LANDLOCK, call, machine=machine) == MISSING


@pytest.mark.parametrize("flag", [0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
def test_a_new_namespace_is_refused_and_a_thread_is_not(flag: int) -> None:
    threads = 0x3D0F00
    for call in ("clone", "unshare"):
        assert of(BUBBLEWRAP, call, threads | flag) == REFUSED
        assert of(BUBBLEWRAP, call, threads) == ALLOW


def test_no_terminal_is_typed_into() -> None:
    assert [of(LANDLOCK, "ioctl", 0, request) for request in (0x5412, 0x541C, 0x5423, 0x5401)] == [
        *[REFUSED] * 3,
        ALLOW,
    ]


def test_a_personality_is_an_ordinary_one() -> None:
    told = [of(LANDLOCK, "personality", kind) for kind in (0, 8, 0xFFFFFFFF, 0x40000, 0x400000)]
    assert told == [ALLOW, ALLOW, ALLOW, REFUSED, REFUSED]


@pytest.mark.parametrize(
    "rules, allowed",
    [
        (BUBBLEWRAP, {UNIX, INET, INET6}),
        (behind_bubblewrap(network=True), {INET, INET6}),
        (LANDLOCK, set()),
        (behind_landlock(network=True, signals=True, ask=True), {INET, INET6}),
    ],
    ids=["bwrap", "bwrap with network", "landlock", "landlock with network"],
)
def test_the_sockets_are_those_of_the_policy(rules: list[Rule], allowed: set[int]) -> None:
    families = (UNIX, INET, INET6, NETLINK, VSOCK)
    assert {family for family in families if of(rules, "socket", family, STREAM) == ALLOW} == allowed
    assert of(rules, "socket", VSOCK) == REFUSED
    assert of(rules, "socketpair", UNIX, STREAM) == ALLOW
    assert of(rules, "socketpair", UNIX, DATAGRAM) == REFUSED


def test_signals_are_refused_where_landlock_does_not_keep_them_in() -> None:
    older = behind_landlock(network=False, signals=False, ask=True)
    for call in ("kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        assert (of(older, call), of(LANDLOCK, call), of(BUBBLEWRAP, call)) == (REFUSED, ALLOW, ALLOW)


def test_what_landlock_does_not_see_is_asked_about_or_refused() -> None:
    refusing = behind_landlock(network=False, signals=True, ask=False)
    for call in ATTENDED:
        assert (of(LANDLOCK, call), of(refusing, call), of(BUBBLEWRAP, call)) == (ASK, REFUSED, ALLOW)
    for call in ("chown", "fchownat", "utime", "shmget", "msgget", "semget", "mq_open", "file_setattr"):
        assert (of(LANDLOCK, call), of(BUBBLEWRAP, call)) == (REFUSED, ALLOW)
    for call in ("setxattr", "fsetxattr", "removexattr", "setxattrat"):
        assert of(LANDLOCK, call) == UNSUPPORTED
