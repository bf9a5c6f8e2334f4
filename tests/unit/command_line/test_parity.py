"""`candlecast parity`: days are compared anew, differences are named, and a decision that differs fails the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from candlecast_cli.author import parity
from tests.unit.command_line.running import run
from tests.unit.command_line.serving import Server, serving

pytestmark = pytest.mark.slow

ID = "my-breakout-btc"
PATH = f"/v1/strategies/{ID}/parity"
SLIPPAGE = f"/v1/strategies/{ID}/slippage"
DIFFERENCE = {
    "candle_close": "2026-11-20T12:00:00Z",
    "cause": "REVISED",
    "recorded": "LONG at 100",
    "recomputed": "HOLD",
    "decides_otherwise": True,
    "row": "2026-11-20T11:59:00Z",
}


def told(checked_at: str, *differences: dict[str, Any], day: str = "2026-11-20") -> dict[str, Any]:
    count = len(differences)
    share = {"days": 1, "checked": 10, "equal": 10 - count, "otherwise": count, "percent": f"{100 - 10 * count}"}
    causes = {"REVISED": count} if count else {}
    known = {"day": day, "checked_at": checked_at, "checked": 10, "equal": 10 - count, "otherwise": count, "causes": causes}
    return {"share": share, "days": [{**known, "differences": list(differences)}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(parity, "POLL_SECONDS", 0.01)
    with serving() as made:
        monkeypatch.setenv("CANDLECAST_API_URL", made.url)
        monkeypatch.setenv("CANDLECAST_TOKEN", "header.payload.signature")
        made.answer(f"GET {SLIPPAGE}", 200, {"tenths": [], "signals": [], "fleet": None, "own": None})
        yield made


def test_days_are_compared_anew_and_all_equal_is_success(server: Server) -> None:
    for checked_at in ("old", "old", "new"):
        server.answer(f"GET {PATH}", 200, told(checked_at))
    server.answer(f"POST {PATH}", 202, {"strategy_id": ID, "days": ["2026-11-20"]})
    found = run("parity", "--since", "2026-11-20", ID)
    assert found.exit_code == 0, found.output
    assert f"{ID}: 100 % of 10 runs decided as a backtest does" in found.output
    assert server.sent("POST")[0].json == {"since": "2026-11-20"}
    assert server.sent("GET")[-1].path == f"{PATH}?since=2026-11-20"


def test_a_difference_is_named_with_its_row_and_fails_the_command(server: Server) -> None:
    server.answer(f"GET {PATH}", 200, told("old", DIFFERENCE))
    found = run("parity", "--since", "2026-11-20", "--no-run", ID)
    assert found.exit_code == 1
    assert "REVISED: live LONG at 100, the backtest HOLD, first candle that differs: 2026-11-20T11:59:00Z" in found.output
    assert server.sent("POST") == []


def test_fills_of_all_followers_and_of_oneself_are_told_beside_the_backtests(server: Server) -> None:
    fleet = {"orders": 1_200, "mean_bps": "1.25", "median_bps": "1.10", "worst_bps": "9.40"}
    own = {"orders": 2, "mean_bps": "-0.50", "median_bps": "-0.50", "worst_bps": "0.10"}
    server.answer(f"GET {PATH}", 200, told("old"))
    del server.answers[f"GET {SLIPPAGE}"]
    server.answer(f"GET {SLIPPAGE}", 200, {"tenths": [], "signals": [], "fleet": fleet, "own": own})
    found = run("parity", "--since", "2026-11-20", "--no-run", ID)
    assert found.exit_code == 0, found.output
    assert "fills of all followers beside the backtest's" in found.output
    assert "mean 1.25, median 1.10, worst 9.40 of 1200 orders" in found.output
    assert "mean -0.50, median -0.50, worst 0.10 of 2 orders" in found.output
    document = run("parity", "--since", "2026-11-20", "--no-run", "--json", ID)
    assert json.loads(document.output)[ID]["fills"] == {"fleet": fleet, "own": own}


def test_a_strategy_without_runs_is_told_in_words(server: Server) -> None:
    share = {"days": 0, "checked": 0, "equal": 0, "otherwise": 0, "percent": None}
    server.answer(f"GET {PATH}", 200, {"share": share, "days": []})
    found = run("parity", "--since", "2026-11-20", "--no-run", ID)
    assert found.exit_code == 0
    assert f"{ID}: no run was compared" in found.output


def test_without_ids_all_own_strategies_are_meant(server: Server) -> None:
    server.answer("GET /v1/strategies", 200, {"items": [{"strategy_id": ID}], "next_cursor": None})
    server.answer(f"GET {PATH}", 200, told("old"))
    found = run("parity", "--since", "2026-11-20", "--no-run", "--json")
    assert found.exit_code == 0, found.output
    assert '"checked_at": "old"' in found.output
    assert "mine=true" in server.requests[0].path


def test_who_owns_nothing_names_strategies_and_a_day_is_a_day(server: Server) -> None:
    server.answer("GET /v1/strategies", 200, {"items": [], "next_cursor": None})
    assert run("parity", "--since", "2026-11-20").exit_code == 2
    assert run("parity", "--since", "yesterday", ID).exit_code == 2


def test_days_that_do_not_come_end_the_command(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "WAIT_SECONDS", 0)
    server.answer(f"GET {PATH}", 200, told("old"))
    server.answer(f"POST {PATH}", 202, {"strategy_id": ID, "days": ["2026-11-20"]})
    found = run("parity", "--since", "2026-11-20", ID)
    assert found.exit_code == 1
    assert "PARITY_LATE" in found.output
