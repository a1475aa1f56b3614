"""How each end of a run is told."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.events import Done, Failure
from litellm_codex_agent.runs.outcome import outcome_of

UPSTREAM = Failure(429, "slow down", "rate_limited", 7.0)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("success", "stop"),
        ("max_iterations", "length"),
        ("budget", "length"),
        ("max_tokens", "length"),
        ("max_cost", "length"),
        ("max_tool_calls", "length"),
        ("refused", "content_filter"),
    ],
)
@pytest.mark.parametrize("acted", [False, True])
def test_an_end_with_an_answer_has_its_finish_reason(reason: str, finish: str, acted: bool) -> None:
    outcome = outcome_of(Done(reason), acted=acted, has_answer=True)
    assert (outcome.finish, outcome.answered) == (finish, True)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("model_error", 502),
        ("cancelled", 499),
        ("client_disconnected", 499),
        ("interrupted", 503),
        ("shutdown", 503),
        ("sandbox_unavailable", 422),
        ("repeated_format_error", 422),
        ("repeated_tool_call", 422),
        ("budget", 422),
        ("never heard of", 502),
    ],
)
def test_a_failure_before_the_first_tool_call_has_its_own_status(reason: str, status: int) -> None:
    failure = outcome_of(Done(reason), acted=False, has_answer=False).failure
    assert failure is not None and failure.status == status and failure.message.endswith(".")


@pytest.mark.parametrize("reason", ["model_error", "client_disconnected", "interrupted", "shutdown", "budget"])
def test_a_failure_after_the_first_tool_call_is_not_tried_again(reason: str) -> None:
    failure = outcome_of(Done(reason), acted=True, has_answer=False).failure
    assert failure is not None and (failure.status, failure.code) == (422, "run_failed")


def test_the_models_own_refusal_keeps_status_and_retry_after_while_nothing_was_done() -> None:
    done = Done("model_error", failure=UPSTREAM)
    assert outcome_of(done, acted=False, has_answer=False).failure == UPSTREAM
    told = outcome_of(done, acted=True, has_answer=False).failure
    assert told is not None and "slow down" in told.message and told.retry_after is None


def test_words_before_a_failure_are_no_answer() -> None:
    assert not outcome_of(Done("model_error", failure=UPSTREAM), acted=False, has_answer=True).answered


def test_a_cancelled_run_is_told_as_cancelled_whatever_it_did() -> None:
    failure = outcome_of(Done("cancelled"), acted=True, has_answer=True).failure
    assert failure is not None and failure.status == 499


def test_a_success_may_have_nothing_to_say() -> None:
    assert outcome_of(Done(), acted=True, has_answer=False).finish == "stop"
