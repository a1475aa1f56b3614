"""What a run works with: its model, its tools, its bounds, and what an answer has to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..backends.events import FileChange
from .budget import Budgets
from .hands import Hands, Made
from .model import Model

__all__ = ["Job"]

_Messages = Sequence[Mapping[str, Any]]


async def _no_changes() -> Sequence[FileChange]:
    return ()


@dataclass(frozen=True)
class Job:
    """`client_tools` are the client's own, `tool_choice` is for the first call. `check` says what is wrong with an
    answer, `changes` what was changed in the workspace, and `keep` is given each call for the trace."""

    model: Model
    hands: Hands = field(default_factory=Hands)
    budgets: Budgets = field(default_factory=Budgets)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    client_tools: _Messages = ()
    tool_choice: Any = None
    escalation: Model | None = None
    check: Callable[[str], str] | None = None
    changes: Callable[[], Awaitable[Sequence[FileChange]]] = _no_changes
    keep: Callable[[Made], None] = lambda made: None
    run_code: bool = False
    repair: bool = True

    @property
    def schemas(self) -> list[Mapping[str, Any]]:
        """All tools that the model is offered."""
        return [*self.hands.schemas(), *self.client_tools]

    @property
    def client_names(self) -> frozenset[str]:
        return frozenset(tool["function"]["name"] for tool in self.client_tools)
