"""The examples of the documents that this grew from, with one more line: the registration."""

from __future__ import annotations

import asyncio
import os

import pytest
from litellm import Router

import litellm_codex_agent

from .endpoint import Endpoint
from .provider.calls import hello

MESSAGES = [{"role": "user", "content": "Plan steps and finish."}]


@pytest.fixture
def base(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    address = hello(endpoint).base.removesuffix("/v1")
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")
    monkeypatch.setenv("CODEX_AGENT_API_BASE", address)
    litellm_codex_agent.register()
    return address


def test_a_router_entry_with_nothing_but_the_model(base: str) -> None:
    router = Router(model_list=[{"model_name": "codex-agent-1", "litellm_params": {"model": "codex-agent/mini"}}])
    response = asyncio.run(router.acompletion(model="codex-agent-1", messages=MESSAGES))
    assert response.choices[0].message.content == "Hello there"


def test_a_router_entry_with_address_and_key_from_the_environment(base: str) -> None:
    params = {
        "model": "codex-agent/mini",
        "api_base": os.getenv("CODEX_AGENT_API_BASE"),
        "api_key": os.getenv("CODEX_AGENT_API_KEY", ""),
    }
    router = Router(model_list=[{"model_name": "codex-agent-1", "litellm_params": params}])
    response = asyncio.run(router.acompletion(model="codex-agent-1", messages=MESSAGES))
    assert response.choices[0].message.content == "Hello there"
