"""What all tests share: an endpoint, an open gate, and a LiteLLM that remembers nothing of the test before."""

from __future__ import annotations

import logging
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from collections.abc import Iterator

import litellm
import pytest

import litellm_codex_agent

from . import endpoint as scripted

_LISTS = (
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_success_callback",
    "_async_failure_callback",
    "service_callback",
)

logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
logging.getLogger("LiteLLM Router").setLevel(logging.CRITICAL)
litellm.suppress_debug_info = True


@pytest.fixture(scope="session")
def endpoint() -> Iterator[scripted.Endpoint]:
    with scripted.running() as server:
        yield server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate open, and nothing else set."""
    for name in ("CODEX_AGENT_API_BASE", "CODEX_AGENT_API_KEY", "SSL_VERIFY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")


@pytest.fixture(autouse=True)
def forgetful_litellm() -> Iterator[None]:
    """Each Router adds callbacks; after about a hundred of them LiteLLM silently stops cooling down."""
    litellm_codex_agent.register()
    yield
    for name in _LISTS:
        setattr(litellm, name, [])
    litellm.callbacks = []
    litellm.cache = None
