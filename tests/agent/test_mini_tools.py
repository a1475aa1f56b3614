"""Calls and their results on a real server: every call has one, in the order asked, and the model can read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .stand import Stand, call, shell


def results(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(each["content"]) for each in told["messages"] if each["role"] == "tool"]


def asked(told: dict[str, Any]) -> list[str]:
    calls = [each.get("tool_calls") or [] for each in told["messages"]]
    return [one["id"] for turn in calls for one in turn]


def answered(told: dict[str, Any]) -> list[str]:
    return [each["tool_call_id"] for each in told["messages"] if each["role"] == "tool"]


def test_results_go_back_in_the_order_asked_whichever_is_first(stand: Stand) -> None:
    told = stand.run(shell("sleep 0.5; echo 1", "echo 2", "sleep 0.2; echo 3"), {"text": "Done."})
    assert [result["stdout"] for result in results(told)] == ["1\n", "2\n", "3\n"]
    assert answered(told) == asked(told)


def test_calls_of_a_turn_work_side_by_side_up_to_the_cap(stand: Stand) -> None:
    # Each waits for the others' mark in the workspace: four at once see all four, a fifth comes afterwards.
    wait = "touch %d; for n in $(seq 100); do test $(ls | wc -l) -ge 4 && break; sleep 0.1; done; ls | wc -l"
    told = stand.run(shell(*(wait % number for number in range(4))), {"text": "Done."})
    assert [result["stdout"] for result in results(told)] == ["4\n"] * 4


def test_each_call_has_its_result_where_ids_are_double_or_missing(stand: Stand) -> None:
    twice = [call("exec_shell", "same", command=f"echo {number}") for number in (1, 2)]
    told = stand.run({"tool_calls": [*twice, call("exec_shell", "", command="echo 3")]}, {"text": "Done."})
    assert [result["stdout"] for result in results(told)] == ["1\n", "2\n", "3\n"]
    assert answered(told) == asked(told)
    assert len(set(asked(told))) == 3


def test_ids_that_come_again_in_a_later_turn_are_told_apart(stand: Stand) -> None:
    lines = [{"tool_calls": [call("exec_shell", "call_0", command=f"echo {number}")]} for number in (1, 2)]
    told = stand.run(*lines, {"text": "Done."})
    assert [result["stdout"] for result in results(told)] == ["1\n", "2\n"]
    assert len(set(asked(told))) == 2


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (call("launch", at=1), "There is no tool 'launch'. There is: "),
        ({"name": "exec_shell", "arguments": "{broken"}, "not understood"),
        ({"name": "exec_shell", "arguments": "[1]"}, "have to be a JSON object"),
        (call("exec_shell", command=7), "do not fit its schema"),
        (call("exec_shell"), "do not fit its schema"),
        (call("exec_shell", command="true", colour="red"), "do not fit its schema"),
    ],
)
def test_what_is_wrong_with_a_call_is_its_result(stand: Stand, wrong: dict[str, Any], why: str) -> None:
    told = stand.run({"tool_calls": [wrong, call("exec_shell", command="echo 2")]}, {"text": "Done."})
    first, second = results(told)
    assert why in first["error"]
    assert (first["rc"], second["rc"], second["stdout"]) == (125, 0, "2\n")
    assert (told["ok"], told["metrics"]["failed_tool_calls"]) == (True, 1)


def test_a_command_that_fails_is_no_failed_run(stand: Stand) -> None:
    told = stand.run(shell("echo out; echo err >&2; exit 3"), {"text": "Done."})
    [result] = results(told)
    assert (result["rc"], result["stdout"], result["stderr"]) == (3, "out\n", "err\n")
    assert (told["ok"], told["metrics"]["failed_tool_calls"]) == (True, 1)


def test_a_call_is_stopped_at_its_own_time_with_what_it_has_said(stand: Stand) -> None:
    line = {"tool_calls": [call("exec_shell", command="echo begun; sleep 600", timeout=0.5)]}
    [result] = results(stand.run(line, {"text": "Done."}))
    assert (result["rc"], result["timed_out"], result["stdout"]) == (124, True, "begun\n")


def test_long_output_is_cut_in_its_middle_for_the_model(stand: Stand) -> None:
    told = stand.run(shell("echo begin; yes | head -c 100000; echo end"), {"text": "Done."})
    [result] = results(told)
    assert len(result["stdout"]) < 34_000
    assert (result["stdout"][:6], result["stdout"][-4:]) == ("begin\n", "end\n")
    assert "67,242 bytes left out" in result["stdout"]


def test_a_bare_json_call_of_an_offered_tool_is_made(stand: Stand) -> None:
    said = json.dumps({"name": "exec_shell", "arguments": {"command": "echo 1"}})
    told = stand.run({"text": said}, {"text": "Done."})
    assert (results(told)[0]["stdout"], told["final_answer"]) == ("1\n", "Done.")


def test_bare_json_that_names_no_offered_tool_is_the_answer(stand: Stand) -> None:
    said = json.dumps({"name": "fire", "arguments": {}})
    told = stand.run({"text": said})
    assert (told["ok"], told["final_answer"], told["metrics"]["tool_calls"]) == (True, said, 0)


def test_a_block_of_code_is_run_only_where_that_was_asked_for(stand: Stand) -> None:
    said = {"text": "So:\n```python\nprint(6 * 7)\n```"}
    assert stand.run(said)["final_answer"] == said["text"]
    told = stand.run(said, {"text": "Done."}, auto_run_code_on_code_block=True)
    assert (results(told)[0]["stdout"], told["final_answer"]) == ("42\n", "Done.")


def test_what_the_last_tool_did_is_told(stand: Stand) -> None:
    last = stand.run(shell("echo 1", "echo 2; exit 1"), {"text": "Done."})["last_tool_invocation"]
    assert (last["name"], last["text"], last["ok"]) == ("exec_shell", "echo 2; exit 1", False)
    assert last["result"] == "2\n(exit status 1)"


def test_the_calls_of_one_turn_share_its_workspace_and_no_other_run_sees_it(stand: Stand) -> None:
    told = stand.run(shell("echo 1 > mark"), shell("cat mark"), {"text": "Done."})
    assert results(told)[1]["stdout"] == "1\n"
    assert results(stand.run(shell("cat mark"), {"text": "Done."}))[0]["rc"] == 1


def test_old_output_makes_room_before_the_window_overflows(stand: Stand) -> None:
    much = [shell(f"echo {number}; yes | head -c 12000") for number in range(6)]
    model = stand.script(*much, {"text": "Done."}, window=16_000)
    told = stand.post("/agent/run", {"model": model, "messages": [{"role": "user", "content": "go"}]}).json()
    assert (told["ok"], told["metrics"]["tool_calls"]) == (True, 6)


def test_a_task_that_is_too_long_for_the_window_is_refused(stand: Stand) -> None:
    model = stand.script({"text": "Done."}, window=1_000)
    told = stand.post("/agent/run", {"model": model, "messages": [{"role": "user", "content": "go " * 9_000}]}).json()
    assert (told["ok"], told["error"]["code"]) == (False, "context_length_exceeded")
