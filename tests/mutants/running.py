"""Runs the tests that guard a module on one of its mutants, in a copy of the tree, for a bounded time.

Law: the working tree is never changed. Each mutant is a child of its own, forked from a process that has LiteLLM and
pytest in memory: to import them anew takes longer than the tests. A child that hangs is ended with all that it began.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

__all__ = ["PACKAGE", "Copy", "Job", "ended", "outcomes", "preload"]

PACKAGE = "litellm_codex_agent"
_COPIED = (PACKAGE, "tests", "pyproject.toml")
# A mutant may be slower than the original, and the machine busy; beyond this it hangs.
_LEAST_SECONDS, _TIMES_THE_ORIGINAL = 10.0, 8
_POLL_SECONDS = 0.005
_OUTPUT = "output.txt"
# Pytest would rather rewrite its plugins than find them in memory.
_NO_REWRITE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
# Of what all tests import, the slow parts; none of it is ours.
_HEAVY = ("litellm", "litellm.router", "pytest", "_pytest.pytester_assertions", "hypothesis", "hypothesis.strategies")
_HEAVY += ("httpx", "starlette.applications", "uvicorn", "respx", "jsonschema", "yaml", "mcp")


@dataclass(frozen=True)
class Job:
    """Sources to try in place of one module of the package, each under its name."""

    module: str
    tests: Sequence[str]
    sources: Sequence[tuple[str, str]] = field(repr=False)


@dataclass(frozen=True)
class Copy:
    """A tree in which one mutant at a time stands."""

    root: Path

    @classmethod
    def of(cls, tree: Path, root: Path) -> Copy:
        ignored = shutil.ignore_patterns("__pycache__")
        for name in _COPIED:
            path = tree / name
            if path.is_dir():
                shutil.copytree(path, root / name, ignore=ignored)
            else:
                shutil.copy(path, root / name)
        return cls(root)

    def put(self, module: str, source: str) -> None:
        path = self.root / PACKAGE / module
        path.write_text(source, encoding="utf-8")
        # By its time and size alone, a mutant could be taken for the one before it.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()


@dataclass(frozen=True)
class _Child:
    pid: int
    copy: Copy
    name: str
    deadline: float


def preload() -> None:
    """Import what is slow, once."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # No test of the table needs a plugin, and the discovery of them takes as long as the tests.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in _HEAVY:
        with suppress(ImportError):
            importlib.import_module(name)
    # Pytest collects garbage at its end: half of a mutant's time, if it has to look at all of LiteLLM.
    gc.collect()
    gc.freeze()


def outcomes(job: Job, copies: Sequence[Copy]) -> Iterator[tuple[str, bool]]:
    """The name of each source, and whether its tests have failed. Raises where the original's fail."""
    original = (copies[0].root / PACKAGE / job.module).read_text(encoding="utf-8")
    seconds = _LEAST_SECONDS + _TIMES_THE_ORIGINAL * _of_the_original(job, original, copies)
    waiting = list(reversed(job.sources))
    free, children = list(copies), list[_Child]()
    try:
        while waiting or children:
            while waiting and free:
                name, source = waiting.pop()
                children.append(_begin(job, free.pop(), name, source, seconds))
            for child, failed in _over(children):
                children.remove(child)
                free.append(child.copy)
                yield child.name, failed
            time.sleep(_POLL_SECONDS)
    finally:
        for child in children:
            _end(child)
        for copy in copies:
            copy.put(job.module, original)


def _of_the_original(job: Job, original: str, copies: Sequence[Copy]) -> float:
    """What the tests take as they are; they leave their compiled files for the mutants."""
    longest = 0.0
    for copy in copies:
        began = time.monotonic()
        child = _begin(job, copy, "original", original, float("inf"), keep=True)
        _, status = os.waitpid(child.pid, 0)
        longest = max(longest, time.monotonic() - began)
        if status:
            said = (copy.root / _OUTPUT).read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"{said}\nThe tests of {job.module} fail as they are.")
    return longest


def _begin(job: Job, copy: Copy, name: str, source: str, seconds: float, *, keep: bool = False) -> _Child:
    copy.put(job.module, source)
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        _test(copy, job.tests, keep=keep)
    return _Child(pid, copy, name, time.monotonic() + seconds)


def _test(copy: Copy, tests: Iterable[str], *, keep: bool) -> NoReturn:
    """In the child: pytest in the copy, and nothing of ours from anywhere else."""
    code = 1
    try:
        os.setsid()
        os.chdir(copy.root)
        _keep_litter_in(copy.root / "tmp")
        nothing = os.open(_OUTPUT, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        for module in [name for name in sys.modules if name.partition(".")[0] in ("tests", PACKAGE)]:
            del sys.modules[module]
        sys.path[0] = str(copy.root)
        sys.dont_write_bytecode = not keep
        os.environ["PYTHONPATH"] = str(copy.root)
        code = _pytest([f"tests/{each}" for each in tests])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _keep_litter_in(folder: Path) -> None:
    """A process that is left by `os._exit` takes none of its temporary files along."""
    folder.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def _pytest(arguments: Sequence[str]) -> int:
    import pytest
    from hypothesis import settings

    # The same examples for each mutant, and no verdict by the clock.
    settings.register_profile("mutants", derandomize=True, deadline=None, database=None)
    settings.load_profile("mutants")
    return int(pytest.main(["-x", "--no-header", *_NO_REWRITE, *arguments]))


def _over(children: Iterable[_Child]) -> Iterator[tuple[_Child, bool]]:
    for child in list(children):
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            ended(child.pid)
            yield child, status != 0
        elif time.monotonic() > child.deadline:
            _end(child)
            yield child, True


def _end(child: _Child) -> None:
    ended(child.pid)
    os.waitpid(child.pid, 0)


def ended(group: int) -> None:
    """Kill what is left of a child's own session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
