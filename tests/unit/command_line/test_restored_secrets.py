"""After a restore the vault says which secret of a source is in force: the table has gone back, and the vault has not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast_cli.restored_secrets import as_in_vault
from tests.support.builders import NOW, a_source

LEAKED = replace(a_source(), secret_version="v1")


def secret(stages: dict[str, list[str]]) -> dict[str, Any]:
    return {"VersionIdsToStages": stages, "LastChangedDate": NOW}


def test_a_secret_that_was_rotated_in_the_lost_minutes_is_in_force_again_and_the_one_before_ends_with_its_day() -> None:
    found = as_in_vault(LEAKED, secret({"v2": ["AWSCURRENT"], "v1": ["AWSPREVIOUS"]}))
    assert found.rotated
    assert found.source.accepted_versions(NOW) == ("v2", "v1")
    assert found.source.accepted_versions(NOW + timedelta(hours=24)) == ("v2",)
    assert found.source.revision == LEAKED.revision, "written only over the source that was read"


def test_a_secret_that_two_rotations_have_ended_stays_ended() -> None:
    found = as_in_vault(LEAKED, secret({"v3": ["AWSCURRENT"], "v2": ["AWSPREVIOUS"], "v1": []}))
    assert found.source.accepted_versions(NOW) == ("v3", "v2")


def test_a_person_is_told_that_a_lost_revocation_has_to_be_repeated() -> None:
    told = as_in_vault(LEAKED, secret({"v2": ["AWSCURRENT"], "v1": ["AWSPREVIOUS"]})).told(NOW)
    assert told is not None
    assert "revoke it again" in told
    doubled = LEAKED.rotate("v2", NOW - timedelta(hours=1))
    told = as_in_vault(doubled, secret({"v2": ["AWSCURRENT"], "v1": ["AWSPREVIOUS"]})).told(NOW)
    assert told is not None
    assert "has two secrets" in told


@pytest.mark.parametrize("found", [None, secret({"v1": ["AWSCURRENT"]}), secret({})], ids=["gone", "the same", "without stages"])
def test_a_source_of_which_the_vault_knows_nothing_newer_stays_and_nobody_is_told(found: dict[str, Any] | None) -> None:
    recovered = as_in_vault(LEAKED, found)
    assert (recovered.source, recovered.told(NOW)) == (LEAKED, None)
