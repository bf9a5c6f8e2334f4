"""Make versions of strategies: check the code with its parameters, and number what has passed.

Only the check itself runs code of strangers, in their sandbox. Parameters and their schema are stored with the version, so nobody
needs the code again to show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.strategies.versions import MAX_NOTE_CHARACTERS, MAX_SOURCE_BYTES, StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import CodeRefused, InvalidValue, RetryLater
from candlecast.domain.values.text import require_text
from candlecast.ports.code_checks import BuiltInCode, CheckedCode, CodeChecks, CodeHint, CodeUpload, Parameters
from candlecast.ports.code_store import CodeStore
from candlecast.ports.store import StrategyStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedVersion:
    """A version that somebody asks for."""

    created_by: str
    """The tenant that asks."""
    source: str | None
    """Text of the code; None: the code of the version that it is made from, or the built-in code."""
    parameters: Parameters
    """The parameters that differ from their defaults, or all of them."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version, with hints for the author of its code."""

    version: StrategyVersion
    hints: tuple[CodeHint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersions:
    """Checks versions and keeps their code; the caller stores the version itself."""

    strategies: StrategyStore
    checks: CodeChecks
    built_in: BuiltInCode
    code: CodeStore

    def make(self, definition: StrategyDefinition, number: int, wanted: WantedVersion, now: datetime) -> MadeVersion:
        """The version, whose code is kept once it has passed; a refusal keeps nothing.

        Raises `CodeRefused` with the reason and its place, `Reject` for parameters of built-in code, `InvalidValue`
        (TEXT_INVALID, TOO_MANY_VERSIONS), `Conflict` (TOO_MANY_UPLOADS, UPLOAD_IN_PROGRESS), `RetryLater`.
        """
        require_text("a note", wanted.note)
        if len(wanted.note) > MAX_NOTE_CHARACTERS:
            raise InvalidValue(f"a note has at most {MAX_NOTE_CHARACTERS} characters")
        checked = self._check(definition, wanted, now)
        described = replace(definition, parameters=checked.parameters)
        source = wanted.source
        version = StrategyVersion(
            strategy_id=definition.strategy_id,
            number=number,
            digest=self.built_in.version(described) if source is None else strategy_version(described, source),
            parameters=checked.parameters,
            parameter_schema=checked.parameter_schema,
            lookback=checked.lookback,
            created_by=wanted.created_by,
            created_at=now,
            source_hash=None if source is None else self.code.put(source),
            note=wanted.note,
        )
        return MadeVersion(version, checked.hints)

    def _check(self, definition: StrategyDefinition, wanted: WantedVersion, now: datetime) -> CheckedCode:
        if wanted.source is None:
            return self.built_in.inspect(replace(definition, parameters=wanted.parameters))
        require_source(wanted.source)
        owner, market, timeframe = definition.owner, definition.market, definition.timeframe
        if definition.kind is not StrategyKind.UPLOADED or owner is None or market is None or timeframe is None:
            raise InvalidValue("only an uploaded strategy has code of its own")
        with self._only_check(wanted.created_by, now):
            return self.checks.check(
                CodeUpload(
                    source=wanted.source,
                    parameters=wanted.parameters,
                    owner=owner,
                    venue=definition.venue,
                    market=market,
                    timeframe=timeframe,
                )
            )

    @contextmanager
    def _only_check(self, tenant_id: str, now: datetime) -> Iterator[None]:
        """One check of a tenant at a time: each keeps four environments busy, and the API waits for it."""
        self.strategies.begin_upload(tenant_id, now)
        try:
            yield
        finally:
            with suppress(RetryLater):  # the place is free again by itself
                self.strategies.end_upload(tenant_id, now)


def require_source(source: str) -> None:
    """Raise `CodeRefused` (STRATEGY_FILE_INVALID) for text that is too large, or that is none in UTF-8."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        line = source.count("\n", 0, error.start) + 1
        raise CodeRefused("STRATEGY_FILE_INVALID", "the text is not UTF-8", line=line) from None
    if size > MAX_SOURCE_BYTES:
        raise CodeRefused("STRATEGY_FILE_INVALID", f"the text has {size} bytes, at most {MAX_SOURCE_BYTES} are taken")


def with_defaults(version: StrategyVersion, given: Parameters) -> dict[str, object]:
    """The complete parameters that `given` means for the version's code; names that the code does not know stay."""
    properties = version.parameter_schema["properties"]
    return {name: it.get("default") for name, it in properties.items()} | dict(given)


def same_upload(version: StrategyVersion, wanted: WantedVersion) -> bool:
    """Whether the version is what an earlier, equal request of the same tenant has made."""
    source_hash = None if wanted.source is None else sha256(wanted.source.encode("utf-8", "surrogatepass")).hexdigest()
    known = (version.created_by, version.source_hash, version.parameters)
    return known == (wanted.created_by, source_hash, with_defaults(version, wanted.parameters))
