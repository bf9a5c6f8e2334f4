"""Backtests as a service, from the question to the files: the engine's own numbers, waiting, cancelled, and nobody else's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.result import Result, without_history
from candlecast.backtest.run import run
from candlecast.domain.backtests.backtest import MAX_OPEN, BacktestStatus
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.market.market import Market
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.timeframe import Timeframe
from candlecast.runtime.compose.consumer import HELD_SECONDS
from candlecast.strategy import Candles
from candlecast.strategy.registry import load_strategy
from candlecast_cli.main import app
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.people import Api, Platform
from infra.local.demo.replay import invoke
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import VENUE, PlannedStrategy
from infra.local.project import CommandError
from tests.support.stage import ZIGZAG_MARKET, ZIGZAG_PARAMETERS, open_markets, replay_stack, utc_now, zigzag
from tests.support.waiting import until

ROWS = 1_600  # more than a day: bands of a result need two
SPAN = 300  # minutes that are tried, of those that the market has
UPLOADED, BUILT_IN, BROKEN = "my-turns", "our-turns", "my-broken-turns"
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")
FEE, SLIPPAGE = "0.0005", "2"
SETTINGS = {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}, "max_daily_loss_percent": "100"}
MINUTE = timedelta(minutes=1)


@dataclass
class Story:
    """A stack with one market, the same rule as built-in and as uploaded code, and people."""

    cloud: Cloud
    platform: Platform
    author: Api
    stranger: Api
    file: CandleFile
    end: datetime

    @property
    def start(self) -> datetime:
        return self.end - SPAN * MINUTE

    def ask(self, who: Api, strategy_id: str, **changes: Any) -> dict[str, Any]:
        body = {
            "strategy_id": strategy_id,
            "start": self.start.isoformat(),
            "until": self.end.isoformat(),
            "settings": SETTINGS,
            "taker_fee": FEE,
            "slippage_bps": SLIPPAGE,
        }
        asked: dict[str, Any] = who.call("POST", "/v1/backtests", body | changes)
        return asked

    def ended(self, who: Api, asked: dict[str, Any]) -> dict[str, Any]:
        """The backtest, once it neither waits nor runs."""
        path = f"/v1/backtests/{asked['backtest_id']}"
        found: dict[str, Any] = until(lambda: who.call("GET", path), lambda it: it["status"] not in ("QUEUED", "RUNNING"))
        return found

    def found(self, who: Api, asked: dict[str, Any]) -> dict[str, Any]:
        backtest: dict[str, Any] = who.call("GET", f"/v1/backtests/{asked['backtest_id']}")
        return backtest

    def results(self, who: Api, asked: dict[str, Any]) -> dict[str, Any]:
        links: dict[str, Any] = who.call("GET", f"/v1/backtests/{asked['backtest_id']}/results")
        return links

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Nobody computes inside: tasks stay in their queue."""
        functions = self.cloud.client("lambda")
        name = f"{self.cloud.outputs['BacktestRunnerFunctionName']}:live"
        (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def by_the_engine(self) -> Result:
        """The result of the command's engine in this process."""
        strategy = load_strategy("sma_cross").with_parameters(ZIGZAG_PARAMETERS)
        before = strategy.lookback - 1
        terms = Terms(
            market=self.market,
            timeframe=self.file.timeframe,
            venue=VENUE,
            settings=Settings(
                capital=Decimal(10_000),
                sizing=Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1_000)),
                max_daily_loss_percent=Decimal(100),
            ),
            cash=Decimal(10_000),
            fees=Fees(maker=Decimal(FEE), taker=Decimal(FEE)),
            slippage=Slippage(bps=Decimal(SLIPPAGE)),
        )
        return without_history(run(strategy, Candles.from_candles(self.file.candles[-SPAN - before :]), terms), before)

    @property
    def market(self) -> Market:
        """The market as the catalogue has it."""
        from candlecast.adapters.s3.market_catalogue import S3Markets
        from candlecast.adapters.system import SystemClock

        found = S3Markets(self.cloud.client("s3"), self.cloud.outputs["MarketsBucketName"], SystemClock()).find(
            VENUE, ZIGZAG_MARKET
        )
        assert found is not None
        return found


@pytest.fixture(scope="module")
def story(cloud: Cloud) -> Iterator[Story]:
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0)
    file = zigzag(ROWS, end)
    with closing(open_markets(cloud, (file,), ROWS)), closing(Platform(cloud)) as platform:
        author, stranger = (platform.as_user(cloud.user(f"{name}@example.com")) for name in ("author", "stranger"))
        platform.create_strategies((PlannedStrategy(BUILT_IN, "sma_cross", ZIGZAG_PARAMETERS, file),))
        author.call("POST", "/v1/strategies", upload(UPLOADED))
        yield Story(cloud, platform, author, stranger, file, end)


def upload(strategy_id: str, source: str = SOURCE) -> dict[str, Any]:
    return {
        "kind": "UPLOADED",
        "strategy_id": strategy_id,
        "name": strategy_id,
        "venue": VENUE,
        "market": ZIGZAG_MARKET,
        "timeframe": "1m",
        "source": source,
        "parameters": dict(ZIGZAG_PARAMETERS),
        "visibility": "PUBLIC",
    }


def fetched(link: str) -> httpx.Response:
    """The object behind a link, without any token."""
    answer = httpx.get(link, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def test_uploaded_and_built_in_code_give_the_engines_own_numbers(story: Story) -> None:
    author = story.platform.as_administrator()  # sees the newest candles of the platform's strategy
    built_in, uploaded = story.ask(author, BUILT_IN), story.ask(story.author, UPLOADED)
    assert (uploaded["plan"]["rows"], uploaded["plan"]["version"]) == (SPAN, 1)
    wanted = story.by_the_engine()
    assert len(wanted.trades) > SPAN / 2
    for who, asked in ((author, built_in), (story.author, uploaded)):
        found = story.ended(who, asked)
        assert (found["status"], found["rows_done"], found["summary"]["trades"]) == ("DONE", SPAN, len(wanted.trades)), found
        assert float(found["summary"]["final_equity"]) == pytest.approx(wanted.final_equity, abs=1e-7)
        links = story.results(who, asked)
        document = fetched(links["document"]).json()
        assert [trade["pnl"] for trade in document["trades"]] == wanted.trades.pnl.tolist()
        assert document["final_equity"] == wanted.final_equity
        assert document["parameters"]["fast_period"] == ZIGZAG_PARAMETERS["fast_period"]
        page, trades = fetched(links["page"]), fetched(links["trades"])
        assert page.headers["content-type"].startswith("text/html")
        assert len(list(csv.DictReader(io.StringIO(trades.text)))) == len(wanted.trades)


def test_a_result_is_nobody_elses_and_its_link_ends_after_five_minutes(story: Story) -> None:
    (asked,) = [it for it in story.author.call("GET", "/v1/backtests")["items"] if it["status"] == "DONE"]
    for path in ("", "/results"):
        with pytest.raises(CommandError, match="404"):
            story.stranger.call("GET", f"/v1/backtests/{asked['backtest_id']}{path}")
    with pytest.raises(CommandError, match="404"):
        story.stranger.call("DELETE", f"/v1/backtests/{asked['backtest_id']}")
    assert story.stranger.call("GET", "/v1/backtests")["items"] == []
    links = story.results(story.author, asked)
    for name in ("document", "page", "trades"):
        assert parse_qs(urlsplit(links[name]).query)["X-Amz-Expires"] == ["300"]
        assert "X-Amz-Signature" in links[name]


def test_a_stranger_sees_neither_parameters_nor_newer_candles_than_the_record(story: Story) -> None:
    asked = story.ask(story.stranger, UPLOADED, start=(story.end - ROWS * MINUTE).isoformat(), until=None)
    assert datetime.fromisoformat(asked["plan"]["until"]) < story.end
    found = story.ended(story.stranger, asked)
    assert found["status"] == "DONE", found
    links = story.results(story.stranger, asked)
    assert fetched(links["document"]).json()["parameters"] == {}
    assert "fast_period" not in fetched(links["page"]).text


def test_a_listed_strategy_has_the_platforms_backtest_on_its_card(story: Story) -> None:
    """The walk over the cards asks for the backtest, and the runner writes the figures; nobody's limits count them."""

    def walked() -> dict[str, Any] | None:
        invoke(story.cloud, "ReconcileClockFunctionName", {"scheduled_time": utc_now().isoformat().replace("+00:00", "Z")})
        cards = story.stranger.call("GET", "/v1/marketplace?venue_kind=paper")["items"]
        found: dict[str, Any] | None = next(card["backtest"] for card in cards if card["strategy_id"] == UPLOADED)
        return found

    backtest = until(walked)
    assert backtest is not None
    assert (backtest["version"], backtest["refusal"]) == (1, None)
    assert datetime.fromisoformat(backtest["until"]) < story.end
    assert backtest["trades"] > SPAN
    assert Decimal(backtest["return_percent"]) > 0, "it takes each turn of the zigzag"


def test_a_backtest_whose_task_was_never_sent_is_computed(story: Story) -> None:
    """Its item is written as by an API that was killed before it sent the task. The clock of each minute finds it."""
    Ledger(story.cloud, (), ())  # the product's adapters find region, endpoint and keys as a function does
    store = DynamoBacktestStore(Table(story.cloud.outputs["TableName"]))
    asked = story.ask(story.author, UPLOADED)
    story.ended(story.author, asked)
    first = store.find_backtest(story.cloud.user("author@example.com").sub, asked["backtest_id"])
    left = replace(
        first,
        backtest_id=f"{first.backtest_id}-left",
        asked_at=first.asked_at - 2 * MINUTE,
        status=BacktestStatus.QUEUED,
        rows_done=0,
        tries=0,
        started_at=None,
        ended_at=None,
        code_version=None,
        summary=None,
        version=0,
    )
    store.create_backtest(left)
    invoke(story.cloud, "ReconcileClockFunctionName", {"scheduled_time": utc_now().isoformat().replace("+00:00", "Z")})
    done = story.ended(story.author, {"backtest_id": left.backtest_id})
    assert (done["status"], done["summary"]) == ("DONE", story.found(story.author, asked)["summary"])
    assert done["tries"] >= 1
    assert [it for it in store.list_unsent(utc_now() + MINUTE, 100) if it.tenant_id == left.tenant_id] == []


def test_candles_of_one_market_are_one_object_a_month_for_everybody(story: Story) -> None:
    listed = story.cloud.client("s3").list_objects_v2(Bucket=story.cloud.outputs["MarketsBucketName"], Prefix="candles/")
    months = {it["Key"] for it in listed["Contents"] if not it["Key"].endswith("manifest.json")}
    first = story.end - (ROWS + 1_500) * MINUTE
    assert len(months) <= 1 + (story.end.month != first.month)
    assert {key.split("/")[1] for key in months} == {VENUE}


def test_backtests_wait_in_their_queue_and_the_cancelled_one_is_never_computed(story: Story) -> None:
    with story.standing():
        asked = [story.ask(story.author, UPLOADED) for _ in range(MAX_OPEN)]
        with pytest.raises(CommandError, match="TOO_MANY_BACKTESTS"):
            story.ask(story.author, UPLOADED)
        cancelled = story.author.call("DELETE", f"/v1/backtests/{asked[0]['backtest_id']}")
        assert cancelled["status"] == "CANCELLED"
        asked.append(story.ask(story.author, UPLOADED))
    ended = [story.ended(story.author, each) for each in asked]
    assert [it["status"] for it in ended] == ["CANCELLED", *["DONE"] * MAX_OPEN]
    assert (ended[0]["tries"], all(it["tries"] for it in ended[1:])) == (0, True)  # a slow venue costs a second try
    assert len({it["summary"]["final_equity"] for it in ended[1:]}) == 1


def test_the_backtest_of_a_killed_worker_is_begun_again_and_ends_as_if_nothing_had_happened(
    story: Story, say: Callable[[str], None]
) -> None:
    span = {"start": (story.end - (ROWS - 100) * MINUTE).isoformat()}
    asked = [story.ask(story.author, UPLOADED, **span)]
    path = f"/v1/backtests/{asked[0]['backtest_id']}"
    until(lambda: story.author.call("GET", path), lambda it: it["status"] == "RUNNING")
    assert any(worker.busy for worker in story.cloud.workers("backtest_runner"))
    killed = story.cloud.kill_workers("backtest_runner")
    say(f"{killed} killed; their messages come back within {HELD_SECONDS['backtest']} seconds")
    asked.append(story.ask(story.author, UPLOADED, **span))  # an unbroken one
    ended = [story.ended(story.author, each) for each in asked]
    assert [it["status"] for it in ended] == ["DONE", "DONE"], ended
    assert ended[0]["tries"] >= 2, "the killed try counts"  # a slow venue costs a further one
    first, second = (fetched(story.results(story.author, each)["document"]).json() for each in asked)
    assert first == second
    assert len(first["trades"]) == ended[0]["summary"]["trades"] > SPAN


def test_code_that_fails_ends_the_backtest_with_its_line_for_those_who_may_see_it(story: Story) -> None:
    """The check of an upload has candles of the strategy's own length, and a backtest may have others."""
    length, rows = Timeframe.M3, 20
    guard = f"if candles.time[1] - candles.time[0] == {length.milliseconds}:"
    fails = SOURCE.replace("\n        fast = ", f"\n        {guard}\n            raise KeyError\n        fast = ", 1)
    assert fails != SOURCE
    story.author.call("POST", "/v1/strategies", upload(BROKEN, fails))
    (public, *_) = (it["plan"]["until"] for it in story.stranger.call("GET", "/v1/backtests")["items"])
    for who, until_, is_told in ((story.author, story.end, True), (story.stranger, datetime.fromisoformat(public), False)):
        last = length.floor(until_)
        span = {"start": (last - rows * length.length).isoformat(), "until": last.isoformat()}
        found = story.ended(who, story.ask(who, BROKEN, timeframe=length.value, **span))
        assert (found["status"], found["error_code"]) == ("FAILED", "STRATEGY_FAILED"), found
        assert found["error_message"].startswith("line ") is is_told


def test_the_command_has_the_platform_compute_and_writes_its_result(
    story: Story, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANDLECAST_API_URL", story.cloud.outputs["ApiUrl"])
    monkeypatch.setenv("CANDLECAST_TOKEN", story.cloud.user("author@example.com").token)
    settings, result, page = (tmp_path / name for name in ("settings.json", "result.json", "report.html"))
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    span = ("--from", story.start.isoformat(), "--to", story.end.isoformat())
    costs = ("--fee", FEE, "--slippage-bps", SLIPPAGE, "--settings", str(settings))
    words = ["backtest", UPLOADED, "--remote", *span, *costs, "--json", str(result), "--plot", str(page)]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    wanted = story.by_the_engine()
    assert f"{SPAN} candles" in shown.output
    document = json.loads(result.read_text(encoding="utf-8"))
    assert [trade["pnl"] for trade in document["trades"]] == wanted.trades.pnl.tolist()
    assert "fast_period" in page.read_text(encoding="utf-8")
