"""What can answer a chat, and the task that it is given. Add a backend by one file and one row in `table`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .events import Event
from .parameters import Parameters

__all__ = ["Backend", "NotReady", "Task"]


@dataclass(frozen=True)
class Task:
    """One run's work as a backend sees it.

    `model` is what stands behind the backend's name (`mini:gpt-5` → `gpt-5`), `parameters` are those that the
    backend's table honours or passes on, and `options` is the request's `codex_agent` object.
    """

    run_id: str
    model: str
    messages: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tenant: str = ""


class NotReady(Exception):
    """A backend cannot work as it is set up; the message says why, and what to do."""


class Backend(Protocol):
    """Answers tasks. Its events end with exactly one `Done`; closing the generator ends all that it started."""

    name: str
    parameters: Parameters

    def models(self) -> Sequence[str]:
        """The names that a request may ask for: `echo`, `replay:hello`."""
        ...

    def check(self, model: str) -> None:
        """Raises `NotReady` where `model` cannot be asked now. Cheap: it is called at each request and by /ready."""
        ...

    def answer(self, task: Task) -> AsyncGenerator[Event, None]: ...
