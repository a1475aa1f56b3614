"""One server for all tests of the mini-agent that need no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .stand import Stand, standing


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(tmp_path_factory.mktemp("mini")) as up:
        yield up
