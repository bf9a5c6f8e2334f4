"""From an upload to orders of its followers: refusals, versions, a release to a share, a rollback, a strategy that never ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.signals.audience import release_bucket
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.exchange import Operator
from infra.local.demo.people import Api, Person, Platform
from infra.local.demo.replay import Replay, invoke
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import VENUE, PlannedStrategy
from infra.local.project import CommandError
from tests.support.stage import ZIGZAG_MARKET, ZIGZAG_PARAMETERS, follower, open_markets, replay_stack, utc_now, zigzag
from tests.support.waiting import until

ROWS = 700
FOLLOWERS = 12
PINNED = 2  # of the followers, to the first version
STEP = timedelta(minutes=1)
ID, BUILT_IN, ENDLESS = "my-turns", "our-turns", "my-endless-loop"
SOURCE = (Path(__file__).parents[2] / "strategies" / "sma_cross.py").read_text(encoding="utf-8")
# Decides at once on the candles of the upload's check, and never ends on those that close later.
LOOPS = """
        if candles.time[-1] >= {since}:
            while True:
                pass
        fast = indicators.sma("""


@dataclass
class Story:
    """A stack with one market, whose candles close one minute after the other."""

    cloud: Cloud
    operator: Operator
    platform: Platform
    author: Api
    people: list[Person]
    file: CandleFile
    at: datetime
    """The newest candle's close."""

    @property
    def replay(self) -> Replay:
        return Replay(self.cloud, self.operator, self.ledger(ID), (self.file,), 1)

    def ledger(self, strategy_id: str) -> Ledger:
        return Ledger(self.cloud, (PlannedStrategy(strategy_id, "", {}, self.file),), self.people)

    def next_candle(self) -> datetime:
        """Let the next candle close, as the clock announces it, and wait until all is quiet. Answers its close."""
        self.at = close = self.at + STEP
        self.operator.set_clock(close)
        event = {"timeframe": "1m", "scheduled_time": (close - STEP).isoformat().replace("+00:00", "Z")}
        assert invoke(self.cloud, "CandleClockFunctionName", event)["candles"] >= 1
        self.replay.wait_until_quiet()
        return close

    def runs(self, strategy_id: str, close: datetime) -> dict[int | None, Execution]:
        """The strategy's runs on one candle by version, once all have ended."""

        def found() -> list[Execution]:
            return [run for run in self.ledger(strategy_id).read().executions if run.candle_close == close]

        ended = until(found, lambda runs: bool(runs) and all(run.status is not ExecutionStatus.RUNNING for run in runs))
        return {None if run.audience is None else run.audience.number: run for run in ended}

    def entries(self, close: datetime) -> dict[str, list[Intent]]:
        """The entries that a candle's decisions have made, by subscription."""
        records = self.ledger(ID).read_when_relayed()
        signals = {it.signal.signal_id for it in records.signals if it.signal.candle_close == close}
        found: dict[str, list[Intent]] = {person.subscription_id: [] for person in self.people}
        for order in records.orders:
            if order.signal_id in signals and order.kind is LegKind.ENTRY:
                found[order.subscription_id].append(order)
        return found

    def digest(self, number: int) -> str:
        return str(self.author.call("GET", f"/v1/strategies/{ID}/versions/{number}")["digest"])


def upload_body(strategy_id: str, source: str = SOURCE, parameters: Mapping[str, Any] = ZIGZAG_PARAMETERS) -> dict[str, Any]:
    return {
        "kind": "UPLOADED",
        "strategy_id": strategy_id,
        "name": strategy_id,
        "venue": VENUE,
        "market": ZIGZAG_MARKET,
        "timeframe": "1m",
        "source": source,
        "parameters": dict(parameters),
        "visibility": "PUBLIC",
    }


@pytest.fixture(scope="module")
def story(cloud: Cloud) -> Iterator[Story]:
    """The zigzag turns on each candle, so each candle is an entry for everybody."""
    replay_stack(cloud)
    end = utc_now().replace(second=0, microsecond=0)
    file = zigzag(ROWS, end)
    with closing(open_markets(cloud, (file,), ROWS)) as operator, closing(Platform(cloud)) as platform:
        first = end - 12 * STEP  # the clock announces nothing that is older than a quarter of an hour
        operator.set_clock(first)
        author = platform.as_user(cloud.user("author@example.com"))
        yield Story(cloud, operator, platform, author, [], file, first)


def refusal(story: Story, body: Mapping[str, Any]) -> dict[str, Any]:
    """The problem that answers an upload by the author."""
    answer = story.author.answer("POST", "/v1/strategies", body)
    assert 400 <= answer.status_code < 500, answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def replaced(old: str, new: str) -> str:
    """The source with one place changed."""
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


LONG = "long = indicators.crossed_above(fast, slow)"
ROWS_NEEDED = "max(self.parameters.slow_period + 1, indicators.atr_rows(self.parameters.atr_period))"
REFUSED: Mapping[str, tuple[str, Mapping[str, Any], str, str | None]] = {
    "syntax": (replaced(ROWS_NEEDED, "max(("), {}, "STRATEGY_FILE_INVALID", "line"),
    "an import that does not exist there": (
        replaced("from dataclasses import dataclass\n", "from dataclasses import dataclass\n\nimport requests\n"),
        {},
        "STRATEGY_FILE_INVALID",
        "line",
    ),
    "a look into the future": (replaced(LONG, LONG + " & (candles.time[-1] // 60_000 % 7 < 3)"), {}, "LOOK_AHEAD", "row"),
    "too short a lookback": (
        replaced(ROWS_NEEDED, "2"),
        {"fast_period": 3, "slow_period": 300},
        "LOOKBACK_TOO_SHORT",
        "row",
    ),
    "a parameter of the wrong type": (SOURCE, {"fast_period": "many"}, "PARAMETER_INVALID", None),
    "a stop that depends on chance": (
        replaced("stop_atr * atr", "stop_atr * atr * (1 + hash('chance') % 1_000 / 1e6)"),
        {},
        "STRATEGY_NOT_DETERMINISTIC",
        None,
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refused_upload_names_its_fault_and_leaves_nothing_behind(story: Story, fault: str) -> None:
    source, parameters, code, where = REFUSED[fault]
    problem = refusal(story, upload_body("my-faulty-one", source, {**ZIGZAG_PARAMETERS, **parameters}))
    assert problem["code"] == code, problem
    if where is not None:
        assert isinstance(problem[where], int), problem
    assert story.author.call("GET", "/v1/strategies?mine=true")["items"] == []
    stored = story.cloud.client("s3").list_objects_v2(Bucket=story.cloud.outputs["CodeBucketName"])
    assert stored["KeyCount"] == 0


def test_an_upload_is_a_first_version_and_its_name_is_taken(story: Story) -> None:
    created = story.author.call("POST", "/v1/strategies", upload_body(ID))
    assert (created["version"]["number"], created["strategy"]["release"]["stable"]) == (1, 1)
    assert created["version"]["parameter_schema"]["properties"]["fast_period"]["minimum"] == 2
    other = story.platform.as_user(story.cloud.user("another-author@example.com"))
    with pytest.raises(CommandError, match="ALREADY_EXISTS"):
        other.call("POST", "/v1/strategies", upload_body(ID))


def test_followers_get_orders_that_carry_the_version(story: Story) -> None:
    planned = PlannedStrategy(ID, "", {}, story.file)
    built_in = PlannedStrategy(BUILT_IN, "sma_cross", ZIGZAG_PARAMETERS, story.file)
    story.platform.create_strategies((built_in,))
    story.people += story.platform.settle([follower(n, planned) for n in range(FOLLOWERS)], story.operator, lambda _: None)
    story.platform.settle([follower(900, built_in)], story.operator, lambda _: None)
    for person in story.people[:PINNED]:
        api = story.platform.as_user(person.user)
        pinned = api.call("PUT", f"/v1/subscriptions/{person.subscription_id}/version", {"version": 1})
        assert pinned["pinned_version"] == 1
    close = story.next_candle()
    assert {run.status for run in story.runs(ID, close).values()} == {ExecutionStatus.COMPLETED}
    entries = story.entries(close)
    assert Counter(map(len, entries.values())) == {1: FOLLOWERS}
    assert {entry.strategy_version for (entry,) in entries.values()} == {story.digest(1)}
    ours, theirs = story.runs(BUILT_IN, close)[None].signal, story.runs(ID, close)[1].signal
    assert ours is not None
    assert theirs is not None
    assert (ours.action, ours.price, ours.stop_loss, ours.atr) == (theirs.action, theirs.price, theirs.stop_loss, theirs.atr)


def test_a_release_reaches_its_share_and_never_the_pinned(story: Story) -> None:
    added = story.author.call("POST", f"/v1/strategies/{ID}/versions", {"parameters": {**ZIGZAG_PARAMETERS, "stop_atr": 15.0}})
    assert added["version"]["number"] == 2
    close = story.next_candle()
    assert {entry.strategy_version for (entry,) in story.entries(close).values()} == {story.digest(1)}, "added is not released"
    latest = [person.subscription_id for person in story.people[PINNED:]]
    share = sorted(release_bucket(ID, each) for each in latest)[len(latest) // 2]  # so that it splits these followers
    story.author.call("POST", f"/v1/strategies/{ID}/release", {"version": 2, "share_percent": share})
    reached = {each for each in latest if release_bucket(ID, each) < share}
    assert 0 < len(reached) < len(latest)
    close = story.next_candle()
    entries = story.entries(close)
    assert Counter(map(len, entries.values())) == {1: FOLLOWERS}, "each follower has exactly one entry of the candle"
    second = {each for each, (entry,) in entries.items() if entry.strategy_version == story.digest(2)}
    assert second == reached
    assert {entry.strategy_version for each, (entry,) in entries.items() if each not in second} == {story.digest(1)}
    assert set(story.runs(ID, close)) == {1, 2}


def test_a_rollback_is_one_call_and_open_trades_keep_their_version(story: Story) -> None:
    story.author.call("POST", f"/v1/strategies/{ID}/rollback", {"version": 2})
    close = story.next_candle()
    assert {entry.strategy_version for (entry,) in story.entries(close).values()} == {story.digest(1)}
    trades = story.ledger(ID).read_when_relayed().trades
    assert {trade.strategy_version for trade in trades} == {story.digest(1), story.digest(2)}
    types = [it["type"] for it in story.author.call("GET", f"/v1/strategies/{ID}/changes")["items"]]
    assert types[:3] == ["strategy.version.rolled_back", "strategy.version.released", "strategy.version.added"]


def test_a_strategy_that_never_ends_costs_only_its_own_candle(story: Story) -> None:
    # The venue shows the candle that is open now, too, and by real time that one has closed long ago.
    since = int((story.at + STEP).timestamp() * 1_000)
    endless = replaced("\n        fast = indicators.sma(", LOOPS.format(since=since))
    created = story.author.call("POST", "/v1/strategies", upload_body(ENDLESS, endless))
    assert created["version"]["number"] == 1
    planned = PlannedStrategy(ENDLESS, "", {}, story.file)
    story.platform.settle([follower(901, planned)], story.operator, lambda _: None)
    story.next_candle()
    close = story.next_candle()
    (failed,) = story.runs(ENDLESS, close).values()
    assert (failed.status, failed.reason) == (ExecutionStatus.FAILED, "SANDBOX_TIMEOUT")
    for other in (ID, BUILT_IN):
        assert {run.status for run in story.runs(other, close).values()} == {ExecutionStatus.COMPLETED}
    assert Counter(map(len, story.entries(close).values())) == {1: FOLLOWERS}


def test_a_retired_strategy_closes_and_gives_no_more_entries(story: Story) -> None:
    assert len(story.ledger(ID).read_when_relayed().positions) == FOLLOWERS
    story.author.call("POST", f"/v1/strategies/{ID}/retire")
    close = story.next_candle()
    assert Counter(map(len, story.entries(close).values())) == {0: FOLLOWERS}
    assert story.ledger(ID).read_when_relayed().positions == (), "a turn of the market closes what is held"
    stranger = story.platform.as_user(story.cloud.user("stranger@example.com"))
    with pytest.raises(CommandError, match="STRATEGY_RETIRED"):
        stranger.call("POST", "/v1/subscriptions", {"strategy_id": ID, "settings": {"capital": "1000"}})
