"""Chunks of plain text, made alike: LiteLLM's constructor makes the first two, and what differs in its text is copied.

Law: a copy is what the constructor would have made. The second is made both ways and compared; where
LiteLLM or pydantic build them in another way one day, the two differ and the constructor makes all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from litellm.types.utils import ModelResponseStream
from pydantic import BaseModel

__all__ = ["Stamp"]

# Values that chunks can share: nobody can change one in the chunk that he holds.
_SHARED = (str, int, float, type(None))

_new = object.__new__
_set = object.__setattr__


class Stamp:
    """One stream's chunks, each `made` of its fields."""

    def __init__(self, make: Callable[..., ModelResponseStream] = ModelResponseStream) -> None:
        self._make = make
        # What copies are made of, from the outside in: the chunk, its choice, and the delta with the text.
        self._moulds: tuple[_Mould, ...] = ()
        # The fields of the first chunk of text, with the text of the latest; `_delta` lies within.
        self._like: dict[str, Any] = {}
        self._delta: dict[str, Any] = {}
        self._compared = False

    def made(self, fields: Mapping[str, Any]) -> ModelResponseStream:
        """What LiteLLM's constructor makes of `fields`. Raises what it raises."""
        if not self._moulds or not self._differs_in_text_only(fields):
            made = self._make(**fields)
            if not self._compared:
                self._keep(fields, made)
            return made
        chunk, choice, delta = self._moulds
        copied = chunk.cast([choice.cast(delta.cast(self._delta["content"]))])
        return copied if self._compared else self._compare(copied, self._make(**fields))

    def _differs_in_text_only(self, fields: Mapping[str, Any]) -> bool:
        try:
            text = fields["choices"][0]["delta"]["content"]
        except (LookupError, TypeError):
            return False
        if type(text) is not str:
            return False
        self._delta["content"] = text
        return fields == self._like

    def _compare(self, copied: ModelResponseStream, made: ModelResponseStream) -> ModelResponseStream:
        self._compared = True
        said, expected = (BaseModel.model_dump(chunk, exclude_unset=True) for chunk in (copied, made))
        if copied != made or said != expected:
            self._moulds = ()
        return made

    def _keep(self, fields: Mapping[str, Any], made: ModelResponseStream) -> None:
        """Take `made` for the first, if it is text of one choice, and nothing nested is beside it."""
        choices = fields.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or not choices[0]["delta"].get("content"):
            return
        delta = dict(choices[0]["delta"])
        choice = {**choices[0], "delta": delta}
        beside = [*({**fields, "choices": None} | {**choice, "delta": None}).values(), *delta.values()]
        if all(isinstance(value, _SHARED) for value in beside):
            self._delta, self._like = delta, {**fields, "choices": [choice]}
            first = made.choices[0]
            self._moulds = (_Mould(made, "choices"), _Mould(first, "delta"), _Mould(first.delta, "content"))


class _Mould:
    """A pydantic model taken apart: `cast` is what `copy.copy` makes of it with one value changed, in few calls."""

    def __init__(self, model: BaseModel, name: str) -> None:
        extra, private = model.__pydantic_extra__, model.__pydantic_private__
        # Copies, for the consumer has the model and may change it.
        self._kind, self._name, self._names = type(model), name, {*model.__pydantic_fields_set__}
        self._fields, self._extra = {**model.__dict__}, None if extra is None else {**extra}
        self._private = private and {key: _own(value) for key, value in private.items()}
        # A change goes where pydantic holds the name.
        self._in_extra = self._extra is not None and name in self._extra

    def cast(self, value: object) -> Any:
        """A model of its own, with this value."""
        copied, fields, private = _new(self._kind), {**self._fields}, self._private
        extra = None if self._extra is None else {**self._extra}
        (extra if extra is not None and self._in_extra else fields)[self._name] = value
        _set(copied, "__dict__", fields)
        _set(copied, "__pydantic_extra__", extra)
        _set(copied, "__pydantic_fields_set__", {*self._names})
        _set(copied, "__pydantic_private__", private and {key: _own(value) for key, value in private.items()})
        return copied


def _own(value: Any) -> Any:
    return {**value} if type(value) is dict else value
