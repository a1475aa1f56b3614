"""What Codex says, sorted into thoughts and the answer. Pure.

Law: each letter is told once. Its messages may have a phase that says what they are; one without is held, and is a
thought where Codex goes on to act, and the answer where its turn ends. A structured answer is the last message alone.
"""

from __future__ import annotations

from ..events import Event, Text, Thought
from ..held import HOLD_CHARS, Held

__all__ = ["COMMENTARY", "FINAL", "Speech"]

# The Responses API's words for a message's phase.
COMMENTARY = "commentary"
FINAL = "final_answer"
# Two messages, and two thoughts that nothing stands between, are paragraphs.
_APART = "\n\n"


class _Message:
    """`held` is None in a thought; `heard` counts the letters that have come."""

    def __init__(self, id: str, held: Held | None) -> None:
        self.id = id
        self.held = held
        self.heard = 0


class Speech:
    """The messages and the thoughts of one turn. `answered` says whether any text was told."""

    def __init__(self, *, whole: bool = False) -> None:
        self.answered = False
        self._whole = whole
        self._messages: dict[str, _Message] = {}
        # Those of which it is not settled what they are, in their order.
        self._open: list[_Message] = []
        self._last_text = ""
        self._last_thought = ""
        self._latest = ""

    def begin(self, id: str, phase: str) -> list[Event]:
        """A message begins; the same one may be begun again."""
        if id in self._messages:
            return []
        told = self.settle() if self._whole or phase in (COMMENTARY, FINAL) else []
        hold = None if self._whole else 0 if phase == FINAL else HOLD_CHARS
        message = self._messages[id] = _Message(id, None if phase == COMMENTARY else Held(hold))
        if message.held is not None and hold != 0:
            self._open.append(message)
        return told

    def hear(self, id: str, piece: str) -> list[Event]:
        """A piece of a message."""
        told = self.begin(id, "")
        message = self._messages[id]
        message.heard += len(piece)
        if message.held is None:
            return told + self.think(id, piece)
        if text := message.held.hear(piece):
            earlier = self._open[: self._open.index(message)] if message in self._open else []
            for each in earlier:
                told += self._answer(each)
            told += self._text(id, text)
        return told

    def end(self, id: str, phase: str, text: str) -> list[Event]:
        """A message is whole: what no piece of it has brought is told now."""
        told = self.begin(id, phase)
        message = self._messages[id]
        told += self.hear(id, text[message.heard :])
        self._latest = text or self._latest
        if phase == COMMENTARY and message in self._open:
            told += self._muse(message)
            self._open.remove(message)
        elif phase == FINAL and not self._whole:
            told += self._answer(message)
        return told

    def think(self, part: str, piece: str) -> list[Event]:
        """A piece of a thought; `part` is its own, so that two are told apart."""
        if not piece:
            return []
        apart = _APART if self._last_thought not in ("", part) else ""
        self._last_thought = part
        return [Thought(apart + piece)]

    def acts(self) -> list[Event]:
        """Codex goes on to act: what it has said was a thought."""
        told = self.settle()
        self._last_thought = ""
        return told

    def settle(self, *, answer: bool = False) -> list[Event]:
        """Of what was held it is clear now: it is the answer, or a thought."""
        told: list[Event] = []
        for message in self._open:
            told += self._answer(message) if answer else self._muse(message)
        self._open = []
        return told

    def last(self) -> list[Event]:
        """The turn is done: what was held is the answer, and where nothing was one, the last message is."""
        told = self.settle(answer=True)
        return told if self.answered else told + self._text("", self._latest)

    def _answer(self, message: _Message) -> list[Event]:
        if message.held is None:
            return []
        message.held.told = True
        return self._text(message.id, message.held.take())

    def _muse(self, message: _Message) -> list[Event]:
        """Of a message that was told in part as text, the rest is text."""
        if message.held is None or message.held.told:
            return self._answer(message)
        thought, message.held = message.held.take(), None
        return self.think(message.id, thought)

    def _text(self, id: str, piece: str) -> list[Event]:
        if not piece:
            return []
        apart = _APART if self.answered and self._last_text != id else ""
        self._last_text, self.answered = id, True
        return [Text(apart + piece)]
