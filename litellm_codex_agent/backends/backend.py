"""What can answer a chat, and the task that it is given. Add a backend by one file and one row in `table`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from .events import Event
from .parameters import Parameters

__all__ = ["Backend", "Choosy", "Living", "NoSuchModel", "NotReady", "Task", "Wall"]


@dataclass(frozen=True)
class Task:
    """One run's work as a backend sees it.

    `model` is what stands behind the backend's name (`mini:gpt-5` → `gpt-5`), `parameters` are those that the
    backend's table honours or passes on, and `options` is the request's `codex_agent` object. `session` is the
    conversation that this run goes on with, for the backends that keep one; empty where it stands alone.
    """

    run_id: str
    model: str
    messages: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tenant: str = ""
    session: str = ""


class NotReady(Exception):
    """A backend cannot work as it is set up; the message says why, and what to do."""


class NoSuchModel(Exception):
    """A backend has no model of this name; the message says what it has."""


class Backend(Protocol):
    """Answers tasks. Its events end with exactly one `Done`; closing the generator ends all that it started."""

    name: str
    parameters: Parameters

    def models(self) -> Sequence[str]:
        """The names that a request may ask for: `echo`, `replay:hello`."""
        ...

    def check(self, model: str) -> None:
        """Raises `NoSuchModel`, or `NotReady` where `model` cannot be asked now. Cheap: each request and /ready ask.

        `model` is what stands behind the backend's name and a colon; empty is the backend's own choice.
        """
        ...

    def answer(self, task: Task) -> AsyncGenerator[Event, None]: ...


@runtime_checkable
class Choosy(Protocol):
    """A backend whose table cannot say all that it refuses."""

    def look(
        self, messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        """Raises `RefusedParameter` for what no run could honour. Cheap: each request asks, before its run is made."""
        ...


@dataclass(frozen=True)
class Wall:
    """What stands around a backend's tools; no level: nothing works here, and `reason` says why."""

    level: str | None
    reason: str = ""


@runtime_checkable
class Living(Protocol):
    """A backend that is opened with its server and closed with it, and has tools behind a wall."""

    wall: Wall

    def opened(self) -> AbstractAsyncContextManager[None]: ...
