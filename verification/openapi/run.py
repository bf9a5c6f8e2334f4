"""Ask every operation of a description, and tell the faults: `ask` for one role, by one seed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.stateful.state_machine import APIStateMachine
from schemathesis.schemas import BaseSchema

from verification.openapi.checks import made_things_are_there, understood
from verification.openapi.gateway import Gateway
from verification.openapi.roles import CLAIMS, NOBODY, PEERS

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Of a valid request: somebody else's thing, a state or a condition that forbids it, or a rule of several fields (`understood`).
RULES = ("2xx", "304", "401", "403", "404", "409", "412", "413", "422", "429")
SHARED = {  # everybody reads a strategy that its owner has not made private; tests/api/test_visibility.py has those
    "include-path-regex": "^/v1/strategies",
    "checks": {"object_level_authorization": {"enabled": False}},
}
YEARS = (datetime(2000, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 - bounds of a strategy, which adds the zone
# 412 is no default: a condition that cannot be read does not hold.
REFUSED = ("400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429")
CHECKS: Mapping[str, Any] = {
    "negative_data_rejection": {"expected-statuses": list(REFUSED)},
    "positive_data_acceptance": {"expected-statuses": list(RULES)},
    understood.__name__: {"enabled": True},
    made_things_are_there.__name__: {"enabled": True},
}


# Of all years that a format allows, a hundredth are those of trading: other instants would find no more than the bound.
schemathesis.openapi.format("date-time", st.datetimes(*YEARS, timezones=st.just(UTC)).map(lambda it: it.isoformat()))


@dataclass(frozen=True)
class Finding:
    """One fault: the check that found it, the operation, and a command that sends the request again."""

    check: str
    operation: str
    text: str
    command: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.check}\n{self.text}\n{self.command}"


@dataclass
class Asked:
    """Counts of a run, and its findings."""

    role: str
    seed: int
    cases: Counter[str] = field(default_factory=Counter)  # by phase
    answers: Counter[int] = field(default_factory=Counter)  # by status
    checks: Counter[str] = field(default_factory=Counter)  # that were made
    succeeded: set[str] = field(default_factory=set)  # operations with an answer of success
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)  # by check, operation and title

    def __str__(self) -> str:
        cases = ", ".join(f"{count:,} {phase}" for phase, count in self.cases.items())
        return (
            f"{self.role}, seed {self.seed}: {self.cases.total():,} cases ({cases}), {self.checks.total():,} checks,"
            f" {len(self.succeeded)} operations succeeded, {len(self.findings)} faults"
        )


def ask(schema: BaseSchema, role: str, seed: int) -> Asked:
    """Run all phases of a loaded description."""
    asked = Asked(role, seed)
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(asked, event.phase.value, event.recorder)
            for finding, title in _findings(event.recorder):
                asked.findings.setdefault((finding.check, finding.operation, title), finding)
        elif isinstance(event, events.NonFatalError):
            asked.findings["error", event.label, event.info.title] = Finding("error", event.label, str(event.value), "")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.EngineFinished):
            for failure in event.failures:
                asked.findings["run", "", failure.title] = Finding("run", "", failure.message, "")
    return asked


def in_process(
    role: str,
    seed: int,
    cases: int,
    *,
    phases: tuple[str, ...] = PHASES,
    only: str | Sequence[str] | None = None,
    gateway: Gateway | None = None,
    described: Mapping[str, Any] | None = None,
) -> Asked:
    """Ask the real application over fakes, or what stands behind `gateway`, by its own description or by `described`.

    `cases` bounds those of an operation in a phase that has no end of its own; `only` has the ids of operations.
    """
    gateway = gateway or Gateway()
    with TemporaryDirectory() as folder, closing(gateway):
        config = configured(role, seed, cases, phases, Path(folder), {name: name for name in CLAIMS})
        schema: BaseSchema
        if described is None:
            schema = schemathesis.openapi.from_wsgi("/openapi.json", gateway, config=config)
        else:
            schema = schemathesis.openapi.from_dict(dict(described), config=config)
            schema.app = gateway
        if only:
            chosen = {only} if isinstance(only, str) else set(only)
            id_of = schema.get_operation_id
            # With settings of operations, an inclusion would take no other away.
            schema = schema.exclude(lambda it: id_of(it.operation) not in chosen)
        _begin_stories_anew(schema, gateway)
        return ask(schema, role, seed)


def deployed(url: str, tokens: Mapping[str, str], role: str, seed: int, cases: int, phases: tuple[str, ...] = PHASES) -> Asked:
    """Ask a deployment through its gateway; `tokens` has that of each role."""
    with TemporaryDirectory() as folder:
        config = configured(role, seed, cases, phases, Path(folder), tokens, {"base-url": url})
        return ask(schemathesis.openapi.from_url(f"{url}/openapi.json", config=config), role, seed)


def configured(
    role: str,
    seed: int,
    cases: int,
    phases: tuple[str, ...],
    folder: Path,
    tokens: Mapping[str, str],
    where: Mapping[str, str] = MappingProxyType({}),
) -> SchemathesisConfig:
    """The settings of a run. All checks are on; each step away from the defaults has its reason here."""
    settings: dict[str, Any] = {
        **where,
        "seed": seed,
        "suppress-health-check": ["all"],  # they complain of a slow machine
        "continue-on-failure": True,
        "warnings": False,  # of 401 and 404, which are right answers to strangers
        "cache": {"enabled": False},  # a seed means the same at each run
        "rate-limit": "auto",  # a 429 is waited out as its header says
        "checks": dict(CHECKS),
        "operations": [SHARED],
        "generation": {"max-examples": cases, "database": "none"},
        "phases": {
            **{name: {"enabled": name in phases} for name in PHASES},
            "examples": {"enabled": "examples" in phases, "fill-missing": True},  # an operation that takes nothing has none
        },
    }
    if role != NOBODY:
        file = folder / "tokens.json"
        file.write_text(json.dumps({"auth": [_header(*it) for it in tokens.items()]}), encoding="utf-8")
        peers = {"peers": list(PEERS)} if role in PEERS else {}
        settings["auth"] = {"wfc": {"path": str(file), "user": role, **peers}}
    return SchemathesisConfig.from_dict(settings)


def _header(role: str, token: str) -> dict[str, Any]:
    return {"name": role, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}


def _begin_stories_anew(schema: BaseSchema, gateway: Gateway) -> None:
    """Let each story begin in a world of its own."""
    build = schema.build_state_machine

    def built(**options: Any) -> type[APIStateMachine]:
        machine = build(**options)

        class Story(machine):  # type: ignore[misc, valid-type]
            def __init__(self) -> None:
                gateway.begin()
                super().__init__()

        return Story

    schema.build_state_machine = built  # type: ignore[method-assign]


def _count(asked: Asked, phase: str, recorder: ScenarioRecorder) -> None:
    asked.cases[phase] += len(recorder.cases)
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is not None:
            asked.answers[interaction.response.status_code] += 1
            if interaction.response.status_code < 400:  # 304 to somebody who has it already
                asked.succeeded.add(recorder.cases[case_id].value.operation.label)
    asked.checks.update(check.name for checks in recorder.checks.values() for check in checks)


def _findings(recorder: ScenarioRecorder) -> Iterator[tuple[Finding, str]]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                response = recorder.find_response(case_id=failure.case_id or case_id)
                answer = "" if response is None else f"\n{response.status_code} {response.text[:500]}"
                text = f"{failure.title}\n{failure.message}{answer}"
                label = recorder.cases[case_id].value.operation.label
                yield Finding(check.name, label, text, check.failure_info.code_sample), failure.title
