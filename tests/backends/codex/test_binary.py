"""Where Codex is found: what the extra brings, a name on PATH, a path, and what stands behind npm's script."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.backends.codex.binary import Binary, found


def program(path: Path, content: bytes = b"\x7fELF and more") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def bundle(folder: Path) -> Path:
    (folder / "codex_cli_bin").mkdir(parents=True)
    (folder / "codex_cli_bin" / "__init__.py").touch()
    return folder / "codex_cli_bin" / "bin" / "codex"


def test_a_name_is_looked_up_on_the_path_and_links_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = program(tmp_path / "real" / "codex-x")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codex").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert found("codex") == found(str(tmp_path / "bin" / "codex")) == Binary(real)


def test_behind_the_script_of_npm_there_is_the_program_itself(tmp_path: Path) -> None:
    home = tmp_path / "lib" / "node_modules" / "@openai"
    script = program(home / "codex" / "bin" / "codex.js", b"#!/usr/bin/env node\n")
    inner = home / "codex" / "node_modules" / "@openai"
    program(inner / "codex-aaa" / "vendor" / "aaa" / "bin" / "codex", b"a placeholder")
    real = program(inner / "codex-linux-x64" / "vendor" / "x86_64-unknown-linux-musl" / "bin" / "codex")
    assert found(str(script)).path == real


def test_a_script_with_nothing_behind_it_is_told_by_its_path(tmp_path: Path) -> None:
    script = program(tmp_path / "codex", b"#!/bin/sh\n")
    with pytest.raises(NotReady, match=f"^{script} is a script, and behind it there is no program of Codex"):
        found(str(script))


@pytest.mark.parametrize("named", ["no-such-codex", "/no/such/codex", "/tmp"])
def test_one_that_is_not_there_is_told_with_the_setting(named: str) -> None:
    with pytest.raises(
        NotReady, match=rf"^There is no program '{named}': CODEX_AGENT_CODEX \(--codex\) has to name one"
    ):
        found(named)


def test_without_a_name_it_is_that_of_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(bundle(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "codex_cli_bin", raising=False)
    assert found("") == Binary(path)


@pytest.mark.parametrize("installed", [True, False])
def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if installed:
        bundle(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "codex_cli_bin", raising=False)
    with pytest.raises(NotReady, match=r'^Codex is not installed\. Run: pip install "litellm-codex-agent\[codex\]"$'):
        found("")


def test_it_is_seen_with_the_tools_that_it_brings(tmp_path: Path) -> None:
    path = tmp_path / "package" / "bin" / "codex"
    assert Binary(path).readable == (str(path.parent),)
    (tmp_path / "package" / "codex-path").mkdir(parents=True)
    assert Binary(path).readable == (str(tmp_path / "package"),)
