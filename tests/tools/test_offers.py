"""The tools as a model is told of them."""

from __future__ import annotations

import pytest

from litellm_codex_agent.tools.commands import DEFAULT_COMMANDS
from litellm_codex_agent.tools.offers import Terms, offers
from litellm_codex_agent.tools.source import Tool
from litellm_codex_agent.wire.schema import check

NAMES = ["exec_python", "exec_shell", "read_file", "write_file", "edit_file", "list_files", "search_files"]


def told(terms: Terms) -> dict[str, Tool]:
    return {tool.name: tool for tool in offers(terms)}


def test_each_tool_says_in_a_closed_schema_what_it_takes() -> None:
    for tool in told(Terms(DEFAULT_COMMANDS, 60.0, "/bin/bash")).values():
        assert tool.parameters["additionalProperties"] is False
        assert set(tool.parameters["required"]) <= set(tool.parameters["properties"])
        assert all(each["description"] for each in tool.parameters["properties"].values())
        assert len(tool.description) < 1200


@pytest.mark.parametrize("command", ["ls", ["ls", "-l"]])
def test_a_command_is_a_line_or_words(command: object) -> None:
    assert (
        check({"command": command, "timeout": 3}, told(Terms(["ls"], 60.0, "/bin/sh"))["exec_shell"].parameters) is None
    )


@pytest.mark.parametrize(
    ("commands", "names"),
    [
        (["python"], NAMES),
        (["python3"], NAMES),
        (["*"], NAMES),
        (["ls"], NAMES[1:]),
        ([], NAMES[2:]),
    ],
)
def test_what_the_operator_does_not_allow_is_not_offered(commands: list[str], names: list[str]) -> None:
    assert list(told(Terms(commands, 60.0, "/bin/sh"))) == names


def test_a_workspace_that_is_not_to_be_changed_has_no_tool_to_change_it() -> None:
    assert list(told(Terms(["*"], 60.0, "/bin/sh", writable=False))) == [*NAMES[:3], *NAMES[5:]]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (
            Terms(["ls", "git"], 9.5, "/bin/bash"),
            ["a line of bash", "there is no network", "the workspace and $TMPDIR", "commands: git, ls."],
        ),
        (Terms(["*"], 9.5, "/bin/sh", network=True), ["the network can be used", "commands: all."]),
        (Terms(["ls"], 9.5, "/bin/sh", writable=False), ["only $TMPDIR can be written to"]),
        (Terms(["ls"], 9.5, None), ["one command of plain words", "There is no sandbox around it."]),
    ],
)
def test_the_terms_are_told(terms: Terms, says: list[str]) -> None:
    tool = told(terms)["exec_shell"]
    assert all(words in tool.description for words in says)
    assert tool.parameters["properties"]["timeout"]["maximum"] == 9.5
