"""A bad week in one go: a release is deployed, changed, replaced and brought back, and both books agree."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.project import ROOT
from infra.release.table import releases
from verification.rehearsal.checkouts import built_checkout
from verification.rehearsal.rehearsal import REPORT, Rehearsal

pytestmark = pytest.mark.prove


def test_a_release_is_replaced_and_brought_back_while_both_books_agree(cloud: Cloud, say: Callable[[str], None]) -> None:
    before, now = built_checkout(releases()[0].commit, say), ROOT
    deployment.build(say)
    rehearsal = Rehearsal(cloud, say)
    rehearsal.open(before)
    rehearsal.trade()
    rehearsal.change_a_parameter(before, "LogLevel", "DEBUG")
    rehearsal.trade()
    rehearsal.change_release(now, "deploy the head")
    rehearsal.trade()
    rehearsal.change_release(before, "roll back")
    rehearsal.trade()
    figures, found = rehearsal.verdict()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"steps": rehearsal.steps, "figures": figures, "violations": found}, indent=2), encoding="utf-8")
    assert found == []
