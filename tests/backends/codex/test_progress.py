"""A turn's notifications as our events: acts once and before their results, thoughts live, usage, the end."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.codex.progress import Progress
from litellm_codex_agent.backends.events import Text, Thought, ToolCall, ToolResult, Usage

from .turns import answer, change, command, completed, delta, ended, heard, message, started, text_in, thinking, tokens

HI = [ToolCall("c1", "shell", "echo hi"), ToolResult("c1", True, "hi")]


def test_a_turn_that_thinks_acts_and_answers_is_told_in_its_order() -> None:
    turn = [
        ("turn/started", {"threadId": "t", "turn": {"id": "u"}}),
        started("userMessage", "m0", content=[{"type": "text", "text": "Do it"}]),
        *thinking("rs_1", ["let ", "me ", "think"]),
        *command("c1", "echo hi", "hi\n"),
        *change("c2", "/srv/ws/new.txt"),
        *message("msg_1", "All ", "is ", "done ", whole="All is done"),
        ended(),
    ]
    progress, events = heard(turn, workspace="/srv/ws")
    assert events == [
        *map(Thought, ("let ", "me ", "think")),
        *HI,
        ToolCall("c2", "edit", "add new.txt"),
        ToolResult("c2", True),
        Text("All is done "),
    ]
    assert (progress.status, progress.error, progress.calls) == ("completed", None, 2)


def test_a_failed_command_and_a_declined_change_are_failed_calls() -> None:
    declined = completed("fileChange", "c2", changes=[], status="declined")
    progress, events = heard([*command("c1", "exit 3", code=3), declined, ended()])
    assert progress.calls == 2
    assert [event.ok for event in events if isinstance(event, ToolResult)] == [False, False]


def test_a_call_that_only_ends_is_told_first() -> None:
    assert heard(command("c1", "echo hi", "hi\n")[1:])[1] == HI


def test_a_call_that_comes_twice_is_told_once() -> None:
    begin, end = command("c1", "echo hi", "hi\n")
    progress, events = heard([begin, begin, end, end, begin])
    assert (events, progress.calls) == (HI, 1)


def test_a_call_that_somebody_else_has_told_is_not_told_again() -> None:
    progress = Progress()
    progress.call(ToolCall("c1", "shell", "echo hi"))
    progress.call(ToolCall("c1", "shell", "echo hi"))
    events = [event for each in command("c1", "echo hi", "hi\n") for event in progress.hear(*each)]
    assert (events, progress.calls) == (HI[1:], 1)


def test_a_call_that_is_seen_before_codex_tells_of_it_comes_behind_what_was_said() -> None:
    progress = Progress()
    for each in message("msg_1", "I look."):
        assert progress.hear(*each) == []
    assert progress.call(ToolCall("c1", "shell", "echo hi")) == [Thought("I look."), HI[0]]
    assert progress.call(ToolCall("c1", "shell", "echo hi")) == []
    assert [event for each in command("c1", "echo hi", "hi\n") for event in progress.hear(*each)] == HI[1:]


def test_what_was_said_before_a_call_is_a_thought_also_where_the_call_was_told_first() -> None:
    progress = Progress()
    progress.call(ToolCall("c1", "shell", "echo hi"))
    told = [event for each in message("msg_1", "I look.") for event in progress.hear(*each)]
    assert told + progress.hear(*command("c1", "ls")[0]) == [Thought("I look.")]


def test_each_call_has_a_result_also_where_it_did_not_end() -> None:
    progress, events = heard([command("c1", "sleep 9")[0], *command("c2", "echo hi", "hi\n"), ended("interrupted")])
    assert events[1:] == [
        ToolCall("c2", "shell", "echo hi"),
        ToolResult("c2", True, "hi"),
        ToolResult("c1", False, "It had not ended when the turn did."),
    ]
    assert progress.close() == []
    assert progress.hear(*command("c1", "sleep 9", code=-1)[1]) == []


def test_a_command_that_ends_behind_its_turn_has_its_own_result() -> None:
    begin, end = command("c1", "sleep 9", "a\n", code=-1)
    events = heard([begin, *message("m", "bg"), ended(), end])[1]
    assert events[1:] == [Text("bg"), ToolResult("c1", False, "a\n(exit status -1)")]


def test_thoughts_of_two_parts_and_of_two_items_are_paragraphs() -> None:
    events = heard(
        [*thinking("r1", ["a", "b"], ["c"]), *thinking("r2", ["d"]), *command("c1", "ls"), *thinking("r3", "e")]
    )
    told = [event.text for event in events[1] if isinstance(event, Thought)]
    assert told == ["a", "b", "\n\nc", "\n\nd", "e"]


def test_raw_reasoning_is_a_thought_too() -> None:
    pieces = [
        delta("reasoning/textDelta", "r1", piece, contentIndex=index) for index, piece in ((0, "a"), (0, "b"), (1, "c"))
    ]
    done = completed("reasoning", "r1", summary=[], content=["ab", "c"])
    assert heard([*pieces, done])[1] == [Thought("a"), Thought("b"), Thought("\n\nc")]


def test_reasoning_that_comes_whole_is_told_once() -> None:
    done = completed("reasoning", "r1", summary=["a", None, "b"], content=["c"])
    assert heard([done])[1] == [Thought("a"), Thought("\n\nb"), Thought("\n\nc")]
    assert heard([completed("reasoning", "r1", summary=None)])[1] == []


def test_a_message_that_only_the_end_of_the_turn_tells_is_told() -> None:
    assert heard([ended(items=[answer("m1", "Done."), {"type": "plan", "id": "p"}, 7])])[1] == [Text("Done.")]
    assert heard([*message("m1", "Done."), ended(items=[answer("m1", "Done.")])])[1] == [Text("Done.")]
    assert heard([("turn/completed", {"turn": {"status": "completed", "items": None}})])[1] == []


CUT = {"message": "Incomplete response returned, reason: max_output_tokens", "codexErrorInfo": "other"}
LOST = {"message": "stream disconnected before completion: oops", "codexErrorInfo": "other"}


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        ("completed", None, Text("half")),
        ("failed", CUT, Text("half")),
        ("failed", LOST, Thought("half")),
        ("interrupted", None, Thought("half")),
    ],
)
def test_what_was_held_is_the_answer_of_a_turn_that_ended_well(status: str, error: Any, told: Any) -> None:
    assert heard([*message("m", "half"), ended(status, error)])[1] == [told]


def test_a_thought_is_no_answer_of_a_turn_that_was_cut() -> None:
    cut = [*message("m", "I look."), *command("c1", "echo hi", "hi\n"), ended("failed", CUT)]
    assert heard(cut)[1] == [Thought("I look."), *HI]


def test_what_was_held_is_a_thought_where_the_turn_has_no_end() -> None:
    progress, events = heard(message("m", "half"))
    assert (events, progress.status) == ([Thought("half")], "")


def test_an_error_that_codex_tries_again_is_none() -> None:
    again = "error", {"error": LOST, "willRetry": True}
    assert heard([again, ended()])[0].error is None
    final = "error", {"error": LOST, "willRetry": False}
    progress, events = heard([again, final])
    assert (progress.error, progress.status, events) == (LOST, "", [])
    assert heard([final, ended("failed", CUT)])[0].error == CUT
    assert heard([final, ended("failed")])[0].error == LOST


def test_usage_is_what_the_thread_took_more_than_before() -> None:
    before = Usage(4000, 200, None, 400, 80)
    progress, _ = heard([tokens([5000, 250, 500, 100]), tokens([6000, 300, 600, 120])], before=before)
    assert (progress.usage, progress.total) == (Usage(2000, 100, None, 200, 40), Usage(6000, 300, None, 600, 120))


def test_usage_of_a_thread_whose_past_is_not_known_begins_with_the_last_request() -> None:
    progress, _ = heard([tokens([5000, 250, 500, 100]), tokens([6500, 300, 600, 120], [1500, 50, 100, 20])])
    assert progress.usage == Usage(2500, 100, None, 200, 40)


def test_a_request_that_was_cut_counts_though_it_tells_no_last() -> None:
    assert heard([tokens([1000, 50, 100, 20], [0, 0, 0, 0])], before=Usage())[0].usage == Usage(1000, 50, None, 100, 20)
    assert heard([tokens([1, 50, 0, 0], [0, 0, 0, 0])], before=Usage())[0].usage == Usage(1, 50)


def test_a_total_that_is_set_back_takes_nothing_away() -> None:
    progress, _ = heard([tokens([5000, 250, 500, 100]), tokens([0, 0, 0, 0], [0, 0, 0, 0])], before=Usage(4000))
    assert (progress.usage, progress.total) == (Usage(1000, 250, None, 500, 100), Usage())


ODD: list[tuple[str, Any]] = [
    ("item/started", {}),
    ("item/started", {"item": []}),
    ("item/completed", {"item": {"type": "commandExecution"}}),
    ("item/completed", {"item": {"type": "contextCompaction", "id": "x"}}),
    ("item/started", {"item": {"type": "hookPrompt", "id": "x"}}),
    ("item/reasoning/summaryTextDelta", {"itemId": "r", "delta": None}),
    ("item/agentMessage/delta", {"itemId": "m"}),
    ("thread/tokenUsage/updated", {"tokenUsage": {"total": {"inputTokens": "7"}}}),
    ("turn/diff/updated", {"diff": "x"}),
    ("warning", {"message": "Model metadata not found"}),
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_tells_nothing_or_cannot_be_read_changes_nothing(odd: tuple[str, Any]) -> None:
    progress, events = heard([*message("m", "Done."), odd, ended()])
    assert (text_in(events), len(events), progress.usage, progress.calls) == ("Done.", 1, Usage(), 0)
