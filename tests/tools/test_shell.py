"""The commands of a line of shell, as we read them and as bash runs them."""

from __future__ import annotations

import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from litellm_codex_agent.tools.shell import scanned
from litellm_codex_agent.tools.shell_words import Unreadable

from ..soak import size

BASH_SECONDS = 20

LINES = {
    "ls -la": ["ls"],
    "ls | grep x |& cat && cd /tmp || wc; (echo hi; curl x) & wait": [
        "ls",
        "grep",
        "cat",
        "cd",
        "wc",
        "echo",
        "curl",
        "wait",
    ],
    "ls\n\n cat x\n": ["ls", "cat"],
    "X=1 Y=$(curl a) python x.py >out 2>&1 <in &>>all": ["curl", "python"],
    "Y=2": [],
    "X= ls": ["ls"],
    "echo $(ls \\)) \\\n": ["ls", "echo"],
    "a=(1 2 $(id)\n3); b+=(4); c[1]=5 ls": ["id", "ls"],
    'for f in *.py $(ls); do wc "$f"; done': ["ls", "wc"],
    "for f\ndo ls; done": ["ls"],
    "for ((i=0; i<$(nproc); i++)); do ls; done": ["nproc", "ls"],
    "select f in a b; do ls; done": ["ls"],
    "while read l; do echo $l; done < <(sort x)": ["read", "echo", "sort"],
    "if [ -f x ]; then ls; elif [[ $(id) == b && ( -f x ) ]]; then rm; else cat; fi": ["[", "ls", "id", "rm", "cat"],
    "case $x in a|b) ls;; (c) rm x ;& d) pwd ;;& *) cat y; esac; wc": ["ls", "rm", "pwd", "cat", "wc"],
    "case x in\na) ls\n;;\nesac": ["ls"],
    "f() { ls; }; f": ["ls", "f"],
    "function g { ls\n}; g": ["ls", "g"],
    "function h() (ls); h": ["ls", "h"],
    "! time ls": ["ls"],
    "{ ls; cat; } > x": ["ls", "cat"],
    "x=$(cat <<E\nit's ) $(id)\nE\n) ls <<<$(wc)": ["cat", "id", "wc", "ls"],
    "git commit -m \"$(cat <<'E'\nit's ) $(no)\nE\n)\"": ["cat", "git"],
    "echo $(( 1 + $(id -u) )) $((2))": ["id", "echo"],
    "((x = $(id -u)))": ["id"],
    "((ls); (pwd) ); echo $((wc); (tr))": ["ls", "pwd", "wc", "tr", "echo"],
    "echo ${x:-$(id)} ${#a} $$ $1 $": ["id", "echo"],
    "echo `curl \\`id\\``": ["id", "curl", "echo"],
    'echo "a $(echo "b $(whoami)") `id` \\$(no) ${x:-"$(wc)"}"': ["whoami", "echo", "id", "wc", "echo"],
    "echo '$(no)' \\$\\(no\\) $'\\'$(no)' $\"$(tr)\"": ["tr", "echo"],
    "diff <(ls a) >(sort b)": ["ls", "sort", "diff"],
    "cat <<E > f\nhi $(curl x)\n`id`\nE\nls": ["cat", "curl", "id", "ls"],
    "cat <<'E' > f\nhi $(curl x)\nE\nls": ["cat", "ls"],
    "cat <<-A <<B; wc\n\t$(id)\n\tA\n$(tr)\nB\npwd": ["cat", "wc", "id", "tr", "pwd"],
    "cat <<E\nno end $(id)": ["cat", "id"],
    "cat <<< $(id) 2>&-": ["id", "cat"],
    "ls # $(no) 'it\ncat a#b": ["ls", "cat"],
    "x=$(\nls # it's )\n)": ["ls"],
    "ls \\\n  -l; ca\\\nt": ["ls", "cat"],
    "": [],
}


@pytest.mark.parametrize("text", LINES, ids=repr)
def test_every_command_of_a_line_is_found(text: str) -> None:
    assert [words[0].text for words in scanned(text).commands] == LINES[text]


@pytest.mark.parametrize(
    "text",
    [
        "echo 'a",
        'echo "a',
        "echo `a",
        "(ls",
        "ls )",
        "echo $(ls",
        'echo "$(ls"',
        "echo ${a",
        "case x in a) ls",
        "case x",
        "[[ a",
        "for",
        "ls >",
        "f(x)",
        "a b()",
        "a=(1",
        "((1",
        "$(ls",
        "(" * 40,
        "$(" * 40 + ")" * 40,
        "${" * 99 + "}" * 99,
        '"$(' * 99,
        "case a in a) " * 999,
        "`a\\``",
    ],
    ids=repr,
)
def test_a_line_that_cannot_be_followed_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        scanned(text)


@pytest.mark.parametrize(
    "text", ["ls", "ls -l 'a b' \"c d\" e\\ f '*' '$x' \"a\\\"b\"", "  [ -f x ] # why", "find {} \\;"]
)
def test_a_command_of_plain_words_is_simple(text: str) -> None:
    assert scanned(text).simple


@pytest.mark.parametrize(
    "text",
    [
        "ls | wc",
        "ls > x",
        "X=1 ls",
        "ls $x",
        "ls *.py",
        "ls ~",
        "ls {a,b}",
        "ls {1..3}",
        "ls [ab]",
        "ls; wc",
        "ls &",
        "(ls)",
        "ls\nwc",
        "! ls",
        "{ ls; }",
        "f() { ls; }",
        "echo $'a'",
        "",
        "((1))",
        "ls `id`",
    ],
)
def test_what_needs_a_shell_is_not_simple(text: str) -> None:
    assert not scanned(text).simple


def test_a_plain_word_has_no_quotes_and_another_is_told_as_written() -> None:
    (words,) = scanned('echo \'a\'"b\\"\\c"\\d "$x"\'y\'').commands
    assert [word.text for word in words] == ["echo", 'ab"\\cd', "\"$x\"'y'"]
    assert [word.plain for word in words] == [True, True, False]


ARGUMENTS = st.sampled_from(
    ["a", "'b c'", '"d $x"', "*.z", "\\;", "#no'", "e#f", "~", "$'q\\''", "${x:-y}", ">&2", "$((1+2))"]
)


def lines() -> st.SearchStrategy[str]:
    """Lines in which each command is `@`, to be numbered."""
    simple = st.lists(ARGUMENTS, max_size=3).map(lambda words: " ".join(["@", *words]).replace("#no'", "no"))
    document = simple.map(lambda inner: f"@ <<E\n$({inner} `@`) it's\nE\n@")
    return st.recursive(simple | document, _larger, max_leaves=6)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = ["( {} )", "{{ {}\n}}", "! {}", 'X="$( {} )" @', "@ <( {} )", "for i in 1; do {}\ndone", "if {}\nthen @; fi"]
    one += [
        "case a in (a) {} ;; esac",
        "f() {{ {}\n}}; f",
        "[[ $( {} ) ]]",
        "((1 + $( {} )))",
        "@ `@ 'a'` $({} # )'\n)",
    ]
    two = [
        "{}; {}",
        "{} | {}",
        "{} && {}",
        "{} || {}",
        "{} & {}",
        "{}\n{}",
        "if {}\nthen {}\nelse @; fi",
        "while {}\ndo {}\nbreak; done",
    ]
    ones = st.tuples(st.sampled_from(one), inner).map(lambda pair: pair[0].format(pair[1]))
    return ones | st.tuples(st.sampled_from(two), inner, inner).map(lambda pair: pair[0].format(*pair[1:]))


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is the judge here, and is not installed")
@settings(max_examples=size(100, 3000), deadline=None)
@given(lines())
def test_whatever_bash_runs_of_a_line_was_found_in_it(drawn: str) -> None:
    numbers = count()
    text = "".join(f"c{next(numbers)}" if letter == "@" else letter for letter in drawn)
    told = 'command_not_found_handle() { builtin echo "$1" >&9; }; exec 9>&1; exec >/dev/null 2>&1 </dev/null\n'
    bash = str(shutil.which("bash"))
    ran = subprocess.run(
        [bash, "-c", told + text], env={"PATH": "/none"}, capture_output=True, timeout=BASH_SECONDS, cwd=Path("/")
    )
    note(text)
    line = scanned(text)
    found = {words[0].text for words in line.commands}
    assert set(ran.stdout.decode().split()) <= found
    assert {f"c{number}" for number in range(next(numbers))} <= found
