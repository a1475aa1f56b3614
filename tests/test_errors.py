"""Each error knows its status and its sentence, and no sentence holds a secret."""

from __future__ import annotations

import pytest

from litellm_codex_agent import errors
from litellm_codex_agent.errors import (
    AgentError,
    BrokenReply,
    Misconfigured,
    Refusal,
    Refused,
    TimedOut,
    Unreachable,
    mask,
    without_keys,
    without_secrets,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [(AgentError, 500), (Misconfigured, 400), (Unreachable, 500), (TimedOut, 408), (BrokenReply, 500)],
)
def test_an_error_has_the_status_that_its_class_says(kind: type[AgentError], status: int) -> None:
    assert kind("It broke.").status == status


@pytest.mark.parametrize("kind", [Misconfigured, Refused, Unreachable, TimedOut, BrokenReply])
def test_every_error_has_one_root_and_stands_in_the_tree(kind: type[AgentError]) -> None:
    assert kind.__bases__ == (AgentError,)
    assert f"── {kind.__name__} " in str(errors.__doc__)


@pytest.mark.parametrize(("hint", "text"), [("", "It broke."), ("Mend it.", "It broke. Mend it.")])
def test_an_error_reads_as_its_message_and_then_its_hint(hint: str, text: str) -> None:
    error = Unreachable("It broke.", hint=hint)
    assert (str(error), error.message, error.hint) == (text, "It broke.", hint)


def test_a_refusal_is_told_with_the_endpoints_own_message_and_status() -> None:
    refusal = Refusal("Too many.", code="rate_limited")
    error = Refused(refusal, status=429)
    assert (str(error), error.status, error.refusal, error.headers) == ("Too many.", 429, refusal, {})


def test_a_refusal_of_which_only_the_message_is_known_says_no_more() -> None:
    assert Refusal("no") == Refusal("no", code="", type="", param="", status=None, body={})


def test_a_refusal_keeps_headers_of_its_own() -> None:
    headers = {"retry-after": "1"}
    error = Refused(Refusal("Too many."), status=429, headers=headers)
    headers.clear()
    assert error.headers == {"retry-after": "1"}


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("", ""),
        ("x", "…"),
        ("sk-123456789", "…"),
        ("sk-1234567890", "sk-…7890"),
        ("sk-proj-abcdefgh1234", "sk-…1234"),
    ],
)
def test_a_key_shows_its_ends_and_a_short_one_nothing(secret: str, shown: str) -> None:
    assert mask(secret) == shown


KEY = "sk-proj-abcdefgh1234"


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("The key is fine.", (KEY,), "The key is fine."),
        (f"{KEY} and {KEY}", (KEY,), "sk-…1234 and sk-…1234"),
        (f"{KEY} or hunter2", (KEY, "hunter2"), "sk-…1234 or …"),
        (f"Bearer {KEY}", (KEY, f"Bearer {KEY}"), "sk-…1234"),
        ("a 12345 b", ("12345",), "a 12345 b"),
        ("a 123456 b", ("123456",), "a … b"),
        ("a b", ("",), "a b"),
        (KEY, (), KEY),
    ],
)
def test_a_text_shows_no_secret(text: str, secrets: tuple[str, ...], shown: str) -> None:
    assert without_secrets(text, secrets) == shown


def test_an_error_hides_a_secret_in_all_that_it_says() -> None:
    error = Unreachable(f"No way to {KEY}.", hint=f"Is {KEY} right?")
    error.hide((KEY,))
    assert (str(error), error.message) == ("No way to sk-…1234. Is sk-…1234 right?", "No way to sk-…1234.")


def test_a_hint_shows_no_secret_either() -> None:
    error = Unreachable("It broke.", hint=f"Is {KEY} right?")
    error.hide((KEY,))
    assert error.hint == "Is sk-…1234 right?"


def test_a_refusal_hides_a_secret_wherever_the_endpoint_repeats_it() -> None:
    body = {"message": KEY, "seen": [{"key": f"é {KEY}"}, 1, None]}
    error = Refused(Refusal(KEY, code=KEY, type=KEY, param=KEY, body=body), status=401, headers={"x-key": KEY})
    error.hide((KEY,))
    assert KEY not in repr((str(error), error.message, error.headers, error.refusal))
    assert error.refusal.body == {"message": "sk-…1234", "seen": [{"key": "é sk-…1234"}, 1, None]}


def test_a_refusal_whose_numbers_hold_the_secret_keeps_no_body() -> None:
    error = Refused(Refusal("no", body={"seen": 123456789}), status=401)
    error.hide(("123456789",))
    assert (error.message, error.refusal.body) == ("no", {})


def test_a_refusal_without_the_secret_stays_as_it_is() -> None:
    refusal = Refusal("no", "code", "type", "param", 401, {"message": "no", "seen": [1.5, True, None, "é"]})
    error = Refused(refusal, status=401, headers={"x-a": "b"})
    error.hide((KEY,))
    assert (error.refusal, error.headers) == (refusal, {"x-a": "b"})


@pytest.mark.parametrize("secrets", [("sk-proj", KEY), (KEY, "sk-proj")])
def test_a_secret_inside_another_leaves_no_rest_of_it(secrets: tuple[str, ...]) -> None:
    assert without_secrets(f"{KEY}, sk-proj", secrets) == "sk-…1234, …"


@pytest.mark.parametrize(
    "key",
    [
        "sk-ant-api03-0123456789abcdef",
        "sk-0123456789abcdef",
        "ghp_0123456789abcdef",
        "github_pat_0123456789abcdef",
        "hf_0123456789abcdef",
        "xoxb-0123456789abcdef",
        "AKIA0123456789ABCDEF",
        "AIza0123456789abcdef",
    ],
)
def test_what_looks_like_a_key_is_masked_though_nobody_told_of_it(key: str) -> None:
    assert without_keys(f"No such key: {key}.") == f"No such key: {mask(key)}."


def test_what_is_sent_as_a_bearer_is_a_key() -> None:
    assert without_keys("Authorization: Bearer abcdefgh.1234567") == "Authorization: Bearer abc…4567"


@pytest.mark.parametrize("text", ["a sk-1 in a desk-top", "the task-list of a risk-averse-bold-team", "half_a_word"])
def test_ordinary_words_are_no_keys(text: str) -> None:
    assert without_keys(text) == text
