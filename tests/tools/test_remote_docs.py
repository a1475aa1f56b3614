"""The page of tools over HTTP and MCP says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from litellm_codex_agent.tools.headers import NEVER
from litellm_codex_agent.tools.listing import MAX_TOOLS
from litellm_codex_agent.tools.mcp_stdio import MAX_MESSAGE_BYTES
from litellm_codex_agent.tools.retries import BROKEN, REFUSED, pause
from litellm_codex_agent.tools.source import MAX_WHOLE_BYTES

PAGE = (Path(__file__).parents[2] / "docs/reference/remote-tools.md").read_text()
STATUSES = {"the connection was refused": REFUSED, "the connection broke": BROKEN, "any other status": 500}
ROWS = re.findall(r"^\| ([^|]+) \| (again|no) \| (again|no) \|$", PAGE, re.MULTILINE)


def test_the_page_names_every_header_that_is_never_passed_on() -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("These are refused"))
    assert {name.lower() for name in re.findall(r"`([^`]+)`", line)} == NEVER


@pytest.mark.parametrize(("what", "plain", "marked"), ROWS)
def test_a_call_is_sent_again_as_the_page_says(what: str, plain: str, marked: str) -> None:
    status = STATUSES[what] if what in STATUSES else int(what)
    again = [pause(status, 1, idempotent=mark, asked=None, left=60.0) is not None for mark in (False, True)]
    assert again == [plain == "again", marked == "again"]


def test_the_page_has_each_bound() -> None:
    assert len(ROWS) == 7
    for bound in (MAX_WHOLE_BYTES, MAX_MESSAGE_BYTES, MAX_TOOLS):
        assert f"{bound:,}" in PAGE
