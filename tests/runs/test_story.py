"""What events add up to, and how a step reads in a chat."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.events import Done, Event, FileChange, Text, Thought, ToolCall, ToolResult, Usage
from litellm_codex_agent.runs.story import SHOWN_CHARS, Story, as_thought

EVENTS: tuple[Event, ...] = (
    Thought("I look."),
    ToolCall("1", "exec", "ls"),
    ToolResult("1", True, "a\nb"),
    ToolCall("2", "exec", "false"),
    ToolResult("2", False, ""),
    FileChange("a"),
    FileChange("a", "removed"),
    Text("It is "),
    Text("done."),
)


def story() -> Story:
    told = Story()
    for event in EVENTS:
        told.add(event)
    return told


def test_the_answer_is_its_text_and_the_rest_are_thoughts() -> None:
    told = story()
    assert told.answer == "It is done."
    assert told.reasoning == ("I look.\n[exec] ls\n[ok] a\nb\n\n[exec] false\n[failed] \n[changed] a\n[removed] a\n")


def test_calls_failures_files_and_the_last_call_are_counted() -> None:
    told = story()
    assert (told.tool_calls, told.failed_tools, told.changed()) == (2, 1, [{"path": "a", "kind": "removed"}])
    assert told.last_call == EVENTS[3] and told.last_result == EVENTS[4]


def test_a_result_of_an_earlier_call_is_not_the_last_ones() -> None:
    told = Story()
    for event in (ToolCall("1", "a"), ToolCall("2", "b"), ToolResult("1")):
        told.add(event)
    assert told.last_result is None


def test_the_backends_own_figures_win() -> None:
    done = Done(usage=Usage(cost_usd=0.5), metrics={"tool_calls": 7, "iterations": 3})
    assert story().metrics(done) == {"tool_calls": 7, "failed_tool_calls": 1, "cost_usd": 0.5, "iterations": 3}


def test_a_long_output_is_shown_in_part_with_what_was_left_out() -> None:
    shown = as_thought(ToolResult("1", True, "x" * (SHOWN_CHARS + 1000)))
    assert shown == f"[ok] {'x' * SHOWN_CHARS}… (1,000 characters more)\n"


@pytest.mark.parametrize("event", [Text("x"), Done()])
def test_what_is_no_step_is_no_thought(event: Event) -> None:
    assert as_thought(event) == ""
