"""Sources and columns for the sandbox, and a machine that runs its filter of system calls."""

from __future__ import annotations

import math
import struct
import textwrap
from collections.abc import Mapping
from typing import Any

from candlecast.sandbox.lock.seccomp import (
    ARCH,
    ARGUMENTS,
    JUMP_IF_AT_LEAST,
    JUMP_IF_BITS,
    JUMP_IF_EQUAL,
    LOAD,
    NUMBER,
    RETURN,
    Instruction,
)
from candlecast.sandbox.protocol import Job, Request, encode_columns

HOUR_MS = 3_600_000
HEAD = """\
from dataclasses import dataclass

import numpy as np
from candlecast.strategy import Candles, Parameters, Signals, Strategy, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Parameters):
    period: int = parameter(5, description="Rows", minimum=2, maximum=200)


class Uploaded(Strategy[Settings]):
    name = "uploaded"
    description = "Follows the last candles."

    def rows_needed(self) -> int:
        return self.parameters.period

    def signals(self, candles: Candles) -> Signals:
"""
HONEST = """\
rises = np.zeros(len(candles), dtype=np.bool_)
rises[1:] = candles.close[1:] > candles.close[:-1]
return Signals.from_conditions(long=rises, short=~rises, stop_loss=np.where(rises, candles.close * 0.9, candles.close * 1.1))
"""
FIRST_LINE = HEAD.count("\n") + 1  # of a body, if nothing stands above


def source(body: str = HONEST, before: str = "") -> str:
    """A strategy whose `signals` has the lines of `body`; the lines `before` stand above all others."""
    return before + HEAD + textwrap.indent(body, " " * 8)


def columns(rows: int = 300) -> dict[str, object]:
    """Candles of an hour each on a wave, packed."""
    times = [1_700_000_000_000 + number * HOUR_MS for number in range(rows)]
    closes = [100 + 10 * math.sin(number / 9) for number in range(rows)]
    prices = (closes, [it + 1 for it in closes], [it - 1 for it in closes], closes, [5.0] * rows)
    return encode_columns(rows, [struct.pack(f"<{rows}q", *times), *(struct.pack(f"<{rows}d", *column) for column in prices)])


def request(
    body: str = HONEST,
    job: Job = Job.DECIDE,
    *,
    before: str = "",
    text: str | None = None,
    parameters: Mapping[str, int | float | bool | str] | None = None,
    rows: int = 300,
    seconds: float = 5,
) -> Request:
    """A request for the strategy of `source(body, before)`, or of `text`."""
    return Request(
        job=job,
        source=source(body, before) if text is None else text,
        parameters=parameters or {},
        columns=None if job is Job.INSPECT else columns(rows),
        seconds=seconds,
        max_rows=100 if job is Job.CHECK else None,
    )


def filtered(program: list[Instruction], number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """The kernel's answer to a system call: the filter run as the kernel runs it."""
    seen = {NUMBER: number, ARCH: arch}
    for position in range(6):
        value = arguments[position] if position < len(arguments) else 0
        seen |= {ARGUMENTS + 8 * position: value & 0xFFFFFFFF, ARGUMENTS + 8 * position + 4: value >> 32}
    accumulator, at = 0, 0
    tests: dict[int, Any] = {
        JUMP_IF_EQUAL: lambda value: accumulator == value,
        JUMP_IF_AT_LEAST: lambda value: accumulator >= value,
        JUMP_IF_BITS: lambda value: bool(accumulator & value),
    }
    while True:
        instruction = program[at]
        at += 1
        if instruction.code == RETURN:
            return instruction.value
        if instruction.code == LOAD:
            accumulator = seen[instruction.value]
        else:
            at += instruction.if_true if tests[instruction.code](instruction.value) else instruction.if_false
