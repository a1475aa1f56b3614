"""The reference of the mini-agent's tools says what their code says: names, arguments, results, commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.tools import local, source
from litellm_codex_agent.tools.commands import DEFAULT_COMMANDS
from litellm_codex_agent.tools.inside import paths, search, texts
from litellm_codex_agent.tools.offers import Terms, offers
from litellm_codex_agent.wire.run_request import TOOL_BACKENDS

from .docs_blocks import ROOT, rows
from .test_docs_server import first, named

TOOLS = ROOT / "docs" / "reference" / "tools.md"
ALL = Terms(DEFAULT_COMMANDS, 60.0, "/bin/bash")
LOCAL = rows(TOOLS, under="Tools of this machine")


def test_the_sources_of_tools_are_those_of_a_request() -> None:
    assert sorted(first(TOOLS, "Where tools come from")) == sorted(TOOL_BACKENDS)


def test_the_tools_of_this_machine_have_the_arguments_of_the_page() -> None:
    offered: dict[str, Any] = {tool.name: tool.parameters for tool in offers(ALL)}
    told = {row[0].strip("`"): (named(row[1]), named(row[2])) for row in LOCAL}
    assert told == {
        name: (schema["required"], [each for each in schema["properties"] if each not in schema["required"]])
        for name, schema in offered.items()
    }


@pytest.mark.parametrize(
    ("tool", "bounds"),
    [
        ("read_file", (texts.DEFAULT_LINES, f"{paths.MAX_BYTES // 1024} KiB")),
        ("list_files", (search.MAX_LISTED,)),
        ("search_files", (search.MAX_FOUND,)),
    ],
)
def test_the_page_has_the_bounds_of_the_file_tools(tool: str, bounds: tuple[object, ...]) -> None:
    does = next(row[3] for row in LOCAL if row[0] == f"`{tool}`")
    assert all(f"most {bound}" in does or f"and {bound}" in does for bound in bounds)


def test_a_result_has_the_fields_of_the_page() -> None:
    told = json.loads(source.Result(rc=1, error="x", isolation="bwrap").told())
    assert [row[0].strip("`") for row in rows(TOOLS, under="Results")[:6]] == list(told)


def test_the_exit_statuses_are_those_of_the_code() -> None:
    statuses = [row[0] for row in rows(TOOLS, under="Results") if row[0][:1].isdigit()]
    assert statuses[:3] == [str(each) for each in (source.TIMED_OUT, source.NOT_MADE, local.NOT_RUN)]
    assert f"{source.MAX_TOLD_BYTES // 1024} KiB" in TOOLS.read_text()


def test_the_commands_are_those_that_are_allowed_without_a_list() -> None:
    assert sorted(name for row in rows(TOOLS, under="Commands") for name in named(row[1])) == sorted(DEFAULT_COMMANDS)


def test_what_a_run_that_may_only_read_is_not_offered_is_on_the_page() -> None:
    reading = offers(Terms(DEFAULT_COMMANDS, 60.0, "/bin/bash", writable=False))
    gone = {tool.name for tool in offers(ALL)} - {tool.name for tool in reading}
    assert gone == {"write_file", "edit_file"}
