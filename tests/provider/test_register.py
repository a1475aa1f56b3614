"""The public face: what is imported when, and a registration that harms nobody."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import litellm
import pytest
from litellm import CustomLLM

import litellm_codex_agent
from litellm_codex_agent.provider.register import handler, hook

from ..endpoint import Endpoint
from .calls import MODES, ask, hello

# A fresh interpreter that imports LiteLLM takes five seconds here.
RUN_SECONDS = 120


@pytest.fixture(autouse=True)
def own_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "custom_provider_map", list(litellm.custom_provider_map))


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=RUN_SECONDS, check=True)
    return done.stdout.strip()


@pytest.mark.fresh
def test_importing_the_package_imports_neither_litellm_nor_http() -> None:
    code = "import sys, litellm_codex_agent as p; dir(p); print({'litellm', 'httpx', 'aiohttp'} & set(sys.modules))"
    assert run(code) == "set()"


@pytest.mark.fresh
def test_the_response_helpers_need_no_litellm() -> None:
    code = "import sys; from litellm_codex_agent import extract_content; print('litellm' in sys.modules)"
    assert run(code) == "False"


@pytest.mark.fresh
@pytest.mark.parametrize(
    "line",
    [
        "import litellm_codex_agent.auto",
        "litellm_codex_agent.hook",
        "litellm_codex_agent.codex_agent",
        "litellm_codex_agent.register()",
    ],
)
def test_each_way_in_registers_both_names_and_the_hook(line: str) -> None:
    code = f"""
import litellm_codex_agent
{line}
import litellm
print([item["provider"] for item in litellm.custom_provider_map], len(litellm.callbacks))
"""
    assert run(code) == "['codex-agent', 'codex_cli_agent'] 1"


def test_importing_auto_registers_in_this_process_too() -> None:
    litellm.custom_provider_map = []
    sys.modules.pop("litellm_codex_agent.auto", None)
    importlib.import_module("litellm_codex_agent.auto")
    assert [item["provider"] for item in litellm.custom_provider_map] == ["codex-agent", "codex_cli_agent"]


def test_registering_twice_changes_nothing() -> None:
    before = (list(litellm.custom_provider_map), list(litellm.callbacks))
    litellm_codex_agent.register()
    assert (litellm.custom_provider_map, litellm.callbacks) == before


def test_registering_appends_to_the_same_list_and_keeps_other_plugins() -> None:
    other: Any = {"provider": "other", "custom_handler": CustomLLM()}
    mine = litellm.custom_provider_map = [other]
    litellm_codex_agent.register()
    assert litellm.custom_provider_map is mine
    assert [item["provider"] for item in mine] == ["other", "codex-agent", "codex_cli_agent"]


@pytest.mark.parametrize("mode", ["acompletion", "astreaming"])
def test_a_proxy_that_assigned_the_map_does_not_take_the_provider_away(endpoint: Endpoint, mode: str) -> None:
    litellm.custom_provider_map = []
    assert ask(mode, hello(endpoint), model="codex_cli_agent/mini").choices[0].message.content == "Hello there"


def test_another_provider_of_our_name_is_told_and_not_overwritten() -> None:
    litellm.custom_provider_map = [{"provider": "codex-agent", "custom_handler": CustomLLM()}]
    with pytest.raises(RuntimeError, match="already has a provider 'codex-agent', from litellm"):
        litellm_codex_agent.register()


@pytest.mark.parametrize("mode", MODES)
def test_the_alias_is_the_same_provider(endpoint: Endpoint, mode: str) -> None:
    response = ask(mode, hello(endpoint), model="codex_cli_agent/mini")
    assert response.choices[0].message.content == "Hello there"


def test_the_public_names_are_what_they_say() -> None:
    assert (litellm_codex_agent.codex_agent, litellm_codex_agent.hook) == (handler, hook)
    assert isinstance(handler, litellm_codex_agent.CodexAgent)
    assert sorted(litellm_codex_agent.__all__) == sorted(set(litellm_codex_agent.__all__))
    assert set(litellm_codex_agent.__all__) <= set(dir(litellm_codex_agent))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = litellm_codex_agent.nothing
