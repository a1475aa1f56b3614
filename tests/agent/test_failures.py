"""LiteLLM's exceptions, known by their names and attributes only, told as errors of ours."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.agent.failures import CONTEXT_WINDOW, MAX_SAID_CHARS, failed, is_refused_content, of_litellm
from litellm_codex_agent.errors import AgentError, Refused, TimedOut, Unreachable


class Wrapped(Exception):
    """An exception with what attributes a test gives it."""

    def __init__(self, text: str = "no", /, **attributes: Any) -> None:
        super().__init__(text)
        self.__dict__.update(attributes)


class APITimeoutError(Wrapped):
    pass


class APIConnectionError(Wrapped):
    pass


class ContextWindowExceededError(Wrapped):
    pass


class ContentPolicyViolationError(Wrapped):
    pass


STATUSES: list[tuple[BaseException, type[AgentError], int]] = [
    (Wrapped(status_code=418), Refused, 418),
    (Wrapped(status_code=200), Refused, 500),
    (Wrapped(status_code="429"), Refused, 500),
    (Wrapped(), Refused, 500),
    (ValueError("no"), Refused, 500),
    (Wrapped(cooldown_time=5), Refused, 429),
    (ContextWindowExceededError(status_code=400), Refused, 400),
    (APITimeoutError(status_code=500), TimedOut, 408),
    (TimeoutError("no"), TimedOut, 408),
    (APIConnectionError(status_code=500), Unreachable, 500),
    (OSError("no"), Unreachable, 500),
    (Wrapped(original_exception=Wrapped(original_exception=Wrapped(status_code=409))), Refused, 409),
]


@pytest.mark.parametrize(("error", "kind", "status"), STATUSES, ids=repr)
def test_each_fault_has_its_class_and_its_status(error: BaseException, kind: type[AgentError], status: int) -> None:
    told = of_litellm(error, "m")
    assert (type(told), told.status) == (kind, status)


def test_one_that_names_itself_as_its_cause_ends() -> None:
    error = Wrapped(status_code=409)
    error.__dict__["original_exception"] = error
    assert of_litellm(error, "m").status == 409


SAID = [
    ("litellm.RateLimitError: RateLimitError: OpenAIException - slow down", "slow down"),
    ("litellm.Timeout: Timeout Error: OpenAIException - slow", "slow"),
    ("litellm.MidStreamFallbackError: litellm.APIConnectionError: APIConnectionError: OpenAIException - x: y", "x: y"),
    ("The Error: of a person - is theirs", "The Error: of a person - is theirs"),
    ("no. Received Model Group=a\nAvailable Model Group Fallbacks=None", "no"),
    ("no\n\nLiteLLM: model group 'a' failed with the error above. No fallback was attempted.", "no"),
    (
        "No deployments available, Try again in 5 seconds. Passed model=a. pre-call",
        "No deployments available, Try again in 5 seconds.",
    ),
    ("", "Wrapped."),
]


@pytest.mark.parametrize(("message", "said"), SAID)
def test_the_endpoints_words_are_told_without_what_was_put_around_them(message: str, said: str) -> None:
    assert str(of_litellm(Wrapped(message, message=message), "m")).startswith(
        f"The model m failed with status 500: {said}"
    )


HEADERS: list[dict[str, Any]] = [
    {"litellm_response_headers": {"Retry-After": "7"}},
    {"response": Wrapped(headers={"retry-after": 7})},
    {"litellm_response_headers": {}, "response": Wrapped(headers={"Retry-After": "7"})},
    {"cooldown_time": 7},
]


@pytest.mark.parametrize("attributes", HEADERS)
def test_a_refusal_says_when_to_come_again(attributes: dict[str, Any]) -> None:
    told = of_litellm(Wrapped(status_code=429, **attributes), "m")
    assert isinstance(told, Refused) and told.headers == {"retry-after": "7"}


@pytest.mark.parametrize("headers", [None, {}, {"x": "y"}, "retry-after"])
def test_without_such_a_word_there_is_none(headers: Any) -> None:
    told = of_litellm(Wrapped(status_code=429, litellm_response_headers=headers), "m")
    assert isinstance(told, Refused) and told.headers == {}


def test_a_code_is_kept() -> None:
    told = of_litellm(Wrapped(status_code=400, code="bad_thing"), "m")
    assert isinstance(told, Refused) and told.refusal.code == "bad_thing"


REFUSED = [
    ContentPolicyViolationError(),
    Wrapped(code="content_filter", status_code=400),
    Wrapped("rejected as a result of our Safety System", status_code=400),
]


@pytest.mark.parametrize("error", REFUSED, ids=repr)
def test_refused_content_is_known(error: BaseException) -> None:
    assert is_refused_content(error) and is_refused_content(Wrapped(original_exception=error))


@pytest.mark.parametrize(
    "error", [Wrapped(code="other", status_code=400), Wrapped("our safety system", status_code=500)]
)
def test_other_faults_are_no_refused_content(error: BaseException) -> None:
    assert not is_refused_content(error)


@pytest.mark.parametrize("text", ["This model's maximum context length is 10 tokens", "Over the Context Window"])
def test_a_question_that_is_too_long_is_known_by_its_words(text: str) -> None:
    told = of_litellm(Wrapped(text, status_code=400, code="invalid"), "m")
    assert isinstance(told, Refused) and told.refusal.code == CONTEXT_WINDOW


def test_a_page_of_words_is_cut_and_a_key_is_masked() -> None:
    told = str(failed(500, "a" * 10_000))
    assert told == "a" * MAX_SAID_CHARS + "…"
    assert str(failed(None, "sk-live-0123456789abcdef")) == "sk-…cdef"
