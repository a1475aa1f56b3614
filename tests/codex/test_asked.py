"""What a request asks of Codex reaches its model, or is refused by its name before anything is asked."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from ..responses_endpoint import say, shell, turn
from .conftest import Ask
from .desk import Desk, Script

ANSWER = turn(say("Done."))
SCHEMA = {
    "type": "object",
    "properties": {"color": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["color", "count"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "found", "schema": SCHEMA, "strict": True}}
FITS = '{"color": "red", "count": 3}'


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture() -> str:
    """A red square, as data."""
    side = 8
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress((b"\0" + b"\xff\0\0" * side) * side)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + body).decode()


def told(script: Script) -> list[tuple[str, str]]:
    """Who said what, in the model's first request. Codex's own words about the place are left out."""
    messages = [item for item in script.asked[0]["input"] if item.get("type") == "message"]
    said = [(item["role"], part["text"]) for item in messages for part in item["content"] if "text" in part]
    return [(role, text) for role, text in said if not text.startswith("<")]


def test_a_form_goes_to_the_model_and_its_answer_is_checked(desk: Desk, ask: Ask) -> None:
    script = desk.script(turn(say(FITS)))
    assert json.loads(ask(script, response_format=FORM).answer.text) == {"color": "red", "count": 3}
    form = script.asked[0]["text"]["format"]
    assert (form["type"], form["schema"]) == ("json_schema", SCHEMA)


def test_an_answer_that_does_not_fit_its_form_is_a_502(desk: Desk) -> None:
    response = desk.post(desk.script(turn(say('{"color": "red"}'))), response_format=FORM)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "answer_unfit")


def test_where_any_object_will_do_the_model_is_told_so(desk: Desk) -> None:
    script = desk.script(turn(say(FITS)))
    assert desk.run(script, response_format={"type": "json_object"})["final_answer"] == FITS
    assert ("user", "Answer with one JSON object and nothing else.") in told(script)


def test_what_codex_says_before_a_structured_answer_is_no_part_of_it(desk: Desk) -> None:
    script = desk.script(turn(say("I look first."), shell("echo made > new.txt")), turn(say(FITS)))
    assert desk.run(script, response_format=FORM)["final_answer"] == FITS


def test_a_picture_reaches_the_model(desk: Desk, ask: Ask) -> None:
    script, image = desk.script(ANSWER), picture()
    text = {"type": "text", "text": script.mark}
    messages = [{"role": "user", "content": [text, {"type": "image_url", "image_url": {"url": image}}]}]
    assert ask(script, messages=messages).answer.text == "Done."
    parts = [part for item in script.asked[0]["input"] if item.get("role") == "user" for part in item["content"]]
    assert [part["image_url"] for part in parts if part["type"] == "input_image"] == [image]


def test_a_history_reaches_the_model_in_its_order(desk: Desk, ask: Ask) -> None:
    script = desk.script(ANSWER)
    called = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "Codex.", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "a mirror"},
        {"role": "assistant", "content": "As I said."},
        {"role": "user", "content": f"Go on. {script.mark}"},
    ]
    assert ask(script, messages=messages).answer.text == "Done."
    said = told(script)
    assert ("developer", "Be short.") in said
    assert said[-4:] == [
        ("user", "Who are you?"),
        ("assistant", "Codex."),
        ("assistant", "As I said."),
        ("user", f"Go on. {script.mark}"),
    ]
    outputs = [item["output"] for item in script.asked[0]["input"] if item.get("type") == "function_call_output"]
    assert outputs == ["a mirror"]


def test_without_a_session_nothing_of_the_last_run_is_known(desk: Desk) -> None:
    first, second = desk.script(ANSWER), desk.script(ANSWER)
    desk.run(first)
    desk.run(second)
    assert first.mark not in json.dumps(second.asked[0])


REFUSED = [
    pytest.param({"tools": [{"type": "function", "function": {"name": "look"}}]}, "tools", id="tools"),
    pytest.param({"n": 2}, "n", id="n"),
    pytest.param({"audio": {"voice": "a", "format": "wav"}}, "audio", id="audio"),
    pytest.param({"modalities": ["text", "audio"]}, "modalities", id="modalities"),
    pytest.param({"logprobs": True}, "logprobs", id="logprobs"),
    pytest.param({"codex_agent": {"permissions": "full"}}, "codex_agent.permissions", id="permissions full"),
    pytest.param({"codex_agent": {"workspace": "/srv/not-allowed"}}, "workspace", id="workspace"),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fields", "name"), REFUSED)
def test_what_codex_cannot_honour_is_refused_by_its_name_and_nothing_is_asked(
    desk: Desk, fields: dict[str, Any], name: str, streamed: bool
) -> None:
    script = desk.script(ANSWER)
    response = desk.post(script, stream=streamed, **fields)
    error = response.json()["error"]
    assert response.status_code == 400
    assert name.rpartition(".")[2] in error["message"]
    assert error["param"] in (name, None)
    assert script.asked == []


def test_what_has_no_place_in_codex_is_listed_as_ignored(desk: Desk, ask: Ask) -> None:
    heard = ask(desk.script(ANSWER), temperature=0.5, seed=7)
    assert heard.agent["metrics"]["ignored"] == ["seed", "temperature"]


def test_an_effort_reaches_the_model(desk: Desk) -> None:
    script = desk.script(ANSWER)
    assert desk.post(script, reasoning_effort="low").status_code == 200
    assert script.asked[0]["reasoning"]["effort"] == "low"


PATCH = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: new.txt\n+no\n*** End Patch\nEOF\n"


@pytest.mark.parametrize("command", ["echo no > new.txt", PATCH], ids=["command", "patch"])
def test_a_run_that_may_only_read_changes_nothing(desk: Desk, command: str) -> None:
    script = desk.script(turn(shell(command)), turn(say("I may not.")))
    response = desk.post(script, codex_agent={"permissions": "read-only"})
    agent = response.json()["codex_agent"]
    assert (agent["files"], agent["metrics"]["failed_tool_calls"]) == ([], 1)


def test_a_run_that_may_only_read_reads(desk: Desk) -> None:
    script = desk.script(turn(shell("cat /etc/passwd | head -c 4; pwd")), turn(say("Done.")))
    response = desk.post(script, codex_agent={"permissions": "read-only"})
    assert response.json()["codex_agent"]["metrics"]["failed_tool_calls"] == 0
    assert "exited with code 0" in script.outputs()[0]
