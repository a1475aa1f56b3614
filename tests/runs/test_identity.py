"""One request, one run: every verdict, as a table and as a law over random cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.runs.identity import Ask, Known, Verdict, decide, waits_for_another

LIVING = Known("r", "d", living=True)
ANSWERED = Known("r", "d", living=False, answered=True)
DELIVERED = Known("r", "d", living=False, answered=True, delivered=True)
ACTED_AND_ANSWERED = Known("r", "d", living=False, acted=True, answered=True)
FAILED = Known("r", "d", living=False)
ACTED_AND_FAILED = Known("r", "d", living=False, acted=True)
CANCELLED = Known("r", "d", living=False, cancelled=True)
ACTED_FAILED_AND_TOLD = Known("r", "d", living=False, acted=True, delivered=True)


def ask(attempt: int | None, digest: str = "d", retries_left: int | None = 1) -> Ask:
    return Ask("tenant", "key", attempt, retries_left, digest)


@pytest.mark.parametrize(
    ("attempt", "known", "verdict"),
    [
        (0, None, Verdict.NEW),
        (2, None, Verdict.NEW),
        (0, LIVING, Verdict.ATTACH),
        (1, LIVING, Verdict.ATTACH),
        (None, LIVING, Verdict.ATTACH),
        (0, ANSWERED, Verdict.REPLAY),
        (1, ANSWERED, Verdict.REPLAY),
        (0, DELIVERED, Verdict.NEW),
        (1, DELIVERED, Verdict.REPLAY),
        (None, DELIVERED, Verdict.REPLAY),
        (1, ACTED_AND_ANSWERED, Verdict.REPLAY),
        (0, FAILED, Verdict.NEW),
        (1, FAILED, Verdict.NEW),
        (None, FAILED, Verdict.NEW),
        (0, ACTED_AND_FAILED, Verdict.NEW),
        (1, ACTED_AND_FAILED, Verdict.REPLAY),
        (None, ACTED_AND_FAILED, Verdict.REPLAY),
        (1, ACTED_FAILED_AND_TOLD, Verdict.REPLAY),
        (0, CANCELLED, Verdict.NEW),
        (1, CANCELLED, Verdict.REPLAY),
        (None, CANCELLED, Verdict.REPLAY),
    ],
)
def test_a_verdict_for_each_attempt_and_each_past(attempt: int | None, known: Known | None, verdict: Verdict) -> None:
    assert decide(ask(attempt), known) is verdict


@pytest.mark.parametrize("known", [LIVING, ANSWERED, DELIVERED, FAILED, ACTED_AND_FAILED])
@pytest.mark.parametrize("attempt", [None, 0, 1])
def test_another_body_under_a_known_key_is_a_conflict(attempt: int | None, known: Known) -> None:
    assert decide(ask(attempt, digest="other"), known) is Verdict.CONFLICT


@given(attempt=st.integers(1, 9), answered=st.booleans(), delivered=st.booleans())
def test_no_retry_ever_acts_a_second_time(attempt: int, answered: bool, delivered: bool) -> None:
    past = Known("r", "d", living=False, acted=True, answered=answered, delivered=delivered)
    assert decide(ask(attempt), past) is Verdict.REPLAY


@pytest.mark.parametrize(
    ("attempt", "retries_left", "answering", "waits"),
    [
        (0, 2, False, True),
        (0, 2, True, True),
        (2, 0, False, False),
        (None, None, False, False),
        (1, None, False, True),
        (1, None, True, False),
    ],
)
def test_a_run_waits_where_another_attempt_may_come(
    attempt: int | None, retries_left: int | None, answering: bool, waits: bool
) -> None:
    assert waits_for_another(ask(attempt, retries_left=retries_left), answering=answering) is waits


def test_without_a_key_nobody_can_come_back() -> None:
    assert not waits_for_another(Ask(retries_left=3), answering=False)
