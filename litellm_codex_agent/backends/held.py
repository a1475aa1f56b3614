"""Text of which it is not yet clear whether it is the answer or a thought before an act. Pure.

Law: what is told cannot be taken back, so a text is held until it is too long for a thought.
"""

from __future__ import annotations

__all__ = ["HOLD_CHARS", "Held"]

# What a model says before it calls a tool is a thought and not the answer, and is seldom longer. Text beyond it is
# told as it comes.
HOLD_CHARS = 400


class Held:
    """`hold` is how many letters are kept until the text is whole; None keeps all, and so does one of `read_whole`
    at the beginning of the text.

    `told` says whether some of it was told; `text` is what was not.
    """

    def __init__(self, hold: int | None = HOLD_CHARS, *, read_whole: tuple[str, ...] = ()) -> None:
        self.told = False
        self.text = ""
        self._hold = hold
        self._read_whole = read_whole

    def hear(self, piece: str) -> str:
        """What can be told now; empty while it is held."""
        self.text += piece
        if not self.text or not self._is_answer():
            return ""
        self.told = True
        return self.take()

    def take(self) -> str:
        """What was held, which then is held no more."""
        text, self.text = self.text, ""
        return text

    def _is_answer(self) -> bool:
        """Whether what was said so far can only be the answer, or is taken for it."""
        if self._hold is None:
            return False
        whole = self._hold > 0 and self.text.lstrip().startswith(self._read_whole)
        return self.told or (len(self.text) > self._hold and not whole)
