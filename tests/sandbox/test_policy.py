"""From a policy to command lines, rules and an environment: pure, so each line is looked at."""

from __future__ import annotations

import marshal
import os
import resource
import stat
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.sandbox.bubblewrap import Programs, Start, accounts, bubblewrap, hosts
from litellm_codex_agent.sandbox.command import Command, Limits
from litellm_codex_agent.sandbox.environment import environment
from litellm_codex_agent.sandbox.landlock import Filters, Launch, landlock, ruleset, unwalled
from litellm_codex_agent.sandbox.owner import Owner, owner_of
from litellm_codex_agent.sandbox.places import Places, outermost, reachable

PLACES = Places(
    ("/usr", "/etc/ssl/certs", "/opt/venv"),
    (("/bin", "usr/bin"),),
    ("/etc/hosts", "/etc/resolv.conf"),
    "/opt/venv/bin/python",
)
COMMAND = Command(("make", "-k"), Path("/srv/work"), 9.0, cwd="sub", environment={"KEY": "a secret"})
START = Start(
    77, None, "/proc/77/fd/3", "/proc/77/fd/4", "/proc/77/fd/5", "/proc/77/fd/6", "/proc/77/fd/2", "/proc/77/fd/8", 99
)
PROGRAMS = Programs("/b/bwrap", "/b/flock", "/b/prlimit", "/b/setpriv", "/b/sh")
LAUNCH = Launch(77, None, 99, "/tmp", "/proc/77/fd/2", 7, Filters(b"ask", b"refuse", 317, {90: (-1, 0, 1, -1, False)}))


def argv(command: Command = COMMAND, start: Start = START, places: Places = PLACES) -> list[str]:
    return bubblewrap(command, places, PROGRAMS, start)


def has(argv: Sequence[str], *part: str) -> bool:
    return any(tuple(argv[at : at + len(part)]) == part for at in range(len(argv)))


def spec(command: Command = COMMAND, launch: Launch = LAUNCH) -> dict[str, Any]:
    told: dict[str, Any] = marshal.loads(bytes.fromhex(landlock(command, PLACES, launch)))
    return told


def test_bubblewrap_starts_only_as_the_child_of_who_asked_and_dies_with_it() -> None:
    told = argv()
    assert told[:2] == ["/b/sh", "-c"]
    assert '[ "$PPID" = "$1" ] || exit 125' in told[2]
    assert told[3:5] == ["sh", "77"]
    assert told[5:11] == [f"/proc/77/fd/{number}" for number in (3, 4, 5, 6, 2, 8)]
    assert told[11] == "/b/bwrap"
    assert "--die-with-parent" in told


def test_what_follows_the_wall_is_limited_and_then_the_command() -> None:
    told = argv()
    inside = told[told.index("--") + 1 :]
    limits = COMMAND.limits
    assert inside[:5] == [
        "/b/prlimit",
        "--nproc=99",
        f"--fsize={limits.file_bytes}",
        f"--nofile={limits.descriptors}",
        "--core=0",
    ]
    assert inside[5:9] == [f"--as={limits.address_space}", "--", "/b/sh", "-c"]
    assert "kill -s KILL -- -1" in inside[9]
    assert inside[10:] == ["sh", "/b/flock", "make", "-k"]


def test_an_address_space_without_a_limit_has_none() -> None:
    assert not any("--as=" in each for each in argv(replace(COMMAND, limits=Limits(address_space=None))))


@pytest.mark.parametrize("kind", ["ipc", "pid", "uts", "net", "user"])
def test_it_is_apart_in_each_way(kind: str) -> None:
    assert f"--unshare-{kind}" in argv()


def test_the_network_and_its_files_are_shared_where_it_was_given() -> None:
    told = argv(replace(COMMAND, network=True))
    assert "--unshare-net" not in told
    resolving = PLACES.network
    assert [has(told, "--ro-bind", each, each) for each in resolving] == [each != "/etc/hosts" for each in resolving]
    assert not any(has(argv(), "--ro-bind", each, each) for each in resolving)


def test_an_ordinary_user_has_no_more_namespaces_and_no_capability() -> None:
    assert "--disable-userns" in argv()
    assert has(argv(), "--cap-drop", "ALL")
    assert "--cap-add" not in argv()


def test_root_becomes_the_owner_inside_without_anything_left() -> None:
    told = argv(start=replace(START, owner=Owner(5, 6)))
    assert "--unshare-user" not in told
    inside = told[told.index("--") + 1 :]
    assert inside[:6] == ["/b/setpriv", "--reuid", "5", "--regid", "6", "--clear-groups"]
    assert inside[6:11] == ["--inh-caps", "-all", "--bounding-set", "-all", "--"]
    added = {told[at + 1] for at, each in enumerate(told) if each == "--cap-add"}
    assert added == {"CAP_DAC_READ_SEARCH", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"}


def test_the_workspace_is_bound_as_the_policy_says_and_the_rest_read_only() -> None:
    assert has(argv(), "--bind", "/srv/work", "/srv/work")
    assert has(argv(replace(COMMAND, writable=False)), "--ro-bind", "/srv/work", "/srv/work")
    assert has(argv(), "--ro-bind", "/usr", "/usr")
    assert has(argv(), "--symlink", "usr/bin", "/bin")
    assert has(argv(), "--chdir", "/srv/work/sub")


def test_what_lies_in_another_is_bound_after_it_and_missing_parents_are_made() -> None:
    told = argv(places=replace(PLACES, readable=("/usr", "/srv/work/sub/venv")))
    assert told.index("/srv/work") < told.index("/srv/work/sub/venv")
    assert has(told, "--dir", "/srv")
    assert not has(told, "--dir", "/")


def test_nothing_of_the_file_system_of_the_wall_itself_can_be_written() -> None:
    assert argv().index("--remount-ro") > argv().index("--bind")
    assert has(argv(), "--remount-ro", "/dev", "--remount-ro", "/")


def test_memory_that_serves_as_a_disk_is_bounded() -> None:
    small = argv(replace(COMMAND, limits=Limits(disk_bytes=4096)))
    assert has(small, "--size", "4096", "--tmpfs", "/tmp")
    assert has(argv(), "--size", str(512 * 2**20), "--tmpfs", "/tmp")
    assert has(argv(), "--size", str(64 * 2**20), "--tmpfs", "/dev/shm")


def test_the_first_process_says_its_pid_where_it_is_asked_to() -> None:
    assert has(argv(start=replace(START, status=12)), "--json-status-fd", "12")
    assert "--json-status-fd" not in argv()


def test_no_command_line_holds_the_environment() -> None:
    assert not any("secret" in each for each in argv())
    assert b"secret" not in bytes.fromhex(landlock(COMMAND, PLACES, LAUNCH))


def test_a_python_without_that_name_gets_it() -> None:
    nameless = replace(PLACES, python="/usr/bin/python3", named=False)
    assert has(argv(places=nameless), "--symlink", "/usr/bin/python3", "/tmp/bin/python")
    assert nameless.path("/tmp").startswith("/tmp/bin:/usr/local/sbin:")
    assert PLACES.path("/tmp").startswith("/opt/venv/bin:/usr/local/sbin:")


def test_who_is_who_inside_is_root_and_the_command() -> None:
    passwd, group = accounts(5, 6)
    assert passwd == b"root:x:0:0:root:/:/bin/sh\nagent:x:5:6:agent:/tmp/home:/bin/sh\n"
    assert group == b"root:x:0:\nagent:x:6:\n"


def test_its_own_name_is_known_inside() -> None:
    assert hosts(b"") == b"127.0.0.1 localhost sandbox\n::1 localhost\n"
    assert hosts(b"10.0.0.1 models\n").endswith(b"\n10.0.0.1 models\n")


@pytest.mark.parametrize(
    "abi, words",
    [(3, (0x7FFF,)), (4, (0x7FFF, 3)), (5, (0xFFFF, 3)), (6, (0xFFFF, 3, 3)), (9, (0xFFFF, 3, 3))],
)
def test_landlock_refuses_all_that_its_version_can(abi: int, words: tuple[int, ...]) -> None:
    assert ruleset(abi, network=False) == struct.pack(f"={len(words)}Q", *words)


def test_landlock_lets_tcp_through_where_the_network_was_given() -> None:
    assert struct.unpack("=QQQ", ruleset(7, network=True)) == (0xFFFF, 0, 3)


def test_landlock_gives_reading_writing_and_devices_apart() -> None:
    rules = dict(spec()["rules"])
    assert rules["/usr"] == rules["/etc/passwd"] == 0b1101
    assert rules["/dev/null"] == 0b110
    # All of ABI 3 but to make devices of either kind.
    assert rules["/srv/work"] == 0x7FFF & ~(1 << 6 | 1 << 11)
    assert "/etc/hosts" not in rules
    assert dict(spec(replace(COMMAND, network=True))["rules"])["/etc/hosts"] == 0b1101


def test_a_workspace_to_read_only_is_no_place_to_change_modes_in() -> None:
    read_only = spec(replace(COMMAND, writable=False))
    assert dict(read_only["rules"])["/srv/work"] == 0b1101
    assert (read_only["writable"], spec()["writable"]) == ([], ["/srv/work"])
    assert read_only["own"] == spec()["own"]


def test_the_launcher_is_told_what_to_start_and_whom_to_be() -> None:
    told = spec(launch=replace(LAUNCH, owner=Owner(5, 6)))
    assert (told["argv"], told["cwd"], told["parent"], told["owner"]) == (["make", "-k"], "/srv/work/sub", 77, (5, 6))
    assert (told["asking"], told["refusing"], told["seccomp"]) == (b"ask", b"refuse", 317)
    assert told["calls"] == {90: (-1, 0, 1, -1, False)}
    assert spec()["owner"] is None


def test_the_launcher_sets_the_limits_by_the_kernels_numbers() -> None:
    limits = COMMAND.limits
    assert dict(spec()["limits"]) == {
        resource.RLIMIT_NPROC: 99,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.descriptors,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: limits.address_space,
    }
    without = spec(replace(COMMAND, limits=Limits(address_space=None)))
    assert resource.RLIMIT_AS not in dict(without["limits"])


def test_without_a_wall_there_are_the_same_limits_and_no_rule() -> None:
    told = marshal.loads(bytes.fromhex(unwalled(COMMAND, LAUNCH)))
    assert (told["ruleset"], told["rules"], told["limits"]) == (b"", [], spec()["limits"])


def test_the_environment_is_what_was_given_over_what_everyone_has() -> None:
    told = environment("/x:/y", "/private", {"LANG": "de_DE", "MORE": "1"})
    assert (told["PATH"], told["HOME"], told["TMPDIR"]) == ("/x:/y", "/private/home", "/private")
    assert (told["LANG"], told["MORE"], told["GIT_CONFIG_NOSYSTEM"]) == ("de_DE", "1", "1")


def test_the_outermost_come_first_and_what_lies_in_them_is_left_out() -> None:
    assert outermost(["/usr/local", "/opt/a/b", "/usr", "/opt/a", "/optional", "/"]) == ("/optional", "/usr", "/opt/a")


def state(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "barred, uid, gid, told",
    [(0o700, 5, 5, "/root"), (0o711, 5, 5, ""), (0o710, 5, 0, ""), (0o701, 5, 0, "/root"), (0o100, 0, 5, "")],
)
def test_who_can_come_to_a_path_is_in_the_modes_above_it(barred: int, uid: int, gid: int, told: str) -> None:
    looked = {"/": state(0o755), "/root": state(barred)}
    assert reachable("/root/python", uid, gid, looked.__getitem__) == told


def test_commands_run_as_the_workspaces_owner_beneath_root_only(tmp_path: Path) -> None:
    assert owner_of(tmp_path, None) is None
    if os.geteuid() == 0:
        os.chown(tmp_path, 5, 0)
        assert owner_of(tmp_path, 77) == Owner(5, 5)
        os.chown(tmp_path, 5, 6)
        assert owner_of(tmp_path, 77) == Owner(5, 6)
