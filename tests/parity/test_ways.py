"""The table again on every way to the endpoint: over TLS with an own CA, without checks, through a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ..endpoint import Endpoint
from ..provider.relays import proxying, tls_front
from .outcome import DIRECT, MODES, Outcome, Way, outcome
from .rows import ROWS, Row

WAYS = ("own CA", "no checks", "proxy")


@pytest.fixture(scope="module")
def fronted(endpoint: Endpoint, certificate: str) -> Iterator[str]:
    with tls_front(endpoint.url, certificate) as url:
        yield url


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    if request.param == "proxy":
        with proxying() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            yield DIRECT
            assert proxy.asked
        return
    checked = request.getfixturevalue("certificate") if request.param == "own CA" else False
    yield Way(request.getfixturevalue("fronted"), {"ssl_verify": checked})


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
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    if (row.name, mode) not in direct:
        direct[row.name, mode] = asyncio.run(outcome(endpoint, "codex-agent", row, mode))
    assert there == direct[row.name, mode]
