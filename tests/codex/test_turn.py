"""A turn of the real Codex that runs a command, makes a file and answers: what comes of it on each way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..endpoint import Endpoint
from ..responses_endpoint import say, shell, think, turn, usage
from . import desk as desks
from .conftest import Ask
from .desk import KEY, PLAIN, Desk, Script
from .ways import Heard

COMMAND = "echo heard; echo made > new.txt"
ANSWER = "All is done."
DIFF = "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,1 @@\n+made\n"
# No two are alike, so that a sum is one.
FIRST, LAST = usage(1000, 50, cached=100, reasoning=20), usage(1200, 7, cached=900, reasoning=3)


def working(desk: Desk) -> Script:
    return desk.script(turn(think("A file is wanted."), shell(COMMAND), usage=FIRST), turn(say(ANSWER), usage=LAST))


def counted(heard: Heard) -> tuple[int, ...]:
    told = heard.usage
    details = told["prompt_tokens_details"]["cached_tokens"], told["completion_tokens_details"]["reasoning_tokens"]
    return told["prompt_tokens"], told["completion_tokens"], told["total_tokens"], *details


def test_a_turn_with_a_command_is_answered_with_its_steps_and_its_diff(desk: Desk, ask: Ask) -> None:
    script = working(desk)
    heard = ask(script)
    assert heard.answer.text == ANSWER
    assert heard.answer.reasoning.split("\n") == [
        "A file is wanted.",
        f"[shell] {COMMAND}",
        "[ok] heard",
        "[added] new.txt",
        "",
    ]
    assert heard.agent["files"] == [{"path": "new.txt", "kind": "added", "diff": DIFF}]
    assert (heard.agent["stopped_reason"], heard.agent["metrics"]["tool_calls"]) == ("success", 1)


def test_the_model_sees_what_came_of_its_command(desk: Desk, ask: Ask) -> None:
    script = working(desk)
    ask(script)
    assert len(script.asked) == 2
    (output,) = script.outputs()
    assert "heard" in output
    assert "exited with code 0" in output


def test_the_usage_is_the_sum_of_what_the_endpoint_served(desk: Desk, ask: Ask) -> None:
    assert counted(ask(working(desk))) == (2200, 57, 2257, 1000, 23)


def test_the_endpoint_is_asked_with_the_operators_key_and_model(desk: Desk) -> None:
    script = working(desk)
    desk.run(script)
    heads = [asked.headers["authorization"] for asked in desk.lane.asked if script.mark.encode() in asked.body]
    assert heads == [f"Bearer {KEY}"] * 2
    assert [body["model"] for body in script.asked] == [PLAIN] * 2


def test_the_model_that_a_request_names_is_asked(desk: Desk) -> None:
    script = working(desk)
    told = desk.run(script, model="codex:another-model")
    assert {body["model"] for body in script.asked} == {"another-model"} == {told["metrics"]["used_model"]}


def test_an_envelope_has_the_answer_the_figures_and_the_diff(desk: Desk) -> None:
    told = desk.run(working(desk))
    assert (told["ok"], told["final_answer"], told["stopped_reason"]) == (True, ANSWER, "success")
    assert (told["metrics"]["iterations"], told["metrics"]["tool_calls"], told["usage"]["total_tokens"]) == (2, 1, 2257)
    assert told["last_tool_invocation"]["text"] == COMMAND
    assert [each["path"] for each in told["files"]] == ["new.txt"]


def test_a_command_that_failed_is_counted_and_is_no_failed_run(desk: Desk) -> None:
    script = desk.script(turn(shell("echo wrong >&2; exit 3")), turn(say("It failed.")))
    told = desk.run(script)
    assert (told["ok"], told["metrics"]["failed_tool_calls"]) == (True, 1)
    assert "wrong" in script.outputs()[0]
    assert "exited with code 3" in script.outputs()[0]


def test_a_patch_is_told_as_a_call_and_as_a_diff(desk: Desk) -> None:
    patch = "*** Begin Patch\n*** Add File: poem.txt\n+roses\n*** End Patch"
    told = desk.run(desk.script(turn(shell(f"apply_patch <<'EOF'\n{patch}\nEOF\n")), turn(say(ANSWER))))
    assert [(each["path"], each["kind"]) for each in told["files"]] == [("poem.txt", "added")]
    assert told["metrics"]["tool_calls"] == 1


def test_several_commands_of_one_turn_have_a_result_each(desk: Desk) -> None:
    script = desk.script(turn(shell("echo one"), shell("echo two"), shell("echo three")), turn(say(ANSWER)))
    told = desk.run(script)
    assert (told["metrics"]["tool_calls"], len(script.asked)) == (3, 2)
    for word, output in zip(("one", "two", "three"), script.outputs(), strict=True):
        assert word in output


@pytest.mark.agents
def test_another_codex_than_that_of_the_extra_does_the_same(
    endpoint: Endpoint, walled: dict[str, str], tmp_path: Path
) -> None:
    named = os.environ.get("CODEX_TEST_BINARY", "")
    if not named:
        pytest.skip("CODEX_TEST_BINARY names no other Codex")
    with desks.desk(endpoint, tmp_path, CODEX_AGENT_CODEX=named, **walled) as other:
        script = working(other)
        told = other.run(script)
    assert (told["final_answer"], told["files"][0]["diff"], told["usage"]["total_tokens"]) == (ANSWER, DIFF, 2257)
    assert "heard" in script.outputs()[0]


@pytest.mark.agents
def test_a_turn_behind_the_wall_that_is_chosen_by_itself_does_the_same(endpoint: Endpoint, tmp_path: Path) -> None:
    with desks.desk(endpoint, tmp_path) as up:
        told = up.run(working(up))
    assert (told["final_answer"], told["files"][0]["diff"]) == (ANSWER, DIFF)
