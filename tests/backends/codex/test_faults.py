"""Why a turn failed: Codex's errors as it told them, and what the relay saw of the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from litellm_codex_agent.agent.failures import CONTEXT_WINDOW, MAX_SAID_CHARS
from litellm_codex_agent.backends.codex.faults import End, end_of, is_cut
from litellm_codex_agent.backends.events import Failure

AT = "url: http://127.0.0.1:34921/v1/responses"
RAN_OUT = "Codex ran out of room in the model's context window. Start a new thread or clear earlier history."
BUSY = "We're currently experiencing high demand, which may cause temporary errors."
CUT = "stream disconnected before completion: stream closed before response.completed"
IDLE = "stream disconnected before completion: idle timeout waiting for SSE"
LONG = {"error": {"message": "Your input exceeds the context window.", "code": CONTEXT_WINDOW}}
LITELLM = {"error": {"message": "litellm.ContextWindowExceededError: too long", "type": None, "code": "400"}}


def error(message: str, info: Any = "other") -> dict[str, Any]:
    return {"message": message, "codexErrorInfo": info, "additionalDetails": None, "misalignment": None}


def http(status: int, words: str = "scripted") -> dict[str, Any]:
    return error(f"unexpected status {status} Some Words: {words}, {AT}", {"httpConnectionFailed": status_of(status)})


def status_of(status: int | None) -> dict[str, Any]:
    return {"httpStatusCode": status}


def failed(told: dict[str, Any] | None, seen: Failure | None = None) -> Failure:
    end = end_of("failed", told, seen)
    assert end.stopped_reason == "model_error" and end.failure is not None
    return end.failure


# As both versions told them, but for the addresses and the length.
TOLD: list[tuple[dict[str, Any], int, str]] = [
    (http(401), 401, "model_error"),
    (http(402), 402, "model_error"),
    (http(403, "The budget of this run is spent"), 403, "model_error"),
    (http(404), 404, "model_not_found"),
    (http(413), 413, "model_error"),
    (http(503), 503, "model_error"),
    (http(529), 529, "model_error"),
    (
        error("exceeded retry limit, last status: 429 Too", {"responseTooManyFailedAttempts": status_of(429)}),
        429,
        "rate_limit_exceeded",
    ),
    (error("Quota exceeded. Check your plan.", "usageLimitExceeded"), 429, "rate_limit_exceeded"),
    (error(BUSY, "internalServerError"), 500, "model_error"),
    (error(json.dumps({"error": {"message": "bad", "type": "x", "code": None}})), 400, "model_error"),
    (error(json.dumps(LONG)), 400, CONTEXT_WINDOW),
    (error(json.dumps(LITELLM)), 400, CONTEXT_WINDOW),
    (error(RAN_OUT, "contextWindowExceeded"), 400, CONTEXT_WINDOW),
    (error(CUT), 502, "model_error"),
    (error(IDLE), 504, "model_error"),
    (error("stream disconnected before completion: oops"), 502, "model_error"),
    (error("gone", {"responseStreamDisconnected": status_of(None)}), 502, "model_error"),
    (error("gone", {"httpConnectionFailed": status_of(None)}), 502, "model_error"),
]


@pytest.mark.parametrize(("told", "status", "code"), TOLD, ids=lambda told: str(told)[:60])
def test_what_codex_told_has_its_status_and_its_code(told: dict[str, Any], status: int, code: str) -> None:
    failure = failed(told)
    assert (failure.status, failure.code, failure.retry_after) == (status, code, None)
    assert failure.message.startswith(f"Codex's model failed with status {status}: ")
    assert "127.0.0.1" not in failure.message and "unexpected status" not in failure.message


WORDS = {
    "badRequest": 400,
    "flexUnavailable": 429,
    "inferenceHookDenied": 403,
    "modelNotFound": 404,
    "policyCapacityUnavailable": 503,
    "rateLimitExceeded": 429,
    "serverOverloaded": 503,
    "sessionBudgetExceeded": 429,
    "unauthorized": 401,
    "sandboxError": 502,
    "a word of a later version": 502,
}


@pytest.mark.parametrize(("word", "status"), WORDS.items())
def test_each_of_codexs_words_has_a_status(word: str, status: int) -> None:
    assert failed(error("no", word)).status == status


@pytest.mark.parametrize(("status", "told"), [(400, 400), (599, 599), (399, 502), (600, 502), ("401", 502)])
def test_a_status_is_believed_where_it_is_one_of_a_failure(status: Any, told: int) -> None:
    assert failed(error("no", {"httpConnectionFailed": status_of(status)})).status == told


ODD: list[Any] = [None, 7, {}, {"x": None}, {"x": status_of(None)}, {"x": {"httpStatusCode": 200}}, {"x": 1}]


@pytest.mark.parametrize("info", ODD, ids=repr)
def test_an_error_that_cannot_be_read_is_one_all_the_same(info: Any) -> None:
    assert failed(error("no", info)) == Failure(502, "Codex's model failed with status 502: no.", "model_error")


@pytest.mark.parametrize("message", [None, 7, ""])
def test_an_error_without_words_says_so(message: Any) -> None:
    assert failed(error(message)).message == "Codex's model failed with status 502: it did not say why."


@pytest.mark.parametrize("message", ["{", "{" * 100_000, "[1]", '"no"'])
def test_words_that_only_begin_like_json_are_words(message: str) -> None:
    assert failed(error(message)).message.startswith(f"Codex's model failed with status 502: {message[:100]}")


def test_json_that_says_little_is_told_as_it_is() -> None:
    assert failed(error('{"error": null, "a": 1}')).message.endswith('status 400: {"error": null, "a": 1}.')
    assert failed(error('{"error": {"message": "no", "code": 429}}')).status == 429


def test_what_the_relay_saw_wins() -> None:
    seen = Failure(429, "Slow down", "slow_down", 7.0)
    told = Failure(429, "Codex's model failed with status 429: Slow down.", "slow_down", 7.0)
    for codexs in (http(500), error(CUT), error("no", "unauthorized"), None):
        assert failed(codexs, seen) == told
    assert end_of("interrupted", None, seen) == end_of("", None, seen) == End("model_error", told)


def test_the_relays_word_on_a_long_question_is_known_by_code_words_or_codex() -> None:
    for code, words in ((CONTEXT_WINDOW, "x"), ("400", "litellm.ContextWindowExceededError: x")):
        assert failed(error("no"), Failure(400, words, code)).code == CONTEXT_WINDOW
    told = failed(error(RAN_OUT, "contextWindowExceeded"), Failure(413, "too large"))
    assert (told.status, told.code) == (400, CONTEXT_WINDOW)
    assert failed(error("no"), Failure(500, "the context window broke")).code == "model_error"


REFUSED: list[tuple[dict[str, Any], Failure | None]] = [
    (error("no", "cyberPolicy"), None),
    (error("no", "misalignmentPolicyViolation"), None),
    (error("no", "cyberPolicy"), Failure(400, "no")),
    (error("stream disconnected before completion: Incomplete response returned, reason: content_filter"), None),
    (error(json.dumps({"error": {"message": "no", "code": "content_policy_violation"}})), None),
    (error("no"), Failure(400, "It was rejected by our safety system")),
    (error("no"), Failure(400, "no", "content_filter")),
    (error("no"), Failure(400, "litellm.ContentPolicyViolationError: no", "400")),
]


@pytest.mark.parametrize(("told", "seen"), REFUSED, ids=str)
def test_a_question_that_is_not_answered_is_an_end_and_no_failure(told: Any, seen: Failure | None) -> None:
    assert end_of("failed", told, seen) == End("refused")


def test_a_status_other_than_400_is_no_refusal_whatever_its_words() -> None:
    assert failed(error("no"), Failure(500, "the content_filter broke")).status == 500


def test_an_answer_that_is_cut_at_its_limit_is_an_answer() -> None:
    told = error("Incomplete response returned, reason: max_output_tokens")
    assert is_cut(told) and end_of("failed", told) == End("max_tokens")
    assert not any(map(is_cut, (None, {}, error("max_output_tokens is no number"))))


def test_a_turn_that_nobody_stopped_and_that_is_not_done_has_failed() -> None:
    assert end_of("completed", None) == end_of("completed", None, Failure(500, "another try went well")) == End()
    stopped, gone = end_of("interrupted", None), end_of("", None)
    assert stopped.stopped_reason == gone.stopped_reason == "model_error"
    assert stopped.failure == Failure(502, "Codex stopped its turn by itself, without an answer.", "interrupted")
    assert gone.failure == Failure(502, "Codex ended before its turn did, without an answer.", "interrupted")
    assert end_of("interrupted", http(503)).failure == failed(http(503))


WAITS = [("in 7s.", 7.0), ("in 1.5 seconds", 1.5), ("in 250ms", 0.25), ("in a while", None), ("in 9999999s", None)]


@pytest.mark.parametrize(("words", "seconds"), WAITS)
def test_a_limit_may_say_in_words_when_to_come_again(words: str, seconds: float | None) -> None:
    told = error(f"rate limit exceeded: Please try again {words}", "rateLimitExceeded")
    assert failed(told).retry_after == seconds
    assert failed(told, Failure(429, f"Please try again {words}")).retry_after == seconds
    assert failed(told, Failure(429, f"Please try again {words}", "", 0.0)).retry_after == 0.0


def test_a_message_is_bounded_and_has_no_key_and_no_lines() -> None:
    key = "sk-" + "a1" * 20
    message = failed(error(f"no\n {key} " + "x" * 10**6)).message
    assert len(message) == MAX_SAID_CHARS and message.endswith("x…")
    assert message.startswith("Codex's model failed with status 502: no sk-…a1a1 x")
    for end in "?!….":
        assert failed(error(f"Why{end}")).message.endswith(f": Why{end}")


def test_a_code_that_is_a_status_is_no_code() -> None:
    assert failed(error("no"), Failure(429, "no", "429")).code == "rate_limit_exceeded"
    assert failed(error("no"), Failure(503, "no", "503")).code == "model_error"
    assert End().stopped_reason == end_of("completed", None).stopped_reason == "success"


def test_words_behind_another_words_address_stay() -> None:
    told = failed(error(f"unexpected status 403 Forbidden: no, {AT}, request id: 7", status_of(None)))
    assert told.message == "Codex's model failed with status 502: no, request id: 7."


def test_a_message_of_just_the_bound_is_whole() -> None:
    room = MAX_SAID_CHARS - len("Codex's model failed with status 502: .")
    assert failed(error("x" * room)).message.endswith("x.")
    assert failed(error("x" * (room + 1))).message.endswith("x…")
