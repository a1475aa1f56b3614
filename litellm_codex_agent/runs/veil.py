"""Strikes secrets out of what a run tells, also where one comes in pieces: a model says a key token by token. Pure.

Law: no prefix of what has been told ends inside a secret that is shown later. So the end of a text that may be the
beginning of a secret is held until it is clear, and comes with the next piece or before the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from ..backends.events import Done, Event, Text, Thought
from ..errors import SECRET_MIN_CHARS, without_keys, without_secrets

__all__ = ["Veil", "redacted"]


class Veil:
    """Between one run's backend and those who hear of it."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SECRET_MIN_CHARS)
        self._held: Text | Thought | None = None

    def told(self, event: Event) -> list[Event]:
        """What may be told now that this has happened, in its order."""
        if not self._secrets:
            return [redacted(event, ())]
        if not isinstance(event, (Text, Thought)):
            return [*self.rest(), redacted(event, self._secrets)]
        earlier = [] if type(self._held) is type(event) else self.rest()
        text = (self._held.text if self._held else "") + event.text
        clear = _clear(text, self._secrets)
        self._held = replace(event, text=text[clear:]) if clear < len(text) else None
        shown = redacted(text[:clear], self._secrets)
        return [*earlier, replace(event, text=shown)] if shown else earlier

    def rest(self) -> list[Event]:
        """What is held, where nothing follows it."""
        held, self._held = self._held, None
        return [redacted(held, self._secrets)] if held else []

    def end(self, done: Done) -> Done:
        """The end as it may be told. An upstream's refusal may quote the key that it was sent, which is not ours."""
        told: Done = redacted(done, self._secrets)
        if told.failure is None:
            return told
        return replace(told, failure=replace(told.failure, message=without_keys(told.failure.message)))


def _clear(text: str, secrets: Sequence[str]) -> int:
    """How much of `text` no later piece can make a secret of."""
    clear = min(_unsure(text, secret) for secret in secrets)
    # One that is whole is not cut in two by another that may begin inside it.
    while whole := [begin for secret in secrets for begin in _across(text, secret, clear)]:
        clear = min(whole)
    return clear


def _unsure(text: str, secret: str) -> int:
    """Where at the end of `text` a beginning of `secret` begins."""
    begin = text.find(secret[0], max(0, len(text) - len(secret) + 1))
    while begin >= 0:
        if secret.startswith(text[begin:]):
            return begin
        begin = text.find(secret[0], begin + 1)
    return len(text)


def _across(text: str, secret: str, place: int) -> list[int]:
    """Where `secret` begins before this place and ends behind it; at most one is found, the first."""
    begin = text.find(secret, max(0, place - len(secret) + 1), place + len(secret) - 1)
    return [begin] if 0 <= begin < place else []


def redacted(value: Any, secrets: tuple[str, ...]) -> Any:
    """An event, or what JSON holds, with each secret masked wherever in it a text stands.

    Half of a surrogate pair, as a command may print it, becomes a question mark: no wire carries it.
    """
    if isinstance(value, str):
        text = without_secrets(value, secrets)
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {name: redacted(entry, secrets) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(redacted(entry, secrets) for entry in value)
    if not hasattr(value, "__dataclass_fields__"):
        return value
    return replace(value, **{each.name: redacted(getattr(value, each.name), secrets) for each in fields(value)})
