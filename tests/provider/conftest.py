"""An endpoint over https and one with no other connections; and no proxies but a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .. import endpoint as scripted
from ..endpoint import Endpoint, Lane
from .calls import hello
from .relays import tls_front


@pytest.fixture
def secure(endpoint: Endpoint, certificate: str) -> Iterator[Lane]:
    """A lane that answers over https."""
    lane = hello(endpoint)
    with tls_front(endpoint.url, certificate) as url:
        yield Lane(lane.base.replace(endpoint.url, url), lane.acts, lane.asked)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def own() -> Iterator[Endpoint]:
    """An endpoint that no other test has connections to."""
    with scripted.running() as endpoint:
        yield endpoint
