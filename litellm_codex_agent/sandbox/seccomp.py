"""A seccomp filter from rules: the first rule that fits a call says what becomes of it; any other call goes through.

A call newer than this list is answered as if Linux did not know it: nobody has looked at what it opens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .syscalls import Machine

__all__ = ["ALLOW", "ASK", "Bits", "Equal", "KILL", "NEWEST", "Rule", "assembled", "refuse"]

# linux/seccomp.h
ALLOW, KILL, ASK, _ERRNO = 0x7FFF0000, 0x80000000, 0x7FC00000, 0x00050000
# linux/filter.h
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_GREATER, _IF_BITS = 0x15, 0x25, 0x45
# Where struct seccomp_data has the number, the machine and the arguments, of which the lower half is looked at.
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
# file_setattr of Linux 6.17. The calls of the x32 ABI are far above, so they are shut out with it.
NEWEST = 469
_ENOSYS = 38

_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Equal:
    """An argument, as far as `mask` goes, is that value."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Bits:
    """An argument has at least one of these bits."""

    argument: int
    mask: int


@dataclass(frozen=True)
class Rule:
    """What becomes of a call where all of `when` holds."""

    call: str
    action: int
    when: tuple[Equal | Bits, ...] = ()


def refuse(errno: int) -> int:
    """The action that lets a call fail with `errno`."""
    return _ERRNO | errno


def assembled(rules: Iterable[Rule], machine: Machine) -> bytes:
    """The program, as `struct sock_filter` has it; rules for calls that this machine has not are left out."""
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_GREATER, 0, 1, NEWEST),
        (_RETURN, 0, 0, refuse(_ENOSYS)),
    ]
    for rule in rules:
        if rule.call in machine.numbers:
            program += _rule(rule, machine.numbers[rule.call])
    program.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _rule(rule: Rule, number: int) -> Sequence[_Instruction]:
    checks: list[_Instruction] = [(_RETURN, 0, 0, rule.action)]
    # From the end to the beginning: each check knows then how far it has to jump to leave the rule.
    for check in reversed(rule.when):
        checks = [*_check(check, len(checks)), *checks]
    if not rule.when:
        return [(_IF_EQUAL, 0, 1, number), *checks]
    # An argument has taken the number's place.
    return [(_IF_EQUAL, 0, len(checks) + 1, number), *checks, (_LOAD, 0, 0, _NUMBER)]


def _check(check: Equal | Bits, rest: int) -> Sequence[_Instruction]:
    load = (_LOAD, 0, 0, _ARGUMENTS + 8 * check.argument)
    if isinstance(check, Bits):
        return [load, (_IF_BITS, 0, rest, check.mask)]
    return [load, (_AND, 0, 0, check.mask), (_IF_EQUAL, 0, rest, check.value)]
