"""What no command of Codex comes to: the key, the tokens, the ways that they open, and another tenant's run.

The tokens are nowhere but in memory, and the test finds them out in the server's.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ..endpoint import Endpoint, Lane
from ..responses_endpoint import Act, conversations, say, script_of, shell, turn
from ..sandbox.stage import alive
from .house import KEY, LEVELS, Codex, Scripts, chat, come, many, served, straying, working

SERVER_KEY = "sk-key-of-the-server"
# As it stands wherever it is shown: 32 random bytes.
TOKEN = re.compile(rb"Bearer ([\w-]{43})(?![\w-])")
# Of a map of memory, no more than this is looked at in one piece.
PIECE = 64 * 2**20
# Each port of the server, from inside; and what is said when all were tried.
CONNECT = """
import socket, sys
for port in sys.argv[1:]:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
        try:
            with socket.socket(family) as speaking:
                speaking.settimeout(2)
                speaking.connect((host, int(port)))
                print("reached", port)
        except OSError:
            pass
print("tried")
"""
# All that a curious program would look at. Its own command line and its parents' have its own words.
LOOK = """
for place in /tmp /dev/shm /var/tmp /var/lib/litellm-codex-agent /var/lib/litellm-codex-agent/* "$(dirname "$PWD")"; do
  ls -laR "$place" 2>/dev/null
done
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'
cat %s/* 2>/dev/null
echo tried
"""


class Stage:
    """A server, and commands that are made when the model is asked for them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.commands: dict[str, str] = {}
        self.lane: Lane = endpoint.lane(conversations(Scripts(self._script)))

    def _script(self, name: str) -> list[Act]:
        return [turn(shell(self.commands.get(name, "true"), yield_time_ms=20_000)), turn(say("Done."))]

    def printed(self, server: Codex, command: str, **headers: str) -> list[str]:
        """What that command says, as a run of its own."""
        name = f"run-{uuid.uuid4().hex}"
        self.commands[name] = command
        with server.client() as client:
            reply = client.post("/v1/chat/completions", json=chat(name), headers=headers)
        assert reply.status_code == 200, reply.text
        (*_, last) = [each.json["input"] for each in self.lane.asked if script_of(each.json) == name]
        outputs = [str(item["output"]) for item in last if item.get("type") == "function_call_output"]
        return "\n".join(outputs).splitlines()


@pytest.fixture
def stage(endpoint: Endpoint) -> Stage:
    return Stage(endpoint)


def named(tenant: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SERVER_KEY}", "x-codex-agent-tenant": tenant}


# The key and the tokens


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
def test_the_key_and_the_tokens_are_in_no_process_file_event_or_log(level: str, stage: Stage, tmp_path: Path) -> None:
    mark = f"stray-{uuid.uuid4().hex}"
    stage.commands[mark] = straying(mark)
    with served(tmp_path, stage.lane, level=level) as server, server.client() as client:
        stage.printed(server, "env; echo x > file")
        begun = client.post("/agent/runs", json={**chat(mark), "session_id": "the-session"}).json()["run_id"]
        assert come(lambda: working(mark))
        secrets = {KEY.encode(), *tokens(server)}
        told = {**of_processes(server), **of_files(server)}
        client.delete(f"/agent/runs/{begun}")
        told["events"] = client.get(f"/agent/runs/{begun}/events").content
        told |= {f"{place} afterwards": data for place, data in of_files(server).items()}
    told["log"] = server.log.read_bytes()
    assert len(told) > 20 and any(b"experimental" not in data and mark.encode() in data for data in told.values())
    assert [place for place, data in told.items() for secret in secrets if secret in data] == []


def tokens(server: Codex) -> set[bytes]:
    """Those of the relay and of the bridge: two of each, one for each run."""
    found = {token for data in memory(server.process.pid) for token in TOKEN.findall(data)}
    assert len(found) >= 4, "the tokens were not found, so nothing would be shown"
    return found


def memory(pid: int) -> Iterator[bytes]:
    """All that a process has written in its memory; whoever may not look is not shown anything."""
    if not os.access(f"/proc/{pid}/mem", os.R_OK):
        pytest.skip("the memory of another process may not be read here, where the tokens are to be found")
    with Path(f"/proc/{pid}/mem").open("rb", 0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                for at in range(start, end, PIECE):
                    with suppress(OSError, ValueError, OverflowError):
                        file.seek(at)
                        yield file.read(min(PIECE, end - at))


def of_processes(server: Codex) -> dict[str, bytes]:
    """The environment and the command line of each process that the server has."""
    files = [Path(f"/proc/{each.pid}/{name}") for each in server.family() for name in ("environ", "cmdline")]
    return {str(path): read(path) for path in files}


def of_files(server: Codex) -> dict[str, bytes]:
    """All that the server and Codex keep, and what lies where commands work."""
    (process,) = server.app_servers()
    homes = re.findall(rb"CODEX_HOME=([^\0]+)", read(Path(f"/proc/{process.pid}/environ")))
    places = [server.state, *(Path(os.fsdecode(home)) for home in homes), *workspaces(server)]
    assert homes
    files = {path for place in places for path in place.rglob("*") if _is_own(path)}
    return {str(path): read(path) for path in files}


def _is_own(path: Path) -> bool:
    # Codex links to its own program, and the key of the operator is the server's to keep.
    return path.is_file() and not path.is_symlink() and path.name != "operator-key"


def workspaces(server: Codex) -> list[Path]:
    """Where the commands of its runs work."""
    return [Path(f"/proc/{each.pid}/cwd").readlink() for each in server.exec_servers()]


def read(path: Path) -> bytes:
    # What has ended in the meantime holds nothing.
    with suppress(OSError):
        return path.read_bytes()
    return b""


# The ways that they open


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
def test_a_command_does_not_reach_the_server_the_relay_or_the_bridge(level: str, stage: Stage, tmp_path: Path) -> None:
    with served(tmp_path, stage.lane, level=level) as server:
        ports = listening(server)
        assert len(ports) >= 3
        for port in ports:
            socket.create_connection(("127.0.0.1", port)).close()
        told = stage.printed(server, shlex.join(["python3", "-I", "-S", "-c", CONNECT, *map(str, ports)]))
    assert "tried" in told and not [line for line in told if line.startswith("reached")]


def listening(server: Codex) -> list[int]:
    """The ports that the server listens on."""
    own = {str(path.readlink()) for path in Path(f"/proc/{server.process.pid}/fd").iterdir()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]


# Another tenant's run


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
def test_two_tenants_see_nothing_of_each_others_runs(level: str, stage: Stage, tmp_path: Path) -> None:
    mark = f"stray-{uuid.uuid4().hex}"
    secret = f"for place in . /tmp /dev/shm; do echo secret-{mark} > $place/{mark}; done 2>/dev/null; "
    stage.commands[mark] = secret + straying(mark)
    keyed = {"CODEX_AGENT_SERVER_KEY": SERVER_KEY}
    with served(tmp_path, stage.lane, level=level, **keyed) as server, server.client() as client:
        begun = client.post("/agent/runs", json=chat(mark), headers=named("alice")).json()["run_id"]
        assert come(lambda: working(mark))
        (workspace,) = workspaces(server)
        assert (workspace / mark).exists() and len(alive(mark)) >= 3
        told = stage.printed(server, LOOK % shlex.quote(str(workspace)), **named("bob"))
        assert len(server.app_servers()) == 2
        assert client.get(f"/agent/runs/{begun}", headers=named("bob")).status_code == 404
    # Its own command line tells the path that it looks for, in which is the other's run.
    seen = [line for line in told if not line.startswith("cat ")]
    assert "tried" in seen and not [line for line in seen if mark in line or begun in line or "truncated" in line]
