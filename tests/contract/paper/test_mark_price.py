"""A mark price apart from the last price: values, liquidations, funding and triggers follow the mark, whenever anybody looks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue

BTC = {"symbol": "BTCUSDT"}
CALM = ["50000"] * 61


def set_mark(market: PaperVenue, offset_bps: str) -> None:
    market.operate("PUT", "/mark", {"offset_bps": offset_bps, "symbols": ["BTCUSDT"]})


def stop(trader: Any, price: float, client_id: str, **more: Any) -> Any:
    parameters = {"stopLossPrice": price, "reduceOnly": True, "clientAlgoId": client_id, "workingType": "MARK_PRICE", **more}
    return trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, parameters)


def status_of(trader: Any, client_id: str) -> str:
    return str(trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": client_id})["info"]["algoStatus"])


def row(trader: Any) -> Any:
    return trader.fapiPrivateV3GetPositionRisk(BTC)[0]


def test_mark_index_and_premium_are_told_apart(market: PaperVenue, trader: Any) -> None:
    set_mark(market, "25")
    told = trader.fapiPublicGetPremiumIndex(BTC)
    assert (told["markPrice"], told["indexPrice"]) == ("50125.00000000", "50000.00000000")
    assert trader.fapiPublicGetTickerPrice(BTC)["price"] == "50000"
    set_mark(market, "0")
    assert trader.fapiPublicGetPremiumIndex(BTC)["markPrice"] == "50000.00000000"


def test_a_position_is_valued_at_the_mark(market: PaperVenue, trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    set_mark(market, "-100")
    shown = row(trader)
    assert (shown["markPrice"], float(shown["notional"])) == ("49500.00000000", 4_950)
    assert float(shown["unRealizedProfit"]) == pytest.approx((49_500 - 50_005) * 0.1)
    account = trader.fapiPrivateV3GetAccount()
    assert float(account["totalUnrealizedProfit"]) == pytest.approx(-50.5)
    assert float(account["totalInitialMargin"]) == pytest.approx(4_950 / 20)


def test_a_stop_on_the_mark_fills_at_the_last_price_of_that_instant(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50000", "49500", "49500"), *["49500"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
    set_mark(market, "-100")
    stop(trader, 49_203, "mark")
    stop(trader, 49_203, "last", workingType="CONTRACT_PRICE")
    market.set_minute(62)
    assert (status_of(trader, "mark"), status_of(trader, "last")) == ("FINISHED", "NEW")
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == 49_695  # half a spread below 49,700, where the mark is 49,203


def test_a_stop_must_lie_ahead_of_the_price_that_it_is_held_against(market: PaperVenue, trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
    set_mark(market, "-100")
    with pytest.raises(Exception, match="-2021"):
        stop(trader, 49_600, "reached")
    stop(trader, 49_600, "ahead", workingType="CONTRACT_PRICE")


def test_a_trailing_stop_follows_the_mark(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "51000", "50000", "51000"), ("51000", "51000", "50400", "50400"), *["50400"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    set_mark(market, "100")
    parameters = {"trailingPercent": 1, "reduceOnly": True, "clientAlgoId": "trail", "workingType": "MARK_PRICE"}
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, parameters)
    market.set_minute(62)
    assert status_of(trader, "trail") == "NEW"
    market.set_minute(63)
    assert status_of(trader, "trail") == "FINISHED"
    assert (
        trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == 50_484.9
    )  # the mark's best is 51,510, the last price 1 % below 51,000


def test_the_mark_liquidates_while_the_last_price_stands_still(market: PaperVenue) -> None:
    trader = market.client(market.open_account("1000"))
    trader.load_markets()
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    due = float(row(trader)["liquidationPrice"])
    assert 40_000 < due < 41_000
    set_mark(market, "-1700")
    market.set_minute(61)
    assert float(row(trader)["positionAmt"]) == 0.1
    set_mark(market, "-2000")
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    assert trader.fapiPrivateGetForceOrders(BTC)[0]["clientOrderId"].startswith("autoclose-")


def test_funding_is_paid_on_the_mark(market: PaperVenue, trader: Any) -> None:
    market.load(["50000"] * 600)
    market.operate("PUT", "/funding", {"rate": "0.001"})
    set_mark(market, "200")
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    market.set_minute(481)
    assert trader.fetch_funding_history(BTC_SYMBOL)[0]["amount"] == pytest.approx(-0.1 * 51_000 * 0.001)
    assert trader.fapiPublicGetFundingRate(BTC)[-1]["markPrice"] == "51000.00000000"


def test_limits_are_held_against_the_mark(market: PaperVenue, trader: Any) -> None:
    set_mark(market, "-500")
    with pytest.raises(Exception, match="-4016"):
        trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 50_500)
    set_mark(market, "0")
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 50_500)


def test_candles_of_mark_and_premium_know_when_the_distance_changed(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, "51000", *["50000"] * 30])
    set_mark(market, "100")
    market.set_minute(62)
    set_mark(market, "-100")
    market.set_minute(65)
    wanted = {**BTC, "interval": "5m", "startTime": START_MS + 60 * MINUTE_MS, "limit": 1}
    mark = trader.fapiPublicGetMarkPriceKlines(wanted)[0]
    assert [float(price) for price in mark[1:5]] == [50_500, 51_510, 49_500, 49_500]
    premium = trader.fapiPublicGetPremiumIndexKlines(wanted)[0]
    assert [float(rate) for rate in premium[1:5]] == [0.01, 0.01, -0.01, -0.01]
    earlier = trader.fapiPublicGetMarkPriceKlines({**wanted, "startTime": START_MS})[0]
    assert [float(price) for price in earlier[1:5]] == [50_000] * 4
    index = trader.fapiPublicGetIndexPriceKlines({"pair": "BTCUSDT", **wanted})[0]
    assert [float(price) for price in index[1:5]] == [50_000, 51_000, 50_000, 50_000]


def test_price_protection_holds_an_order_back_while_the_prices_are_far_apart(market: PaperVenue, trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
    protected, bare = stop(trader, 47_400, "protected", priceProtect="TRUE"), stop(trader, 47_400, "bare")
    assert (protected["info"]["priceProtect"], bare["info"]["priceProtect"]) == (True, False)
    set_mark(market, "-600")
    market.set_minute(61)
    assert (status_of(trader, "protected"), status_of(trader, "bare")) == ("NEW", "FINISHED")
    market.load([*CALM, *["49800"] * 9])
    set_mark(market, "-500")
    market.set_minute(63)
    assert status_of(trader, "protected") == "FINISHED"


def test_the_moment_of_a_look_changes_nothing(market: PaperVenue) -> None:
    market.load([*CALM, "50100", "49700", "50300", "49900", *["50000"] * 20])
    often, late = (market.client(market.open_account(account_id=name)) for name in ("often", "late"))
    for trader in (often, late):
        trader.load_markets()
        trader.create_order(BTC_SYMBOL, "market", "buy", 0.02)
        stop(trader, 49_500, "near")
        stop(trader, 48_000, "far")
    for minute, offset in ((61, "-50"), (62, "30"), (63, "-45"), (64, "-420"), (66, "0")):
        market.set_minute(minute)
        often.fetch_balance()
        set_mark(market, offset)
    market.set_minute(70)
    trades = [[(trade["price"], trade["amount"]) for trade in trader.fetch_my_trades(BTC_SYMBOL)] for trader in (often, late)]
    assert trades[0] == trades[1]
    assert len(trades[0]) == 3


@pytest.mark.parametrize("offset", ["5001", "-5001", "NaN", "1e999999999", ""])
def test_a_distance_without_sense_is_refused(market: PaperVenue, offset: str) -> None:
    answer = market.http.put("/operator/mark", json={"offset_bps": offset})
    assert (answer.status_code, answer.json()["code"]) == (400, "BODY_INVALID")


def test_changes_of_the_distance_are_bounded(market: PaperVenue) -> None:
    for minute in range(61, 82):
        answer = market.http.put("/operator/mark", json={"offset_bps": str(minute)})
        market.set_minute(minute)
    assert (answer.status_code, answer.json()["code"]) == (400, "RATES_TOO_MANY")
