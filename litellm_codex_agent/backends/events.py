"""What a run tells while it lives, in the order in which it happens.

Law: a `ToolCall` is told before anything is done. Whoever reads the events makes it durable first and
only then asks for the next one, so what a run has begun to change is known even after a crash.

A run may tell a hundred thousand of them, and all are held while it lives: so those that come often have slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ClientCall", "Done", "Event", "Failure", "FileChange", "Text", "Thought", "ToolCall", "ToolResult", "Usage"]


@dataclass(frozen=True, slots=True)
class Thought:
    """What the run thinks while it works. It streams as `reasoning_content`."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The run is about to act: `text` is the command, the patch or the arguments, as a person reads them."""

    id: str
    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of the call with this id. A tool that failed is no failed run."""

    id: str
    ok: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of the workspace, by its path inside it: `kind` is added, changed or removed.

    `diff` is what `git apply` takes, where there is one: a large file has none.
    """

    path: str
    kind: str = "changed"
    diff: str = ""


@dataclass(frozen=True, slots=True)
class ClientCall:
    """The run asks its client to call a tool of the client's own, and goes on with the next request that answers."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Usage:
    """What the run took of its models, over all their calls. No cost means that none is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def plus(self, other: Usage) -> Usage:
        """The sum of both; a cost that is known of one only is what is known of both."""
        costs = [usage.cost_usd for usage in (self, other) if usage.cost_usd is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(costs) if costs else None,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    def minus(self, part: Usage) -> Usage:
        """What it has beyond `part`, which came before it."""
        cost = self.cost_usd
        return Usage(
            self.prompt_tokens - part.prompt_tokens,
            self.completion_tokens - part.completion_tokens,
            cost if cost is None else cost - (part.cost_usd or 0.0),
            self.cached_tokens - part.cached_tokens,
            self.reasoning_tokens - part.reasoning_tokens,
        )


@dataclass(frozen=True)
class Failure:
    """Why a run has no answer: the status that its caller gets where nothing was done yet, and one sentence."""

    status: int
    message: str
    code: str = ""
    retry_after: float | None = None


@dataclass(frozen=True)
class Done:
    """The end, told exactly once: why the run stopped, what it took, and the failure where it is one.

    `added` are the messages that the run added to its conversation, where it keeps them as such.
    """

    stopped_reason: str = "success"
    usage: Usage = field(default_factory=Usage)
    failure: Failure | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    added: Sequence[Mapping[str, Any]] = ()


Event = Thought | Text | ToolCall | ToolResult | FileChange | ClientCall | Done
