"""The program answers whatever it is asked, in JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from litellm_codex_agent.tools.inside import program, texts


def test_what_a_tool_tells_is_the_answer(workspace: Path) -> None:
    (workspace / "a").write_text("x")
    assert program.answered(texts, "read_file", {"path": "a"}) == {"stdout": "x", "stderr": ""}


def test_what_cannot_be_done_is_an_answer_too(workspace: Path) -> None:
    assert "lies outside" in program.answered(texts, "read_file", {"path": ".."})["error"]
    assert program.answered(texts, "read_file", {"path": "a"}) == {"error": "a: No such file or directory."}


def test_one_call_is_read_and_answered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call = {"tool": "write_file", "arguments": {"path": "a", "content": "\u00e9"}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(call)))
    program.main(texts)
    assert json.loads(capsys.readouterr().out) == {"stdout": "Wrote a: 2 bytes."}
