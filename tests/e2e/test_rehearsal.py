"""A bad week in one go: releases come and go, the table is lost and restored, and both books agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import pytest

from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.project import ROOT
from infra.release.table import releases
from verification.rehearsal.checkouts import built_checkout
from verification.rehearsal.rehearsal import REPORT, Rehearsal, whole_second

pytestmark = pytest.mark.prove


def test_both_books_agree_after_releases_that_come_and_go_and_a_lost_table(cloud: Cloud, say: Callable[[str], None]) -> None:
    before, now = built_checkout(releases()[0].commit, say), ROOT
    deployment.build(say)
    rehearsal = Rehearsal(cloud, say)
    rehearsal.open(before)
    with closing(rehearsal.scene.operator):
        rehearsal.trade()
        rehearsal.change_a_parameter(before, "LogLevel", "DEBUG")
        rehearsal.trade()
        rehearsal.change_release(now, "deploy the head")
        rehearsal.trade()
        rehearsal.change_release(before, "roll back")
        rehearsal.trade()
        if "TableGeneration" not in deployment.declared_parameters(before):
            rehearsal.change_release(now, "deploy the head again")  # the last release cannot adopt a restored table
            rehearsal.trade()
        moment = whole_second()
        switched = rehearsal.scene.strategies[0].strategy_id
        rehearsal.stop_entries(switched)
        rehearsal.trade_until_lost(moment)
        rehearsal.restore(moment, set_again=switched)
        rehearsal.trade()
        rehearsal.rebuild_history(moment)
        figures, found = rehearsal.verdict()
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(
            json.dumps({"steps": rehearsal.steps, "figures": figures, "violations": found}, indent=2), encoding="utf-8"
        )
    assert found == []
