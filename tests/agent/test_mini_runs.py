"""The mini-agent on a real server: envelope, stop reasons, budgets, escalation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .stand import HI, Stand, call, shell

ENVELOPE = {"ok", "run_id", "final_answer", "stopped_reason", "messages", "metrics", "usage", "last_tool_invocation"}
METRICS = {
    "iterations",
    "ttotal_ms",
    "escalated",
    "used_model",
    "tool_calls",
    "failed_tool_calls",
    "cost_usd",
    "isolation",
    "ignored",
}
TOOK = {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost_usd": 0.25}}
# Acts for ever, and never twice alike.
RESTLESS = {"tool_calls": [call("exec_shell", command="date +%N")], "again": True, **TOOK}


def test_the_seeds_example_works_word_for_word(stand: Stand) -> None:
    body = '{"model":"dummy","tool_backend":"echo","messages":[{"role":"user","content":"hi"}]}'
    told = stand.client.post("/agent/run", content=body, headers={"Content-Type": "application/json"}).json()
    assert (told["ok"], told["final_answer"], told["stopped_reason"]) == (True, "hi", "success")


def test_an_envelope_has_these_fields_and_no_others(stand: Stand) -> None:
    told = stand.run(shell("echo 1"), {"text": "Done.", **TOOK})
    assert (set(told), set(told["metrics"])) == (ENVELOPE, METRICS)
    assert (told["ok"], told["final_answer"], told["stopped_reason"]) == (True, "Done.", "success")
    assert told["metrics"]["isolation"] in ("bwrap", "landlock")


def test_usage_and_cost_are_the_sum_over_all_calls(stand: Stand) -> None:
    told = stand.run({**shell("echo 1"), **TOOK}, {"text": "", **TOOK}, {"text": "Done.", **TOOK})
    assert told["usage"] == {"prompt_tokens": 30, "completion_tokens": 15, "total_tokens": 45, "cost": 0.75}
    assert (told["metrics"]["iterations"], told["metrics"]["cost_usd"]) == (3, 0.75)


def test_a_tools_success_is_not_the_answer(stand: Stand) -> None:
    told = stand.run(shell("echo 42"), {"text": "It says {{last_result}}"})
    assert told["final_answer"].startswith('It says {"rc": 0, "stdout": "42\\n"')


def test_the_callers_messages_come_back_unchanged_before_what_was_added(stand: Stand) -> None:
    told = stand.run({"text": "I look.", **shell("echo 1")}, {"text": "Done."})
    roles = [message["role"] for message in told["messages"]]
    assert (roles, told["messages"][0]) == (["user", "assistant", "tool", "assistant"], HI[0])
    [asked] = told["messages"][1]["tool_calls"]
    assert told["messages"][2]["tool_call_id"] == asked["id"]


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"max_iterations": 2}, "max_iterations"),
        ({"max_tool_calls": 2}, "max_tool_calls"),
        ({"max_total_tokens": 30}, "max_tokens"),
        ({"max_cost_usd": 0.5}, "max_cost"),
    ],
)
def test_a_budget_that_ends_leaves_one_last_answer(stand: Stand, budget: dict[str, Any], reason: str) -> None:
    told = stand.run({**RESTLESS, "again": False}, RESTLESS | {"again": False}, {"text": "So far.", **TOOK}, **budget)
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (True, reason, "So far.")
    assert (told["metrics"]["iterations"], told["metrics"]["tool_calls"]) == (2, 2)
    last = told["messages"][-2]
    assert (last["role"], "Call no more tools" in last["content"]) == ("user", True)
    assert told["usage"]["total_tokens"] == 45


def test_calls_beyond_the_budget_are_not_made_and_have_a_result(stand: Stand) -> None:
    told = stand.run(shell("echo 1", "echo 2", "echo 3"), {"text": "So far."}, max_tool_calls=2)
    results = [json.loads(each["content"]) for each in told["messages"] if each["role"] == "tool"]
    assert [result.get("stdout") for result in results] == ["1\n", "2\n", None]
    assert "used all its tool calls" in results[2]["error"]
    assert told["stopped_reason"] == "max_tool_calls"


def test_a_model_that_hangs_is_cut_by_the_clock_and_asked_once_more(stand: Stand) -> None:
    told = stand.run(shell("echo 1"), {"hang": True}, {"text": "So far."}, max_total_seconds=2.0)
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (True, "budget", "So far.")


def test_a_tool_that_hangs_is_cut_by_the_clock(stand: Stand) -> None:
    told = stand.run(shell("echo begun; sleep 600"), {"text": "{{last_result}}"}, max_total_seconds=3.0)
    assert (told["ok"], told["stopped_reason"]) == (True, "budget")
    result = json.loads(told["final_answer"])
    assert (result["rc"], result["timed_out"], result["stdout"]) == (124, True, "begun\n")


def test_a_model_that_never_answers_has_no_answer(stand: Stand) -> None:
    told = stand.run({"hang": True, "again": True}, max_total_seconds=0.5)
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (False, "budget", None)
    assert "wall clock" in told["error"]["message"]


def test_a_request_asks_in_vain_for_more_than_the_operator_gives(stand: Stand) -> None:
    told = stand.run(RESTLESS, max_iterations=1_000, max_tool_calls=1_000)
    assert (told["stopped_reason"], told["metrics"]["iterations"]) == ("max_iterations", 20)
    assert told["ok"] is False


def escalating(stand: Stand, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    stronger = stand.script(*lines)
    asked = {"max_iterations": 1, "escalate_on_budget_exceeded": True, "escalate_model": stronger, **fields}
    return stand.run({**RESTLESS, "again": False}, {"text": "The weak one's.", **TOOK}, **asked)


def test_escalation_asks_the_stronger_model_once_and_says_so(stand: Stand) -> None:
    told = escalating(stand, {"text": "The strong one's.", **TOOK})
    assert (told["final_answer"], told["stopped_reason"]) == ("The strong one's.", "max_iterations")
    assert (told["metrics"]["escalated"], told["metrics"]["used_model"]) == (True, f"script/s{stand.count - 1}")
    assert told["usage"]["total_tokens"] == 30


def test_without_being_asked_for_nothing_is_escalated(stand: Stand) -> None:
    told = escalating(stand, {"text": "The strong one's."}, escalate_on_budget_exceeded=False)
    assert (told["final_answer"], told["metrics"]["escalated"]) == ("The weak one's.", False)


def test_a_run_within_its_budgets_escalates_to_nobody(stand: Stand) -> None:
    told = escalating(stand, {"text": "The strong one's."}, max_iterations=5)
    assert (told["final_answer"], told["metrics"]["escalated"]) == ("The weak one's.", False)


def test_an_escalation_that_fails_is_told_as_what_it_was(stand: Stand) -> None:
    told = escalating(stand, {"error": {"status": 503, "message": "too busy", "retry_after": 0}, "again": True})
    assert (told["ok"], told["stopped_reason"], told["metrics"]["escalated"]) == (False, "max_iterations", True)
    assert (told["error"]["status"], told["error"]["code"]) == (422, "run_failed")
    assert "too busy" in told["error"]["message"]


def test_an_escalation_to_a_model_that_is_not_there_is_known_before_the_first_call(stand: Stand) -> None:
    model = stand.script({"text": "x"})
    asked = {"model": model, "messages": HI, "escalate_on_budget_exceeded": True, "escalate_model": "script/nobody"}
    reply = stand.post("/agent/run", asked)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "escalate_model")
    assert "no script 'nobody'" in reply.json()["error"]["message"]


def test_a_refusal_is_an_answer_of_its_own_kind(stand: Stand) -> None:
    told = stand.run({"text": "I will not.", "finish": "content_filter"})
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (True, "refused", "I will not.")


def test_an_answer_that_was_cut_says_so(stand: Stand) -> None:
    told = stand.run({"text": "As far as", "finish": "length"})
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (True, "max_tokens", "As far as")


def test_a_cut_in_the_middle_of_a_call_is_sent_back(stand: Stand) -> None:
    told = stand.run({**shell("echo 1"), "finish": "length"}, {"text": "Done."})
    assert (told["stopped_reason"], told["metrics"]["tool_calls"]) == ("success", 0)
    assert "cut at its length limit" in told["messages"][2]["content"]


def test_three_unreadable_replies_in_a_row_end_the_run(stand: Stand) -> None:
    told = stand.run({"text": " ", "again": True})
    assert (told["ok"], told["stopped_reason"], told["metrics"]["iterations"]) == (False, "repeated_format_error", 3)


def test_a_good_reply_resets_the_count_of_unreadable_ones(stand: Stand) -> None:
    empty = {"text": ""}
    told = stand.run(empty, empty, shell("echo 1"), empty, empty, {"text": "Done."})
    assert (told["ok"], told["final_answer"]) == (True, "Done.")


def test_without_repair_the_first_unreadable_reply_is_the_end(stand: Stand) -> None:
    told = stand.run({"text": ""}, {"text": "Done."}, enable_repair=False)
    assert (told["stopped_reason"], told["metrics"]["iterations"]) == ("repeated_format_error", 1)


def test_the_same_call_with_the_same_result_thrice_ends_the_run(stand: Stand) -> None:
    told = stand.run({**shell("echo 1"), "again": True})
    assert (told["ok"], told["stopped_reason"], told["metrics"]["tool_calls"]) == (False, "repeated_tool_call", 3)
    assert told["error"]["status"] == 422


@pytest.mark.parametrize("source", ["router", "local"])
def test_a_run_without_tools_is_one_plain_call(stand: Stand, source: str) -> None:
    fields = {"tool_backend": source} if source == "router" else {"use_tools": False}
    told = stand.run({"text": "Plain.", **shell("echo 1"), **TOOK}, **fields)
    assert (told["final_answer"], told["metrics"]["iterations"], told["metrics"]["isolation"]) == ("Plain.", 1, None)


def test_the_model_of_an_answer_is_named(stand: Stand) -> None:
    told = stand.run({"text": "Done."})
    assert told["metrics"]["used_model"] == f"script/s{stand.count}"
