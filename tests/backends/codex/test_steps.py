"""Items of a turn as calls and results that a person can read."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.codex.steps import call_of, result_of
from litellm_codex_agent.backends.events import ToolCall, ToolResult
from litellm_codex_agent.tools.source import MAX_TOLD_BYTES


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "id": "call_1", **fields}


def called(kind: str, **fields: Any) -> tuple[str, str]:
    call = call_of(item(kind, **fields), "/srv/ws")
    assert call is not None and call.id == "call_1"
    return call.name, call.text


def came(kind: str, **fields: Any) -> tuple[bool, str]:
    result = result_of(item(kind, **fields))
    assert result.id == "call_1"
    return result.ok, result.text


COMMANDS = [
    ("/bin/sh -lc 'echo hi'", "echo hi"),
    ("/usr/bin/bash -lc 'for i in 1 2; do echo $i; done; exit 3'", "for i in 1 2; do echo $i; done; exit 3"),
    ("bash -c ls", "ls"),
    ("/a/b/c/dash -c ls", "ls"),
    ("""zsh -lc 'echo '"'"'a b'"'"''""", "echo 'a b'"),
    ("/bin/bash -lc ls -l", "/bin/bash -lc ls -l"),
    ("/bin/bash -x ls", "/bin/bash -x ls"),
    ("git commit -m", "git commit -m"),
    ("sh -c 'open", "sh -c 'open"),
    ("", ""),
]


@pytest.mark.parametrize(("command", "read"), COMMANDS)
def test_a_command_is_told_without_the_shell_around_it(command: str, read: str) -> None:
    assert called("commandExecution", command=command) == ("shell", read)


def test_changes_are_told_by_kind_and_by_path_inside_the_workspace() -> None:
    changes = [
        {"path": "/srv/ws/new0.txt", "kind": {"type": "add"}, "diff": "hello\n"},
        {"path": "/etc/hosts", "kind": {"type": "delete"}, "diff": ""},
        {"path": "/srv/ws/a", "kind": {"type": "update", "move_path": "/srv/ws/b"}, "diff": ""},
        {"path": "/srv/wsx", "kind": {"type": "update", "move_path": None}},
        "no change",
    ]
    lines = "add new0.txt\ndelete /etc/hosts\nchange a -> b\nchange /srv/wsx"
    assert called("fileChange", changes=changes) == ("edit", lines)
    assert called("fileChange", changes=None) == ("edit", "")
    unknown = [{"path": "/srv/ws/a", "kind": {"type": "of a later version"}}]
    assert call_of(item("fileChange", changes=unknown), "/srv/ws/") == ToolCall("call_1", "edit", "change a")


def test_without_a_workspace_a_path_is_told_whole() -> None:
    assert call_of(item("imageView", path="/a/b.png")) == ToolCall("call_1", "view_image", "/a/b.png")


CALLS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    (item("mcpToolCall", server="docs", tool="find", arguments={"q": "é"}), ("docs.find", '{"q": "é"}')),
    (item("dynamicToolCall", namespace=None, tool="find", arguments=[1]), ("find", "[1]")),
    (item("dynamicToolCall", namespace="our", tool="find", arguments=None), ("our.find", "")),
    (item("webSearch", query="pandas", action=None), ("web_search", "pandas")),
    (item("webSearch", query="", action={"type": "open_page", "url": "https://x"}), ("web_search", "https://x")),
    (item("webSearch", query="", action={"type": "search", "query": "q"}), ("web_search", "q")),
    (item("imageView", path="/srv/ws/a.png"), ("view_image", "a.png")),
    (item("imageGeneration", revisedPrompt="a cat"), ("generate_image", "a cat")),
    (item("collabAgentToolCall", tool="spawnAgent", prompt="look"), ("agent", "spawnAgent: look")),
    (item("collabAgentToolCall", tool="wait", prompt=None), ("agent", "wait")),
    (item("sleep", durationMs=1500), ("sleep", "1.5 s")),
    (item("sleep"), ("sleep", "")),
]


@pytest.mark.parametrize(("one", "told"), CALLS, ids=str)
def test_each_kind_of_call_has_a_name_and_says_what_it_does(one: dict[str, Any], told: tuple[str, str]) -> None:
    assert called(one.pop("type"), **one) == told


@pytest.mark.parametrize(
    "kind", ["agentMessage", "reasoning", "userMessage", "contextCompaction", "of a later version"]
)
def test_what_is_no_act_is_no_call(kind: str) -> None:
    assert call_of(item(kind)) is None
    assert call_of({"type": "commandExecution"}) is None


def test_a_long_command_is_cut_in_its_middle() -> None:
    _, text = called("commandExecution", command="x" * (2 * MAX_TOLD_BYTES + 7))
    assert text.startswith("xx") and "[... 7 bytes left out ...]" in text


def ran(status: str, code: int | None, output: str | None = "out\n") -> tuple[bool, str]:
    return came("commandExecution", status=status, exitCode=code, aggregatedOutput=output)


def test_a_command_is_well_where_it_was_done_and_its_exit_status_is_0() -> None:
    assert ran("completed", 0) == (True, "out")
    assert ran("completed", 0, None) == (True, "")
    assert ran("failed", 3) == ran("completed", 3) == (False, "out\n(exit status 3)")
    assert ran("failed", -1, "a\n") == (False, "a\n(exit status -1)")
    assert ran("declined", None, None) == (False, "It was not done: declined.")
    assert ran("failed", 0) == (False, "out\nIt was not done: failed.")
    assert ran("completed", None) == (False, "out\nIt has no exit status.")


def test_a_commands_output_is_cut_in_its_middle() -> None:
    assert "[... 1 bytes left out ...]" in ran("completed", 0, "x" * (2 * MAX_TOLD_BYTES + 1))[1]


def test_a_change_is_well_by_its_status() -> None:
    assert came("fileChange", status="completed") == (True, "")
    assert came("fileChange", status="failed") == (False, "It was not done: failed.")
    assert came("webSearch") == (True, "")


def test_a_tool_says_what_it_sent_or_why_it_did_not() -> None:
    sent = {"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}, 7]}
    assert came("mcpToolCall", status="completed", result=sent, error=None) == (True, "a\nb")
    assert came("mcpToolCall", status="failed", result=None, error={"message": "gone"}) == (False, "gone")
    assert came("mcpToolCall", status="failed") == (False, "It was not done: failed.")
    given = [{"type": "inputText", "text": "c"}]
    assert came("dynamicToolCall", status="completed", contentItems=given, success=True) == (True, "c")
    assert came("dynamicToolCall", status="completed", contentItems=given, success=False) == (False, "c\nIt failed.")


def test_a_result_is_that_of_its_call() -> None:
    assert result_of(item("sleep", status="completed")) == ToolResult("call_1", True, "")
