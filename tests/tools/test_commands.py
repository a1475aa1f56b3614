"""The allow-list: which word of a command is refused, and what is run in the end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from litellm_codex_agent.tools.commands import DEFAULT_COMMANDS, MAX_WORD_BYTES, NotAllowed, checked

SHELL = "/bin/sh"

ALLOWED: list[str | list[str]] = [
    "ls -la | grep x > out && python -m pytest -q",
    "cd src; for f in *.py; do wc -l $f; done",
    "build() { make all; }; build",
    "/usr/bin/env -i -u A X=1 python -V",
    "env -S 'X=1 python' x.py",
    "env -iS'X=1 python' x.py",
    "trap -- 'rm -f x' EXIT; trap -- - EXIT; trap --; mapfile -t a; hash -r; source x",
    "bash -lc 'ls; cat x'",
    "bash -o pipefail -ec ls",
    "sh -c 'sh -c \"ls\"'",
    "timeout -k 1 5 make; nice -n 5 nohup ls; stdbuf -oL cat x",
    "find . -name x -exec grep -l y {} + -o -exec rm {} \\;",
    "ls | xargs -n 1 -I {} cat {}; ls | xargs",
    "command -v curl; command ls; exec 3>&1; exec ls",
    "eval 'ls' cat; trap 'rm -f x' EXIT; trap - EXIT; . ./venv/bin/activate",
    "./venv/bin/pytest -q",
    "find . -exec; find -exec \\;",
    "X=1",
    ["python", "-c", "curl"],
    ["bash", "-lc", "ls | wc"],
    ["grep", "a|b; curl $x", "f"],
]

REFUSED: dict[str, str] = {
    "curl http://x": "curl",
    "ls && /usr/bin/curl x": "/usr/bin/curl",
    "echo $(curl x)": "curl",
    "X=$(curl x) ls": "curl",
    "cat <<E\n`curl x`\nE": "curl",
    "env A=1 curl x": "curl",
    "env -S 'curl x'": "curl",
    "env -S'curl x'": "curl",
    "env -iScurl x": "curl",
    "env -vS 'curl x'": "curl",
    "env --split-string=curl": "curl",
    "env --split 'curl x'": "curl",
    "trap -- 'curl x' EXIT": "curl",
    "mapfile -C curl -c 1 x": "curl",
    "readarray -Ccurl x": "curl",
    "hash -p /usr/bin/curl ls; ls": "/usr/bin/curl",
    "timeout -s KILL 5 curl x": "curl",
    "nice nohup curl": "curl",
    "find . -execdir curl {} \\;": "curl",
    "ls | xargs -n1 -- curl": "curl",
    "sh -c 'ls; curl x'": "curl",
    "bash -ec 'eval curl'": "curl",
    "trap 'curl x' EXIT": "curl",
    "exec curl": "curl",
    "command curl": "curl",
    "bash build.sh": "bash",
    "sh": "sh",
    "cur''l x": "curl",
    "c\\url x": "curl",
    "curl() { ls; }; wget": "wget",
    "alias ls=curl": "alias",
}

HIDDEN = [
    "$X y",
    '"$X" y',
    "{curl,x}",
    "$(ls) x",
    "/usr/bin/c?rl x",
    "~/x",
    'sh -c "$X"',
    "eval $X",
    "xargs $X",
    "source <(echo curl)",
    ". <(ls) x",
    'env -S"$X"',
    "$'curl' x",
]


@pytest.mark.parametrize("command", ALLOWED, ids=repr)
def test_what_is_allowed_is_run_as_it_is(command: str | list[str]) -> None:
    expected = (SHELL, "-c", command) if isinstance(command, str) else tuple(command)
    assert checked(command, DEFAULT_COMMANDS, shell=SHELL) == expected


@pytest.mark.parametrize("command", REFUSED)
def test_a_refusal_names_the_word_and_what_is_allowed(command: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        checked(command, DEFAULT_COMMANDS, shell=SHELL)
    assert f"`{REFUSED[command]}` is not allowed here. Allowed are: awk, base64" in str(refused.value)


@pytest.mark.parametrize("command", HIDDEN)
def test_a_command_that_only_the_shell_would_know_is_refused(command: str) -> None:
    with pytest.raises(NotAllowed, match="only the shell knows"):
        checked(command, DEFAULT_COMMANDS, shell=SHELL)


@pytest.mark.parametrize("command", [["curl"], ["env", "X=1", "curl"], ["bash", "-c", "curl"], ["bash", "x.sh"]])
def test_the_words_of_an_argv_are_checked_too(command: list[str]) -> None:
    with pytest.raises(NotAllowed, match="is not allowed here"):
        checked(command, DEFAULT_COMMANDS, shell=SHELL)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "no command"),
        ("  \n", "no command"),
        ([], "no command"),
        ([""], "no command"),
        ("ls \0", "NUL"),
        (["ls", "\0"], "NUL"),
        ("ls " + "x" * MAX_WORD_BYTES, "longer than"),
        (["ls", "é" * (MAX_WORD_BYTES // 2 + 1)], "longer than"),
        ("ls \ud83d", "half of a character"),
        ("ls 'a", "cannot be read: a quote"),
        ("nice " * 40 + "ls", "more than 8 deep"),
    ],
)
def test_what_is_no_command_is_refused_with_a_sentence(command: str | list[str], why: str) -> None:
    with pytest.raises(NotAllowed, match=why):
        checked(command, DEFAULT_COMMANDS, shell=SHELL)


def test_without_a_shell_a_line_is_its_words() -> None:
    assert checked(" grep -n 'a b' x.py\n", ["grep"], shell=None) == ("grep", "-n", "a b", "x.py")


@pytest.mark.parametrize(
    "command",
    ["ls | wc", "ls > x", "ls *.py", "ls; ls", "X=1 ls", "bash -c ls", ["sh", "-c", "ls"], ["env", "dash", "x"]],
)
def test_there_is_no_shell_without_a_sandbox(command: str | Sequence[str]) -> None:
    with pytest.raises(NotAllowed, match="no shell without a sandbox"):
        checked(command, [*DEFAULT_COMMANDS, "sh", "bash", "dash"], shell=None)


def test_a_star_allows_all_commands_but_no_shell_where_there_is_none() -> None:
    for line in ("curl $x", "$X y", "bash x.sh", 'sh -c "$x"', "echo $(case a in a) curl;; esac)"):
        assert checked(line, ["*"], shell=SHELL) == (SHELL, "-c", line)
    assert checked(["bash", "x.sh"], ["*"], shell=SHELL) == ("bash", "x.sh")
    assert checked("curl x", ["*"], shell=None) == ("curl", "x")
    with pytest.raises(NotAllowed, match="is a shell"):
        checked(["/bin/bash", "x.sh"], ["*"], shell=None)


def test_a_list_of_ones_own_takes_the_place_of_the_default() -> None:
    assert checked("bash x.sh", ["bash"], shell=SHELL)
    with pytest.raises(NotAllowed, match="Allowed are: bash, git"):
        checked("ls", ["git", "bash"], shell=SHELL)
