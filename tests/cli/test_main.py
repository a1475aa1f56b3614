"""The command line, as a person meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from litellm_codex_agent import __version__
from litellm_codex_agent.cli.main import main

# A command that answers at once takes a tenth of a second; the demo imports LiteLLM twice.
RUN_SECONDS = 120


def run(*arguments: str, **environ: str) -> Any:
    command = [sys.executable, "-m", "litellm_codex_agent.cli", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CODEX_AGENT", "MINI_AGENT"))}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS, env={**clean, "COLUMNS": "80", **environ}
    )


def test_help_fits_a_terminal_and_names_the_commands() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "serve" in done.stdout and "demo" in done.stdout


# What was loaded before is the interpreter's own start.
LOADED = """
import sys
before = set(sys.modules)
from litellm_codex_agent.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["fly"]])
def test_what_only_talks_loads_the_settings_and_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
    loaded = done.stderr.splitlines()[-1].split()
    own = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("litellm_codex_agent.")}
    assert own == {f"litellm_codex_agent.{room}" for room in ("_version", "cli", "settings")}
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names
    assert foreign == {"litellm_codex_agent"}
    assert not {"asyncio", "sqlite3"} & set(loaded)


def test_the_server_starts_without_litellm() -> None:
    code = "import sys, litellm_codex_agent.server.app; assert not {'litellm', 'aiohttp'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=RUN_SECONDS).returncode == 0


def test_the_version_is_told() -> None:
    assert run("--version").stdout.strip() == f"litellm-codex-agent {__version__}"


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ((), {}, "required: command"),
        (("fly",), {}, "invalid choice: 'fly'"),
        (("serve", "--fly"), {}, "unrecognized arguments: --fly"),
        (("serve",), {"MINI_AGENT_API_PORT": "no"}, "as in MINI_AGENT_API_PORT=8788."),
    ],
)
def test_a_wrong_command_line_is_one_sentence_that_names_the_fix(
    arguments: tuple[str, ...], environ: dict[str, str], words: str
) -> None:
    done = run(*arguments, **environ)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_fixes_a_failing_test_and_shows_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    told = capsys.readouterr().out
    assert "[exec_shell] python -m unittest -q" in told
    assert "+    return pieces * price * (0.9 if pieces >= 10 else 1.0)" in told
    assert "4461 tokens in, 202 out" in told
    assert "tests      they pass" in told


def test_the_demo_runs_as_a_program_whatever_a_server_is_set_to() -> None:
    done = run("demo", CODEX_AGENT_SERVER_KEY="sk-1", CODEX_AGENT_ALLOWED_HOSTS="h", CODEX_AGENT_MAX_RUNS="no")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_setting_is_told_as_a_wrong_command_line_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINI_AGENT_API_PORT", "no")
    with pytest.raises(SystemExit, match="2"):
        main(["serve"])
    assert "MINI_AGENT_API_PORT" in capsys.readouterr().err


def test_main_gives_its_status_to_whoever_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert __version__ in capsys.readouterr().out
