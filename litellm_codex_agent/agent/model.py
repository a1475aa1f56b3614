"""What the loop knows of a model: one question, its answer piece by piece, then the whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..backends.events import Usage

__all__ = ["Asked", "Model", "Mused", "Piece", "RawCall", "Reply", "Said"]


@dataclass(frozen=True)
class Asked:
    """One call of a model: `tools` as OpenAI has them, empty where it may only answer."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True)
class Mused:
    """A piece of what it thinks."""

    text: str


@dataclass(frozen=True)
class RawCall:
    """A tool call as the model wrote it: its arguments are text, and may be anything."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """The whole answer. `finish` is OpenAI's word; `message` is what goes back to the model as its own turn."""

    message: Mapping[str, Any]
    text: str = ""
    calls: tuple[RawCall, ...] = ()
    finish: str = "stop"
    usage: Usage = field(default_factory=Usage)


Piece = Said | Mused | Reply


class Model(Protocol):
    """A model of one run. Its pieces end with exactly one `Reply`; what it cannot answer raises an `AgentError`."""

    name: str
    # How many tokens fit into a question, where that is known.
    window: int | None

    def ask(self, asked: Asked) -> AsyncGenerator[Piece, None]: ...
