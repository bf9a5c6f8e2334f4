"""Seccomp: the kernel's own filter of system calls, an allow-list written in classic BPF.

Only what a computation needs goes on. Calls that honest code makes by mistake fail with EPERM, and Python tells the line.
Anything else ends the process: io_uring, ptrace, bpf, namespaces, mounts, keys, shared memory, and all later calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from candlecast.sandbox.lock.kernel import call
from candlecast.sandbox.lock.syscalls import ALLOWED, ARCHITECTURES, REFUSED, Architecture

# Offsets in struct seccomp_data, the filter's view of a call. Arguments are 64 bits wide; both machines are little-endian.
NUMBER, ARCH, ARGUMENTS = 0, 4, 16
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_IF_BITS = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
ALLOW = 0x7FFF0000
KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
REFUSE = 0x00050000 | errno.EPERM  # SECCOMP_RET_ERRNO
X32_BIT = 0x40000000
PROT_EXEC = 0x4
SECCOMP_SET_MODE_FILTER = 1
MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS


@dataclass(frozen=True)
class Instruction:
    """One of BPF: the jumps count the instructions that are skipped."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        return struct.pack("<HBBI", self.code, self.if_true, self.if_false, self.value)


def program(machine: Architecture, pid: int) -> list[Instruction]:
    """The filter for a machine; the process `pid` may signal itself, which `abort` does."""
    numbers = machine.numbers
    code = [
        Instruction(LOAD, ARCH),
        Instruction(JUMP_IF_EQUAL, machine.audit, if_true=1),
        Instruction(RETURN, KILL),
        Instruction(LOAD, NUMBER),
    ]
    if machine.x32:
        code += [Instruction(JUMP_IF_AT_LEAST, X32_BIT, if_false=1), Instruction(RETURN, KILL)]
    for name in ALLOWED:
        if name in numbers:
            code += _answer(numbers[name], ALLOW)
    for name in ("mmap", "mprotect"):
        code += _unless(numbers[name], Instruction(JUMP_IF_BITS, PROT_EXEC, if_false=1), argument=2)
    code += _unless(numbers["tgkill"], Instruction(JUMP_IF_EQUAL, pid, if_true=1), argument=0)
    for name in REFUSED:
        if name in numbers:
            code += _answer(numbers[name], REFUSE)
    return [*code, Instruction(RETURN, KILL)]


def _answer(number: int, answer: int) -> list[Instruction]:
    return [Instruction(JUMP_IF_EQUAL, number, if_false=1), Instruction(RETURN, answer)]


def _unless(number: int, kills: Instruction, *, argument: int) -> list[Instruction]:
    """Allow a call unless the test of its argument's low half falls through to the instruction that kills."""
    return [
        Instruction(JUMP_IF_EQUAL, number, if_false=4),
        Instruction(LOAD, ARGUMENTS + 8 * argument),
        kills,
        Instruction(RETURN, KILL),
        Instruction(RETURN, ALLOW),
    ]


def restrict() -> None:
    """Put the filter on this process for good. Needs no_new_privs; raises `OSError` where the kernel or the machine has none."""
    machine = ARCHITECTURES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    code = program(machine, os.getpid())
    packed = ctypes.create_string_buffer(b"".join(it.packed() for it in code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(packed)))  # struct sock_fprog
    call(machine.numbers["seccomp"], ctypes.c_ulong(SECCOMP_SET_MODE_FILTER), ctypes.c_ulong(0), header)
