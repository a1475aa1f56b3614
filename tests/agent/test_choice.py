"""Which model a name is: a script, a group of the config, one of LiteLLM's, or none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from litellm_codex_agent.agent.choice import Choice
from litellm_codex_agent.backends.backend import NoSuchModel

from .scripts import write

CONFIG = "model_list:\n  - {model_name: codex, litellm_params: {model: openai/m, api_key: k}}\n"


@pytest.mark.parametrize("name", ["echo", "mini", "codex", "codex:gpt-5", "replay:hello", "mini:echo"])
def test_another_agent_is_no_model(name: str) -> None:
    choice = Choice(None, None)
    with pytest.raises(NoSuchModel, match="is an agent"):
        choice.check(name)
    with pytest.raises(NoSuchModel, match="is an agent"):
        asyncio.run(choice.model(name))


def test_a_group_of_the_config_may_have_an_agents_name(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    Choice(config, None).check("mini:codex")


def test_the_agents_name_before_its_model_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a", {"text": "one"})
    choice = Choice(None, tmp_path)
    choice.check("mini:script/a")
    assert asyncio.run(choice.model("mini:script/a")).name == "script/a"


@pytest.mark.parametrize(
    ("folder", "why"),
    [(None, "names no directory"), ("none", "there is no directory"), ("", "in ")],
)
def test_a_script_that_is_not_there_says_where_it_was_looked_for(folder: str | None, why: str, tmp_path: Path) -> None:
    with pytest.raises(NoSuchModel, match=f"There is no script 'a'.*{why}"):
        Choice(None, None if folder is None else tmp_path / folder).check("script/a")
