"""`codex-agent serve`: its help, its flags, and what it says before it serves."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from litellm_codex_agent import settings
from litellm_codex_agent.cli.main import main

from .test_main import run

FLAGS = [row for row in settings.VARIABLES if row.flag]
COLUMNS = 80


@pytest.fixture(scope="module")
def told() -> str:
    done = run("serve", "--help", COLUMNS=str(COLUMNS))
    assert (done.returncode, done.stderr) == (0, "")
    return str(done.stdout)


def test_the_help_fits_a_terminal(told: str) -> None:
    assert max(map(len, told.splitlines())) <= COLUMNS


@pytest.mark.parametrize("row", FLAGS, ids=lambda row: row.flag)
def test_the_help_has_each_flag_with_its_meaning_default_and_variable(told: str, row: settings.Variable) -> None:
    part = re.search(rf"^  {row.flag} [A-Z]+ (.*?)(?=^  -|^$)", told, re.MULTILINE | re.DOTALL)
    assert part, row.flag
    words = " ".join(part[1].split())
    default = "" if row.default == "none" else f"default {row.default}; "
    assert words == f"{row.meaning.replace('`', '')} ({default}{row.name})"


def test_what_a_flag_means_stands_beside_it(told: str) -> None:
    assert not re.search(r"^  --[a-z-]+ [A-Z]+$", told, re.MULTILINE)


def test_the_help_says_how_the_key_is_given(told: str) -> None:
    assert "CODEX_AGENT_SERVER_KEY" in told
    assert "--key" not in told


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--port", "no"), {}, "MINI_AGENT_API_PORT (--port) is 'no', "),
        (("--port=-1",), {}, "MINI_AGENT_API_PORT (--port) is '-1', "),
        ((), {"MINI_AGENT_API_PORT": "no"}, "as in MINI_AGENT_API_PORT=8788."),
        (("--max-runs", "0"), {"CODEX_AGENT_MAX_RUNS": "1"}, "CODEX_AGENT_MAX_RUNS (--max-runs) is '0', "),
        (("--host", "0.0.0.0"), {}, "MINI_AGENT_API_HOST (--host) is '0.0.0.0', "),
        ((), {"MINI_AGENT_API_HOST": "agents.example"}, "so a key is needed: set CODEX_AGENT_SERVER_KEY."),
        (("--max", "1"), {}, "unrecognized arguments: --max 1"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_the_status_of_a_wrong_command_line(
    arguments: tuple[str, ...], environ: dict[str, str], words: str
) -> None:
    done = run("serve", *arguments, **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_flag_mends_what_is_wrong_in_its_variable() -> None:
    done = run("serve", "--port", "80", "--host", "h", MINI_AGENT_API_PORT="no")
    assert "MINI_AGENT_API_PORT" not in done.stderr


def test_a_server_that_could_not_record_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("serve", "--port", "0", "--state", str(tmp_path / "state"), "--record", str(tmp_path / "file" / "runs"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Recordings cannot be written to" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever another test has loaded by now.
    for loaded in [name for name in sys.modules if name.startswith(("litellm_codex_agent.server", "uvicorn"))]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve"]) == 1
    told = 'codex-agent: uvicorn is not installed. Run: pip install "litellm-codex-agent[server]"\n'
    assert capsys.readouterr().err == told
