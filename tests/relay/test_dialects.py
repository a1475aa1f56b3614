"""What each dialect's replies tell: usage, cost, failures, the end."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.events import Failure, Usage
from litellm_codex_agent.errors import Refusal
from litellm_codex_agent.relay.dialects import DIALECTS, Told, code_of, cost_of

from ..responses_endpoint import usage

RESPONSES, CHAT, MESSAGES = (DIALECTS[f"/v1/{name}"] for name in ("responses", "chat/completions", "messages"))
CHAT_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
USED = Usage(10, 5, None, 4, 2)


def told(dialect: Any, *events: Any) -> Told:
    state = Told()
    for event in events:
        state = dialect.event(state, event)
    return state


def response(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": {"status": kind, **more}}


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_each_end_of_a_response_tells_its_usage(kind: str) -> None:
    said = told(RESPONSES, response(kind, usage=usage(10, 5, cached=4, reasoning=2)))
    assert (said.usage, said.whole, said.ended) == (USED, True, True)
    assert (said.failure is not None) == (kind == "failed")


def test_what_a_response_says_on_its_way_is_no_usage() -> None:
    early = [response("created", usage=usage(9, 9)), response("in_progress"), {"type": "response.output_text.delta"}]
    assert told(RESPONSES, *early, {"type": "response.completed", "response": None}) == Told()


def test_a_whole_response_tells_its_usage_and_the_cost_that_a_proxy_adds() -> None:
    said = RESPONSES.reply(Told(), {"status": "completed", "usage": usage(10, 5, cost=0.25)})
    assert said.usage == Usage(10, 5, 0.25) and said.failure is None
    assert RESPONSES.reply(Told(), {"object": "response.compaction"}).usage is None


def test_a_chats_usage_stands_in_a_chunk_of_its_own_behind_its_end() -> None:
    end = told(
        CHAT, {"choices": [{"delta": {"content": "a"}}], "usage": None}, {"choices": [{"finish_reason": "stop"}]}
    )
    assert (end.usage, end.whole, end.ended) == (None, True, False)
    assert CHAT.event(end, {"choices": [], "usage": CHAT_USAGE}).usage == USED
    assert CHAT.reply(Told(), {"choices": [{"finish_reason": "stop"}], "usage": CHAT_USAGE}).usage == USED


def test_a_messages_counts_are_of_the_whole_so_far_and_all_of_its_prompt() -> None:
    start = {"input_tokens": 3, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 5, "output_tokens": 1}
    said = told(
        MESSAGES,
        {"type": "message_start", "message": {"usage": start}},
        {"type": "message_delta", "usage": {"output_tokens": 7}},
    )
    assert (said.usage, said.ended) == (Usage(10, 7, None, 5), False)
    assert MESSAGES.event(said, {"type": "message_stop"}).ended
    assert MESSAGES.reply(Told(), {"type": "message", "usage": start}).usage == Usage(10, 1, None, 5)


def test_a_proxys_messages_count_their_prompt_at_the_end() -> None:
    zero = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    end = {"input_tokens": 60, "output_tokens": 20, "cache_read_input_tokens": 40, "cost": 0.25}
    said = told(
        MESSAGES, {"type": "message_start", "message": {"usage": zero}}, {"type": "message_delta", "usage": end}
    )
    assert said.usage == Usage(100, 20, 0.25, 40)


def test_a_message_without_its_object_or_its_usage_tells_nothing() -> None:
    assert told(MESSAGES, {"type": "message_start", "message": 1}, {"type": "ping"}, {"usage": []}) == Told()


@pytest.mark.parametrize(
    ("dialect", "event", "failure"),
    [
        (RESPONSES, response("failed", error={"code": "context_length_exceeded", "message": "Long."}), (400, "Long.")),
        (RESPONSES, response("failed", error={"code": "rate_limit_exceeded", "message": "Slow."}), (429, "Slow.")),
        (RESPONSES, response("completed", error={"code": "server_error", "message": "Oh."}), (500, "Oh.")),
        (RESPONSES, {"type": "error", "code": "insufficient_quota", "message": "None."}, (429, "None.")),
        (RESPONSES, {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}, (400, "No.")),
        (RESPONSES, {"type": "error", "status": 413, "message": "Big."}, (413, "Big.")),
        (CHAT, {"error": {"message": "Down.", "code": "503"}}, (503, "Down.")),
        (CHAT, {"error": "Down."}, (500, "Down.")),
        (MESSAGES, {"type": "error", "error": {"type": "overloaded_error", "message": "Full."}}, (529, "Full.")),
    ],
)
def test_an_error_is_told_with_the_status_that_it_means(dialect: Any, event: Any, failure: tuple[int, str]) -> None:
    said = told(dialect, event)
    assert said.failure is not None and said.ended
    assert (said.failure.status, said.failure.message) == failure


# Written a second time: what each word means to whoever tries again.
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("content_filter context_length_exceeded invalid_prompt invalid_request_error", 400),
        ("authentication_error invalid_api_key", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("model_not_found not_found_error", 404),
        ("request_too_large", 413),
        ("insufficient_quota rate_limit_error rate_limit_exceeded throttling_error", 429),
        ("server_error api_error new_error", 500),
        ("server_is_overloaded slow_down", 503),
        ("timeout_error", 504),
        ("overloaded_error", 529),
    ],
)
def test_each_word_has_its_status_as_a_code_and_as_a_type(words: str, status: int) -> None:
    for word in words.split():
        for name in ("code", "type"):
            failure = told(RESPONSES, {"type": "error", "error": {name: word, "message": "m"}}).failure
            assert failure == Failure(status, "m", word)


def test_a_compacted_conversation_is_a_call_as_any_other() -> None:
    assert DIALECTS["/v1/responses/compact"] == RESPONSES
    assert sorted(DIALECTS) == ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/responses/compact"]


def test_a_chat_is_not_whole_before_a_choice_has_its_end() -> None:
    assert not told(CHAT, {"choices": [{"finish_reason": None}, 1]}, {"choices": 1}).whole
    assert told(CHAT, {"error": "Down."}).whole


def test_a_message_that_counts_only_its_prompt_keeps_its_answers_count() -> None:
    counts = [{"input_tokens": 3, "output_tokens": 7}, {"input_tokens": 4}]
    assert told(MESSAGES, *({"type": "message_delta", "usage": each} for each in counts)).usage == Usage(4, 7)


@pytest.mark.parametrize("event", [response("failed"), {"type": "error"}, response("failed", error={})])
def test_an_error_without_words_is_told_in_ours(event: Any) -> None:
    failure = told(RESPONSES, event).failure
    assert failure == Failure(500, "The model's endpoint says that it failed, and not why.", "")


def test_an_error_keeps_the_usage_that_was_told_before_it() -> None:
    begun = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}
    assert told(MESSAGES, begun, {"type": "error", "error": {"message": "x"}}).usage == Usage(3, 1)


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [("429", "throttling_error", "throttling_error"), ("a", "b", "a"), ("", "b", "b"), ("500", "", "")],
)
def test_an_errors_word_is_its_code_or_its_type_and_never_a_number(code: str, kind: str, word: str) -> None:
    assert code_of(Refusal("No.", code, kind)) == word


@pytest.mark.parametrize("count", [None, -1, True, "7", 1.5, [], {}])
def test_what_is_no_count_counts_nothing(count: Any) -> None:
    broken = {"input_tokens": count, "output_tokens": 5, "input_tokens_details": count}
    assert told(RESPONSES, response("completed", usage=broken)).usage == Usage(0, 5)
    assert told(RESPONSES, response("completed", usage=[])).usage is None


@pytest.mark.parametrize(("said", "cost"), [(0.25, 0.25), ("0.25", 0.25), (1, 1.0), ("1e-05", 1e-05)])
def test_a_cost_is_read_as_a_number_or_a_text(said: Any, cost: float) -> None:
    assert cost_of(said) == cost


@pytest.mark.parametrize(
    "said", [None, True, 0, 0.0, "0.0", -1, "-1", "nan", "inf", float("nan"), 10**400, "", "None", "1 USD", [], {}]
)
def test_no_cost_is_believed_that_cannot_be_one(said: Any) -> None:
    assert cost_of(said) is None
