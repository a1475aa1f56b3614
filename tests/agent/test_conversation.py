"""A conversation: the caller's messages unchanged, and each call with one result, in the order asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.agent.conversation import Conversation
from litellm_codex_agent.agent.model import RawCall, Reply

ASKED = ({"role": "user", "content": "go"},)
NOBODYS: frozenset[str] = frozenset()


def calling(*calls: RawCall, text: str = "", **beside: Any) -> Reply:
    return Reply({"role": "assistant", "content": text, **beside}, text, calls, "tool_calls")


def called(talk: Conversation) -> list[dict[str, Any]]:
    return list(talk.added[-1]["tool_calls"])


def test_results_go_back_in_the_order_asked_when_all_are_there() -> None:
    talk = Conversation(ASKED, "run_1")
    calls = (RawCall("a", "look", "{}"), RawCall("b", "look", "{}"))
    talk.call(calling(*calls), calls, NOBODYS)
    talk.result("b", "second")
    assert (talk.waits_for, len(talk.added)) == (["a"], 1)
    talk.result("a", "first")
    assert [(each["tool_call_id"], each["content"]) for each in talk.added[1:]] == [("a", "first"), ("b", "second")]
    assert talk.waits_for == []


def test_no_id_is_used_twice_in_a_run() -> None:
    talk = Conversation(ASKED, "run_1")
    twice = (RawCall("a", "look", "{}"), RawCall("a", "look", "{}"))
    first = talk.call(calling(*twice), twice, NOBODYS)
    for call in first:
        talk.result(call.id, "")
    again = talk.call(calling(*twice), twice, NOBODYS)
    ids = [call.id for call in (*first, *again)]
    assert (ids[0], len(set(ids))) == ("a", 4)
    assert [call["id"] for call in called(talk)] == ids[2:]


def test_a_call_without_an_id_gets_one() -> None:
    talk = Conversation(ASKED, "run_1")
    [call] = talk.call(calling(), [RawCall("", "look", "{}")], NOBODYS)
    assert call.id == called(talk)[0]["id"] != ""


def test_the_id_of_a_clients_call_carries_the_run() -> None:
    talk = Conversation(ASKED, "run_1")
    [own, clients] = talk.call(calling(), [RawCall("a", "look", "{}"), RawCall("b", "ask", "{}")], frozenset({"ask"}))
    assert own.id == "a"
    assert clients.id.startswith("call_run_1_")


@pytest.mark.parametrize("arguments", ["no json", "[1]", "", '"a"', "[" * 100_000])
def test_arguments_that_are_no_object_go_back_as_one_that_shows_them(arguments: str) -> None:
    talk = Conversation(ASKED, "run_1")
    talk.call(calling(), [RawCall("a", "look", arguments)], NOBODYS)
    assert json.loads(called(talk)[0]["function"]["arguments"]) == {"unreadable": arguments}


def test_what_a_provider_put_beside_a_call_goes_back_with_it() -> None:
    talk = Conversation(ASKED, "run_1")
    call = RawCall("a", "look", '{"at": 1}')
    written = {"id": "a", "provider_specific_fields": {"signature": "s"}, "function": {"name": "other"}}
    talk.call(calling(call, thinking_blocks=[{"signature": "t"}], tool_calls=[written]), [call], NOBODYS)
    assert talk.added[-1]["thinking_blocks"] == [{"signature": "t"}]
    function = {"name": "look", "arguments": '{"at": 1}'}
    told = {"id": "a", "type": "function", "function": function, "provider_specific_fields": {"signature": "s"}}
    assert called(talk) == [told]


def test_a_copy_stays_as_it_was() -> None:
    talk = Conversation(ASKED, "run_1")
    talk.call(calling(), [RawCall("a", "look", "{}")], NOBODYS)
    before = talk.copy()
    talk.result("a", "seen")
    assert (before.waits_for, len(before.added)) == (["a"], 1)
    before.result("a", "seen later")
    assert talk.added[-1]["content"] == "seen"


def test_the_callers_messages_are_first_and_never_changed() -> None:
    asked = [{"role": "user", "content": "go"}]
    talk = Conversation(tuple(asked), "run_1")
    talk.say("user", "more")
    assert talk.messages == ({"role": "user", "content": "go"}, {"role": "user", "content": "more"})
    assert asked == [{"role": "user", "content": "go"}]


def test_a_turn_without_text_says_none_and_each_result_is_a_tools() -> None:
    talk = Conversation(ASKED, "run_1")
    talk.call(calling(RawCall("a", "look", "{}")), [RawCall("a", "look", "{}")], NOBODYS)
    talk.result("a", "seen")
    function = {"name": "look", "arguments": "{}"}
    assert talk.added == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "a", "content": "seen"},
    ]


def test_what_is_said_beside_a_call_is_kept() -> None:
    talk = Conversation(ASKED, "run_1")
    talk.call(calling(text="I look."), [RawCall("a", "look", "{}")], NOBODYS)
    assert talk.added[0]["content"] == "I look."


def test_a_result_that_comes_twice_is_there_once() -> None:
    talk = Conversation(ASKED, "run_1")
    talk.call(calling(), [RawCall("a", "look", "{}")], NOBODYS)
    talk.result("a", "seen")
    talk.result("a", "seen again")
    assert [message["role"] for message in talk.added] == ["assistant", "tool"]


def test_a_call_without_an_id_takes_nothing_that_stood_beside_another() -> None:
    talk = Conversation(ASKED, "run_1")
    written = [{"id": "", "signature": "s"}, {"id": "", "signature": "t"}]
    talk.call(calling(tool_calls=written), [RawCall("", "look", "{}"), RawCall("", "look", "{}")], NOBODYS)
    assert not any("signature" in call for call in called(talk))


def test_nothing_was_done_before_anything_was() -> None:
    talk = Conversation(ASKED, "run_1")
    assert (talk.unreadable, talk.acted, talk.repaired) == (0, False, False)


# Room


def long_talk() -> Conversation:
    talk = Conversation(ASKED, "run_1")
    for number in range(3):
        call = RawCall(f"c{number}", "look", "{}")
        talk.call(calling(call), [call], NOBODYS)
        talk.result(call.id, "x" * 9000)
    return talk


def test_a_model_whose_window_is_unknown_reads_all() -> None:
    talk = long_talk()
    talk.fit(None, [])
    assert talk.messages == (*ASKED, *talk.added)


def test_what_fits_is_read_whole() -> None:
    talk = long_talk()
    talk.fit(100_000, [])
    assert talk.messages == (*ASKED, *talk.added)


def test_what_does_not_fit_is_left_out_for_the_model_and_kept_for_the_client() -> None:
    talk = long_talk()
    talk.fit(6_000, [])
    said = [message["content"] for message in talk.messages if message["role"] == "tool"]
    assert [len(each) < 100 for each in said] == [True, True, False]
    assert len([each for each in talk.added if len(str(each["content"])) == 9000]) == 3
    talk.say("user", "more")
    assert talk.messages[-1] == {"role": "user", "content": "more"}
    assert len(talk.messages) == 8


def test_the_tools_take_room_too() -> None:
    talk = long_talk()
    talk.fit(16_000, [{"description": "x" * 12_000}])
    assert len(json.dumps(talk.messages)) < 27_000
