"""The filter of system calls on both machines, run as the kernel runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from candlecast.sandbox.lock.seccomp import ALLOW, KILL, MAX_INSTRUCTIONS, REFUSE, X32_BIT, program
from candlecast.sandbox.lock.syscalls import AARCH64, ALLOWED, ARCHITECTURES, REFUSED, X86_64, Architecture
from tests.support.sandbox import filtered

PID = 4321
MACHINES = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86_64", "aarch64"])
HIGHEST = 600  # above every call that the kernel has today
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def answer(machine: Architecture, number: int, *arguments: int) -> int:
    return filtered(program(machine, PID), number, machine.audit, arguments)


@MACHINES
def test_only_listed_calls_go_on_and_all_others_end_the_process(machine: Architecture) -> None:
    names = {number: name for name, number in machine.numbers.items()}
    conditional = {"mmap", "mprotect", "tgkill"}
    for number in range(HIGHEST):
        name = names.get(number, "")
        if name in conditional:
            continue
        expected = ALLOW if name in ALLOWED else REFUSE if name in REFUSED else KILL
        assert answer(machine, number) == expected, name or number


@MACHINES
def test_calls_of_another_table_end_the_process(machine: Architecture) -> None:
    code = program(machine, PID)
    others = {0x40000003, *(it.audit for it in (X86_64, AARCH64) if it is not machine)}  # i386, and the other machine
    for other in others:
        assert filtered(code, machine.numbers["write"], other) == KILL
    assert answer(X86_64, X32_BIT | X86_64.numbers["write"]) == KILL
    assert answer(machine, 0xFFFFFFFF) == KILL


@MACHINES
def test_no_memory_can_be_made_executable(machine: Architecture) -> None:
    for name in ("mmap", "mprotect"):
        for protection in range(8):
            expected = KILL if protection & 4 else ALLOW
            assert answer(machine, machine.numbers[name], 0, 4096, protection) == expected


@MACHINES
def test_a_process_signals_nobody_but_itself(machine: Architecture) -> None:
    assert answer(machine, machine.numbers["tgkill"], PID, PID, 6) == ALLOW
    for other in (1, PID - 1, 0xFFFFFFFF):
        assert answer(machine, machine.numbers["tgkill"], other, other, 9) == KILL


@MACHINES
def test_calls_that_attacks_need_are_not_listed(machine: Architecture) -> None:
    for name in ("io_uring_setup", "ptrace", "process_vm_readv", "bpf", "unshare", "mount", "shmget", "add_key", "userfaultfd"):
        assert name not in ALLOWED
        assert name not in REFUSED
    assert len(program(machine, PID)) <= MAX_INSTRUCTIONS
    assert not set(ALLOWED) & set(REFUSED)
    assert len(set(machine.numbers.values())) == len(machine.numbers)


@pytest.mark.parametrize("name", HEADERS)
def test_numbers_are_those_of_the_kernel_headers(name: str) -> None:
    header = HEADERS[name]
    if not header.exists():
        pytest.skip("no kernel headers on this machine")
    found = dict(re.findall(r"^#define __NR(?:3264)?_(\w+) (\d+)$", header.read_text(encoding="utf-8"), re.MULTILINE))
    found |= {"newfstatat": found.get("newfstatat", found.get("fstatat", ""))}
    assert {it: str(number) for it, number in ARCHITECTURES[name].numbers.items()} == {
        it: found[it] for it in ARCHITECTURES[name].numbers
    }
