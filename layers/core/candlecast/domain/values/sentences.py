"""Each code in one sentence for people: the value that a rule found, its bound, and the distance between the two.

The one table of such sentences. Texts hold placeholders, which a code's numbers fill; a code without numbers has a text without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Denial, Reason

FEWEST_DECIMALS = 2  # as people write money and per cent
MOST_DECIMALS = 18  # of any money that the API takes; a longer fraction is a quotient, and its tail says nothing


class Unit(StrEnum):
    """The unit of a rule's numbers. QUOTE and BASE are the assets of the order's market."""

    QUOTE = "QUOTE"
    BASE = "BASE"
    PERCENT = "PERCENT"
    BASIS_POINTS = "BASIS_POINTS"
    SECONDS = "SECONDS"
    TIMES = "TIMES"
    NUMBER = "NUMBER"


@dataclass(frozen=True)
class Clause:
    """The end of a sentence. `{value}`, `{bound}` and `{margin}` are its numbers; `{limit}` names the limit and its owner."""

    plain: str
    """Without numbers: of a rule that compares nothing, or whose value could not be measured."""
    measured: str | None = None
    """With all three numbers; None for a rule that compares nothing."""
    unit: Unit = Unit.NUMBER
    """The unit of all three."""


def _above(what: str, unit: Unit, limit: str, missing: str) -> Clause:
    return Clause(missing, f"{what} is above {{limit}} of {{bound}} {limit} by {{margin}}", unit)


def _below(what: str, unit: Unit, limit: str, missing: str) -> Clause:
    return Clause(missing, f"{what} is below {{limit}} of {{bound}} {limit} by {{margin}}", unit)


def _reached(what: str, unit: Unit, limit: str, missing: str) -> Clause:
    return Clause(missing, f"{what} has reached {{limit}} of {{bound}} {limit}, and is {{margin}} beyond it", unit)


def _too_many(what: str, missing: str) -> Clause:
    return Clause(missing, f"{what}, {{margin}} above {{limit}} of {{bound}}")


def _too_soon(what: str, limit: str) -> Clause:
    plain = f"{what} is too recent"
    return Clause(plain, f"{what} was {{value}} ago, {{margin}} less than {{limit}} of {{bound}} {limit}", Unit.SECONDS)


_NO_EQUITY = "the account's equity is not known, so {limit} on it refuses"
_NO_QUOTE = "there is no quote of the last minute, so {limit} refuses"

REASONS: Mapping[Reason, Clause] = {
    # skipped
    Reason.NO_ACCOUNT: Clause("the subscription names no account"),
    Reason.NO_CREDENTIALS: Clause("the account has no exchange keys"),
    Reason.SUBSCRIPTION_PAUSED: Clause("the subscription was paused"),
    Reason.SUBSCRIPTION_CANCELLED: Clause("the subscription was cancelled"),
    Reason.VENUE_MISMATCH: Clause("the account is on another venue than the strategy"),
    Reason.NOTHING_HELD: Clause("the subscription held nothing that the exit could close"),
    Reason.POSITION_IS_NEWER: Clause("the exit was issued before the position was opened, so it meant an earlier one"),
    # quarantined
    Reason.STOP_IMPLAUSIBLE: _above(
        "the stop's distance of {value} from the venue's mark", Unit.PERCENT, "for stops", "the stop is too far from the mark"
    ),
    Reason.TARGET_IMPLAUSIBLE: _above(
        "the factor of {value} between a target and the venue's mark",
        Unit.NUMBER,
        "for targets",
        "a target is too far from the mark",
    ),
    Reason.ATR_IMPLAUSIBLE: Clause(
        "the average true range is implausible",
        "the average true range of {value} of the venue's mark is beyond {limit} of {bound} by {margin}",
        Unit.PERCENT,
    ),
    # denied
    Reason.ACCOUNT_DISABLED: Clause("the account is disabled"),
    Reason.KEYS_REFUSED: Clause("the venue has just refused the account's keys"),
    Reason.KEYS_NOT_VETTED: Clause("the account's keys are new, and not vetted yet"),
    Reason.TABLE_RESTORED: Clause("the platform's table was restored, and orders from before must be found first"),
    Reason.KEY_MAY_WITHDRAW: Clause("the account's keys may withdraw, which no order needs"),
    Reason.KEY_MAY_TRANSFER: Clause("the account's keys may transfer to other accounts, which no order needs"),
    Reason.KEY_CANNOT_TRADE: Clause("the account's keys may not trade futures, or may not read"),
    Reason.VENUE_REDUCE_ONLY: Clause("the venue takes only orders of this account that reduce a position"),
    Reason.VENUE_FORBIDS_ORDERS: Clause("the venue takes no orders of this account now"),
    Reason.VENUE_RESTRICTS_PERSON: Clause("the venue does not offer this to the account's holder"),
    Reason.UNKNOWN_MARKET: Clause("the venue has no such market"),
    Reason.MARKET_DELISTED: Clause("the venue has ended this market, or has announced that it will"),
    Reason.MARKET_NOT_ALLOWED: Clause("the market is not among those that {limit} allows"),
    Reason.SIDE_NOT_ALLOWED: Clause("the side is not among those that {limit} allows"),
    Reason.REFERENCE_PRICE_MISSING: Clause("the order's message has neither a price nor the venue's mark"),
    Reason.STOP_MISSING: Clause("the size follows from the distance to a stop, and the entry has none"),
    Reason.STOP_ON_WRONG_SIDE: Clause(
        "the stop is on the wrong side of the price",
        "the stop at {value} is on the wrong side of the price of {bound}, {margin} away",
        Unit.QUOTE,
    ),
    Reason.TARGET_ON_WRONG_SIDE: Clause(
        "a target is on the wrong side of the price",
        "the target at {value} is on the wrong side of the price of {bound}, {margin} away",
        Unit.QUOTE,
    ),
    Reason.TRIGGER_ON_WRONG_SIDE: Clause(
        "the market has passed the trigger already",
        "the market has passed the trigger at {value}: the venue's mark is {bound}, {margin} away",
        Unit.QUOTE,
    ),
    Reason.QUOTE_MISSING: Clause("the venue gave no quote of the market"),
    Reason.POSITION_ALREADY_OPEN: Clause("the subscription holds a position in this market already, and may not add to it"),
    Reason.ENTRY_RESTS: Clause("an earlier entry of the position is still in the venue's book"),
    Reason.OUTCOME_UNKNOWN: Clause("the outcome of an earlier order of the position was still unknown"),
    Reason.DEAD_LETTERED: Clause("the order's message could not be processed"),
    Reason.MARKET_IN_USE: Clause("something else holds this market in the account, or is about to"),
    Reason.OPPOSITE_POSITION_HELD: Clause("the opposite position is not closed yet"),
    Reason.MAX_POSITIONS: _too_many("the subscription would hold {value} positions", "the subscription holds its most positions"),
    Reason.MAX_DAILY_LOSS: _reached("the day's realised loss of {value}", Unit.QUOTE, "a day", "the day's loss is not known"),
    Reason.MAX_LEVERAGE: _above(
        "the subscription's exposure of {value} its capital",
        Unit.TIMES,
        "the capital",
        "the subscription's exposure is too large",
    ),
    Reason.MAX_ORDER_NOTIONAL: _above("the order of {value}", Unit.QUOTE, "per order", "the order is too large"),
    Reason.QUANTITY_TOO_SMALL: Clause(
        "the quantity is below the market's smallest order",
        "the quantity of {value} is below the market's least of {bound} by {margin}",
        Unit.BASE,
    ),
    Reason.QUANTITY_TOO_LARGE: Clause(
        "the quantity is above the market's largest order",
        "the quantity of {value} is above the market's most of {bound} by {margin}",
        Unit.BASE,
    ),
    Reason.NOTIONAL_TOO_SMALL: Clause(
        "the order is below the market's smallest order",
        "the order of {value} is below the market's least of {bound} by {margin}",
        Unit.QUOTE,
    ),
    Reason.TOO_MANY_OPEN_ORDERS: Clause(
        "the account would have more open orders than it can remember",
        "the account would have {value} open orders, {margin} more than the {bound} that it can remember",
    ),
    Reason.SIZING_INPUT_MISSING: Clause("the size follows from a value that is not known"),
    Reason.NO_EDGE: Clause(
        "a bet with these odds loses",
        "Kelly's fraction of {value} is not above {bound}, {margin} away: a bet with these odds loses",
    ),
    Reason.ORDER_TYPE_NOT_SUPPORTED: Clause("the venue does not take orders of this kind"),
    Reason.KILL_SWITCH: Clause("a kill switch is set"),
    Reason.DEPLOYMENT_PAUSE: Clause("a new release was being deployed"),
    Reason.VENUE_BREAKER_OPEN: Clause("the venue did not answer until the entry was too old"),
    # access
    Reason.REDUCE_ONLY: Clause("{limit} lets exits alone pass"),
    Reason.VENUE_NOT_ALLOWED: Clause("the account's venue is not among those that {limit} allows"),
    Reason.MARKET_DENIED: Clause("the market is among those that {limit} forbids"),
    Reason.OUTSIDE_TRADING_WINDOW: Clause("none of the trading windows of {limit} was open"),
    Reason.BLACKOUT: Clause("the entry came during a blackout of {limit}"),
    Reason.STATE_STALE: _above(
        "the age of {value} of the account's state",
        Unit.SECONDS,
        "for that age",
        "the account has never been compared with its venue",
    ),
    Reason.LIMITS_LOCKED: Clause("the limits are locked"),
    Reason.LIMITS_UNAVAILABLE: Clause("the limits above the account could not be read"),
    Reason.EMERGENCY_LIMIT: _above(
        "the notional of {value}", Unit.QUOTE, "for an emergency", "the limits above the account could not be read"
    ),
    # the order itself
    Reason.MIN_CONFIDENCE: _below(
        "the signal's confidence of {value}", Unit.NUMBER, "for confidence", "the signal does not tell its confidence"
    ),
    Reason.STOP_REQUIRED: Clause("{limit} demands a stop, and the entry has none"),
    Reason.MAX_STOP_DISTANCE: _above(
        "the stop's distance of {value} from the price",
        Unit.PERCENT,
        "for that distance",
        "{limit} on the stop's distance demands a stop, and the entry has none",
    ),
    Reason.MIN_STOP_DISTANCE: _below(
        "the stop's distance of {value} from the price", Unit.PERCENT, "for that distance", "the stop is too near to the price"
    ),
    Reason.MIN_REWARD_TO_RISK: _below(
        "the ratio of {value} of reward to risk", Unit.NUMBER, "for that ratio", "{limit} demands a stop and a target"
    ),
    Reason.MAX_RISK_PER_TRADE: _above(
        "the loss of {value} at the stop", Unit.QUOTE, "per trade", "{limit} on risk demands a stop, and the entry has none"
    ),
    Reason.MAX_ORDER_QUANTITY: _above("the quantity of {value}", Unit.BASE, "per order", "the quantity is too large"),
    Reason.MIN_ORDER_NOTIONAL: _below("the order of {value}", Unit.QUOTE, "per order", "the order is too small"),
    Reason.APPROVAL_REQUIRED: _above(
        "the order of {value}", Unit.QUOTE, "without an approval", "the order needs an approval, which nobody can give yet"
    ),
    Reason.QUOTE_TOO_OLD: _above("the quote's age of {value}", Unit.SECONDS, "for that age", "there is no quote of the market"),
    Reason.PRICE_COLLAR: _above(
        "the price's distance of {value} from the venue's mark",
        Unit.PERCENT,
        "for that distance",
        "there is no mark to compare the price with",
    ),
    Reason.RESTING_DISTANCE: _above(
        "the distance of {value} between the entry's own price and the venue's mark",
        Unit.PERCENT,
        "for that distance",
        "there is no mark to compare the price with",
    ),
    Reason.MAX_SLIPPAGE: _above("the expected slippage of {value}", Unit.BASIS_POINTS, "for slippage", _NO_QUOTE),
    Reason.MAX_SPREAD: _above("the market's spread of {value}", Unit.BASIS_POINTS, "for spreads", _NO_QUOTE),
    Reason.MAX_FUNDING_RATE: _above("the funding rate of {value}", Unit.PERCENT, "in 8 hours", _NO_QUOTE),
    Reason.MIN_LIQUIDATION_DISTANCE: _below(
        "the distance of {value} to liquidation", Unit.PERCENT, "for that distance", "the way to liquidation is too short"
    ),
    # positions and exposure
    Reason.MAX_ADDS: _too_many("the position would have {value} adds", "the position has all its adds"),
    Reason.MAX_ACCOUNT_POSITIONS: _too_many("the account would hold {value} positions", "the account holds its most positions"),
    Reason.MAX_OPEN_ORDERS: _too_many("the account would have {value} open orders", "the account has its most open orders"),
    Reason.SELF_MATCH: Clause("an order of the account rests on the other side of this market, and {limit} forbids to meet it"),
    Reason.MAX_POSITION_NOTIONAL: _above(
        "the position of {value} in this market", Unit.QUOTE, "per market", "the position is too large"
    ),
    Reason.MAX_GROSS_EXPOSURE: _above(
        "the account's gross exposure of {value}", Unit.QUOTE, "for exposure", "the account's gross exposure is too large"
    ),
    Reason.MAX_NET_EXPOSURE: _above(
        "the account's net exposure of {value}", Unit.QUOTE, "for exposure", "the account's net exposure is too large"
    ),
    Reason.MAX_ACCOUNT_LEVERAGE: _above("the account's exposure of {value} its equity", Unit.TIMES, "the equity", _NO_EQUITY),
    Reason.MAX_CONCENTRATION: _above(
        "the position in this market, {value} of the equity,", Unit.PERCENT, "per market", _NO_EQUITY
    ),
    Reason.MAX_CORRELATED_EXPOSURE: _above(
        "the exposure of a group of markets, {value} of the equity,", Unit.PERCENT, "per group", _NO_EQUITY
    ),
    Reason.MAX_STRATEGY_ALLOCATION: _above(
        "the strategy's exposure, {value} of the equity,", Unit.PERCENT, "per strategy", _NO_EQUITY
    ),
    Reason.MAX_PORTFOLIO_HEAT: _above(
        "the loss at all stops, {value} of the equity,",
        Unit.PERCENT,
        "at all stops",
        "a position without a stop, or an unknown equity, cannot be held against {limit}",
    ),
    Reason.MAX_MARGIN_USAGE: _above("the margin in use, {value} of the equity,", Unit.PERCENT, "for margin", _NO_EQUITY),
    Reason.POOL_EXHAUSTED: Clause(
        "the limit that the organisation's members share is used up",
        "the organisation's members would use {value}, {margin} above the {bound} that they share",
    ),
    # losses
    Reason.MAX_DAILY_LOSS_AMOUNT: _reached(
        "the day's realised loss of {value}", Unit.QUOTE, "a day", "the day's loss is not known"
    ),
    Reason.MAX_WEEKLY_LOSS: _reached("the week's realised loss of {value}", Unit.QUOTE, "a week", "the week's loss is not known"),
    Reason.MAX_MONTHLY_LOSS: _reached(
        "the month's realised loss of {value}", Unit.QUOTE, "a month", "the month's loss is not known"
    ),
    Reason.MAX_ACCOUNT_DAILY_LOSS: _reached(
        "the equity's fall of {value} since the day began", Unit.PERCENT, "a day", _NO_EQUITY
    ),
    Reason.MAX_DRAWDOWN: _reached(
        "the equity's fall of {value} below its first value", Unit.PERCENT, "for drawdowns", _NO_EQUITY
    ),
    Reason.TRAILING_DRAWDOWN: _reached(
        "the equity's fall of {value} below its highest value", Unit.PERCENT, "for drawdowns", _NO_EQUITY
    ),
    Reason.END_OF_DAY_DRAWDOWN: _reached(
        "the equity's fall of {value} below its highest end of a day", Unit.PERCENT, "for drawdowns", _NO_EQUITY
    ),
    Reason.EQUITY_FLOOR: _below("the equity of {value}", Unit.QUOTE, "for equity", _NO_EQUITY),
    Reason.DAILY_PROFIT_LOCK: _reached(
        "the day's realised profit of {value}", Unit.QUOTE, "a day", "the day's profit is not known"
    ),
    Reason.CONSECUTIVE_LOSSES: Clause(
        "the subscription pauses after losses in a row",
        "the subscription has lost {value} times in a row, {margin} beyond {limit} of {bound}, and pauses",
    ),
    Reason.MARKET_BANNED: _below(
        "the day's result of {value} of the capital in this market", Unit.PERCENT, "per market", "the market is left alone"
    ),
    Reason.COOL_DOWN: _too_soon("the last close in this market", "after a close"),
    Reason.COOL_DOWN_AFTER_LOSS: _too_soon("the last loss in this market", "after a loss"),
    # rates
    Reason.MARKET_QUARANTINED: _too_soon("the venue's last rejection in this market", "after a rejection"),
    Reason.DUPLICATE_ENTRY: _too_soon("the same entry", "between two of them"),
    Reason.MAX_ORDERS_PER_SECOND: _too_many(
        "the account would send {value} orders within a second", "the account sends too many orders"
    ),
    Reason.MAX_ORDERS_PER_MINUTE: _too_many(
        "the account would send {value} orders within a minute", "the account sends too many orders"
    ),
    Reason.MAX_ORDERS_PER_DAY: _too_many("the account would send {value} orders in a day", "the account sends too many orders"),
    Reason.MAX_TRADES_PER_DAY: _too_many(
        "the subscription would enter {value} times in a day", "the subscription enters too often"
    ),
    Reason.MAX_DAILY_NOTIONAL: _above(
        "the notional of {value} of the day's entries", Unit.QUOTE, "a day", "the day's entries are too large"
    ),
    Reason.MAX_CANCELS_PER_MINUTE: Clause(
        "the account has cancelled or moved too many orders",
        "the account has cancelled or moved {value} orders within a minute, {margin} beyond {limit} of {bound}",
    ),
    # expired
    Reason.SIGNAL_TOO_OLD: _above("the entry's age of {value}", Unit.SECONDS, "for that age", "the entry came too late"),
    Reason.SIGNAL_SUPERSEDED: Clause("a newer signal of the same position came first"),
    Reason.NEVER_PLACED: Clause("the venue does not know the order, and it was too late to send it again"),
    Reason.ENTRY_NOT_FILLED: Clause("the market did not reach its price in time"),
    # rejected
    Reason.INSUFFICIENT_FUNDS: Clause("the account has too little margin there"),
    Reason.POSITION_LIMIT: Clause(
        "the position would be larger than the venue allows at this leverage",
        "the position of {value} would be above the venue's most of {bound} at this leverage by {margin}",
        Unit.QUOTE,
    ),
    Reason.OUTSIDE_PRICE_BAND: Clause(
        "the price is too far from the mark for the venue",
        "the price of {value} is {margin} beyond {bound}, the furthest that the venue takes",
        Unit.QUOTE,
    ),
    Reason.MARKET_CLOSED: Clause("the market is not open at the venue"),
    Reason.WOULD_TRIGGER: Clause("the market was beyond its trigger already"),
    Reason.VENUE_REJECTED: Clause("the venue has a reason of its own"),
    Reason.AUTHENTICATION_FAILED: Clause("the venue has locked the account's keys, or the account must be funded first"),
    # ended without a fill
    Reason.POSITION_CLOSED: Clause("its position is closed"),
    Reason.REPLACED: Clause("a newer stop has taken its place"),
    Reason.CANCELLED_AT_VENUE: Clause("the venue, or somebody with access to the account, cancelled it"),
    Reason.CANCELLED_BY_OWNER: Clause("you have cancelled it"),
    # closed without a signal
    Reason.LIQUIDATED: Clause("the venue has liquidated the position"),
    Reason.DELEVERAGED: Clause("the venue has closed the position to cover another trader's liquidation"),
    Reason.SETTLED: Clause("the venue has ended the market and settled the position"),
    Reason.CLOSED_OUTSIDE: Clause("somebody with access to the account has closed the position"),
    Reason.HOLDING_TIME_OVER: Clause("the position was held for its longest time"),
    Reason.UNREALISED_LOSS: Clause("the position has lost the most that it may"),
    Reason.FLATTENED: Clause("a kill switch has closed the position"),
}

ORDERS: Mapping[str, str] = {
    "NOT_PLACED": "Not placed: {why}.",
    "REJECTED": "Refused by the venue: {why}.",
    "NOT_FILLED": "Placed, and ended without a fill: {why}.",
    "FILLED_IN_PART": "Filled {filled} of {quantity} at {price} on average, then ended: {why}.",
    "FILLED": "Placed and filled: {filled} at {price} on average.",
    "OPEN": "Placed: {quantity} wait at the venue.",
    "PARTLY_OPEN": "Placed: {filled} of {quantity} are filled at {price} on average, the rest waits at the venue.",
    "PENDING": "Not sent yet: it waits for an earlier order of its position, or for its next attempt.",
    "SUBMITTING": "Being sent to the venue.",
    "UNKNOWN": "Sent, and the venue's answer was lost: the order is being looked for.",
}
"""The outcome of an order leg."""

STEPS: Mapping[str, str] = {
    "CANDLE": "The strategy decided on the candle of {market} that closed at {at}.",
    "MESSAGE": "A message came to the strategy's webhook at {at}.",
    "MESSAGE_NOT_KEPT": "A message came to the strategy's webhook; it is older than {days} days, and not kept any more.",
    "MESSAGE_UNKNOWN": "A message came to the strategy's webhook; its receipt is not kept with the signal.",
    "RELEASE": "An operator has released a signal that was held back.",
    "NO_SIGNAL": "No published signal asked for this order: somebody closed the position by hand, or the signal is not kept.",
    "ENTRY": "An entry: {action} {market}{price}{stop}{targets}.",
    "EXIT": "An exit: {action} {market}.",
    "PASSED": "Passed: its prices fit the venue's mark of {mark}.",
    "HELD_BACK": "Held back, so that nobody was sent anything: {why}.",
    "NOT_JUDGED": "Not judged: an exit names no price that could be wrong, and always passes.",
    "JUDGED_LATER": "Not judged yet.",
    "VERDICT_MISSING": "There is no verdict of this signal.",
    "SENT": "Sent to {who} between {began} and {ended}.",
    "BEING_SENT": "Being sent to {who} since {began}.",
    "QUEUED": "Queued at {began}, and sent to nobody yet.",
    "SENT_TO_NOBODY": "Sent to nobody, since it was held back.",
}
"""The steps of a signal before its orders."""

OUTCOMES: Mapping[str, str] = {
    "HELD_BACK": "Nothing was sent: the signal was held back.",
    "NOT_ADDRESSED": "Nothing was sent: the signal is of version {version}, and this subscription follows another one.",
    "FOLLOWED_LATER": "Nothing was sent: the subscription was made after the signal.",
    "AWAITED": "Not decided yet.",
    "UNRECORDED": "Nothing is recorded of this signal for the subscription.",
    "COUNTS_NOT_KEPT": "The signal is older than {days} days, and its ends are not counted any more.",
    "RECEIPT_NOT_KEPT": "The receipt of the decision is older than {days} days, and not kept any more.",
}
"""The outcome for a subscription without an order of the signal; records that are gone."""

RUNS: Mapping[str, str] = {
    "RUNNING": "The strategy is deciding on this candle.",
    "COMPLETED": "The strategy decided, and its signal was published.",
    "NO_SIGNAL": "The strategy decided to do nothing on this candle, so there is no order.",
    "SKIPPED": "The candle was not decided ({code}), so there is no order.",
    "FAILED": "The strategy's code failed on this candle ({code}), so there is no order.",
    "CANDLE_TOO_LATE": "The candle was not decided, because its message came too late; there is no order.",
    "CANDLE_NOT_PUBLISHED": "The candle was not decided, because the venue did not publish it in time; there is no order.",
    "CANDLE_MISSED": "The candle was not decided, because no schedule announced it in its time; there is no order.",
    "CANDLE_CAUGHT_UP": "The candle was missed, and decided afterwards for the record alone; nothing was published.",
    "HISTORY_TOO_SHORT": "The candle was not decided, because the market has too few candles before it; there is no order.",
    "CANDLES_GAP": "The candle was not decided, because a candle before it is missing; there is no order.",
    "UNKNOWN_MARKET": "The candle was not decided, because the venue has no such market; there is no order.",
    "VERSION_MISSING": "The candle was not decided, because the version's code is not there; there is no order.",
    "STRATEGY_FAILED": "The strategy's code raised an error on this candle, so there is no order.",
    "STRATEGY_TOO_SLOW": "The strategy's code took too long on this candle, so there is no order.",
}
"""The outcome of a strategy's run on a candle, by its reason; a reason without a text has that of its state."""


def clause_of(denial: Denial, market: str, limit: str = "the limit") -> str:
    """The end of a sentence on a denial in a market (unified symbol). `limit` names the limit and its owner."""
    known = REASONS[denial.reason]
    value, bound, margin = denial.value, denial.bound, denial.margin
    if known.measured is None or value is None or bound is None or margin is None:
        return known.plain.format(limit=limit)
    places = telling_decimals(margin)
    show = _in_unit(known.unit, market)
    numbers = {"value": show(value, places), "bound": show(bound, places), "margin": show(margin, places)}
    return known.measured.format(limit=limit, **numbers)


def amount(number: Decimal, asset: str, places: int = MOST_DECIMALS) -> str:
    """A number of an asset, such as `120.50 USDT`."""
    return f"{plain(number, places)} {asset}".rstrip()


def plain(number: Decimal, places: int = MOST_DECIMALS) -> str:
    """A number rounded to at most so many decimals, as people write it: none of a whole number, else two at least."""
    rounded = round(number, places)
    whole = rounded.to_integral_value()
    if rounded == whole:
        return format(whole if whole != ZERO else ZERO, "f")
    digits = format(rounded.normalize(), "f")
    return digits.ljust(len(digits.partition(".")[0]) + 1 + FEWEST_DECIMALS, "0")


def telling_decimals(margin: Decimal) -> int:
    """Decimals by which value and bound differ as they are shown: two digits of the margin, `FEWEST_DECIMALS` at least."""
    if margin == ZERO:
        return FEWEST_DECIMALS
    return min(MOST_DECIMALS, max(FEWEST_DECIMALS, 1 - margin.adjusted()))


def _in_unit(unit: Unit, market: str) -> Callable[[Decimal, int], str]:
    base, _, rest = market.partition("/")
    words = {
        Unit.QUOTE: rest.partition(":")[0],
        Unit.BASE: base,
        Unit.PERCENT: "%",
        Unit.BASIS_POINTS: "basis points",
        Unit.SECONDS: "s",
        Unit.TIMES: "times",
        Unit.NUMBER: "",
    }
    return lambda number, places: amount(number, words[unit], places)
