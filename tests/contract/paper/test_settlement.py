"""The end of a market: announced, closed to orders from its time on, and settled by the operator."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from candlecast.domain.reconcile.drift import ClosedBy, closed_by
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue

END_MS = START_MS + 70 * MINUTE_MS
DELIVERY = "/markets/BTCUSDT/delivery"
NEVER = 4_133_404_800_000


def shown(trader: Any) -> tuple[int, str]:
    """The market's delivery date and status, as `exchangeInfo` answers them."""
    info = trader.load_markets(True)[BTC_SYMBOL]["info"]
    return info["deliveryDate"], info["status"]


def place_stop(trader: Any) -> Any:
    return trader.create_order(BTC_SYMBOL, "market", "sell", 0.02, None, {"stopLossPrice": 45_000, "reduceOnly": True})


def test_an_announced_end_is_shown_and_everything_goes_on_until_then(market: PaperVenue, trader: Any) -> None:
    assert shown(trader) == (NEVER, "TRADING")
    market.operate("PUT", DELIVERY, {"at_ms": END_MS})
    market.set_minute(69)
    assert shown(trader) == (END_MS, "TRADING")
    assert trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)["filled"] == 0.02
    market.operate("PUT", DELIVERY, {"at_ms": None})
    market.set_minute(70)
    assert shown(trader) == (NEVER, "TRADING")
    assert trader.create_order(BTC_SYMBOL, "market", "sell", 0.02)["filled"] == 0.02


def test_a_market_whose_end_has_come_takes_cancels_alone(market: PaperVenue, trader: Any) -> None:
    resting = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.02, 49_000)
    market.operate("PUT", DELIVERY, {"at_ms": END_MS})
    market.set_minute(70)
    assert shown(trader) == (END_MS, "SETTLING")
    with pytest.raises(ccxt.ExchangeError, match="-4108"):
        trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
    with pytest.raises(ccxt.ExchangeError, match="-4108"):
        place_stop(trader)
    with pytest.raises(ccxt.ExchangeError, match="-4108"):
        trader.edit_order(resting["id"], BTC_SYMBOL, "limit", "buy", 0.03, 49_000)
    trader.cancel_order(resting["id"], BTC_SYMBOL)
    assert trader.fetch_open_orders(BTC_SYMBOL) == []


def test_a_settlement_ends_orders_and_closes_the_position_at_the_mark_without_a_fee(market: PaperVenue) -> None:
    trader = market.client(market.open_account(account_id="trader"))
    trader.load_markets()
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.02, 49_000)
    place_stop(trader)
    market.operate("PUT", "/mark", {"offset_bps": "100"})
    market.set_minute(70)
    [row] = market.operate("POST", "/accounts/trader/settle", {"symbol": "BTCUSDT"})["orders"]
    assert closed_by(row["client_order_id"]) is ClosedBy.SETTLED
    assert row["client_order_id"].startswith("settlement_autoclose-")
    sold = trader.fetch_my_trades(BTC_SYMBOL)[-1]
    assert (sold["order"], sold["side"], sold["amount"], sold["price"]) == (str(row["order_id"]), "sell", 0.02, 50_500)
    assert trader.fetch_balance()["USDT"]["total"] == pytest.approx(10_000 - 0.02 * 50_005 * 0.0005 + 0.02 * (50_500 - 50_005))
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    assert trader.fetch_open_orders(BTC_SYMBOL) == trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True}) == []
    assert market.operate("POST", "/accounts/trader/settle", {"symbol": "BTCUSDT"}) == {"orders": []}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (DELIVERY, {"at_ms": 0}, "BODY_INVALID"),
        (DELIVERY, {"at_ms": 4_102_444_800_001}, "BODY_INVALID"),
        (DELIVERY, {}, "BODY_INVALID"),
        ("/markets/NOSUCHUSDT/delivery", {"at_ms": END_MS}, "MARKET_UNKNOWN"),
    ],
)
def test_an_end_that_makes_no_sense_is_refused(market: PaperVenue, path: str, body: dict[str, Any], code: str) -> None:
    answer = market.http.put(f"/operator{path}", json=body)
    assert (answer.status_code // 100, answer.json()["code"]) == (4, code)
