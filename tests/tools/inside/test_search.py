"""Files listed and searched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from litellm_codex_agent.tools.inside import search
from litellm_codex_agent.tools.inside.paths import MAX_BYTES, Failed
from litellm_codex_agent.tools.inside.search import MAX_FOUND, MAX_LISTED, list_files, search_files


@pytest.fixture
def project(workspace: Path) -> Path:
    for path in (
        "a.py",
        "src/b.py",
        "src/deep/c.js",
        "src/deep/d.ts",
        "src/deep/e.txt",
        ".git/config",
        "src/.git/x.py",
    ):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(f"# {path}\nName = 1\n")
    return workspace


def test_a_directory_is_listed_with_what_its_names_are(project: Path) -> None:
    (project / "link").symlink_to("/etc/passwd")
    (project / "\udcff").write_text("")
    assert list_files() == {"stdout": ".git/\n\\xff\na.py\nlink -> /etc/passwd\nsrc/\n", "stderr": ""}
    assert list_files("src/deep")["stdout"] == "c.js\nd.ts\ne.txt\n"


@pytest.mark.parametrize(
    ("path", "pattern", "found"),
    [
        (".", "*.py", ["a.py", "src/b.py"]),
        (".", "./a.py", ["a.py"]),
        (".", "**", ["a.py", "src/b.py", "src/deep/c.js", "src/deep/d.ts", "src/deep/e.txt"]),
        (".", "**/*.py", ["a.py", "src/b.py"]),
        (".", "src/*.py", ["src/b.py"]),
        (".", "src/**/*.{js,ts}", ["src/deep/c.js", "src/deep/d.ts"]),
        (".", "**/deep/**", ["src/deep/c.js", "src/deep/d.ts", "src/deep/e.txt"]),
        ("src", "deep/?.t*", ["src/deep/d.ts", "src/deep/e.txt"]),
        (".", "nothing", []),
    ],
)
def test_a_pattern_lists_the_files_that_fit_but_not_gits(
    project: Path, path: str, pattern: str, found: list[str]
) -> None:
    told = list_files(path, pattern)
    assert told["stdout"].splitlines() == found
    assert told["stderr"] == ("" if found else "Nothing was found.")


def test_lines_are_found_with_their_numbers(project: Path) -> None:
    assert search_files("^name", ignore_case=True, glob="*.{py,js}")["stdout"].splitlines() == [
        "a.py:2: Name = 1",
        "src/b.py:2: Name = 1",
        "src/deep/c.js:2: Name = 1",
    ]
    assert search_files("c.js", "src/deep/c.js")["stdout"] == "src/deep/c.js:1: # src/deep/c.js\n"
    assert search_files("^name")["stderr"] == "Nothing was found."


def test_what_is_no_text_or_a_link_is_not_searched(workspace: Path) -> None:
    (workspace / "binary").write_bytes(b"word\0")
    (workspace / "link").symlink_to("/etc/passwd")
    os.mkfifo(workspace / "pipe")
    with (workspace / "large").open("wb") as file:
        file.write(b"word")
        file.truncate(search.MAX_SEARCHED_BYTES + 1)
    assert search_files("word|root")["stdout"] == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_not_searched(workspace: Path) -> None:
    for name, mode in (("a", 0o000), ("b", 0o644)):
        (workspace / name).write_text("word")
        (workspace / name).chmod(mode)
    assert search_files("word")["stdout"] == "b:1: word\n"


def test_what_is_no_expression_or_no_directory_is_told_so(workspace: Path) -> None:
    with pytest.raises(Failed, match="no regular expression of Python: "):
        search_files("(")
    with pytest.raises(Failed, match="There is no nowhere"):
        search_files("x", "nowhere")
    with pytest.raises(Failed, match="lies outside"):
        list_files("..")


def test_of_too_many_the_first_are_told(workspace: Path) -> None:
    (workspace / "a").write_text("x\n" * (MAX_FOUND + 1))
    assert f"first {MAX_FOUND}; there are more. Narrow" in search_files("x")["stderr"]
    for number in range(MAX_LISTED + 1):
        (workspace / f"file{number}").touch()
    told = list_files()
    assert len(told["stdout"].splitlines()) == MAX_LISTED and f"first {MAX_LISTED}" in told["stderr"]


def test_long_lines_are_cut_and_all_together_stay_within_the_bound(workspace: Path) -> None:
    (workspace / "a").write_text(("x" * 10_000 + "\n") * MAX_FOUND)
    told = search_files("x")
    assert len(told["stdout"]) <= MAX_BYTES
    assert {len(line) for line in told["stdout"].splitlines()} <= {305, 306, 307}
