"""The page about models: its table has what a script may say, and its names are read as it says."""

from __future__ import annotations

from pathlib import Path

from litellm_codex_agent.agent.router_config import read
from litellm_codex_agent.agent.script import REPLY

from ..docs_blocks import ROOT, of_language

PAGE = ROOT / "docs" / "reference" / "models.md"


def test_the_table_has_each_field_of_a_scripts_line() -> None:
    told = [row.split("|")[1] for row in PAGE.read_text().splitlines() if row.startswith("| `")]
    assert sorted(name.strip(" `") for cell in told for name in cell.split(",")) == sorted(REPLY["properties"])


def test_the_config_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = of_language(PAGE, "yaml")
    (tmp_path / "router.yaml").write_text(block.text)
    assert read(tmp_path / "router.yaml").names == ["small"]
