"""An account's answers in the venue's shapes: orders, fills, positions, balances. Numbers are strings, times milliseconds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from paper_exchange.accounts.account import (
    ZERO,
    Account,
    AlgoOrder,
    AlgoStatus,
    Fill,
    Income,
    Order,
    OrderKind,
    OrderStatus,
    PositionSide,
    Side,
)
from paper_exchange.accounts.margin import AssetMargin, asset_margin, position_margin, set_apart
from paper_exchange.http.render_market import number
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.matching.liquidation import liquidation_price

MONEY_PLACES = 8
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}
TOTALS_OF = "USDT"  # "only for USDT asset": the totals of an account in single-asset mode
TOLD_AT_ONCE = frozenset({"IOC", "FOK", "GTX"})  # limit orders whose end RESULT tells; others are NEW in the answer


def order_answer(order: Order, spec: MarketSpec) -> dict[str, Any]:
    """An order as POST, GET and DELETE of /order and the lists show it."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": str(order.status),
        "clientOrderId": order.client_order_id,
        "price": number(order.price, spec.price_decimals),
        "avgPrice": number(order.average_price, max(5, spec.price_decimals)),
        "origQty": number(order.quantity, spec.quantity_decimals),
        "executedQty": number(order.executed, spec.quantity_decimals),
        "cumQty": number(order.executed, spec.quantity_decimals),
        "cumQuote": number(order.quote, MONEY_PLACES),
        "timeInForce": order.time_in_force,
        "type": str(order.kind),
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": str(order.side),
        "positionSide": str(order.position_side),
        "stopPrice": number(order.trigger_price),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": str(order.original_kind),
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.self_trade_prevention,
        "goodTillDate": order.good_till_ms,
        "time": order.placed_ms,
        "updateTime": order.updated_ms,
    }


def placed_answer(order: Order, spec: MarketSpec, *, wants_result: bool) -> dict[str, Any]:
    """The answer to POST /order: the order as it was accepted.

    With RESULT a market order, and a limit order with a special time in force, is told as it ended.
    """
    told = wants_result and (order.kind is OrderKind.MARKET or order.time_in_force in TOLD_AT_ONCE)
    return order_answer(order if told else replace(order, status=OrderStatus.NEW, executed=ZERO, quote=ZERO), spec)


def amended_answer(order: Order, spec: MarketSpec) -> dict[str, Any]:
    """The answer to PUT /order, which names the pair as well."""
    return {**order_answer(order, spec), "pair": spec.symbol, "cumBase": number(order.executed, spec.quantity_decimals)}


def algo_answer(algo: AlgoOrder, spec: MarketSpec, account: Account) -> dict[str, Any]:
    """A conditional order; a triggered order is finished once the order that it became is no longer open."""
    finished = algo.status is AlgoStatus.TRIGGERED and algo.order_id not in account.orders
    trailing = {
        "activatePrice": number(algo.activate_price, spec.price_decimals),
        "callbackRate": number(algo.callback_rate),
    }
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": str(algo.kind),
        "symbol": algo.symbol,
        "side": str(algo.side),
        "positionSide": str(algo.position_side),
        "timeInForce": algo.time_in_force,
        "quantity": number(algo.quantity, spec.quantity_decimals),
        "algoStatus": str(AlgoStatus.FINISHED if finished else algo.status),
        "actualOrderId": "" if algo.order_id is None else str(algo.order_id),
        "actualPrice": number(algo.actual_price, max(5, spec.price_decimals)),
        "actualType": algo.actual_type,
        "actualQty": number(algo.actual_quantity, spec.quantity_decimals),
        "triggerPrice": number(algo.trigger_price, spec.price_decimals),
        "price": number(algo.price, spec.price_decimals),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": algo.self_trade_prevention,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.placed_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_ms,
        **(trailing if algo.kind is OrderKind.TRAILING_STOP_MARKET else {}),
    }


def algo_cancelled(algo: AlgoOrder) -> dict[str, Any]:
    """The short answer of DELETE /algoOrder."""
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}


def fill_answer(fill: Fill, spec: MarketSpec) -> dict[str, Any]:
    return {
        "buyer": fill.side is Side.BUY,
        "commission": number(fill.fee, MONEY_PLACES),
        "commissionAsset": fill.fee_asset,
        "marginAsset": spec.quote,
        "id": fill.trade_id,
        "maker": fill.maker,
        "orderId": fill.order_id,
        "price": number(fill.price, spec.price_decimals),
        "qty": number(fill.quantity, spec.quantity_decimals),
        "quoteQty": number(fill.price * fill.quantity, MONEY_PLACES),
        "realizedPnl": number(fill.realized, MONEY_PLACES),
        "side": str(fill.side),
        "positionSide": str(fill.position_side),
        "symbol": fill.symbol,
        "time": fill.time_ms,
    }


def fill_incomes(fill: Fill) -> list[dict[str, Any]]:
    """An execution's changes in the wallet: its fee, and its profit if it closed anything."""
    parts = [("REALIZED_PNL", fill.realized, fill.margin_asset or fill.fee_asset)] if fill.realized else []
    parts += [("COMMISSION", -fill.fee, fill.fee_asset)] if fill.fee else []
    return [
        _income(fill.symbol, kind, amount, asset, fill.time_ms, fill.trade_id, str(fill.trade_id))
        for kind, amount, asset in parts
    ]


def income_answers(income: Income) -> list[dict[str, Any]]:
    """The rows of a settlement."""
    return [
        _income(entry.symbol, str(income.kind), entry.amount, entry.asset, income.time_ms, number_, "")
        for number_, entry in enumerate(income.entries, start=income.income_id)
    ]


def _income(
    symbol: str, kind: str, amount: Decimal, asset: str, time_ms: int, transaction_id: int, trade_id: str
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": number(amount, MONEY_PLACES),
        "asset": asset,
        "info": kind,
        "time": time_ms,
        "tranId": transaction_id,
        "tradeId": trade_id,
    }


def position_risk(account: Account, symbol: str, side: PositionSide, view: MarketView) -> dict[str, Any]:
    """A position as v3 of positionRisk shows it. Like the venue's it is without leverage and margin type: see `symbol_config`."""
    spec, position = view.spec(symbol), account.position(symbol, side)
    margin = position_margin(account, symbol, view, side)
    apart = set_apart(account, symbol, side)
    fee_paid = spec.taker_fee if position.amount > 0 else -spec.taker_fee
    return {
        "symbol": symbol,
        "positionSide": str(side),
        "positionAmt": number(position.amount, spec.quantity_decimals),
        "entryPrice": number(position.entry_price, MONEY_PLACES) if position.amount else "0.0",
        "breakEvenPrice": number(position.entry_price * (1 + fee_paid), MONEY_PLACES),
        "markPrice": number(view.mark_price(symbol), MONEY_PLACES),
        "unRealizedProfit": number(margin.unrealized, MONEY_PLACES),
        "liquidationPrice": number(liquidation_price(account, symbol, side, view), MONEY_PLACES),
        "isolatedMargin": number(apart + margin.unrealized, MONEY_PLACES) if apart else "0",
        "notional": number(margin.notional, MONEY_PLACES),
        "marginAsset": spec.quote,
        "isolatedWallet": number(apart, MONEY_PLACES) if apart else "0",
        "initialMargin": number(margin.initial + margin.open_orders, MONEY_PLACES),
        "maintMargin": number(margin.maintenance, MONEY_PLACES),
        "positionInitialMargin": number(margin.initial, MONEY_PLACES),
        "openOrderInitialMargin": number(margin.open_orders, MONEY_PLACES),
        "adl": 0,
        "bidNotional": _notional(margin.bids),
        "askNotional": _notional(margin.asks),
        "updateTime": position.updated_ms,
    }


def position_risk_v2(account: Account, symbol: str, side: PositionSide, view: MarketView) -> dict[str, Any]:
    """The older shape, which shows leverage and margin type with the position."""
    settings, shown = account.settings_of(symbol), position_risk(account, symbol, side, view)
    return {
        **shown,
        "leverage": str(settings.leverage),
        "marginType": "isolated" if settings.isolated else "cross",
        "isolated": settings.isolated,
        "isAutoAddMargin": "false",
        "maxNotionalValue": number(view.spec(symbol).max_notional(settings.leverage)),
        "adlQuantile": 0,
    }


def symbol_config(account: Account, symbol: str, view: MarketView) -> dict[str, Any]:
    settings = account.settings_of(symbol)
    return {
        "symbol": symbol,
        "marginType": "ISOLATED" if settings.isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": settings.leverage,
        "maxNotionalValue": number(view.spec(symbol).max_notional(settings.leverage)),
    }


def account_answer(account: Account, view: MarketView) -> dict[str, Any]:
    """Balances and open positions (v3 shows a position only if there is one or an order for it).

    Totals are those of USDT alone, as in the venue's single-asset mode.
    """
    margins = [asset_margin(account, asset, view) for asset in sorted(account.balances)]
    total = asset_margin(account, TOTALS_OF, view)
    return {
        "totalInitialMargin": number(total.initial, MONEY_PLACES),
        "totalMaintMargin": number(total.maintenance, MONEY_PLACES),
        "totalWalletBalance": number(total.wallet, MONEY_PLACES),
        "totalUnrealizedProfit": number(total.unrealized, MONEY_PLACES),
        "totalMarginBalance": number(total.balance, MONEY_PLACES),
        "totalPositionInitialMargin": number(total.position_initial, MONEY_PLACES),
        "totalOpenOrderInitialMargin": number(total.order_initial, MONEY_PLACES),
        "totalCrossWalletBalance": number(total.cross_wallet, MONEY_PLACES),
        "totalCrossUnPnl": number(total.cross_unrealized, MONEY_PLACES),
        "availableBalance": _shown(total.available),
        "maxWithdrawAmount": _shown(total.withdrawable),
        "assets": [_asset(margin, view.now_ms) for margin in margins],
        "positions": [_account_position(account, symbol, side, view) for symbol, side in _active(account)],
    }


def account_answer_v2(account: Account, view: MarketView) -> dict[str, Any]:
    """The older shape: every symbol is listed, with its settings, and the account's rights."""
    positions = [
        {
            **_account_position(account, symbol, side, view),
            "leverage": str(account.settings_of(symbol).leverage),
            "isolated": account.settings_of(symbol).isolated,
            "entryPrice": number(account.position(symbol, side).entry_price, MONEY_PLACES),
            "breakEvenPrice": position_risk(account, symbol, side, view)["breakEvenPrice"],
            "maxNotional": number(view.spec(symbol).max_notional(account.settings_of(symbol).leverage)),
        }
        for symbol, listing in sorted(view.state.listings.items())
        if listing.series is not None
        for side in account.sides
    ]
    rights = {
        "feeTier": 0,
        "feeBurn": account.burns_coin,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "updateTime": 0,
    }
    rights |= {"multiAssetsMargin": False, "tradeGroupId": -1}
    return {**rights, **account_answer(account, view), "positions": positions}


def balance_answer(account: Account, view: MarketView) -> list[dict[str, Any]]:
    return [
        {
            "accountAlias": account.account_id,
            "asset": margin.asset,
            "balance": number(margin.wallet, MONEY_PLACES),
            "crossWalletBalance": number(margin.cross_wallet, MONEY_PLACES),
            "crossUnPnl": number(margin.cross_unrealized, MONEY_PLACES),
            "availableBalance": _shown(margin.available),
            "maxWithdrawAmount": _shown(margin.withdrawable),
            "marginAvailable": True,
            "updateTime": view.now_ms,
        }
        for margin in (asset_margin(account, asset, view) for asset in sorted(account.balances))
    ]


def _active(account: Account) -> list[tuple[str, PositionSide]]:
    resting = {(order.symbol, order.position_side) for order in account.orders.values()}
    return sorted({*account.held, *resting})


def _asset(margin: AssetMargin, now_ms: int) -> dict[str, Any]:
    return {
        "asset": margin.asset,
        "walletBalance": number(margin.wallet, MONEY_PLACES),
        "unrealizedProfit": number(margin.unrealized, MONEY_PLACES),
        "marginBalance": number(margin.balance, MONEY_PLACES),
        "maintMargin": number(margin.maintenance, MONEY_PLACES),
        "initialMargin": number(margin.initial, MONEY_PLACES),
        "positionInitialMargin": number(margin.position_initial, MONEY_PLACES),
        "openOrderInitialMargin": number(margin.order_initial, MONEY_PLACES),
        "crossWalletBalance": number(margin.cross_wallet, MONEY_PLACES),
        "crossUnPnl": number(margin.cross_unrealized, MONEY_PLACES),
        "availableBalance": _shown(margin.available),
        "maxWithdrawAmount": _shown(margin.withdrawable),
        "marginAvailable": True,
        "updateTime": now_ms,
    }


def _account_position(account: Account, symbol: str, side: PositionSide, view: MarketView) -> dict[str, Any]:
    shown = position_risk(account, symbol, side, view)
    same = ("symbol", "positionSide", "positionAmt", "isolatedMargin", "notional", "isolatedWallet", "initialMargin")
    also = ("maintMargin", "positionInitialMargin", "openOrderInitialMargin", "bidNotional", "askNotional", "updateTime")
    return {name: shown[name] for name in same + also} | {"unrealizedProfit": shown["unRealizedProfit"]}


def _shown(amount: Decimal) -> str:
    """The venue shows no negative available balance."""
    return number(max(amount, ZERO), MONEY_PLACES)


def _notional(amount: Decimal) -> str:
    return number(amount, MONEY_PLACES) if amount else "0"
