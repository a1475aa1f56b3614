"""A command's environment goes through the wall without touching it: no process of the wall ever has it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.carried import as_pairs, as_script
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.spoken import spoken

from .stage import each_level, run, sandbox, workspace

BYTES = os.fsdecode(bytes(range(1, 256)))
PLAIN = {"KEY": "a secret", "EMPTY": "", "QUOTED": 'it\'s "so" $HOME `id` \\ \n end\n', "BYTES": BYTES, "lower_9": "="}
# What a shell cannot say, or does not let anybody set.
ODD = {
    "with.dot": "1",
    "BASH_FUNC_x%%": "() { :; }",
    "UID": "7",
    "PWD": "/x",
    "\xe9 -": "y",
    "LC_ALL": "POSIX",
    "_": "z",
}
SHELLS = [each for each in ("/bin/sh", "/bin/bash", "/bin/dash") if Path(each).exists()]


def told(said: bytes) -> dict[str, str]:
    return dict(os.fsdecode(each).split("=", 1) for each in said.split(b"\0") if each)


@each_level
@pytest.mark.parametrize("given", [PLAIN, {**PLAIN, **ODD}], ids=["plain", "odd"])
def test_names_and_values_of_any_kind_arrive(level: str, tmp_path: Path, given: Mapping[str, str]) -> None:
    done = run(level, tmp_path, "env", "-0", environment=given)
    assert done.rc == 0, done.stderr
    found = told(done.stdout)
    assert {name: found.get(name) for name in given} == given
    assert found["HOME"].endswith("/home")


@each_level
@pytest.mark.parametrize("odd", [{}, ODD], ids=["plain", "odd"])
def test_what_it_says_to_the_loader_only_the_command_hears(level: str, tmp_path: Path, odd: Mapping[str, str]) -> None:
    done = run(level, tmp_path, "true", environment={**odd, "LD_PRELOAD": "./planted.so"})
    assert done.stderr.count(b"planted.so") == 1, done.stderr


@each_level
def test_a_program_that_is_not_there_is_said_with_an_odd_name_too(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "no-such-program", environment=ODD)
    assert (done.rc, b"no-such-program" in done.stderr) == (127, True)


@each_level
@pytest.mark.parametrize("odd", [{}, ODD], ids=["plain", "odd"])
def test_what_python_ignores_the_command_does_not(level: str, tmp_path: Path, odd: Mapping[str, str]) -> None:
    assert run(level, tmp_path, "sh", "-c", "kill -PIPE $$", environment=odd).rc == 141


@each_level
def test_no_process_but_the_command_has_it(level: str, tmp_path: Path) -> None:
    box, secret = sandbox(level), f"in-no-environ-{os.getpid()}"
    command = Command(("cat",), workspace(box, tmp_path / "workspace"), 30, environment={"KEY": secret})

    async def scene() -> list[str]:
        async with spoken(box, command) as child:
            await child.write(b"begun\n")
            await child.lines(100).__anext__()
            return [name for name, data in everyones() if secret.encode() in data]

    assert asyncio.run(asyncio.wait_for(scene(), 30)) == ["cat"]


def everyones() -> list[tuple[str, bytes]]:
    """The name of each process, with its environment and its command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            found.append(((process / "comm").read_text().strip(), told))
        except OSError:
            continue
    return found


@each_level
def test_what_was_opened_for_it_is_given_back(level: str, tmp_path: Path) -> None:
    run(level, tmp_path, "true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(3):
        run(level, tmp_path, "true", environment={"NUMBER": str(number)})
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    for given in (PLAIN, {**PLAIN, **ODD}):
        (tmp_path / "script").write_bytes(as_script(given, sys.executable))
        argv = [shell, "-c", f"exec 5<{tmp_path}/script; . /proc/self/fd/5", "sh", "/usr/bin/env", "-0"]
        found = told(subprocess.run(argv, env={}, capture_output=True, check=True).stdout)
        assert {name: found.get(name) for name in given} == given


@pytest.mark.parametrize("given", [{"": "x"}, {"a=b": "x"}, {"a\0": "x"}, {"a": "\0"}])
def test_what_no_environment_can_hold_is_refused(given: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        as_pairs(given)
    with pytest.raises(ValueError, match="NUL"):
        as_script(given, "python")
