"""The models of a config file: what it may say, what its faults are called, and which name is whose."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.litellm_model import LiteLLMModel, Models
from litellm_codex_agent.agent.model import Reply, Said
from litellm_codex_agent.agent.router_config import MAX_CONFIG_BYTES, read
from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.errors import AgentError, Refused

from ..endpoint import Endpoint, reply
from .models import KEY, answering, config, of, pieces, run

ROW = {"model_name": "group", "litellm_params": {"model": "openai/gpt-4o", "api_key": "hush-hush"}}
YAML = """
model_list:
  - model_name: small
    litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/SOME_KEY}
  - model_name: group
    litellm_params: {model: openai/gpt-4o, api_key: hush-hush, rpm: 5}
router_settings:
  num_retries: 1
"""


def written(folder: Path, text: str | bytes, name: str = "router.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "model_name": "small"}, ROW]
    for path in (written(tmp_path, YAML), written(tmp_path, json.dumps({"model_list": rows}), "router.json")):
        assert Models(path).names() == ["group", "small"]
    assert read(tmp_path / "router.yaml").router_settings == {"num_retries": 1}
    assert read(tmp_path / "router.yaml").secrets == ("hush-hush",)
    assert "hush" not in repr(read(tmp_path / "router.json").secrets and Models(tmp_path / "router.json"))


BROKEN: list[tuple[str, str | bytes, str]] = [
    ("a.json", "{", "it is not JSON: "),
    ("a.yaml", "a: [", "it is no YAML in line 1: "),
    ("a.yaml", b"\xff\xfe\xff", "it is no YAML"),
    ("a.yaml", "[" * 5000, "it is nested too deeply"),
    ("a.yaml", "- 1", "it has to be an object with a `model_list`."),
    ("a.yaml", "", "it has to be an object with a `model_list`."),
    ("a.yaml", "model_list: []", "`config.model_list` has to be a list with at least 1 entry."),
    ("a.yaml", "model_list: [{model_name: a}]", "`config.model_list[0].litellm_params` is missing"),
    ("a.yaml", "model_list: [{model_name: a, litellm_params: {}}]", "`config.model_list[0].litellm_params.model` is"),
    ("a.json", json.dumps({"model_list": [ROW], "general_settings": {}}), "`config.general_settings` is not a field"),
    ("a.json", " " * (MAX_CONFIG_BYTES + 1), "it is larger than 1,048,576 bytes."),
]


@pytest.mark.parametrize(("name", "text", "why"), BROKEN, ids=lambda entry: repr(entry)[:40])
def test_a_config_that_cannot_be_used_says_why(tmp_path: Path, name: str, text: str | bytes, why: str) -> None:
    with pytest.raises(NotReady) as caught:
        Models(written(tmp_path, text, name)).names()
    assert str(caught.value).startswith(f"The router config {name} cannot be used: {why}")


def test_a_config_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"The router config none.yaml cannot be read: No such file or directory"):
        run(Models(tmp_path / "none.yaml").model("a"))


def test_settings_that_the_router_does_not_know_are_told(tmp_path: Path) -> None:
    text = json.dumps({"model_list": [ROW], "router_settings": {"nosuch": 1}})
    with pytest.raises(NotReady, match=r"LiteLLM's Router does not take the config router.json: .*nosuch"):
        run(Models(written(tmp_path, text, "router.json")).model("group"))


def test_without_a_config_there_is_no_list_and_any_name_will_do() -> None:
    assert Models().names() == ()
    model = run(Models().model("anthropic/claude-sonnet-4-5"))
    assert (model.name, model.window) == ("anthropic/claude-sonnet-4-5", 200_000)


@pytest.mark.parametrize("name", ["openai/nosuch", "codex-agent/mini"])
def test_a_model_of_which_nothing_is_known_has_no_window(name: str) -> None:
    assert run(Models().model(name)).window is None


def test_a_name_that_is_no_group_is_litellms(tmp_path: Path) -> None:
    model = run(Models(written(tmp_path, YAML)).model("gpt-4"))
    assert isinstance(model, LiteLLMModel) and (model.name, model.window) == ("gpt-4", 8192)


def test_the_window_of_a_group_is_the_least_of_its_models(tmp_path: Path) -> None:
    def row(model: str, **info: Any) -> dict[str, Any]:
        return {"model_name": "group", "litellm_params": {"model": model, "api_key": "k"}, "model_info": info}

    rows = [row("openai/gpt-4o"), row("openai/nosuch"), row("openai/own", max_input_tokens=4000)]
    path = written(tmp_path, json.dumps({"model_list": rows}), "router.json")
    assert run(Models(path).model("group")).window == 4000


def test_a_group_can_be_a_pattern(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(answering("yes"))
    params = {"model": "openai/*", "api_base": lane.base, "api_key": KEY}
    path = written(tmp_path, json.dumps({"model_list": [{"model_name": "o/*", "litellm_params": params}]}), "r.json")

    async def scene() -> Any:
        return await pieces(await of(path, "o/some"))

    assert run(scene())[0] == Said("yes")
    assert lane.asked[0].json["model"] == "some"


def test_a_key_may_stand_in_a_variable(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    lane = endpoint.lane(answering("yes"))
    text = YAML.replace("api_key: os.environ/SOME_KEY", f"api_key: os.environ/SOME_KEY, api_base: '{lane.base}'")

    async def scene() -> Any:
        return (await pieces(await of(written(tmp_path, text), "small")))[-1]

    assert isinstance(run(scene()), Reply)
    assert lane.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_of_the_config_is_masked_whatever_its_form(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply({"error": {"message": "hush-hush-quiet is no key"}}, status=401))
    path = config(tmp_path, lane.base)
    path.write_text(path.read_text().replace(KEY, "hush-hush-quiet"))

    async def scene() -> Any:
        return await pieces(await of(path))

    with pytest.raises(AgentError, match="hus…uiet is no key") as caught:
        run(scene())
    assert isinstance(caught.value, Refused) and "hush-hush-quiet" not in str(caught.value.refusal)


def test_the_groups_of_one_config_share_a_router(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(reply({"error": {"message": "no"}}, status=429))
    models = Models(config(tmp_path, lane.base, allowed_fails=0, cooldown_time=60))
    kinds = []

    async def scene() -> None:
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await pieces(await models.model("group"))
            kinds.append((caught.value.status, caught.value.headers))

    run(scene())
    assert [status for status, _ in kinds] == [429, 429]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_config_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, YAML)
    path.chmod(0)
    with pytest.raises(NotReady, match="Permission denied"):
        Models(path).names()
