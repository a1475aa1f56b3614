"""Hostile programs as commands of Codex: they stay in their workspace, and whoever breaks his own wall ends his run.

The programs are those of the sandbox's own probes. Not among them is what needs another wall's limits: a block of
memory that is only reserved, for an exec-server reserves more than it uses; five gigabytes of memory that are used; and
what outlives its time, which is the matter of `test_life`.
"""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_codex_agent.sandbox.attacks import ATTACKS, program
from litellm_codex_agent.sandbox.command import Limits
from litellm_codex_agent.sandbox.scene import Scene, set_up

from ..endpoint import Endpoint, Lane
from ..responses_endpoint import USAGE, Act, conversations, say, script_of, shell, turn
from ..sandbox.stage import alive, sandbox
from .house import LEVELS, Codex, Scripts, chat, come, many, served

ELSEWHERE = ("a block of memory", "a memory bomb", "survive a timeout")
# They end the wall of their run, or the patience of its model.
HEAVY = ("a disk bomb", "a disk bomb without names", "300 MB of output")
# A thousand processes take their time.
SLOW = () if many(0, 1) else ("a fork bomb",)
HOSTILE = tuple(name for name in ATTACKS if name not in (*ELSEWHERE, *HEAVY, *SLOW))
# As the backend sets them for a run, and what a fork bomb's parent waits for.
LIMITS = Limits(processes=1024)
# What Codex adds to the environment that we build.
ADDED = [
    "CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS",
    "CODEX_CI",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_SESSION_ID",
    "CODEX_THREAD_ID",
    "CODEX_TOOL_CALL_ID",
    "CODEX_VERSION",
    "COLORTERM",
    "GH_PAGER",
    "LC_ALL",
    "NO_COLOR",
    "OLDPWD",
    "SHLVL",
    "_",
]
# The shell or the exec-server, to which a command belongs: both are inside.
OWN_PARENT = '(facts["server"], *([os.getppid()] if os.getppid() > 1 else []))'
SMALL = "range(64)"
# Above the limit of a file, below that of the disk.
LARGE = "range(300)"
RUN = "python3 -I -S attack.py {token} < facts.json"


def script(name: str) -> list[Act]:
    """An attack's name has its token; other commands stand in `ENDS`."""
    if name.startswith("codex-agent"):
        return [turn(shell(RUN.format(token=name), yield_time_ms=5000)), turn(say("Done."))]
    return [turn(shell(ENDS.get(name, "true"))), turn(say("Done."))]


@pytest.fixture
def lane(endpoint: Endpoint) -> Lane:
    return endpoint.lane(conversations(Scripts(script)))


def hostile(scene: Scene, name: str, server: Codex) -> dict[str, Any]:
    """The question that lets it loose in its workspace; it is told of all processes that it may not touch."""
    text = program(name).replace(OWN_PARENT, 'facts["outer"]').replace(SMALL, LARGE)
    assert OWN_PARENT not in text
    outer = [server.process.pid, *(each.pid for each in server.family())]
    facts = json.loads(scene.facts(LIMITS, server.process.pid, [*sandbox_variables(), *ADDED]))
    (scene.workspace / "attack.py").write_text(text)
    (scene.workspace / "facts.json").write_text(json.dumps({**facts, "outer": outer}))
    return chat(scene.token, codex_agent={"workspace": str(scene.workspace)})


def sandbox_variables() -> list[str]:
    from litellm_codex_agent.sandbox.environment import environment

    return list(environment("", "", {}))


def said(lane: Lane, token: str) -> list[str]:
    """What the command printed, as its model was told."""
    (*_, last) = [each.json["input"] for each in lane.asked if script_of(each.json) == token]
    outputs = [str(item["output"]) for item in last if item.get("type") == "function_call_output"]
    return [line for output in outputs for line in output.splitlines()]


def judged(lane: Lane, scene: Scene, name: str, reply: httpx.Response) -> str:
    """Empty where it has tried all and nothing came of it."""
    lines = said(lane, scene.token)
    found = [line for line in lines if line.startswith("got ")] + scene.broken()
    # Those of a fork bomb keep its output open, and it is not heard to its end.
    found += [] if "tried" in lines or name == "a fork bomb" else [f"it did not run: {lines}"]
    found += [] if reply.status_code == 200 else [reply.text]
    return "; ".join(found)


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
def test_hostile_commands_get_nothing_outside_their_workspace(level: str, lane: Lane, tmp_path: Path) -> None:
    box, allowed = sandbox(level), tempfile.gettempdir()
    with ExitStack() as stack, served(tmp_path, lane, "--workspaces", allowed, level=level) as server:
        client = stack.enter_context(server.client())
        assert client.post("/v1/chat/completions", json=chat("nothing")).status_code == 200
        # Each beneath root as a user of its own, as the server has it with its own directories.
        users = [None if box.uid is None else box.uid + 1 + number for number in range(len(HOSTILE))]
        scenes = {name: stack.enter_context(set_up(uid)) for name, uid in zip(HOSTILE, users, strict=True)}
        asked = [hostile(scene, name, server) for name, scene in scenes.items()]
        with ThreadPoolExecutor(len(asked)) as threads:
            replies = list(threads.map(lambda body: client.post("/v1/chat/completions", json=body), asked))
        faults = [judged(lane, scenes[name], name, reply) for name, reply in zip(HOSTILE, replies, strict=True)]
        assert {name: fault for name, fault in zip(HOSTILE, faults, strict=True) if fault} == {}
        assert not [scene for scene in scenes.values() if alive(scene.token)]


# What ends the exec-server of its own run, or has it ended.
ENDS = {
    "kills-its-parent": "kill -9 $PPID; sleep 60",
    "kills-all": "kill -9 -1; sleep 60",
    "fills-the-disk": "for n in 1 2 3 4 5 6 7 8 9; do head -c 200000000 /dev/zero > $n; done; sleep 60",
}
WHY = {"fills-the-disk": "It wrote more than 1,024 MiB."}


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
@pytest.mark.parametrize("name", [*ENDS][: many(2, 3)])
def test_a_command_that_ends_its_own_wall_fails_its_run_at_once(
    name: str, level: str, lane: Lane, tmp_path: Path
) -> None:
    with served(tmp_path, lane, level=level) as server, server.client() as client:
        told = client.post("/agent/run", json=chat(name)).json()
        assert (told["ok"], told["stopped_reason"], told["error"]["status"]) == (False, "model_error", 422)
        assert "What ran Codex's commands has ended." in told["error"]["message"]
        assert WHY.get(name, "") in told["error"]["message"]
        assert (told["metrics"]["iterations"], told["usage"]["total_tokens"]) == (1, USAGE["total_tokens"])
        assert sum(script_of(each.json) == name for each in lane.asked) == 1
        assert come(lambda: not server.exec_servers())
        assert client.post("/v1/chat/completions", json=chat("nothing")).status_code == 200
