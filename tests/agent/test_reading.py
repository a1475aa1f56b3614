"""A reply is a call where it names an offered tool; text is an answer, and nothing at all is none."""

from __future__ import annotations

import json

import pytest

from litellm_codex_agent.agent.model import RawCall, Reply
from litellm_codex_agent.agent.reading import Answer, Calls, Refusal, Unreadable, Verdict, read

OFFERED = ("look", "exec_python", "exec_shell")
CALL = RawCall("c1", "look", '{"at": 1}')


def reply(text: str = "", *calls: RawCall, finish: str = "stop") -> Reply:
    return Reply({"role": "assistant"}, text, calls, finish)


def made(name: str, arguments: object) -> Calls:
    return Calls((RawCall("", name, json.dumps(arguments)),))


def test_calls_are_calls_whatever_is_said_beside_them() -> None:
    other = RawCall("c2", "unknown", "no json")
    assert read(reply("I look.", CALL, other, finish="tool_calls"), OFFERED) == Calls((CALL, other))


def test_text_is_the_answer() -> None:
    assert read(reply("Done."), OFFERED) == Answer("Done.")


def test_an_answer_that_was_cut_is_one_and_says_so() -> None:
    assert read(reply("Do", finish="length"), OFFERED) == Answer("Do", cut=True)


def test_calls_that_were_cut_cannot_be_made() -> None:
    verdict = read(reply("", CALL, finish="length"), OFFERED)
    assert isinstance(verdict, Unreadable)
    assert "cut at its length limit" in verdict.why


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_is_no_reply(text: str) -> None:
    verdict = read(reply(text), OFFERED)
    assert isinstance(verdict, Unreadable)
    assert "empty" in verdict.why


def test_a_filter_of_content_is_a_refusal_even_with_calls() -> None:
    assert read(reply("No.", CALL, finish="content_filter"), OFFERED) == Refusal("No.")


@pytest.mark.parametrize("key", ["name", "tool", "tool_name", "function"])
@pytest.mark.parametrize("arguments", ["arguments", "parameters", "args", "input"])
def test_a_call_written_as_json_is_a_call(key: str, arguments: str) -> None:
    assert read(reply(json.dumps({key: "look", arguments: {"at": 2}})), OFFERED) == made("look", {"at": 2})


@pytest.mark.parametrize("fence", ["```json\n%s\n```", "```\n%s\n```", "  %s\n"])
def test_a_call_as_json_may_stand_in_a_fence(fence: str) -> None:
    assert read(reply(fence % '{"name": "look", "arguments": {}}'), OFFERED) == made("look", {})


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "other", "arguments": {}}',
        '{"name": "look"}',
        '{"name": "look", "arguments": "at 1"}',
        '{"name": 1, "arguments": {}}',
        '{"arguments": {}}',
        '[{"name": "look", "arguments": {}}]',
        '{"name": "look", "arguments": {}',
        'Here: {"name": "look", "arguments": {}}',
        "{" * 100_000,
    ],
)
def test_json_that_names_no_offered_tool_is_an_answer(text: str) -> None:
    assert read(reply(text), OFFERED) == Answer(text)


@pytest.mark.parametrize(
    ("language", "verdict"),
    [
        ("python", made("exec_python", {"code": "a\nb"})),
        ("py", made("exec_python", {"code": "a\nb"})),
        ("bash", made("exec_shell", {"command": "a\nb"})),
        ("sh", made("exec_shell", {"command": "a\nb"})),
        ("shell", made("exec_shell", {"command": "a\nb"})),
    ],
)
def test_a_block_of_code_is_run_where_that_was_asked_for(language: str, verdict: Verdict) -> None:
    said = reply(f"Try this:\n```{language}\na\nb\n```\nThen that.")
    assert read(said, OFFERED, run_code=True) == verdict
    assert read(said, OFFERED) == Answer(said.text)


@pytest.mark.parametrize("text", ["```js\na\n```", "```\na\n```", "print(1)"])
def test_no_other_block_is_run(text: str) -> None:
    assert read(reply(text), OFFERED, run_code=True) == Answer(text)


def test_code_is_not_run_without_the_tool_for_it() -> None:
    assert read(reply("```python\na\n```"), ["look"], run_code=True) == Answer("```python\na\n```")


def test_calls_count_before_code() -> None:
    assert read(reply("```python\na\n```", CALL), OFFERED, run_code=True) == Calls((CALL,))


def test_where_nothing_is_offered_a_call_is_no_call() -> None:
    assert read(reply("Done.", CALL), ()) == Answer("Done.")
    assert isinstance(read(reply("", CALL), ()), Unreadable)
