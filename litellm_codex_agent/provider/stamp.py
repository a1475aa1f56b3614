"""Chunks of plain text, made alike: LiteLLM's constructor makes the first two, and what differs in its text is copied.

Law: a copy is what the constructor would have made. The second is made both ways and compared; where
LiteLLM or pydantic build them in another way one day, the two differ and the constructor makes all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from litellm.types.utils import ModelResponseStream
from pydantic import BaseModel

__all__ = ["Stamp"]

# Values that chunks can share: nobody can change one in the chunk that he holds.
_SHARED = (str, int, float, type(None))

_Model = TypeVar("_Model", bound=BaseModel)
_new = object.__new__
_set = object.__setattr__


class Stamp:
    """One stream's chunks, each `made` of its fields."""

    def __init__(self, make: Callable[..., ModelResponseStream] = ModelResponseStream) -> None:
        self._make = make
        self._first: ModelResponseStream | None = None
        # The fields of the first, with the text of the latest; `_delta` lies within.
        self._like: dict[str, Any] = {}
        self._delta: dict[str, Any] = {}
        self._compared = False

    def made(self, fields: Mapping[str, Any]) -> ModelResponseStream:
        """What LiteLLM's constructor makes of `fields`. Raises what it raises."""
        if self._first is None or not self._differs_in_text_only(fields):
            made = self._make(**fields)
            if not self._compared:
                self._keep(fields, made)
            return made
        copied = _copied(self._first, self._delta["content"])
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
            self._first = None
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
            # A copy to copy from: the consumer has `made`, and may change it.
            self._delta, self._like = delta, {**fields, "choices": [choice]}
            self._first = _copied(made, delta["content"])


def _copied(first: ModelResponseStream, text: str) -> ModelResponseStream:
    choice = first.choices[0]
    delta = _copy(choice.delta, content=text)
    return _copy(first, choices=[_copy(choice, delta=delta)])


def _copy(model: _Model, **changed: object) -> _Model:
    """What `copy.copy` makes of a model, in a fraction of its calls. A change goes where pydantic holds the name."""
    copied = _new(type(model))
    extra, private = model.__pydantic_extra__, model.__pydantic_private__
    in_extra = extra is not None and changed.keys() <= extra.keys()
    _set(copied, "__dict__", {**model.__dict__, **({} if in_extra else changed)})
    _set(copied, "__pydantic_extra__", None if extra is None else {**extra, **(changed if in_extra else {})})
    _set(copied, "__pydantic_fields_set__", {*model.__pydantic_fields_set__})
    _set(copied, "__pydantic_private__", private and {name: _own(value) for name, value in private.items()})
    return copied


def _own(value: Any) -> Any:
    return {**value} if type(value) is dict else value
