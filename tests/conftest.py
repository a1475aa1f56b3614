"""What all tests share: an endpoint, an open gate, and a LiteLLM that remembers nothing of the test before."""

from __future__ import annotations

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from collections.abc import Iterator  # noqa: E402

import pytest  # noqa: E402

from . import endpoint as scripted  # noqa: E402


@pytest.fixture(scope="session")
def endpoint() -> Iterator[scripted.Endpoint]:
    with scripted.running() as server:
        yield server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CODEX_AGENT_API_BASE", "CODEX_AGENT_API_KEY", "SSL_VERIFY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")
