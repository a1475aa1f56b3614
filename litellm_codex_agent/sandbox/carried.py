"""The environment of a command on its way through the wall, as the content of a file that its last step reads.

Law: no process of the wall itself has it. A loader that starts one of them, or a shell, would do what it says, and
they hold rights that the command never gets. So it is set where only the command is left to begin.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping

__all__ = ["WRAPPERS", "as_pairs", "as_script"]

# All that the processes of the wall find in theirs.
WRAPPERS: Mapping[str, str] = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Names that one shell or another sets itself, takes for its own, or does not let anybody set.
_SHELLS = re.compile(
    "_|BASH.*|COMP_.*|DIRSTACK|EPOCH.*|EUID|FUNC.*|GROUPS|HIST.*|IFS|LC_.*|LINENO|MAIL.*|OLDPWD|OPT.*|PIPESTATUS"
    "|POSIX.*|PPID|PS[0-9]|PWD|RANDOM|SECONDS|SHELL.*|SHLVL|SRANDOM|UID"
)
# For what a shell cannot say: Python takes longer to start. What it ignores as it starts would stay so in the command.
_STEP = """
import os, signal, sys
told = bytes.fromhex(open(5, "rb").readline()[1:].decode())
given = dict(each.split(b"=", 1) for each in told.split(b"\\0") if each)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
try:
    os.execvpe(sys.argv[1], sys.argv[1:], given)
except OSError as error:
    sys.stderr.write(f"{sys.argv[1]}: {error.strerror}\\n")
    sys.exit(127 if isinstance(error, FileNotFoundError) else 126)
"""


def as_pairs(environment: Mapping[str, str]) -> bytes:
    """As the kernel has it. What it cannot have is a `ValueError`."""
    if any(not name or "=" in name or "\0" in name + value for name, value in environment.items()):
        raise ValueError("An environment has names without `=`, and neither names nor values with a NUL.")
    return b"\0".join(os.fsencode(f"{name}={value}") for name, value in environment.items())


def as_script(environment: Mapping[str, str], python: str) -> bytes:
    """For a shell that has it open as 5 and reads it last: the command begins with this environment in its place."""
    pairs = as_pairs(environment)
    if all(map(_is_plain, environment)):
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        return os.fsencode("\n".join([*lines, 'exec 5<&- 6<&-; exec "$@"\n']))
    step = f'exec 6<&-; exec {shlex.quote(python)} -I -S -c {shlex.quote(_STEP)} "$@"\n'
    return b"#" + pairs.hex().encode() + b"\n" + os.fsencode(step)


def _is_plain(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and not _SHELLS.fullmatch(name)
