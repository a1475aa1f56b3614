"""What the server counts, as Prometheus reads it (text format 0.0.4).

A label's value comes from a closed set: a name that a client made up is counted as `other`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ..backends.events import Usage
from ..wire.envelope import STOPPED_REASONS

__all__ = ["BUCKETS", "CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# From an echo to the longest run that is allowed by default, and one beyond.
BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
OTHER = "other"

_Labels = tuple[tuple[str, str], ...]


@dataclass
class _Durations:
    """How long runs of one backend took: how many ended within each bucket, and their sum."""

    within: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    total: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.within = [count + (seconds <= edge) for count, edge in zip(self.within, BUCKETS, strict=True)]
        self.total += seconds
        self.count += 1


class Metrics:
    """Counts runs as they end. What is going on now is asked for when it is told."""

    def __init__(self, backends: Collection[str]) -> None:
        self._backends = frozenset(backends)
        self._runs: Counter[_Labels] = Counter()
        self._tokens: Counter[_Labels] = Counter()
        self._cost: defaultdict[_Labels, float] = defaultdict(float)
        self._durations: defaultdict[_Labels, _Durations] = defaultdict(_Durations)

    def ended(self, backend: str, reason: str, seconds: float, usage: Usage) -> None:
        """A run has ended. A cost that is not known adds nothing."""
        own = ("backend", backend if backend in self._backends else OTHER)
        why = ("stopped_reason", reason if reason in STOPPED_REASONS else OTHER)
        self._runs[own, why] += 1
        self._durations[own,].add(max(seconds, 0.0))
        for kind, tokens in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
            self._tokens[own, ("kind", kind)] += tokens
        # A counter never falls, and a backend's cost is its model's word.
        if usage.cost_usd is not None and 0 < usage.cost_usd < math.inf:
            self._cost[own,] += usage.cost_usd

    def text(self, *, queued: int, running: int) -> str:
        """All that is counted, and how many runs wait and work now."""
        lines = [
            *_family("codex_agent_runs_total", "counter", "Runs that have ended.", self._runs),
            *_family("codex_agent_runs_running", "gauge", "Runs that work now.", {(): running}),
            *_family("codex_agent_runs_queued", "gauge", "Runs that wait for a slot.", {(): queued}),
            *_family("codex_agent_tokens_total", "counter", "Tokens that ended runs took.", self._tokens),
            *_family("codex_agent_cost_usd_total", "counter", "What ended runs cost, where it is known.", self._cost),
            *_histogram("codex_agent_run_duration_seconds", "How long ended runs took.", self._durations),
        ]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, meaning: str, samples: Mapping[_Labels, float]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"
    for labels, value in sorted(samples.items()):
        yield _sample(name, labels, value)


def _histogram(name: str, meaning: str, samples: Mapping[_Labels, _Durations]) -> Iterator[str]:
    yield from _family(name, "histogram", meaning, {})
    for labels, took in sorted(samples.items(), key=lambda item: item[0]):
        edges = [*map(_number, BUCKETS), "+Inf"]
        for edge, count in zip(edges, [*took.within, took.count], strict=True):
            yield _sample(f"{name}_bucket", (*labels, ("le", edge)), count)
        yield _sample(f"{name}_sum", labels, took.total)
        yield _sample(f"{name}_count", labels, took.count)


def _sample(name: str, labels: _Labels, value: float) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
