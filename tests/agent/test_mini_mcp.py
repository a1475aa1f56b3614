"""The mini-agent with MCP servers on a real server: over both transports, and without a wall where none is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tools.mcp_asking import over_http

from .stand import NO_WALL, call, standing

ASK = [{"tool_calls": [call("real__echo", text="hello")]}, {"text": "{{last_result}}"}]


@pytest.mark.parametrize("wall", [{}, NO_WALL], ids=["wall", "no wall"])
def test_a_server_at_an_address_needs_no_wall(tmp_path: Path, wall: dict[str, str]) -> None:
    with over_http(tmp_path) as server:
        origin = "/".join(server.server["url"].split("/")[:3])
        with standing(tmp_path, CODEX_AGENT_TOOL_ORIGINS=origin, **wall) as stand:
            told = stand.run(*ASK, tool_backend="mcp", mcp_servers={"real": server.server})
    assert "hello" in json.loads(told["final_answer"])["stdout"]
    assert (told["ok"], told["metrics"]["isolation"], told["metrics"]["tool_calls"]) == (True, None, 1)
    assert len(server.entries(tool="echo")) == 1


def test_a_server_that_is_a_command_works_behind_the_wall_alone(tmp_path: Path) -> None:
    servers: dict[str, Any] = {"real": {"command": "python", "args": ["-c", "raise SystemExit(3)"]}}
    with standing(tmp_path, **NO_WALL) as stand:
        told = stand.run(*ASK, tool_backend="mcp", mcp_servers=servers)
        assert told["stopped_reason"] == "sandbox_unavailable"
    with standing(tmp_path) as stand:
        told = stand.run(*ASK, tool_backend="mcp", mcp_servers=servers)
        assert (told["ok"], told["error"]["code"]) == (False, "tools_unavailable")
        assert "real" in told["error"]["message"]


def test_an_address_that_the_operator_does_not_list_is_refused(tmp_path: Path) -> None:
    with over_http(tmp_path) as server, standing(tmp_path) as stand:
        told = stand.run(*ASK, tool_backend="mcp", mcp_servers={"real": server.server})
    assert (told["ok"], told["error"]["status"]) == (False, 400)
    assert "CODEX_AGENT_TOOL_ORIGINS" in told["error"]["message"]
    assert not server.entries(tool="echo")


def test_what_a_server_is_given_is_loaded_into_no_process_of_the_wall(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir(mode=0o777)
    environment = {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": str(planted / "loaded")}
    servers: dict[str, Any] = {"real": {"command": "python", "args": ["-c", "pass"], "env": environment}}
    with standing(tmp_path) as stand:
        told = stand.run(*ASK, tool_backend="mcp", mcp_servers=servers)
    assert told["error"]["code"] == "tools_unavailable"
    assert list(planted.iterdir()) == []
