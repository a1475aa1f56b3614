"""The row of a real proxy: the same calls to two of its models, and the CPU that its process took for each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e import proxy

from .calls import OPENAI, OURS
from .stage import Stage
from .table import Figure, Row, Spread, spread

__all__ = ["through_a_proxy"]

AT_ONCE = 16
REQUESTS = 160
STREAMS = 16
CHUNKS = 200
ROUNDS = 5
_TICKS = os.sysconf("SC_CLK_TCK")


def through_a_proxy(stage: Stage) -> Row:
    """CPU of the proxy for a request and for a stream of 200 chunks, against `openai/` in the same proxy."""
    with tempfile.TemporaryDirectory() as directory, proxy.running(_config(stage), Path(directory)) as server:
        server.wait_until_ready()
        requests = _pairs(server, "whole", REQUESTS)
        streams = _pairs(server, "stream", STREAMS)
    return Row(
        "proxy",
        f"a real proxy, {AT_ONCE} requests at once",
        (
            Figure("of the CPU of openai/, a request", _ratio(requests).middle, 0.90),
            Figure(f"of the CPU of openai/, a stream of {CHUNKS}", _ratio(streams).middle, 0.65),
        ),
        f"pair by pair {_ratio(requests)} and {_ratio(streams)}; "
        f"{_side(requests, 0)} ms and {_side(streams, 0)} ms, "
        f"openai/ {_side(requests, 1)} ms and {_side(streams, 1)} ms",
    )


Pairs = list[tuple[float, float]]


def _ratio(pairs: Pairs) -> Spread:
    return spread([ours / openai for ours, openai in pairs])


def _side(pairs: Pairs, side: int) -> Spread:
    return spread([pair[side] * 1e3 for pair in pairs])


def _pairs(server: proxy.Proxy, kind: str, times: int) -> Pairs:
    models = [f"{name}-{kind}" for name in (OURS, OPENAI)]
    for model in models:
        _cpu(server, model, AT_ONCE)
    return [(_cpu(server, models[0], times), _cpu(server, models[1], times)) for _ in range(ROUNDS)]


def _cpu(server: proxy.Proxy, model: str, times: int) -> float:
    """CPU seconds that the proxy took for each of `times` requests."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": model.endswith("stream")}
    before = _cpu_of(server.process.pid)
    with server.client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for answer in pool.map(lambda _: client.post("/v1/chat/completions", json=body), range(times)):
            answer.raise_for_status()
    return (_cpu_of(server.process.pid) - before) / times


def _cpu_of(process: int) -> float:
    """CPU seconds of a process, of its children that are, and of those that were."""
    return sum(_own_cpu(each) for each in _tree(process))


def _tree(process: int) -> Iterator[int]:
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _own_cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _config(stage: Stage) -> dict[str, object]:
    lanes = {"whole": stage.base("whole"), "stream": stage.base(f"paced-{CHUNKS}")}
    return {
        "model_list": [
            {
                "model_name": f"{name}-{kind}",
                "litellm_params": {"model": f"{name}/mini", "api_base": base, "api_key": "sk-bench"},
            }
            for name in (OURS, OPENAI)
            for kind, base in lanes.items()
        ],
        "litellm_settings": {"callbacks": ["litellm_codex_agent.hook"]},
    }
