"""Secrets in what a run tells: struck out whole, in pieces, across kinds of events, and at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.events import Done, Event, Failure, FileChange, Text, Thought, ToolCall, ToolResult
from litellm_codex_agent.errors import mask, without_secrets
from litellm_codex_agent.runs.veil import Veil, redacted

KEY = "sk-abcd-efgh-1234"
MASKED = mask(KEY)


def told(veil: Veil, *events: Event) -> list[Event]:
    return [shown for event in events for shown in veil.told(event)] + veil.rest()


def said(*pieces: str, secrets: tuple[str, ...] = (KEY,)) -> str:
    shown = told(Veil(secrets), *(Text(piece) for piece in pieces))
    return "".join(event.text for event in shown if isinstance(event, Text))


@pytest.mark.parametrize("size", range(1, len(KEY) + 3))
def test_a_secret_is_struck_out_however_it_is_cut(size: int) -> None:
    text = f"It is {KEY}."
    assert said(*(text[at : at + size] for at in range(0, len(text), size))) == f"It is {MASKED}."


@pytest.mark.parametrize("text", ["It is sk-abcd.", "sk-", "s", "sk-abcd-efgh-123", "ss sk sk-absk-ab"])
def test_what_only_begins_like_a_secret_is_told_whole(text: str) -> None:
    assert said(*text) == text


def test_what_is_clear_is_told_at_once_and_the_rest_with_the_next_piece() -> None:
    veil = Veil((KEY,))
    assert veil.told(Text("It is sk-a")) == [Text("It is sk-")]
    assert veil.told(Text("b")) == []
    assert veil.told(Text("out")) == [Text("about")]


def test_what_the_mask_begins_with_is_not_held() -> None:
    pieces = [Text("step"), Text("s"), Text(" ask"), Text(" sk-"), Text("k-"), Text(KEY[2:])]
    assert told(Veil((KEY,)), *pieces) == pieces
    assert told(Veil((KEY,)), Text("sk"), Text(KEY[2:])) == [Text("sk"), Text(MASKED[2:])]


def test_of_a_short_secret_no_more_than_a_letter_is_told() -> None:
    assert told(Veil(("secret",)), Text("a s"), Text("ecret"), Text("!")) == [Text("a s"), Text("…"), Text("!")]
    assert told(Veil(("secret",)), Text("step"), Text("s"), Text(" end")) == [Text("step"), Text("s"), Text(" end")]


def test_what_is_held_is_told_before_the_next_step() -> None:
    call = ToolCall("1", "exec")
    assert told(Veil((KEY,)), Text("a sk-ab"), call) == [Text("a sk-"), Text("ab"), call]
    assert told(Veil((KEY,)), Thought("sk-a"), Text("b")) == [Thought("sk-"), Thought("a"), Text("b")]


def test_a_secret_that_begins_as_another_one_is_whole() -> None:
    assert said("sk-one", "-and-more", secrets=("sk-one", "sk-one-and-more")) == mask("sk-one-and-more")
    assert said("xxabc1", " end", secrets=("xxabc1", "abc12345")) == "x… end"


# Of two letters, so that they begin and end inside each other; longer than twelve shows its ends.
SECRETS = st.lists(st.text("ab", min_size=6, max_size=16), min_size=1, max_size=3)


@given(SECRETS, st.data())
def test_pieces_are_masked_as_their_sum_is(secrets: list[str], data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.one_of(st.text("abc", max_size=5), st.sampled_from(secrets)), max_size=8))
    cut = data.draw(st.integers(1, 6))
    text = "".join(pieces)
    shown = said(*(text[at : at + cut] for at in range(0, len(text), cut)), secrets=tuple(secrets))
    assert not [secret for secret in secrets if secret in shown]
    if not [secret for secret in secrets if secret in text]:
        assert shown == text


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (ToolCall("1", KEY, f"x {KEY}"), ToolCall("1", MASKED, f"x {MASKED}")),
        (ToolResult("1", False, KEY), ToolResult("1", False, MASKED)),
        (FileChange(f"a/{KEY}"), FileChange(f"a/{MASKED}")),
        (Thought(KEY), Thought(MASKED)),
    ],
)
def test_every_kind_of_event_is_struck_through(event: Event, shown: Event) -> None:
    assert told(Veil((KEY,)), event) == [shown]


def test_the_end_is_struck_through_and_its_failure_has_no_key_of_anybodys() -> None:
    failure = Failure(401, f"no such key: sk-live-0123456789abcdef, nor {KEY}")
    done = Veil((KEY,)).end(Done("model_error", failure=failure, metrics={"a": [KEY, 1]}))
    assert done.failure is not None and done.failure.message == f"no such key: sk-…cdef, nor {MASKED}"
    assert done.metrics == {"a": [MASKED, 1]}
    assert Veil().end(Done()) == Done()


def test_without_secrets_nothing_is_held() -> None:
    assert Veil(("short",)).told(Text("shor")) == [Text("shor")]
    assert redacted([KEY, {"a": (KEY,)}, 1, None], (KEY,)) == [MASKED, {"a": (MASKED,)}, 1, None]
    assert without_secrets(KEY, ()) == KEY


@pytest.mark.parametrize("secrets", [(), (KEY,)])
def test_half_of_a_surrogate_pair_is_a_question_mark(secrets: tuple[str, ...]) -> None:
    assert said("s\ud83d", "k\udca9", secrets=secrets) == "s?k?"
