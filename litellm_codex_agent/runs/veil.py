"""Strikes secrets out of what a run tells, also where one comes in pieces: a model says a key token by token. Pure.

Law: what has been told of one kind of text, joined, shows of a secret its first letter, or what its mask does. So the
end of a piece that may be the beginning of a secret is held until it is clear, but for the letters that may be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..backends.events import Done, Event, Text, Thought
from ..errors import SECRET_MIN_CHARS, without_keys, without_secrets
from ..wire.strict_json import sayable

__all__ = ["Veil", "redacted"]


@dataclass(frozen=True)
class _Secret:
    """`free` is how many letters of it may be told: those that its mask begins with, and one in any case.

    Else a text would hang at every s, and most words do not go on as a key.
    """

    text: str
    free: int

    def unsure(self, text: str) -> int:
        """Where `text` begins to be what may be told only when it is known what follows."""
        begin = text.find(self.text[0], max(0, len(text) - len(self.text) + 1))
        while begin >= 0:
            if self.text.startswith(text[begin:]):
                return min(begin + self.free, len(text))
            begin = text.find(self.text[0], begin + 1)
        return len(text)

    def across(self, text: str, place: int) -> int:
        """The same where it is whole, and this place is inside it; else the place."""
        begin = text.find(self.text, max(0, place - len(self.text) + 1), place + len(self.text) - 1)
        return place if begin < 0 else min(begin + self.free, place)


class Veil:
    """Between one run's backend and those who hear of it."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SECRET_MIN_CHARS)
        masks = [(secret, without_secrets(secret, self._secrets)) for secret in self._secrets]
        self._each = [_Secret(secret, max(_alike(secret, mask), 1)) for secret, mask in masks]
        self._context = max((secret.free for secret in self._each), default=0)
        self._held: Text | Thought | None = None
        self._before = ""  # the last that was told of its kind, and may be the beginning of a secret

    def told(self, event: Event) -> list[Event]:
        """What may be told now that this has happened, in its order."""
        if not self._secrets:
            return [redacted(event, ())]
        if not isinstance(event, (Text, Thought)):
            return [*self.rest(), redacted(event, self._secrets)]
        earlier = [] if type(self._held) is type(event) else self.rest()
        text = self._before + (self._held.text if self._held else "") + redacted(event.text, ())
        clear = max(self._clear(text), len(self._before))
        self._held = replace(event, text=text[clear:])
        shown = self._shown(text[:clear])
        self._before = text[:clear][-self._context :]
        return [*earlier, replace(event, text=shown)] if shown else earlier

    def rest(self) -> list[Event]:
        """What is held, where nothing follows it."""
        held, self._held = self._held, None
        shown = self._shown(self._before + held.text) if held else ""
        self._before = ""
        return [replace(held, text=shown)] if held and shown else []

    def _shown(self, text: str) -> str:
        """`text` without secrets, and without what was told of it."""
        masked = without_secrets(text, self._secrets)
        return masked[_alike(masked, self._before) :]

    def _clear(self, text: str) -> int:
        """How much of `text` may be told, whatever follows."""
        clear = min(secret.unsure(text) for secret in self._each)
        # One that is whole is not cut in two by another that may begin inside it.
        while (earlier := min(secret.across(text, clear) for secret in self._each)) < clear:
            clear = earlier
        return clear

    def end(self, done: Done) -> Done:
        """The end as it may be told. An upstream's refusal may quote the key that it was sent, which is not ours."""
        told: Done = redacted(done, self._secrets)
        if told.failure is None:
            return told
        return replace(told, failure=replace(told.failure, message=without_keys(told.failure.message)))


def _alike(one: str, other: str) -> int:
    """With how many of the same letters both begin."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (mine, yours) in enumerate(pairs) if mine != yours), min(len(one), len(other)))


def redacted(value: Any, secrets: tuple[str, ...]) -> Any:
    """An event, or what JSON holds, with each secret masked wherever in it a text stands.

    An event that holds none is passed on as it is: most do, and there may be a hundred thousand.
    Half of a surrogate pair, as a command may print it, becomes a question mark: no wire carries it.
    """
    if isinstance(value, str):
        return sayable(without_secrets(value, secrets))
    if isinstance(value, Mapping):
        return {name: redacted(entry, secrets) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(redacted(entry, secrets) for entry in value)
    # Whatever has fields is looked into: an event of a kind that is not known here yet must not pass unseen.
    return _masked(value, secrets) if hasattr(value, "__dataclass_fields__") else value


def _masked(event: Any, secrets: tuple[str, ...]) -> Any:
    told = [(name, getattr(event, name)) for name in event.__dataclass_fields__]
    masked = {name: now for name, was in told if (now := redacted(was, secrets)) is not was}
    return replace(event, **masked) if masked else event
