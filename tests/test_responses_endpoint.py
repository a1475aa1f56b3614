"""The scripted Responses endpoint finds a conversation's script and its turn in what it is asked, and nowhere else."""

from __future__ import annotations

from typing import Any

import httpx

from .endpoint import Endpoint
from .responses_endpoint import call, conversations, custom, fault, in_order, say, script_of, think, turn, turn_of


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def output(number: int, index: int = 0) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"call_{number}_{index}", "output": "ok"}


def test_the_last_message_that_names_a_script_chooses_it() -> None:
    told = {"role": "developer", "content": "script:never"}
    assert script_of({"input": [told, user("script:one"), user("script:two"), user("go on")]}) == "two"
    assert (script_of({"input": "script:one"}), script_of({"input": []})) == ("one", "")


def test_the_turn_is_the_one_after_the_last_whose_calls_are_answered() -> None:
    asked = [user("script:a"), output(0), output(1, 0), output(1, 1)]
    assert turn_of({"input": asked[:1]}) == 0
    assert turn_of({"input": asked}) == 2
    assert turn_of({"input": [*asked, user("script:b")]}) == 0
    assert turn_of({"input": [*asked, user("script:b"), output(0)]}) == 1


def test_a_turn_tells_all_its_parts_in_events_with_names_and_numbers(endpoint: Endpoint) -> None:
    script = [turn(think("a b"), call("f", x=1), custom("g", "y"), say("c d"))]
    lane = endpoint.lane(conversations({"s": script}))
    text = httpx.post(f"{lane.base}/responses", json={"model": "m", "input": "script:s"}).text
    words = ('"delta": "a "', '"name": "f"', '"input": "y"', '"delta": "d"')
    assert [text.count(word) for word in words] == [1, 3, 2, 1]
    assert text.count("event: ") == text.count("data: ") == text.count('"sequence_number"')
    assert text.index("response.created") < text.index("response.completed")


def test_the_same_turn_can_fail_first_and_be_answered_then(endpoint: Endpoint) -> None:
    lane = endpoint.lane(conversations({"s": [in_order(fault(500), turn(say("a")))]}))
    asked = [httpx.post(f"{lane.base}/responses", json={"input": "script:s"}).status_code for _ in range(3)]
    assert asked == [500, 200, 200] and len(lane.asked) == 3
