"""A filter of system calls as the kernel runs it, told from the program's bytes alone."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from litellm_codex_agent.sandbox.seccomp import Rule, assembled
from litellm_codex_agent.sandbox.syscalls import X86_64, Machine

__all__ = ["of", "result"]


def result(program: bytes, number: int, audit: int, *arguments: int) -> int:
    """What the kernel makes of a call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, audit, 0, *padded)
    held, at = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return int(value)
        else:
            true = {0x15: held == value, 0x25: held > value, 0x45: bool(held & value)}[code]
            at += yes if true else no


def of(rules: Iterable[Rule], call: str, *arguments: int, machine: Machine = X86_64) -> int:
    return result(assembled(rules, machine), machine.numbers[call], machine.audit, *arguments)
