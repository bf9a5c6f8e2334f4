"""Versions, releases, edits and the end of a strategy, the rights of authors, and refusals that change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.versions import MAX_UPLOADS_A_DAY
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import CodeRefused, Conflict, DomainError, InvalidValue, NotFound, Reject
from candlecast.ports.filters import VersionFilter
from candlecast.services.strategies.change_strategy import Author
from candlecast.services.strategies.edit_strategy import Edit
from tests.support.builders import NOW, STRATEGY, TENANT, a_strategy, an_external_strategy
from tests.unit.services.strategies.conftest import FRIEND, OPERATOR, OWNER, SOURCE, STRANGER, Desk

OTHER = SOURCE + "# better\n"


def add(desk: Desk, author: Author = OWNER, source: str | None = OTHER, parameters: dict[str, Any] | None = None) -> int:
    return desk.add(author, STRATEGY, source=source, parameters=parameters).version.number


# -- versions ------------------------------------------------------------------------------------------------------------------


def test_new_code_is_a_version_that_nobody_gets_yet(uploaded: Desk) -> None:
    release = uploaded.strategies.get_strategy(STRATEGY).release
    made = uploaded.add(FRIEND, STRATEGY, source=OTHER, parameters={"factor": 2.0}, note="wider").version
    assert (made.number, made.parameters, made.note) == (2, {"period": 20, "factor": 2.0}, "wider")
    assert (made.created_by, uploaded.code.get(made.source_hash or "")) == ("tenant-friend", OTHER)
    strategy = uploaded.strategies.get_strategy(STRATEGY)
    assert (strategy.latest_version, strategy.release) == (2, release)
    assert uploaded.told() == [("strategy.version.added", {"version": "2"})]
    assert uploaded.checks.seen[-1].owner == TENANT  # a collaborator's code runs in the owner's sandbox


def test_new_parameters_alone_are_a_version_of_the_newest_code(uploaded: Desk) -> None:
    add(uploaded)
    number = add(uploaded, source=None, parameters={"period": 9})
    made = uploaded.strategies.get_version(STRATEGY, number)
    assert (number, made.parameters) == (3, {"period": 9, "factor": 1.5})
    assert made.source_hash == uploaded.strategies.get_version(STRATEGY, 2).source_hash
    assert len({version.digest for version in uploaded.strategies.list_versions(STRATEGY, VersionFilter()).items}) == 3


def test_new_code_keeps_the_parameters_of_before(uploaded: Desk) -> None:
    assert uploaded.strategies.get_version(STRATEGY, add(uploaded)).parameters == {"period": 8, "factor": 1.5}


def test_a_repeat_adds_nothing(uploaded: Desk) -> None:
    assert [add(uploaded), add(uploaded)] == [2, 2]
    assert (len(uploaded.checks.seen), len(uploaded.told())) == (2, 1)
    assert add(uploaded, FRIEND) == 3  # another author's wish is another version


def test_versions_that_are_added_at_once_get_numbers_of_their_own(uploaded: Desk) -> None:
    check = uploaded.checks.check

    def overtaken(upload: Any) -> Any:
        uploaded.checks.check = check  # type: ignore[method-assign]
        add(uploaded, FRIEND, source=SOURCE + "# faster\n")
        return check(upload)

    uploaded.checks.check = overtaken  # type: ignore[method-assign]
    assert add(uploaded) == 3
    assert uploaded.strategies.get_strategy(STRATEGY).latest_version == 3
    assert len(uploaded.checks.seen) == 3  # a lost race checks nothing again


def test_code_that_is_refused_leaves_nothing(uploaded: Desk) -> None:
    uploaded.checks.refusal = CodeRefused("LOOKBACK_TOO_SHORT", "row 300", row=300)
    before = uploaded.kept
    with pytest.raises(CodeRefused):
        add(uploaded)
    assert uploaded.kept == before


def test_unknown_parameters_and_spent_days_leave_nothing(uploaded: Desk) -> None:
    before = uploaded.kept
    with pytest.raises(Reject, match="PARAMETER_UNKNOWN"):
        add(uploaded, source=None, parameters={"nothing": 1})
    uploaded.database.uploads[TENANT, NOW.date()] = MAX_UPLOADS_A_DAY
    with pytest.raises(Conflict, match="TOO_MANY_UPLOADS"):
        add(uploaded)
    assert uploaded.kept == before


# -- versions of built-in code -------------------------------------------------------------------------------------------------


def test_a_built_in_strategy_gets_its_present_parameters_as_its_first_version(desk: Desk) -> None:
    desk.strategies.create_strategy(a_strategy(parameters={"fast_period": 8}))
    assert add(desk, OPERATOR, source=None, parameters={"fast_period": 9, "slow_period": 30}) == 2
    first, second = (desk.strategies.get_version(STRATEGY, number) for number in (1, 2))
    assert (first.parameters["fast_period"], second.parameters["fast_period"]) == (8, 9)
    assert first.parameter_schema["properties"].keys() == first.parameters.keys() == second.parameters.keys()
    assert (first.source_hash, second.source_hash, first.created_by) == (None, None, "admin-1")
    strategy = desk.strategies.get_strategy(STRATEGY)
    assert strategy.release is not None
    assert (strategy.release.stable, strategy.release.candidate, strategy.latest_version) == (1, None, 2)
    assert [kind for kind, _ in desk.told()] == ["strategy.version.released", "strategy.version.added"]
    assert (desk.checks.seen, desk.database.uploads.total()) == ([], 0)


def test_parameters_that_built_in_code_refuses_are_no_version(desk: Desk) -> None:
    desk.strategies.create_strategy(a_strategy())
    with pytest.raises(Reject, match="PARAMETER_INVALID"):
        add(desk, OPERATOR, source=None, parameters={"fast_period": 50, "slow_period": 20})
    assert desk.strategies.get_strategy(STRATEGY).latest_version == 1
    with pytest.raises(NotFound):
        desk.strategies.get_version(STRATEGY, 2)


def test_built_in_code_is_not_replaced_and_signals_from_outside_have_none(desk: Desk) -> None:
    desk.strategies.create_strategy(a_strategy())
    desk.strategies.create_strategy(an_external_strategy("external-1"))
    before = desk.kept
    with pytest.raises(Conflict, match="NOT_UPLOADED"):
        add(desk, OPERATOR)
    with pytest.raises(Conflict, match="NO_CODE"):
        desk.add(OPERATOR, "external-1", source=None, parameters={})
    with pytest.raises(Conflict, match="NO_VERSIONS"):
        desk.release.to_share(OPERATOR, STRATEGY, 1, 20)
    with pytest.raises(Conflict, match="NO_VERSIONS"):
        desk.release.roll_back(OPERATOR, STRATEGY)
    assert desk.kept == before


# -- releases ------------------------------------------------------------------------------------------------------------------


def test_a_version_goes_to_a_share_then_to_all_and_back(uploaded: Desk) -> None:
    add(uploaded)
    uploaded.database.stream.clear()
    for share in (20, 60, 100):
        uploaded.release.to_share(FRIEND, STRATEGY, 2, share)
    held = uploaded.strategies.get_strategy(STRATEGY).release
    assert held is not None
    assert (held.stable, held.previous, held.candidate, held.released_by) == (2, 1, None, "tenant-friend")
    back = uploaded.release.roll_back(OWNER, STRATEGY).release
    assert back is not None
    assert (back.stable, back.previous, back.candidate) == (1, None, None)
    assert uploaded.told() == [
        ("strategy.version.released", {"version": "2", "share_percent": "20"}),
        ("strategy.version.released", {"version": "2", "share_percent": "60"}),
        ("strategy.version.released", {"version": "2", "share_percent": "100"}),
        ("strategy.version.rolled_back", {"version": "1", "share_percent": "100"}),
    ]


@pytest.mark.parametrize("share", [20, 100])
def test_a_repeated_release_changes_nothing(uploaded: Desk, share: int) -> None:
    add(uploaded)
    first = uploaded.release.to_share(OWNER, STRATEGY, 2, share)
    uploaded.clock.advance(60)
    assert uploaded.release.to_share(OWNER, STRATEGY, 2, share) == first
    assert len(uploaded.told()) == 2


def test_a_candidate_is_dropped_and_a_repeat_that_names_it_goes_no_further(uploaded: Desk) -> None:
    add(uploaded)
    uploaded.release.to_share(OWNER, STRATEGY, 2, 100)
    add(uploaded, source=SOURCE + "# third\n")
    uploaded.release.to_share(OWNER, STRATEGY, 3, 20)
    dropped = uploaded.release.roll_back(OWNER, STRATEGY, 3).release
    assert dropped is not None
    assert (dropped.stable, dropped.candidate, dropped.previous) == (2, None, 1)
    with pytest.raises(Conflict, match="NOTHING_TO_ROLL_BACK"):
        uploaded.release.roll_back(OWNER, STRATEGY, 3)
    assert uploaded.strategies.get_strategy(STRATEGY).release == dropped


CANNOT = ((2, 20, "NOT_FOUND"), (1, 20, "ALREADY_RELEASED"), (1, 0, "SHARE_INVALID"), (1, 101, "SHARE_INVALID"))


@pytest.mark.parametrize(("number", "share", "code"), CANNOT)
def test_what_cannot_be_released_changes_nothing(uploaded: Desk, number: int, share: int, code: str) -> None:
    before = uploaded.kept
    with pytest.raises(DomainError) as refused:
        uploaded.release.to_share(OWNER, STRATEGY, number, share)
    assert (refused.value.code, uploaded.kept) == (code, before)


def test_a_first_release_is_not_rolled_back(uploaded: Desk) -> None:
    before = uploaded.kept
    with pytest.raises(Conflict, match="NOTHING_TO_ROLL_BACK"):
        uploaded.release.roll_back(OWNER, STRATEGY)
    assert uploaded.kept == before


# -- edits, and the end --------------------------------------------------------------------------------------------------------


def test_an_edit_changes_what_it_names_and_tells_it(uploaded: Desk) -> None:
    edited = uploaded.edit(FRIEND, STRATEGY, Edit(name="Renamed", tags=("trend", "btc"), visibility=Visibility.PUBLIC))
    assert (edited.name, edited.tags, edited.visibility) == ("Renamed", ("trend", "btc"), Visibility.PUBLIC)
    assert edited.description == "rises with the tide"
    assert uploaded.told() == [("strategy.changed", {"name": "Renamed", "tags": "trend,btc", "visibility": "PUBLIC"})]
    assert uploaded.edit(FRIEND, STRATEGY, Edit(name="Renamed")) == edited
    assert len(uploaded.told()) == 1


def test_a_link_has_a_key_that_is_renewed_and_never_told(uploaded: Desk) -> None:
    edits = (
        Edit(visibility=Visibility.LINK),
        Edit(name="Renamed"),
        Edit(renew_link=True),
        Edit(visibility=Visibility.PRIVATE),
        Edit(visibility=Visibility.LINK),
    )
    keys = [uploaded.edit(OWNER, STRATEGY, edit).link_key for edit in edits]
    assert keys[0] is not None
    assert (keys[0], keys[3]) == (keys[1], None)
    assert len({keys[0], keys[2], keys[4]}) == 3
    assert not any(key in str(uploaded.told()) for key in keys if key is not None)


def test_only_the_owner_chooses_collaborators(uploaded: Desk) -> None:
    before = uploaded.kept
    with pytest.raises(Conflict, match="OWNER_ONLY"):
        uploaded.edit(FRIEND, STRATEGY, Edit(collaborators=("tenant-2",)))
    assert uploaded.kept == before
    uploaded.edit(OWNER, STRATEGY, Edit(collaborators=()))
    with pytest.raises(NotFound):
        uploaded.edit(FRIEND, STRATEGY, Edit(name="mine"))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(collaborators=tuple(map(str, range(21)))), "TOO_MANY_COLLABORATORS"),
        (Edit(tags=("a", "a")), "TAGS_INVALID"),
        (Edit(name="a\nb"), "TEXT_INVALID"),
        (Edit(description="\u202e"), "TEXT_INVALID"),
    ],
)
def test_an_edit_that_is_refused_changes_nothing(uploaded: Desk, edit: Edit, code: str) -> None:
    before = uploaded.kept
    with pytest.raises(InvalidValue) as refused:
        uploaded.edit(OWNER, STRATEGY, edit)
    assert (refused.value.code, uploaded.kept) == (code, before)


def test_operators_edit_what_the_platform_offers_to_everybody(desk: Desk) -> None:
    desk.strategies.create_strategy(a_strategy())
    assert desk.edit(OPERATOR, STRATEGY, Edit(name="Renamed", tags=("trend",))).name == "Renamed"
    for edit in (Edit(visibility=Visibility.PRIVATE), Edit(collaborators=("tenant-2",))):
        with pytest.raises(Conflict, match="NOT_OWNED"):
            desk.edit(OPERATOR, STRATEGY, edit)
    with pytest.raises(NotFound):
        desk.edit(STRANGER, STRATEGY, Edit(name="mine"))


ACTS: tuple[Callable[[Desk, Author], object], ...] = (
    lambda desk, who: add(desk, who),
    lambda desk, who: desk.release.to_share(who, STRATEGY, 1, 20),
    lambda desk, who: desk.release.roll_back(who, STRATEGY),
    lambda desk, who: desk.edit(who, STRATEGY, Edit(name="mine")),
)


@pytest.mark.parametrize("act", [*ACTS, lambda desk, who: desk.retire(who, STRATEGY)])
def test_a_strategy_does_not_exist_for_others(uploaded: Desk, act: Callable[[Desk, Author], object]) -> None:
    before = uploaded.kept
    with pytest.raises(NotFound):
        act(uploaded, STRANGER)
    assert (uploaded.kept, len(uploaded.checks.seen)) == (before, 1)


@pytest.mark.parametrize("act", ACTS)
def test_operators_change_nothing_of_a_tenant(uploaded: Desk, act: Callable[[Desk, Author], object]) -> None:
    with pytest.raises(NotFound):
        act(uploaded, OPERATOR)


@pytest.mark.parametrize("author", [OWNER, FRIEND, OPERATOR])
def test_a_retired_strategy_changes_no_more(uploaded: Desk, author: Author) -> None:
    retired = uploaded.retire(author, STRATEGY)
    assert retired.retired_at == NOW
    uploaded.clock.advance(60)
    assert uploaded.retire(author, STRATEGY) == retired
    assert uploaded.told() == [("strategy.retired", {})]
    for act in ACTS:
        with pytest.raises(Conflict, match="STRATEGY_RETIRED"):
            act(uploaded, OWNER)


def test_a_change_that_is_overtaken_is_made_again_on_the_newest(uploaded: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    add(uploaded)
    get = uploaded.strategies.get_strategy
    overtaken: list[bool] = []

    def stale(strategy_id: str) -> Any:
        found = get(strategy_id)
        if not overtaken:
            overtaken.append(True)
            uploaded.database.strategies[strategy_id] = replace(found, name="overtaken", revision=found.revision + 1)
        return found

    monkeypatch.setattr(uploaded.strategies, "get_strategy", stale)
    released = uploaded.release.to_share(OWNER, STRATEGY, 2, 20)
    assert (released.name, released.release is not None and released.release.candidate) == ("overtaken", 2)


def test_the_name_of_a_retired_strategy_stays_taken(uploaded: Desk) -> None:
    uploaded.retire(OWNER, STRATEGY)
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        uploaded.upload(source=OTHER)
