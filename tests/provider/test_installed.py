"""The LiteLLM that is installed: refused where it is too old, and its known fault told, once."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

import litellm_codex_agent
from litellm_codex_agent.errors import Misconfigured
from litellm_codex_agent.provider.installed import OLDEST, check

TOLD = "LiteLLM {} fails in every call with tools until you run: pip install mcp"


@pytest.fixture(autouse=True)
def forgetful() -> None:
    check.cache_clear()


@pytest.mark.parametrize("version", ["1.89.7", "1.80.0rc1", "1.77.2.post1", "0.14.1"])
def test_a_litellm_that_is_too_old_is_refused_with_the_command(version: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        check(version)
    said = f"LiteLLM {version} is too old for codex-agent, which needs 1.90 or newer."
    assert str(raised.value) == f'{said} Run: pip install "litellm>=1.90"'


@pytest.mark.parametrize("version", ["1.90.0", "1.90", "1.100.0", "1.109.1.dev1", "2.0", "", "0+unknown"])
def test_any_other_passes_without_a_word(version: str, caplog: pytest.LogCaptureFixture) -> None:
    check(version, has_mcp=False)
    assert caplog.messages == []


@pytest.mark.parametrize("version", ["1.106.0", "1.106.2", "1.108.3"])
def test_one_that_fails_without_mcp_is_told_once(version: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        check(version, has_mcp=False)
    assert caplog.messages == [TOLD.format(version)]


@pytest.mark.parametrize("version", ["1.105.7", "1.106.2", "1.108.6"])
def test_nothing_is_told_where_mcp_is_there_or_not_needed(version: str, caplog: pytest.LogCaptureFixture) -> None:
    check(version, has_mcp=version == "1.106.2")
    assert caplog.messages == []


def test_registering_looks_at_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(version="1.89.7")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: old)
    with pytest.raises(Misconfigured, match=r"LiteLLM 1\.89\.7 is too old"):
        litellm_codex_agent.register()


def test_a_litellm_that_was_not_installed_as_a_package_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nowhere)
    check()


def test_the_oldest_is_the_one_that_the_package_asks_for() -> None:
    oldest = ".".join(map(str, OLDEST))
    assert f'"litellm>={oldest}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()
