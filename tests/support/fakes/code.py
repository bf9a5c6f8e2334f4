"""Uploaded code in memory, and checks that say what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from candlecast.domain.values.errors import DomainError, NotFound, Reject
from candlecast.ports.code_checks import CheckedCode, CodeHint, CodeUpload

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"period": {"type": "integer", "default": 20}, "factor": {"type": "number", "default": 1.5}},
    "additionalProperties": False,
}


@dataclass
class FakeCodeStore:
    """`held` has the texts by hash."""

    held: dict[str, str] = field(default_factory=dict)

    def put(self, source: str) -> str:
        source_hash = sha256(source.encode()).hexdigest()
        self.held.setdefault(source_hash, source)
        return source_hash

    def get(self, source_hash: str) -> str:
        if source_hash not in self.held:
            raise NotFound("there is no code of that hash")
        source = self.held[source_hash]
        if sha256(source.encode()).hexdigest() != source_hash:
            raise Reject("CODE_DAMAGED", "the stored code is not the one that was kept")
        return source


@dataclass
class FakeCodeChecks:
    """Code with the parameters of `SCHEMA`; `refusal` is raised instead, `seen` has the uploads in their order.

    `during` is called while a check runs.
    """

    refusal: DomainError | None = None
    hints: tuple[CodeHint, ...] = ()
    lookback: int = 60
    seen: list[CodeUpload] = field(default_factory=list)
    during: Callable[[CodeUpload], None] | None = None

    def check(self, upload: CodeUpload) -> CheckedCode:
        self.seen.append(upload)
        if self.during is not None:
            self.during(upload)
        if self.refusal is not None:
            raise self.refusal
        defaults = {name: it["default"] for name, it in SCHEMA["properties"].items()}
        if unknown := upload.parameters.keys() - defaults.keys():
            raise Reject("PARAMETER_UNKNOWN", f"there is no parameter {min(unknown)}")
        return CheckedCode(
            parameters=defaults | dict(upload.parameters), parameter_schema=SCHEMA, lookback=self.lookback, hints=self.hints
        )
