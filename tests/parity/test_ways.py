"""The table again on every way to the endpoint: over TLS with an own CA, unchecked, through a proxy, in its tunnel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from litellm_codex_agent.provider.transport import _pools

from ..endpoint import Endpoint
from ..provider.relays import proxying, tls_front
from .outcome import DIRECT, MODES, Outcome, Way, outcome
from .rows import ROWS, Row

WAYS = ("own CA", "no checks", "proxy", "tunnel")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(scope="module")
def fronted(endpoint: Endpoint, certificate: str) -> Iterator[str]:
    with tls_front(endpoint.url, certificate) as url:
        yield url


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    checked = request.param != "no checks" and request.getfixturevalue("certificate")
    secure = Way(request.getfixturevalue("fronted"), {"ssl_verify": checked})
    if request.param not in ("proxy", "tunnel"):
        yield secure
        return
    with proxying() as proxy:
        for name in _PROXIES:
            monkeypatch.setenv(name, proxy.url)
        yield DIRECT if request.param == "proxy" else secure
        assert proxy.asked
    for key in [key for key in _pools if key[2] == proxy.url]:
        # The pool of a proxy that is no more would keep its connection to the end of the tests.
        _pools.pop(key).close()


@pytest.fixture(scope="module")
def direct() -> dict[tuple[str, str], Outcome]:
    """What each row comes to without anything between: asked once for all ways."""
    return {}


@pytest.mark.parametrize("way", WAYS, indirect=True)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_comes_out_the_same_on_every_way(
    endpoint: Endpoint, direct: dict[tuple[str, str], Outcome], row: Row, mode: str, way: Way, monkeypatch: Any
) -> None:
    there = asyncio.run(outcome(endpoint, "codex-agent", row, mode, way))
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
    if (row.name, mode) not in direct:
        direct[row.name, mode] = asyncio.run(outcome(endpoint, "codex-agent", row, mode))
    assert there == direct[row.name, mode]
