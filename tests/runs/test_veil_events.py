"""What is struck out of what a run tells."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.events import Done, Failure, FileChange, Text, Thought, ToolCall, ToolResult, Usage
from litellm_codex_agent.runs.veil import redacted

SECRETS = ("sk-very-secret-1234", "another-secret-12")


def told(text: str) -> list[Any]:
    """Every kind of event, with `text` in each place that has room for one."""
    return [
        Thought(text),
        Text(text),
        ToolCall(text, text, text),
        ToolResult(text, False, text),
        FileChange(text, text),
        Done(text, Usage(1), Failure(500, text, text), {"a": {"b": [text, (text, 1.5, None)]}}),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("text", [*SECRETS, f"the key {SECRETS[0]}, and {SECRETS[1]}"])
def test_no_secret_is_told_wherever_in_an_event_it_stands(number: int, text: str) -> None:
    event = redacted(told(text)[number], SECRETS)
    assert "secret" not in repr(event)
    assert event == told(text.replace(SECRETS[0], "sk-…1234").replace(SECRETS[1], "ano…t-12"))[number]


@pytest.mark.parametrize("event", told("é \U0001f600, and no secret")[:5])
@pytest.mark.parametrize("secrets", [SECRETS, ()])
def test_an_event_without_a_secret_is_told_as_it_is(event: Any, secrets: tuple[str, ...]) -> None:
    assert redacted(event, secrets) is event


@pytest.mark.parametrize("number", range(6))
def test_half_of_a_surrogate_pair_is_told_as_a_question_mark(number: int) -> None:
    assert redacted(told("a\ud800b")[number], SECRETS) == told("a?b")[number]
