"""freqtrade trades futures on the paper exchange: not dry-run, its default options, its stop on the exchange.

Real time passes, since freqtrade reads the clock: a minute for each candle. The test says where the price goes next, and says so
only once freqtrade has done its part, so no slowness changes what happens.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.foreign import MovingMarket, environment, moving_market

pytestmark = pytest.mark.prove

MOST_MINUTES = 15  # of candles that a step of the story may take; the slowest takes two
SIGNAL, TREND, BREAK = "0.003", "0.006", "0.03"  # changes of a candle: an entry's, a trail's, one through the stop
ALREADY_SO = -4046  # freqtrade sets the margin type before each order and goes on if it is set already
STRATEGY = '''
from freqtrade.strategy import IStrategy


class Follow(IStrategy):
    """Enters after a candle that moves by about 0.3 percent; leaves by its stop alone."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    can_short = True
    minimal_roi = {"0": 10}
    stoploss = -0.01
    trailing_stop = True
    startup_candle_count = 30
    order_types = {
        "entry": "limit",
        "exit": "limit",
        "stoploss": "market",
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_interval": 5,
    }

    def populate_indicators(self, dataframe, metadata):
        dataframe["change"] = dataframe["close"].pct_change()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["change"].between(0.002, 0.004), "enter_long"] = 1
        dataframe.loc[dataframe["change"].between(-0.004, -0.002), "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
'''


@dataclass(slots=True)
class Freqtrade:
    """The bot as a process, with a folder and a database that outlive it."""

    folder: Path
    market: MovingMarket
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "freqtrade.log"
        (self.folder / "strategies").mkdir()
        (self.folder / "strategies" / "follow.py").write_text(STRATEGY, encoding="utf-8")
        keys = self.market.venue.open_account()
        (self.folder / "config.json").write_text(json.dumps(self._config(keys)), encoding="utf-8")

    def _config(self, keys: dict[str, str]) -> dict[str, Any]:
        """The file of `freqtrade new-config` for futures, without the parts that talk to people; the addresses are ours."""
        urls = self.market.venue.client().urls["api"]
        pairs = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
        book = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
        return {
            "max_open_trades": 3,
            "stake_currency": "USDT",
            "stake_amount": 1000,
            "tradable_balance_ratio": 0.99,
            "dry_run": False,
            "trading_mode": "futures",
            "margin_mode": "isolated",
            "unfilledtimeout": {"entry": 10, "exit": 10, "exit_timeout_count": 0, "unit": "minutes"},
            "entry_pricing": {**book, "price_last_balance": 0.0},
            "exit_pricing": book,
            "exchange": {
                "name": "binance",
                "key": keys["api_key"],
                "secret": keys["api_secret"],
                "ccxt_config": {"urls": {"api": urls}},
                "pair_whitelist": pairs,
                "pair_blacklist": [],
            },
            "pairlists": [{"method": "StaticPairList"}],
            "initial_state": "running",
            "internals": {"process_throttle_secs": 2},
            "db_url": f"sqlite:///{self.folder}/trades.sqlite",
            "strategy": "Follow",
        }

    def start(self) -> None:
        python = environment("freqtrade")
        words = [str(python.with_name("freqtrade")), "trade", "--config", "config.json", "--userdir", "."]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None

    def trades(self) -> list[dict[str, Any]]:
        """freqtrade's own book."""
        with closing(sqlite3.connect(self.folder / "trades.sqlite")) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM trades ORDER BY pair")]

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3_000:]


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Freqtrade]:
    with moving_market() as market:
        bot = Freqtrade(tmp_path, market)
        bot.start()
        try:
            yield bot
        finally:
            bot.stop()


def until_done(bot: Freqtrade, done: Callable[[], bool], **changes: str) -> None:
    """Let minutes pass until freqtrade has done its part; the first of them brings the changes."""
    for _ in range(MOST_MINUTES):
        bot.market.move(**changes)
        changes = {}
        if done():
            return
    raise AssertionError(bot.last_words())


def stops(bot: Freqtrade, status: str = "NEW") -> dict[str, float]:
    """The trigger prices of the stops of a status by symbol; of several, the latest."""
    rows = bot.market.venue.book("algo-orders")
    return {row["symbol"]: float(row["trigger_price"]) for row in rows if row["status"] == status}


def trailed(bot: Freqtrade, before: dict[str, float]) -> bool:
    now = stops(bot)
    return set(now) == set(before) and now["BTCUSDT"] > before["BTCUSDT"] and now["ETHUSDT"] < before["ETHUSDT"]


def test_freqtrade_enters_both_ways_trails_its_stops_survives_a_restart_and_is_stopped_out(bot: Freqtrade) -> None:
    venue, recording = bot.market.venue, bot.market.recording
    until_done(bot, lambda: recording.count("GET", "/fapi/v1/klines") >= 2)

    until_done(bot, lambda: len(stops(bot)) == 2, BTCUSDT=SIGNAL, ETHUSDT=f"-{SIGNAL}")
    held = {row["symbol"]: float(row["amount"]) for row in venue.book("positions")}
    assert held["BTCUSDT"] > 0 > held["ETHUSDT"]

    placed = stops(bot)
    until_done(bot, lambda: trailed(bot, placed), BTCUSDT=TREND, ETHUSDT=f"-{TREND}")

    bot.stop()
    asked = recording.count("GET", "/fapi/v1/klines")
    bot.start()
    until_done(bot, lambda: recording.count("GET", "/fapi/v1/klines") > asked)
    trailing = stops(bot)
    assert len(trailing) == 2
    until_done(bot, lambda: trailed(bot, trailing), BTCUSDT=TREND, ETHUSDT=f"-{TREND}")

    until_done(bot, lambda: not any(trade["is_open"] for trade in bot.trades()), BTCUSDT=f"-{BREAK}", ETHUSDT=BREAK)
    assert [(trade["pair"], trade["is_short"]) for trade in bot.trades()] == [("BTC/USDT:USDT", 0), ("ETH/USDT:USDT", 1)]
    assert {trade["exit_reason"] for trade in bot.trades()} == {"stoploss_on_exchange"}
    assert all(float(row["amount"]) == 0 for row in venue.book("positions"))
    assert set(stops(bot, "FINISHED")) == {"BTCUSDT", "ETHUSDT"}
    assert stops(bot) == {}
    fills = venue.book("fills")
    ours = sum(float(fill["realized"]) - float(fill["fee"]) for fill in fills)
    assert sum(trade["close_profit_abs"] for trade in bot.trades()) == pytest.approx(ours, abs=0.01)
    assert {request.code for request in recording.refused()} <= {ALREADY_SO}
