"""What Codex says, with a phase and without: thoughts live, the answer live where it is known to be one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.codex.speech import COMMENTARY, FINAL
from litellm_codex_agent.backends.events import Event, Text, Thought
from litellm_codex_agent.backends.held import HOLD_CHARS

from .turns import (
    Notification,
    command,
    completed,
    delta,
    ended,
    heard,
    message,
    started,
    text_in,
    thinking,
    thoughts_in,
)

LONG = "x" * (HOLD_CHARS + 1)


def said(*turn: Notification, **options: Any) -> list[Event]:
    """The texts and the thoughts of a turn that ended well."""
    events = heard([*turn, ended()], **options)[1]
    return [event for event in events if isinstance(event, (Text, Thought))]


def test_commentary_is_a_thought_and_a_final_answer_a_text_as_they_come() -> None:
    turn = [*message("m1", "I ", "look.", phase=COMMENTARY), *message("m2", "It ", "is.", phase=FINAL)]
    assert heard(turn[:2])[1] == [Thought("I ")]
    assert heard(turn[:6])[1] == [Thought("I "), Thought("look."), Text("It ")]
    assert said(*turn) == [Thought("I "), Thought("look."), Text("It "), Text("is.")]


def test_a_message_without_a_phase_is_a_thought_before_an_act_and_else_the_answer() -> None:
    turn = [*message("m1", "I ", "look."), *command("c1", "ls"), *message("m2", "It ", "is.")]
    assert said(*turn) == [Thought("I look."), Text("It is.")]
    assert said(*message("m1", "I look."), *thinking("r1", ["hm"])) == [
        Thought("I look."),
        Thought("\n\nhm"),
        Text("I look."),
    ]


@pytest.mark.parametrize("phase", ["partial_answer", "of a later version", None])
def test_a_phase_that_is_not_known_is_none(phase: str | None) -> None:
    assert said(
        *message("m1", "I look.", phase=phase), *command("c1", "ls"), *message("m2", "It is.", phase=FINAL)
    ) == [
        Thought("I look."),
        Text("It is."),
    ]


def test_a_long_message_without_a_phase_is_told_as_it_comes_and_stays_an_answer() -> None:
    turn = [*message("m1", LONG, "y", "z"), *command("c1", "ls"), *message("m2", "It is.")]
    assert said(*turn) == [Text(LONG), Text("y"), Text("z"), Text("\n\nIt is.")]


def test_two_short_messages_at_the_end_are_both_the_answer() -> None:
    assert said(*message("m1", "One."), *message("m2", "Two.")) == [Text("One."), Text("\n\nTwo.")]


def test_a_long_message_takes_the_short_ones_before_it_along() -> None:
    assert said(*message("m1", "One."), *message("m2", LONG)) == [Text("One."), Text("\n\n" + LONG)]


def test_a_message_with_a_phase_makes_a_thought_of_the_one_before() -> None:
    for phase, last in ((FINAL, Text("Two.")), (COMMENTARY, Thought("\n\nTwo."))):
        told = said(*message("m1", "One."), *message("m2", "Two.", phase=phase))
        assert told[:2] == [Thought("One."), last]


def test_a_turn_without_an_answer_has_its_last_message_for_one() -> None:
    assert said(*message("m1", "One.", phase=COMMENTARY)) == [Thought("One."), Text("One.")]
    assert said(*message("m1", "One."), *command("c1", "ls")) == [Thought("One."), Text("One.")]
    assert said(*command("c1", "ls")) == []


def test_a_phase_that_is_told_at_the_end_only_counts() -> None:
    begin, piece, _ = message("m1", "One.")
    for phase, told in ((COMMENTARY, Thought("One.")), (FINAL, Text("One."))):
        end = message("m1", "One.", phase=phase)[-1]
        progress = heard([begin, piece, end, *message("m2", "Two.", phase=FINAL)])[1]
        assert progress[0] == told
    late = [begin, piece, *command("c1", "ls"), message("m1", "One.", phase=FINAL)[-1]]
    assert said(*late) == [Thought("One."), Text("One.")]


def test_a_final_answer_that_an_act_comes_into_stays_one() -> None:
    begin, one, two, end = message("m1", "a", "b", phase=FINAL)
    assert said(begin, *command("c1", "ls"), one, *command("c2", "ls"), two, end) == [Text("a"), Text("b")]


def test_a_message_that_an_act_comes_into_stays_a_thought() -> None:
    begin, one, two, end = message("m1", "a", "b")
    assert said(begin, one, *command("c1", "ls"), two, end, *message("m2", "c")) == [
        Thought("a"),
        Thought("b"),
        Text("c"),
    ]


def test_a_structured_answer_is_the_last_message_alone() -> None:
    wordy = [*message("m1", LONG), *message("m2", LONG, phase=FINAL), *message("m3", "hm", phase=COMMENTARY)]
    turn = [*wordy, *message("m4", "{}", phase=FINAL)]
    assert [event.text for event in said(*turn, whole=True) if isinstance(event, Text)] == ["{}"]
    assert said(*message("m1", '{"answer": ', "42} "), whole=True) == [Text('{"answer": 42} ')]
    for phase in (FINAL, None):
        assert heard(message("m1", LONG, phase=phase), whole=True)[1] == [Thought(LONG)]


def test_a_commentary_that_says_so_at_its_end_is_no_structured_answer() -> None:
    begin, piece, _ = message("m1", LONG)
    turn = [begin, piece, message("m1", LONG, phase=COMMENTARY)[-1], *message("m2", "{}")]
    assert said(*turn, whole=True) == [Thought(LONG), Text("{}")]


@pytest.mark.parametrize("phase", [COMMENTARY, FINAL, None])
def test_what_the_pieces_did_not_bring_the_whole_does_once(phase: str | None) -> None:
    begin, piece, end = message("m1", "It ", phase=phase, whole="It is.")
    kind = Thought if phase == COMMENTARY else Text
    for turn in ([begin, piece, end, end], [begin, end], [end], [piece, end]):
        told = [event.text for event in said(*turn) if isinstance(event, kind)]
        assert "".join(told) == "It is."


def test_what_comes_late_of_a_message_that_was_told_as_text_is_text() -> None:
    begin, first, second, _ = message("m1", "One.", "More.")
    assert said(begin, first, *message("m2", LONG), second) == [Text("One."), Text("\n\n" + LONG), Text("\n\nMore.")]
    begin, first, second, _ = message("m1", LONG, "More.")
    assert said(begin, first, *command("c1", "ls"), second) == [Text(LONG), Text("More.")]


PHASES = st.sampled_from([COMMENTARY, FINAL, None])
PIECES = st.lists(st.text(min_size=1, max_size=HOLD_CHARS // 2), max_size=5)


@given(PIECES, PHASES, st.booleans(), st.integers(0, 5))
def test_a_message_cut_anywhere_gives_the_same_text(pieces: list[str], phase: Any, whole: bool, lost: int) -> None:
    words = "".join(pieces)
    turn = message("m1", *pieces[: max(len(pieces) - lost, 0)], phase=phase, whole=words)
    events = said(*turn, whole=whole)
    # Commentary is a thought, and the answer too where there is no other.
    assert (text_in(events), thoughts_in(events)) == (words, words if phase == COMMENTARY else "")


TURN = st.lists(st.tuples(PIECES, PHASES, st.booleans()), max_size=5)


@given(TURN, st.booleans())
def test_of_a_turn_nothing_is_lost(turn: list[tuple[list[str], Any, bool]], whole: bool) -> None:
    told = []
    for number, (pieces, phase, acts) in enumerate(turn):
        told += message(f"m{number}", *pieces, phase=phase) + (command(f"c{number}", "ls") if acts else [])
    events = said(*told, whole=whole)
    heard_of = text_in(events) + thoughts_in(events)
    assert all("".join(pieces) in heard_of for pieces, _, _ in turn)
    assert [event for event in events if not event.text] == []  # type: ignore[union-attr]


def test_a_piece_of_a_message_that_did_not_begin_is_one_without_a_phase() -> None:
    assert said(delta("agentMessage/delta", "m1", "One.")) == [Text("One.")]
    assert said(started("agentMessage", "m1"), completed("agentMessage", "m1", text="One.")) == [Text("One.")]
