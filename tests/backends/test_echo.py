"""Echo, whose events are as many as the words, but no more than so many."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.echo import PIECES, Echo
from litellm_codex_agent.backends.events import Done, Text, Thought, Usage

from .playing import task, told


def test_the_words_of_the_question_are_told_one_by_one() -> None:
    assert told(Echo(), task(content="one  two")) == [
        Thought("Repeating 2 words."),
        Text("one"),
        Text(" two"),
        Done(usage=Usage(2, 2)),
    ]


def test_nothing_is_repeated_of_nothing() -> None:
    assert told(Echo(), task(content="")) == [Thought("Repeating 0 words."), Done(usage=Usage(0, 0))]


@pytest.mark.parametrize("words", [PIECES, PIECES + 1, 3 * PIECES])
def test_a_long_text_is_told_whole_and_in_few_events(words: int) -> None:
    content = " ".join(f"w{number}" for number in range(words))
    _, *texts, done = told(Echo(), task(content=content))
    assert "".join(text.text for text in texts if isinstance(text, Text)) == content
    assert len(texts) <= PIECES
    assert isinstance(done, Done) and done.usage.completion_tokens == words
