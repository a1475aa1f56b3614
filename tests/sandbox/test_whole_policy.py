"""The policy as a whole, written a second time: a row that is lost by accident opens a wall, or breaks a program."""

from __future__ import annotations

import os
import stat
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.environment import environment
from litellm_codex_agent.sandbox.landlock import LEAST_ABI, STANDS_FOR_PRIVATE, Launch
from litellm_codex_agent.sandbox.owner import Owner
from litellm_codex_agent.sandbox.places import FILES, NETWORK, SYSTEM, SYSTEM_PYTHONS, Places, places, reachable
from litellm_codex_agent.sandbox.seccomp import ALLOW, ASK, KILL, NEWEST, Bits, Equal, Rule, assembled, refuse
from litellm_codex_agent.sandbox.syscalls import X86_64

from .test_policy import COMMAND, LAUNCH, PLACES, START, argv, spec

OPENING = '[ "$PPID" = "$1" ] || exit 125; exec 9<"$2" 8<"$3" 7<"$4" 6<"$5" 5<"$6" 4<"$7"; shift 7; exec "$@"'
STARTED = ["/b/sh", "-c", OPENING, "sh", "77"]
STARTED += ["/proc/77/fd/3", "/proc/77/fd/4", "/proc/77/fd/5", "/proc/77/fd/6", "/proc/77/fd/2"]
STARTED += ["/proc/77/fd/8", "/b/bwrap"]
WATCHED = '("$1" -s 6 && kill -s KILL -- -1) 5<&- </dev/null >/dev/null 2>&1 & shift; . /proc/self/fd/5'
ENDING = ["/b/sh", "-c", WATCHED, "sh", "/b/flock", "make", "-k"]
SIGHTS = "--symlink usr/bin /bin --proc /proc --dev /dev --perms 1777 --size 67108864 --tmpfs /dev/shm --dir /etc"
SIGHTS += " --perms 0444 --ro-bind-data 8 /etc/passwd --perms 0444 --ro-bind-data 7 /etc/group"
SIGHTS += " --perms 0444 --ro-bind-data 4 /etc/hosts --ro-bind /usr /usr"
ORDINARY = f"""
--unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try --unshare-net --unshare-user --disable-userns
--hostname sandbox --die-with-parent --new-session --seccomp 9 --cap-drop ALL
--perms 1777 --size 536870912 --tmpfs /tmp --perms 0777 --dir /tmp/home {SIGHTS}
--dir /opt --ro-bind /opt/venv /opt/venv --dir /srv --bind /srv/work /srv/work
--dir /etc/ssl --ro-bind /etc/ssl/certs /etc/ssl/certs
--remount-ro /dev --remount-ro / --chdir /srv/work/sub --
/b/prlimit --nproc=99 --fsize=268435456 --nofile=512 --core=0 --as=4294967296 --
"""
ROOTS = f"""
--unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try
--hostname sandbox --die-with-parent --new-session --seccomp 9 --cap-drop ALL
--cap-add CAP_DAC_READ_SEARCH --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP --json-status-fd 12
--perms 1777 --size 536870912 --tmpfs /tmp --perms 0777 --dir /tmp/home
--symlink /opt/venv/bin/python /tmp/bin/python {SIGHTS}
--dir /opt --ro-bind /opt/venv /opt/venv --dir /srv --ro-bind /srv/lib /srv/lib --ro-bind /etc/ssl /etc/ssl
--ro-bind /etc/resolv.conf /etc/resolv.conf --ro-bind /srv/work /srv/work
--dir /opt/venv/x --ro-bind /opt/venv/x/y /opt/venv/x/y --ro-bind /opt/venv/x/z /opt/venv/x/z
--remount-ro /dev --remount-ro / --chdir /srv/work/sub --
/b/setpriv --reuid 5 --regid 6 --clear-groups --inh-caps -all --bounding-set -all --
/b/prlimit --nproc=99 --fsize=268435456 --nofile=512 --core=0 --as=4294967296 --
"""


def test_bubblewraps_command_line_of_an_ordinary_user() -> None:
    assert argv() == [*STARTED, *ORDINARY.split(), *ENDING]


def test_bubblewraps_command_line_of_root_with_the_network() -> None:
    readable = ("/usr", "/opt/venv", "/srv/lib", "/opt/venv/x/y", "/opt/venv/x/z", "/etc/ssl")
    seen = replace(PLACES, readable=readable, named=False)
    told = argv(replace(COMMAND, network=True, writable=False), replace(START, owner=Owner(5, 6), status=12), seen)
    assert told == [*STARTED, *ROOTS.split(), *ENDING]


def test_what_the_launcher_is_told() -> None:
    told = spec(launch=replace(LAUNCH, owner=Owner(5, 6), python="/p"))
    reading, writing = 0b1101, 30655
    read = ["/usr", "/etc/ssl/certs", "/opt/venv", "/etc/group", "/etc/passwd"]
    devices = ["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"]
    assert told.pop("rules") == [
        *((path, reading) for path in read),
        *((path, 0b110) for path in devices),
        ("/srv/work", writing),
    ]
    assert told.pop("ruleset") == struct.pack("=QQQ", 0xFFFF, 3, 3)
    assert told.pop("limits") == [(6, 99), (1, 268435456), (7, 512), (4, 0), (9, 4294967296)]
    filters = {"asking": b"ask", "refusing": b"refuse", "seccomp": 317, "calls": {90: (-1, 0, 1, -1, False)}}
    private = {"private": "/tmp", "stands_for_private": "/codex-agent-private", "own": writing}
    begun = {"parent": 77, "argv": ["make", "-k"], "cwd": "/srv/work/sub", "python": "/p", "owner": (5, 6)}
    begun["environment"] = "/proc/77/fd/2"
    assert told == {**filters, **private, **begun, "writable": ["/srv/work"]}


def test_without_filters_none_is_told() -> None:
    told = spec(launch=replace(LAUNCH, filters=None))
    assert not {"asking", "refusing", "seccomp", "calls"} & told.keys()


def test_what_a_launch_is_without_more() -> None:
    assert Launch(1, None, 2, "/tmp", "/e") == Launch(1, None, 2, "/tmp", "/e", abi=0, filters=None, python="")
    assert (LEAST_ABI, STANDS_FOR_PRIVATE) == (3, "/codex-agent-private")


def test_the_environment_of_every_command() -> None:
    assert environment("/p", "/t", {}) == {
        "PATH": "/p",
        "HOME": "/t/home",
        "TMPDIR": "/t",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": "agent",
        "LOGNAME": "agent",
        "EMAIL": "agent@localhost",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


# The filter's program


def test_the_actions_are_the_kernels() -> None:
    assert (ALLOW, KILL, ASK, NEWEST) == (0x7FFF0000, 0x80000000, 0x7FC00000, 469)
    assert (refuse(1), refuse(38)) == (0x00050001, 0x00050026)


def test_the_program_is_this_instruction_for_instruction() -> None:
    rules = [Rule("ptrace", KILL), Rule("socket", 7, (Bits(1, 6), Equal(0, 2, 15)))]
    load, jump, wide, bits, mask, end = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
    assert list(struct.iter_unpack("=HBBI", assembled(rules, X86_64))) == [
        *((load, 0, 0, 4), (jump, 1, 0, 0xC000003E), (end, 0, 0, KILL)),
        *((load, 0, 0, 0), (wide, 0, 1, 469), (end, 0, 0, 0x00050026)),
        *((jump, 0, 1, 101), (end, 0, 0, KILL)),
        *((jump, 0, 7, 41), (load, 0, 0, 24), (bits, 0, 4, 6)),
        *((load, 0, 0, 16), (mask, 0, 0, 15), (jump, 0, 1, 2), (end, 0, 0, 7), (load, 0, 0, 0)),
        (end, 0, 0, ALLOW),
    ]


# The places


def test_what_may_be_read_is_this_and_no_more() -> None:
    assert SYSTEM == ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
    assert [name.removeprefix("/etc/") for name in FILES] == [
        *("alternatives", "ca-certificates", "crypto-policies", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
        *("localtime", "mime.types", "pki/ca-trust", "pki/tls/certs", "ssl/certs", "ssl/openssl.cnf", "timezone"),
    ]
    network = ("gai.conf", "hosts", "nsswitch.conf", "resolv.conf", "services")
    assert [name.removeprefix("/etc/") for name in NETWORK] == [*network]
    assert SYSTEM_PYTHONS == ("/usr/local/bin/python3", "/usr/bin/python3")


def test_the_places_of_this_machine_are_those_that_it_has() -> None:
    found = places()
    lies = tuple(each for each in SYSTEM if Path(each).is_symlink())
    assert found.links == tuple((each, str(Path(each).readlink())) for each in lies)
    system = {each for each in SYSTEM if Path(each).is_dir()} - set(lies)
    files = {each for each in FILES if Path(each).exists()}
    assert {each for each in found.readable if each in {*SYSTEM, *FILES}} == system | files
    assert found.network == tuple(each for each in NETWORK if Path(each).exists())


def within(path: str, readable: tuple[str, ...]) -> bool:
    return any(Path(path).is_relative_to(each) for each in readable)


def test_the_servers_own_python_is_among_them() -> None:
    found = places()
    assert (found.python, found.named) == (sys.executable, (Path(sys.executable).parent / "python").exists())
    for each in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        assert within(each, found.readable)
        assert within(os.path.realpath(each), found.readable)
    assert set(found.readable) <= {
        *SYSTEM,
        *FILES,
        *(path for each in (sys.prefix, sys.base_prefix, sys.exec_prefix) for path in (each, os.path.realpath(each))),
    }


def test_another_python_comes_without_the_servers(tmp_path: Path) -> None:
    found = places(str(tmp_path / "python3"))
    assert (found.python, found.named) == (str(tmp_path / "python3"), False)
    assert set(found.readable) <= {*SYSTEM, *FILES}
    (tmp_path / "python").touch()
    assert places(str(tmp_path / "python3")).named


def test_a_path_names_each_directory_once() -> None:
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert PLACES.path("/tmp") == f"/opt/venv/bin:{usual}"
    system = Places((), (), (), "/usr/bin/python3")
    assert system.path("/tmp") == "/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"


@pytest.mark.parametrize(
    ("mode", "owner", "group", "barred"),
    [(0o010, 1, 1, True), (0o001, 1, 1, False), (0o010, 1, 6, False), (0o001, 1, 6, True), (0o011, 5, 6, True)],
)
def test_the_first_of_owner_group_and_others_counts(mode: int, owner: int, group: int, barred: bool) -> None:
    looked = {
        "/": os.stat_result((stat.S_IFDIR | 0o755, 1, 1, 1, 0, 0, 0, 0, 0, 0)),
        "/a": os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, owner, group, 0, 0, 0, 0)),
    }
    assert reachable("/a/b", 5, 6, looked.__getitem__) == ("/a" if barred else "")
