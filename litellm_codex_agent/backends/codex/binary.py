"""Where the Codex to run is: the one that the extra brings, or the one that the operator names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..backend import NotReady

__all__ = ["Binary", "found"]

_PACKAGE = "codex_cli_bin"
_EXTRA = 'pip install "litellm-codex-agent[codex]"'
_ELF = b"\x7fELF"
# What npm's package links to is a script, which starts the binary of the package for this platform.
_NPM = "node_modules/@openai/codex-*/vendor/*/bin/codex"


@dataclass(frozen=True)
class Binary:
    """`path` is the program itself; `readable` is what it needs to be seen with, its own tools included."""

    path: Path

    @property
    def readable(self) -> tuple[str, ...]:
        home = self.path.parent
        return (str(home.parent if home.name == "bin" and (home.parent / "codex-path").is_dir() else home),)


def found(named: str) -> Binary:
    """Of the name of a program on PATH or of a path; of nothing that of the extra. Raises `NotReady`."""
    if not named:
        return Binary(_bundled())
    path = shutil.which(named)
    if path is None:
        raise NotReady(f"There is no program {named!r}: CODEX_AGENT_CODEX (--codex) has to name one, or a path to one.")
    real = Path(path).resolve()
    return Binary(real if _is_binary(real) else _behind(real))


def _bundled() -> Path:
    from importlib.util import find_spec

    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place, "bin", "codex")
        if path.is_file():
            return path
    raise NotReady(f"Codex is not installed. Run: {_EXTRA}")


def _behind(script: Path) -> Path:
    for parent in script.parents:
        binaries = sorted(each for each in parent.glob(_NPM) if _is_binary(each))
        if binaries:
            return binaries[0]
    raise NotReady(f"{script} is a script, and behind it there is no program of Codex. Name the program itself.")


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
