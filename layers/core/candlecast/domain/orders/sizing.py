"""How large an entry is, and where its stop and targets stand. Pure functions of the signal and one subscriber's settings."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from candlecast.domain.market.market import Market
from candlecast.domain.signals.signal import Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import Settings, SizingMode
from candlecast.domain.values.money import ZERO, percent_of
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide

# Orders that one leg is split into at most. Exit, entry and stop of a reversal then come to 15 requests. The 5 s of their mark
# allow a third of a second for each. Fifteen legs also fit four times into the open intents of an account.
MAX_PARTS = 5


def stop_price(signal: Signal, side: PositionSide, price: Decimal, settings: Settings, market: Market) -> Decimal | None:
    """The stop: the subscriber's ATR multiple from the reference price if both are known, else the signal's own, on the tick."""
    if settings.stop_atr_multiplier is not None and signal.atr is not None:
        stop: Decimal | None = price - side.sign * settings.stop_atr_multiplier * signal.atr
    else:
        stop = signal.stop_loss
    return None if stop is None else market.round_price(stop)


def take_profits(
    signal: Signal, side: PositionSide, price: Decimal, settings: Settings, market: Market
) -> tuple[TakeProfit, ...]:
    """The targets: one at the subscriber's ATR multiple if both are known, else the signal's own ladder, on the tick."""
    if settings.target_atr_multiplier is not None and signal.atr is not None:
        target = market.round_price(price + side.sign * settings.target_atr_multiplier * signal.atr)
        return (TakeProfit(target),) if target > 0 else ()
    on_tick = ((market.round_price(rung.price), rung.share) for rung in signal.take_profits)
    return tuple(TakeProfit(price, share) for price, share in on_tick if price > 0)  # no market ever trades at zero


def entry_quantity(
    settings: Settings,
    price: Decimal,
    stop: Decimal | None,
    market: Market,
    *,
    mark: Decimal | None = None,
    equity: Decimal | None = None,
    atr: Decimal | None = None,
) -> Decimal | Denial:
    """Base units to open, rounded down to the market's step; a Denial where the mode needs what is not known.

    With the venue's `mark`, money is divided by the higher of price and mark, and risk by the longer way to the stop. So a given
    notional or risk holds at both. `equity` is the account's in the market's quote asset, `atr` the signal's average true range.
    VOLATILITY_TARGET is the Turtles' unit: a share of the capital over the range (Faith, Way of the Turtle, 2007). The modes by
    risk lose a given amount from the reference price to the stop, before fees and slippage. They follow the fixed-fractional
    rule (Vince, The Mathematics of Money Management, 1992).
    """
    mode, value = settings.sizing.mode, settings.sizing.value
    highest = price if mark is None else max(price, mark)
    if mode is SizingMode.FIXED_QUANTITY and value is not None:
        return market.round_quantity(value)
    if mode is SizingMode.FIXED_NOTIONAL and value is not None:
        return market.round_quantity(value / highest)
    if mode is SizingMode.PERCENT_OF_CAPITAL and value is not None:
        return market.round_quantity(percent_of(settings.capital, value) / highest)
    if mode is SizingMode.PERCENT_OF_EQUITY and value is not None:
        if equity is None or equity <= 0:
            return Denial(Reason.SIZING_INPUT_MISSING)
        return market.round_quantity(percent_of(equity, value) / highest)
    if mode is SizingMode.VOLATILITY_TARGET and value is not None:
        return market.round_quantity(percent_of(settings.capital, value) / atr) if atr else Denial(Reason.SIZING_INPUT_MISSING)
    return _quantity_by_risk(settings, price, stop, market, price if mark is None else mark)


def _quantity_by_risk(
    settings: Settings, price: Decimal, stop: Decimal | None, market: Market, mark: Decimal
) -> Decimal | Denial:
    if stop is None:
        return Denial(Reason.STOP_MISSING)
    risk = _risk_amount(settings)
    if isinstance(risk, Denial):
        return risk
    distance = max(abs(price - stop), abs(mark - stop))
    if distance == 0:
        return Denial(Reason.STOP_ON_WRONG_SIDE, value=stop, bound=price)
    return market.round_quantity(risk / distance)


def _risk_amount(settings: Settings) -> Decimal | Denial:
    """Quote units that may be lost at the stop."""
    value = settings.sizing.value
    if settings.sizing.mode is SizingMode.RISK_AMOUNT and value is not None:
        return value
    if settings.sizing.mode is not SizingMode.KELLY or value is None:
        return percent_of(settings.capital, value or settings.risk_per_trade_percent)
    if settings.win_rate is None or settings.payoff_ratio is None:
        return Denial(Reason.SIZING_INPUT_MISSING)
    fraction = kelly_fraction(settings.win_rate, settings.payoff_ratio)
    if fraction <= 0:
        return Denial(Reason.NO_EDGE, fraction, ZERO)
    return percent_of(settings.capital, min(fraction * value, settings.kelly_cap_percent))


def kelly_fraction(win_rate: Decimal, payoff_ratio: Decimal) -> Decimal:
    """The share of the capital to risk that makes it grow fastest: p - (1 - p) / b. Zero or less where the odds lose.

    Sources: Kelly, A New Interpretation of Information Rate, 1956; Thorp, The Kelly Criterion, 2006.
    """
    return win_rate - (1 - win_rate) / payoff_ratio


def ladder_quantities(quantity: Decimal, ladder: tuple[TakeProfit, ...], market: Market) -> tuple[tuple[Decimal, Decimal], ...]:
    """Price and quantity of each target order; a rung too small for the venue is given to the next one.

    Together they never exceed `quantity`; where the shares add up to 1, the last rung takes what rounding has left.
    """
    orders: list[tuple[Decimal, Decimal]] = []
    left, carried = quantity, Decimal(0)
    closes_all = sum((rung.share for rung in ladder), Decimal(0)) == 1
    for index, rung in enumerate(ladder):
        is_last = index == len(ladder) - 1
        wanted = left if is_last and closes_all else min(left, market.round_quantity(quantity * rung.share + carried))
        if wanted < max(market.min_quantity, market.quantity_step):
            carried += quantity * rung.share
            continue
        orders.append((rung.price, wanted))
        left -= wanted
        carried = Decimal(0)
    return tuple(orders)


def most_of_an_entry(held: Decimal, market: Market, *, rests: bool) -> Decimal:
    """The largest entry beside what its position `held` before: all of it must be closed and stopped in `MAX_PARTS` orders.

    An entry that `rests` is one order.
    """
    most = max(ZERO, market.max_quantity * MAX_PARTS - held)
    return min(most, market.max_quantity) if rests else most


def parts(quantity: Decimal, market: Market) -> tuple[Decimal, ...]:
    """A quantity as the orders that the market takes: as few as can be, of about one size, at most `MAX_PARTS`.

    Beyond the bound each part is as large as an order may be, and the rest is missing.
    """
    largest = market.round_quantity(market.max_quantity)
    if quantity <= market.max_quantity or largest == 0:
        return (quantity,)
    count = int((quantity / largest).to_integral_value(ROUND_CEILING))
    if count > MAX_PARTS:
        return (largest,) * MAX_PARTS
    made, left = [], quantity
    for remaining in range(count, 1, -1):
        made.append(market.round_quantity(left / remaining))
        left -= made[-1]
    return (*made, left)
