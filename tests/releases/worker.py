"""One release's code at work for a test of another release: started with that release's tree alone on its path.

The test and this process speak in pickles of plain values (numbers, texts, bytes, lists, dictionaries): no class of one release
reaches the other. A request is `(verb, arguments)`, an answer `("ok", value)` or `("error", text)`.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import sys
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO

Plain = Any


def plain(value: Any) -> Plain:
    """A value without classes of the product: dataclasses as dictionaries, in any depth."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def made(kind: Any, held: Mapping[str, Plain]) -> Any:
    """A dataclass of this release out of fields of another one; fields that this release does not have are left out."""
    return kind(**{field.name: held[field.name] for field in dataclasses.fields(kind) if field.name in held})


def world_of(held: Mapping[str, Plain]) -> Any:
    """The world of the crash points: table, queues, the venue's book, the time."""
    from verification.crash_points.world import Arrival, Message, Order, World

    queues = {name: tuple(made(Message, each) for each in held[name]) for name in ("trade", "reconcile", "dead")}
    arrivals = tuple(made(Arrival, {**each, "parameters": tuple(map(tuple, each["parameters"]))}) for each in held["arrivals"])
    return made(World, {**held, **queues, "orders": tuple(made(Order, each) for each in held["orders"]), "arrivals": arrivals})


class Release:
    """The verbs; each is a method."""

    def __init__(self) -> None:
        self._functions: Any = None

    def invoke(self, worker: str, body: str, world: Mapping[str, Plain]) -> Plain:
        """Run a function once on a world; the world afterwards, and the error that the use case has raised."""
        from candlecast.domain.values.errors import DomainError
        from verification.crash_points.functions import Worker, put_together
        from verification.crash_points.scenario import _Plain

        self._functions = self._functions or put_together()
        there, error = world_of(world), None
        try:
            self._functions.call(Worker(worker), body, _Plain(there))
        except DomainError as raised:
            error = {
                "kind": type(raised).__name__,
                "code": raised.code,
                "after_seconds": getattr(raised, "after_seconds", None),
                "at_most_seconds": getattr(raised, "at_most_seconds", None),
            }
        return {"world": plain(there), "error": error}

    def write_golden(self) -> Plain:
        """Every case that this release writes, by the path of its file."""
        from tests.golden.files import CASES, written

        return {path: written(case) for path, case in CASES.items() if case.write is not None}

    def read_own(self) -> Plain:
        """The value that this release reads in each golden that it writes."""
        from tests.golden.files import CASES, restored, written
        from tests.golden.files import plain as told

        return {path: told(case.read(restored(case, written(case)))) for path, case in CASES.items() if case.write is not None}

    def read_golden(self, goldens: Mapping[str, Plain]) -> Plain:
        """The values that this release reads in goldens of another one, or errors. None stands for a kind that it does not know.

        A golden that this release has no case for is read by the cases of its kind. One of them must be able to, and its value
        says nothing, because another case may ask for another part.
        """
        from tests.golden.files import CASES

        found = {}
        for path, content in goldens.items():
            own = [CASES[path]] if path in CASES else [case for case in CASES.values() if case.kind == path.partition("/")[0]]
            answer = self._read(own, content) if own else None
            found[path] = answer if path in CASES or answer is None or "errors" in answer else {}
        return found

    def _read(self, cases: list[Any], content: Plain) -> Plain:
        from tests.golden.files import plain as told
        from tests.golden.files import restored

        errors = []
        for case in cases:
            try:
                return {"value": told(case.read(restored(case, content)))}
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        return {"errors": errors}


def serve(asks: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there is no request any more."""
    release = Release()
    while True:
        try:
            verb, arguments = pickle.load(asks)  # noqa: S301 - written by the test that has started this process
        except EOFError:
            return
        try:
            answer = "ok", getattr(release, verb)(*arguments)
        except Exception:
            answer = "error", traceback.format_exc()
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as protocol:
        os.dup2(2, 1)  # logs go to the test's standard error
        serve(sys.stdin.buffer, protocol)
