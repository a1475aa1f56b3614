"""A Router's config file, in the form that LiteLLM gave it: `model_list` and `router_settings`, as YAML or as JSON.

Law: read strictly and once. A section of the proxy's that nothing here would honour is refused, not left out; each
fault is one sentence that names the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ..backends.backend import NotReady
from ..wire.schema import BrokenRequest, Schema, check
from ..wire.shapes import NAME, OPEN, closed, having, list_of
from ..wire.strict_json import read_json

__all__ = ["MAX_CONFIG_BYTES", "RouterConfig", "read"]

# Some thousand deployments.
MAX_CONFIG_BYTES = 1024 * 1024
_ROW = ("model_name", "litellm_params")
_CONFIG: Schema = closed(
    {
        "model_list": {
            **list_of(having({"model_name": NAME, "litellm_params": having({"model": NAME}, "model")}, *_ROW)),
            "minItems": 1,
        },
        "router_settings": OPEN,
    },
    "model_list",
)
# The name of a parameter that holds a secret, in LiteLLM's providers.
_SECRET = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
# A value of this form names a variable, which LiteLLM reads.
_BY_NAME = "os.environ/"


@dataclass(frozen=True)
class RouterConfig:
    """What a Router is made of. `secrets` are those that stand in the file itself."""

    model_list: Sequence[Mapping[str, Any]]
    router_settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def names(self) -> Sequence[str]:
        """What can be asked for, each once."""
        return sorted({str(row["model_name"]) for row in self.model_list})


def read(path: Path) -> RouterConfig:
    """Raises `NotReady`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise NotReady(f"The router config {path.name} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_CONFIG_BYTES:
        _refuse(path, f"it is larger than {MAX_CONFIG_BYTES:,} bytes.")
    try:
        value = read_json(data, "it") if path.suffix == ".json" else _yaml(data, path)
        if not isinstance(value, dict):
            _refuse(path, "it has to be an object with a `model_list`.")
        check(value, _CONFIG, "config")
    except BrokenRequest as error:
        _refuse(path, str(error))
    settings = value.get("router_settings", {})
    return RouterConfig(value["model_list"], settings, tuple(_secrets(value["model_list"])))


def _yaml(data: bytes, path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise NotReady(f"The router config {path.name} is YAML. Install PyYAML, or write it as .json.") from error
    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise BrokenRequest("", f"it is no YAML{where}: {getattr(error, 'problem', None) or 'a character'}.") from error
    except (RecursionError, ValueError) as error:
        raise BrokenRequest("", "it is nested too deeply, or holds a date that is none.") from error


def _secrets(model_list: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in model_list:
        for name, value in row["litellm_params"].items():
            if _SECRET.search(str(name)) and isinstance(value, str) and not value.startswith(_BY_NAME):
                yield value


def _refuse(path: Path, why: str) -> NoReturn:
    raise NotReady(f"The router config {path.name} cannot be used: {why}")
