"""An upload becomes a strategy with its first version, or leaves nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from candlecast.domain.strategies.definition import StrategyKind, Visibility
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES, MAX_UPLOADS_A_DAY, UPLOAD_LEASE, Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import CodeRefused, Conflict, DomainError, InvalidValue, Reject, RetryLater
from candlecast.ports.code_checks import CodeUpload
from tests.support.builders import BTC, NOW, STRATEGY, TENANT, VENUE, a_strategy
from tests.support.fakes.code import SCHEMA
from tests.unit.services.strategies.conftest import SOURCE, Desk

SECONDS_OF_A_DAY = 86_400


def test_an_upload_becomes_a_strategy_whose_first_version_all_followers_get(desk: Desk) -> None:
    uploaded = desk.upload(tags=("trend",), note="first")
    definition, version = uploaded.definition, uploaded.version
    assert (definition.kind, definition.owner, definition.tags) == (StrategyKind.UPLOADED, TENANT, ("trend",))
    assert definition.release == Release(stable=1, released_by=TENANT, released_at=NOW)
    assert (version.number, version.parameters, version.parameter_schema) == (1, {"period": 8, "factor": 1.5}, SCHEMA)
    assert (version.created_by, version.created_at, version.note, version.lookback) == (TENANT, NOW, "first", 60)
    assert version.source_hash == sha256(SOURCE.encode()).hexdigest()
    assert version.digest == strategy_version(replace(definition, parameters=version.parameters), SOURCE)
    assert desk.code.held == {version.source_hash: SOURCE}
    assert desk.strategies.get_strategy(STRATEGY) == definition
    assert desk.strategies.get_version(STRATEGY, 1) == version
    (seen,) = desk.checks.seen
    assert (seen.owner, seen.venue, seen.market, seen.source) == (TENANT, VENUE, BTC, SOURCE)


def test_only_a_strategy_with_a_link_has_a_key(desk: Desk) -> None:
    keys = [desk.upload(strategy_id=f"strategy-{it}", visibility=it).definition.link_key for it in Visibility]
    assert [key is not None for key in keys] == [False, True, False]


def test_a_repeat_answers_as_the_first_and_checks_nothing_again(desk: Desk) -> None:
    first = desk.upload()
    desk.clock.advance(60)
    again = desk.upload(parameters={"period": 8, "factor": 1.5})
    assert (again.definition, again.version) == (first.definition, first.version)
    assert (len(desk.checks.seen), desk.database.uploads[TENANT, NOW.date()]) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "tenant-2"},
        {"source": SOURCE + "#"},
        {"parameters": {"period": 9}},
        {"parameters": {}},
        {"market": "ETH/USDT:USDT"},
    ],
)
def test_a_name_is_taken_for_anything_else(desk: Desk, changes: dict[str, Any]) -> None:
    desk.upload()
    before = desk.kept
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        desk.upload(**changes)
    assert (desk.kept, len(desk.checks.seen)) == (before, 1)


def test_a_name_of_the_platform_is_taken(desk: Desk) -> None:
    desk.strategies.create_strategy(a_strategy())
    before = desk.kept
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        desk.upload()
    assert (desk.kept, desk.checks.seen) == (before, [])


REFUSALS: tuple[tuple[dict[str, Any], type[DomainError], str], ...] = (
    ({"venue": "nowhere"}, InvalidValue, "UNKNOWN_VENUE"),
    ({"market": "DOGE/USDT:USDT"}, InvalidValue, "UNKNOWN_MARKET"),
    ({"name": "a\nb"}, InvalidValue, "TEXT_INVALID"),
    ({"description": "\u202e"}, InvalidValue, "TEXT_INVALID"),
    ({"note": "\x00"}, InvalidValue, "TEXT_INVALID"),
    ({"note": "x" * 501}, InvalidValue, "INVALID_VALUE"),
    ({"tags": ("Trend",)}, InvalidValue, "TAGS_INVALID"),
    ({"source": "#" * (MAX_SOURCE_BYTES + 1)}, CodeRefused, "STRATEGY_FILE_INVALID"),
    ({"source": "ä" * (MAX_SOURCE_BYTES // 2 + 1)}, CodeRefused, "STRATEGY_FILE_INVALID"),
    ({"source": "a\nb\ud800"}, CodeRefused, "STRATEGY_FILE_INVALID"),
)


@pytest.mark.parametrize(("changes", "kind", "code"), REFUSALS, ids=lambda it: it if isinstance(it, str) else "")
def test_what_is_refused_before_the_check_leaves_nothing(
    desk: Desk, changes: dict[str, Any], kind: type[DomainError], code: str
) -> None:
    before = desk.kept
    with pytest.raises(kind) as refused:
        desk.upload(**changes)
    assert refused.value.code == code
    assert (desk.kept, desk.checks.seen, desk.database.uploads.total()) == (before, [], 0)


def test_a_text_that_is_no_utf8_is_refused_with_its_line(desk: Desk) -> None:
    with pytest.raises(CodeRefused) as refused:
        desk.upload(source="a\nb\n\ud800")
    assert refused.value.line == 3


@pytest.mark.parametrize(
    "refusal",
    [
        CodeRefused("LOOK_AHEAD", "row 7", row=7, candle_close=NOW),
        CodeRefused("STRATEGY_NOT_DETERMINISTIC", "twice"),
        Reject("PARAMETER_INVALID", "period"),
        RetryLater("VALIDATOR_UNAVAILABLE", "busy", after_seconds=5),
    ],
    ids=lambda refusal: refusal.code,
)
def test_what_the_check_refuses_leaves_nothing_but_its_count(desk: Desk, refusal: DomainError) -> None:
    desk.checks.refusal = refusal
    before = desk.kept
    with pytest.raises(DomainError) as refused:
        desk.upload()
    assert refused.value is refusal
    assert (desk.kept, desk.database.uploads.total()) == (before, 1)
    desk.checks.refusal = None
    desk.upload()


def test_the_day_has_a_bound_on_uploads(desk: Desk) -> None:
    desk.checks.refusal = CodeRefused("STRATEGY_TOO_SLOW", "slow")
    for _ in range(MAX_UPLOADS_A_DAY):
        with pytest.raises(CodeRefused):
            desk.upload()
    desk.checks.refusal, before = None, desk.kept
    with pytest.raises(Conflict, match="TOO_MANY_UPLOADS"):
        desk.upload()
    assert (desk.kept, len(desk.checks.seen)) == (before, MAX_UPLOADS_A_DAY)
    desk.clock.advance(SECONDS_OF_A_DAY)
    desk.upload()


def test_one_upload_of_a_tenant_is_checked_at_a_time(desk: Desk) -> None:
    """Two hundred uploads at once would keep eight hundred environments busy."""
    refused: list[Conflict] = []

    def beside(upload: CodeUpload) -> None:
        desk.checks.during = None
        desk.upload(owner="tenant-2", strategy_id="of-another")
        with pytest.raises(Conflict, match="UPLOAD_IN_PROGRESS") as told:
            desk.upload(owner=upload.owner, strategy_id="the-second")
        refused.append(told.value)

    desk.checks.during = beside
    desk.upload(strategy_id="the-first")
    assert len(refused) == 1
    assert [seen.owner for seen in desk.checks.seen] == [TENANT, "tenant-2"]
    desk.upload(strategy_id="the-second")


def test_an_upload_is_kept_though_nobody_could_say_that_its_check_has_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "lost", after_seconds=1)

    monkeypatch.setattr(desk.strategies, "end_upload", lost)
    assert desk.upload().version.number == 1
    desk.clock.advance(UPLOAD_LEASE.total_seconds())
    assert desk.upload(strategy_id="the-second").version.number == 1
