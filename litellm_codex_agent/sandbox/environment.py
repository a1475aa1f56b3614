"""The environment of a command, built from nothing: what the server's holds, it never sees."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["environment"]

NAME = "agent"


def environment(path: str, private: str, given: Mapping[str, str]) -> dict[str, str]:
    """`path`, a home and a directory for temporary files in `private`, and on top of it what was `given`."""
    return {
        "PATH": path,
        "HOME": f"{private}/home",
        "TMPDIR": private,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": NAME,
        "LOGNAME": NAME,
        # Git asks for an address with each commit, and takes this one where nothing else is set.
        "EMAIL": f"{NAME}@localhost",
        # A tool has nobody to answer at a prompt, and no page to turn.
        "GIT_TERMINAL_PROMPT": "0",
        # It may hold the machine's own, and cannot be read.
        "GIT_CONFIG_NOSYSTEM": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        # What it runs shows up in the diff, what Python compiles should not.
        "PYTHONDONTWRITEBYTECODE": "1",
        # Its output is read when time runs out, too.
        "PYTHONUNBUFFERED": "1",
        **given,
    }
