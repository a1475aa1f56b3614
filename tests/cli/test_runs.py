"""`codex-agent runs`, with a server and without one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.events import Done, Text
from litellm_codex_agent.cli.main import main
from litellm_codex_agent.runs.state import opened

from ..runs.stage import ACT, BUSY, HELLO, Stage
from ..runs.test_journal import row, within
from ..runs.test_supervisor import play
from .serving import serving


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with one run that answered and one that failed."""

    async def answered(on: Stage) -> None:
        await on.ask()

    with opened(tmp_path):
        pass
    play(tmp_path, answered, *ACT, *HELLO)
    play(tmp_path, answered, *ACT, BUSY)
    return tmp_path


def runs(state: Path, *arguments: str) -> int:
    return main(["runs", *arguments, "--state", str(state)])


def listed(state: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert runs(state, "list", "--json") == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return told


def test_the_newest_runs_are_listed_in_a_table(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(state, "list") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "began", "seconds", "state", "model"]
    assert [line.split()[4] for line in rows] == ["model_error", "success"]


def test_as_many_are_listed_as_asked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(state, "list", "--limit", "1") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_run_is_shown_with_its_steps_by_how_its_id_begins(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest, first = (told["id"] for told in listed(state, capsys))
    assert runs(state, "show", first[:20]) == 0
    told = capsys.readouterr().out
    assert first in told and "[exec] touch x\n[ok] done" in told and told.endswith("\nHello\n")
    assert runs(state, "show", newest) == 0
    assert "slow down" in capsys.readouterr().out


def test_a_run_is_shown_as_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = listed(state, capsys)[1]["id"]
    assert runs(state, "show", first, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [event["kind"] for event in told["events"]][-2:] == ["text", "done"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "nobody"), "There is no run 'nobody'"),
        (("show", "run_"), "More than one run begins with 'run_'"),
        (("cancel", "nobody"), "There is no run 'nobody'"),
    ],
)
def test_a_run_that_cannot_be_told_is_one_sentence(
    state: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert runs(state, *arguments) == 1
    assert words in capsys.readouterr().err


def test_without_a_journal_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(tmp_path, "list") == 1
    assert "There is no journal of runs" in capsys.readouterr().err


def test_a_file_that_is_no_journal_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"x" * 5000)
    assert runs(tmp_path, "list") == 1
    assert "cannot be used" in capsys.readouterr().err


def test_an_ended_run_is_not_cancelled(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(state, "cancel", listed(state, capsys)[0]["id"]) == 1
    assert "has ended already: model_error" in capsys.readouterr().err


@pytest.fixture
def living(tmp_path: Path) -> Path:
    """A state directory with a run that has not ended, and a server's key, but no server."""
    with opened(tmp_path):
        within(tmp_path / "journal.sqlite3", lambda journal: journal.add(row("run_living")))
    return tmp_path


def test_a_living_run_is_shown_as_far_as_it_is(living: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(living, "show", "run_living") == 0
    assert "running" in capsys.readouterr().out


def test_without_a_server_nobody_is_sent_its_key(living: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200, {}) as (url, asked):
        (living / "address.json").write_text(json.dumps({"url": url, "host": "localhost"}))
        assert runs(living, "cancel", "run_living") == 1
    assert asked == []
    assert "No server runs with" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_one_sentence(living: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(living) as state:
        state.announce("http://127.0.0.1:1", "localhost")
        assert runs(living, "cancel", "run_living") == 1
    assert "http://127.0.0.1:1 does not answer" in capsys.readouterr().err


def test_what_would_steer_a_terminal_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(tmp_path):
        play(tmp_path, Stage.ask, Text("a\x1b[31m\tb\n\x07c"), Done())
    assert runs(tmp_path, "show", "run_") == 0
    told = capsys.readouterr().out
    assert "a\ufffd[31m\tb\n\ufffdc" in told and "\x1b" not in told


@contextmanager
def answering(status: int, body: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that answers every DELETE so, and what it was asked with which key."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            asked.append((self.path, str(self.headers["authorization"])))
            told = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_a_cancel_asks_the_server_with_the_operators_key(living: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(living) as state, answering(200, {"stopped_reason": "cancelled"}) as (url, asked):
        state.announce(url, "localhost")
        assert runs(living, "cancel", "run_living") == 0
        assert asked == [("/agent/runs/run_living", f"Bearer {state.operator_key}")]
    assert capsys.readouterr().out == "run_living: cancelled\n"


def test_a_cancel_that_is_refused_says_why(living: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(living) as state, answering(404, {"error": {"message": "There is no such run."}}) as (url, _):
        state.announce(url, "localhost")
        assert runs(living, "cancel", "run_living") == 1
    assert "The server refused: There is no such run." in capsys.readouterr().err


def test_a_run_of_a_real_server_is_cancelled_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = {"CODEX_AGENT_REPLAY_PACE": "1000", "CODEX_AGENT_SERVER_KEY": "sk-of-the-server"}
    slow |= {"MINI_AGENT_API_HOST": "0.0.0.0", "CODEX_AGENT_ALLOWED_HOSTS": "agents.example"}
    with serving(tmp_path, **slow) as all_of_them:
        url = all_of_them.replace("0.0.0.0", "127.0.0.1")
        body = {"model": "replay:hello", "messages": [{"role": "user", "content": "hi"}]}
        held = {"authorization": "Bearer sk-of-the-server", "host": "agents.example"}
        run_id = httpx.post(f"{url}/agent/runs", json=body, headers=held, trust_env=False).json()["run_id"]
        assert runs(tmp_path, "cancel", run_id) == 0
    assert capsys.readouterr().out == f"{run_id}: cancelled\n"


@pytest.mark.parametrize("limit", ["0", "-5", "x", "10001", "9" * 30])
def test_a_limit_that_is_no_number_of_lines_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        runs(state, "list", f"--limit={limit}")
    assert "has to be a number from 1 to 10,000" in capsys.readouterr().err
