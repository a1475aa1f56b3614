"""The loop's steps: calls and their results, what is sent back, what the client has to do, and what is asked again."""

from __future__ import annotations

from litellm_codex_agent.agent.budget import Spent
from litellm_codex_agent.agent.conversation import Conversation
from litellm_codex_agent.agent.loop import MOST_UNREADABLE
from litellm_codex_agent.agent.model import Mused, Reply, Said
from litellm_codex_agent.backends.events import ClientCall, Done, Failure, Text, Thought, ToolCall, ToolResult
from litellm_codex_agent.backends.held import HOLD_CHARS
from litellm_codex_agent.tools.source import Result

from .played import ASKED, CHANGE, USED, Plays, Shelf, call, calls, client_tool, play, says

LOOKED = Result(stdout="{}").told()
LONG = "x" * (HOLD_CHARS + 1)


def test_an_answer_is_the_end() -> None:
    model = Plays([says("Done.")])
    stage = play(model)
    assert (stage.done, stage.events) == (Done("success"), [Text("Done.")])
    assert stage.talk.added == [{"role": "assistant", "content": "Done."}]
    assert (stage.talk.spent.iterations, stage.talk.spent.usage) == (1, USED)
    assert (stage.loop.escalated, stage.loop.acted, stage.loop.model) == (False, False, model)


def test_a_call_is_told_made_and_answered_before_the_model_is_asked_again() -> None:
    model = Plays([calls(call(1), text="I look."), says("Done.")])
    stage = play(model, Shelf())
    told = [Thought("I look."), ToolCall("c1", "look", "{}"), ToolResult("c1", True, "{}")]
    assert stage.events == [*told, CHANGE, Text("Done.")]
    assert model.asked[1].messages[2:] == ({"role": "tool", "tool_call_id": "c1", "content": LOOKED},)
    assert (stage.talk.spent.tool_calls, stage.talk.spent.iterations) == (1, 2)
    assert stage.loop.acted
    assert stage.talk.acted
    assert [made.call for made in stage.kept] == [call(1)]


def test_a_failed_call_is_told_as_failed_and_the_run_goes_on() -> None:
    stage = play(Plays([calls(call(1, "fail")), says("So be it.")]), Shelf())
    [result] = [event for event in stage.events if isinstance(event, ToolResult)]
    assert (result.ok, stage.done.stopped_reason) == (False, "success")


def test_the_tools_and_the_parameters_are_given_to_each_question() -> None:
    model = Plays([calls(call(1)), says("Done.")])
    play(model, Shelf(), parameters={"temperature": 0})
    assert [[tool["function"]["name"] for tool in asked.tools] for asked in model.asked] == [["look", "fail"]] * 2
    assert [asked.parameters for asked in model.asked] == [{"temperature": 0}] * 2


def test_a_choice_of_tools_is_for_the_first_question_alone() -> None:
    model = Plays([calls(call(1)), says("Done.")])
    play(model, Shelf(), tool_choice="required", parameters={"seed": 1})
    assert [asked.parameters for asked in model.asked] == [{"seed": 1, "tool_choice": "required"}, {"seed": 1}]


def test_without_tools_there_is_no_choice_of_them() -> None:
    model = Plays([says("Done.")])
    play(model, tool_choice="required")
    assert model.asked[0].parameters == {}


def test_the_same_call_with_the_same_result_three_times_ends_the_run() -> None:
    stage = play(Plays([calls(call(number)) for number in range(4)]), Shelf())
    assert (stage.done, stage.talk.spent.tool_calls) == (Done("repeated_tool_call"), 3)


def test_other_arguments_or_another_tool_are_no_repetition() -> None:
    turns = [calls(call(number, at=number)) for number in range(4)] + [calls(call(5, "fail"))]
    assert play(Plays([*turns, says("Done.")]), Shelf()).done.stopped_reason == "success"


# What is sent back


def test_an_empty_reply_is_sent_back_with_what_was_wrong() -> None:
    model = Plays([says(""), says("Done.")])
    stage = play(model)
    (reply, why) = model.asked[1].messages[1:]
    assert reply == {"role": "assistant", "content": "(nothing)"}
    assert why["role"] == "user"
    assert why["content"].startswith("Your last reply could not be used: Your reply was empty.")
    assert stage.done.stopped_reason == "success"


def test_three_unreadable_replies_in_a_row_end_the_run() -> None:
    stage = play(Plays([says("") for _ in range(4)]))
    assert (stage.done, stage.talk.spent.iterations, stage.events) == (Done("repeated_format_error"), 3, [])
    assert MOST_UNREADABLE == 3


def test_a_readable_reply_between_begins_the_count_anew() -> None:
    turns = [says(""), says(""), calls(call(1)), says(""), says(""), says("Done.")]
    assert play(Plays(turns), Shelf()).done.stopped_reason == "success"


def test_without_repair_the_first_unreadable_reply_ends_the_run() -> None:
    assert play(Plays([says("")]), repair=False).done == Done("repeated_format_error")


def test_what_was_said_beside_a_call_that_was_cut_is_kept() -> None:
    cut = [Said("I"), Reply({}, "I", (call(1),), "length")]
    model = Plays([cut, says("Done.")])
    play(model, Shelf())
    assert model.asked[1].messages[1]["content"] == "I"


def test_code_is_run_only_where_that_was_asked_for() -> None:
    said = "```bash\nls\n```"
    assert play(Plays([says(said)]), Shelf(), client_tools=[client_tool("exec_shell")]).text == said
    stage = play(Plays([says(said)]), Shelf(), client_tools=[client_tool("exec_shell")], run_code=True)
    assert stage.done.stopped_reason == "tool_calls"


def check(text: str) -> str:
    return "" if text.strip("`json\n") == "{}" else "no object"


def test_an_answer_that_fits_is_told_bare() -> None:
    stage = play(Plays([says("```json\n{}\n```")]), check=check)
    assert (stage.done, stage.events) == (Done("success"), [Text("{}")])


def test_without_a_check_an_answer_is_told_as_it_was_said() -> None:
    said = "```json\n{}\n```"
    assert play(Plays([says(said)])).text == play(Plays([says(said)]), Shelf()).text == said


def test_a_wrong_answer_is_sent_back_once_and_none_of_it_told() -> None:
    model = Plays([says(LONG), says("{}")])
    stage = play(model, check=check)
    assert model.last() == "Your last reply could not be used: no object"
    assert (stage.done, stage.text, stage.talk.repaired) == (Done("success"), "{}", True)


UNFIT = Failure(502, "The model's answer does not fit `response_format`: no object", "answer_unfit")


def test_a_second_wrong_answer_is_an_error() -> None:
    stage = play(Plays([says("no"), says("no")]), check=check)
    assert (stage.done, stage.text) == (Done("model_error", failure=UNFIT), "")


def test_without_repair_the_first_wrong_answer_is_an_error() -> None:
    assert play(Plays([says("no")]), check=check, repair=False).done == Done("model_error", failure=UNFIT)


def test_a_refusal_is_an_end_with_what_was_said() -> None:
    stage = play(Plays([says("I will not.", finish="content_filter")]))
    assert (stage.done, stage.text) == (Done("refused"), "I will not.")
    assert stage.talk.unreadable == 0


def test_a_refusal_of_a_model_with_tools_is_told_too() -> None:
    assert play(Plays([says("I will not.", finish="content_filter")]), Shelf()).text == "I will not."


def test_an_answer_that_was_cut_says_so() -> None:
    stage = play(Plays([says("Do", finish="length")]))
    assert (stage.done, stage.text) == (Done("max_tokens"), "Do")


# Text and what stands between


def test_a_long_text_is_told_as_it_comes_and_the_next_one_stands_apart() -> None:
    turn = [Said(LONG), Said("y"), Reply({}, LONG + "y", (call(1),), "tool_calls")]
    stage = play(Plays([turn, says("Done.")]), Shelf())
    assert stage.text == f"{LONG}y\n\nDone."


def test_pieces_of_one_text_do_not_stand_apart() -> None:
    stage = play(Plays([[Said(LONG), Said("y"), Reply({}, LONG + "y")]]), Shelf())
    assert [event for event in stage.events if isinstance(event, Text)] == [Text(LONG), Text("y")]


def test_without_tools_each_piece_is_told_at_once() -> None:
    stage = play(Plays([[Said("a"), Said("b"), Reply({}, "ab")]]))
    assert stage.events == [Text("a"), Text("b")]


def test_with_tools_a_short_text_waits_until_it_is_clear_what_it_is() -> None:
    stage = play(Plays([[Said("a"), Said("b"), Reply({}, "ab")]]), Shelf())
    assert stage.events == [Text("ab")]


def test_a_thought_is_no_text_to_stand_apart_from() -> None:
    stage = play(Plays([[Mused("hm"), *calls(call(1), text="I look.")], says("Done.")]), Shelf())
    assert stage.events[:2] == [Thought("hm"), Thought("I look.")]
    assert stage.text == "Done."


def test_changes_are_told_once_before_the_answer_and_only_where_a_tool_was_called() -> None:
    stage = play(Plays([calls(call(1)), [Said(LONG), Said("y"), Reply({}, LONG + "y")]]), Shelf())
    assert stage.events[2:] == [CHANGE, Text(LONG), Text("y")]
    assert CHANGE not in play(Plays([says("Done.")]), Shelf()).events


def test_nothing_is_told_of_an_empty_text() -> None:
    stage = play(Plays([says("", finish="content_filter")]))
    assert (stage.done, stage.events) == (Done("refused"), [])


# The client's tools


def test_a_clients_call_ends_the_request_and_stands_behind_the_changes() -> None:
    turn = calls(call(1), call(2, "ask", who="me"), call(3, "ask"))
    stage = play(Plays([turn]), Shelf(), client_tools=[client_tool("ask")])
    first, second = stage.talk.waits_for
    asked = [ClientCall(first, "ask", '{"who": "me"}'), ClientCall(second, "ask", "{}")]
    assert stage.events == [ToolCall("c1", "look", "{}"), ToolResult("c1", True, "{}"), CHANGE, *asked]
    assert (stage.done, stage.talk.spent.tool_calls) == (Done("tool_calls"), 1)


def test_a_clients_call_alone_is_no_act_of_ours() -> None:
    stage = play(Plays([calls(call(1, "ask"))]), Shelf(), client_tools=[client_tool("ask")])
    assert [type(event) for event in stage.events] == [ClientCall]
    assert (stage.loop.acted, stage.talk.acted) == (False, False)


def test_a_resumed_run_goes_on_with_what_was_spent_and_said() -> None:
    talk = Conversation(ASKED, "run_1", spent=Spent(3, 2, USED, 50.0))
    model = Plays([[2.0, *says("Done.")]])
    play(model, talk=talk)
    assert (talk.spent.iterations, talk.spent.usage.prompt_tokens, talk.spent.seconds) == (4, 20, 52.0)
