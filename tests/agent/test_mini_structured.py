"""Structured answers on a real server: validated, sent back once, then an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .stand import HI, Stand, shell

SCHEMA = {
    "type": "object",
    "properties": {"size": {"type": "integer"}},
    "required": ["size"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "size", "schema": SCHEMA}}
RIGHT, WRONG = '{"size": 7}', '{"size": "seven"}'


def answer(stand: Stand, *texts: str, wanted: dict[str, Any] = FORMAT, **fields: Any) -> dict[str, Any]:
    return stand.run(*({"text": text} for text in texts), response_format=wanted, **fields)


def test_an_answer_that_fits_is_told_as_it_is(stand: Stand) -> None:
    told = answer(stand, RIGHT)
    assert (told["ok"], told["final_answer"], told["metrics"]["iterations"]) == (True, RIGHT, 1)


@pytest.mark.parametrize("fence", ["```json\n%s\n```", "```\n%s\n```\n"])
def test_a_fence_around_it_is_taken_off(stand: Stand, fence: str) -> None:
    assert answer(stand, fence % RIGHT)["final_answer"] == RIGHT


@pytest.mark.parametrize("wrong", [WRONG, "It is seven.", '{"size": 7, "unit": "m"}', '{"size": 7'])
def test_one_that_does_not_fit_is_sent_back_once_with_the_reason(stand: Stand, wrong: str) -> None:
    told = answer(stand, wrong, RIGHT)
    assert (told["ok"], told["final_answer"], told["metrics"]["iterations"]) == (True, RIGHT, 2)
    assert told["messages"][2]["role"] == "user" and "could not be used" in told["messages"][2]["content"]


def test_a_second_one_that_does_not_fit_is_an_error(stand: Stand) -> None:
    told = answer(stand, WRONG, WRONG, RIGHT)
    assert (told["ok"], told["stopped_reason"], told["final_answer"]) == (False, "model_error", None)
    assert told["error"]["code"] == "answer_unfit" and "`response_format`" in told["error"]["message"]


def test_without_repair_the_first_one_is_an_error(stand: Stand) -> None:
    assert answer(stand, WRONG, RIGHT, enable_repair=False)["error"]["code"] == "answer_unfit"


def test_any_object_will_do_where_an_object_was_asked_for(stand: Stand) -> None:
    told = answer(stand, "[1]", '{"a": [1]}', wanted={"type": "json_object"})
    assert told["final_answer"] == '{"a": [1]}'


def test_a_schema_that_is_none_is_refused_before_anything_is_asked(stand: Stand) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "thing"}}}
    asked = {"model": stand.script({"text": RIGHT}), "messages": HI, "response_format": wanted}
    reply = stand.post("/agent/run", asked)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "response_format.json_schema.schema")


def test_the_last_answer_has_to_fit_too(stand: Stand) -> None:
    acting = shell("date +%N")
    fits = stand.run(acting, {"text": RIGHT}, response_format=FORMAT, max_iterations=1)
    assert (fits["ok"], fits["stopped_reason"], fits["final_answer"]) == (True, "max_iterations", RIGHT)
    unfit = stand.run(acting, {"text": WRONG}, response_format=FORMAT, max_iterations=1)
    assert (unfit["ok"], unfit["final_answer"]) == (False, None)


@pytest.mark.parametrize("stream", [False, True])
def test_in_a_chat_too_only_what_fits_is_said(stand: Stand, stream: bool) -> None:
    reply = stand.chat({"text": WRONG}, {"text": RIGHT}, response_format=FORMAT, stream=stream)
    if not stream:
        assert reply.json()["choices"][0]["message"]["content"] == RIGHT
        return
    lines = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    assert "".join(line["choices"][0]["delta"].get("content") or "" for line in lines) == RIGHT
