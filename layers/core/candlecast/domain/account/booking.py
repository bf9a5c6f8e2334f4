"""Book the charges of a venue in an account: corrections of positions and trades, each with an event (decision 0077).

A fee is estimated when an order is filled, since the answer to an order has none. The account remembers the order as due. A look
at the account's turn reads the executions and books the difference. Funding is read from the venue's list of incomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from candlecast.domain.account.account import MAX_LEVERAGE_CAPS, Account, newest
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.orders.charges import (
    HIGHEST_FUNDING,
    NOTICED_WITHIN,
    Charge,
    ChargedFee,
    ChargeKind,
    ClosedPosition,
    DueFee,
    Paid,
    corrected,
    is_paid_between,
    unread_since,
)
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.venue.reports import FeeRates, LeverageCap, VenueFunding
from candlecast.domain.venue.rules import rules_of

FUNDING_DELAY = timedelta(minutes=1)  # Binance books funding up to fifteen seconds after its time; later rows are read later
CHARGES_GIVEN_UP_AFTER = timedelta(days=1)  # an estimate that no look could check for so long stays
FEE_RATES_AGE = timedelta(days=1)  # Binance sets an account's tier anew once a day
LEVERAGE_CAPS_AGE = timedelta(days=1)  # Binance announces new brackets some days ahead
MILLISECOND = timedelta(milliseconds=1)  # the venue's unit of time
PLACES = Decimal("1E-8")  # of a share of a payment: Binance pays in as many digits


@dataclass(frozen=True)
class FundingSpan:
    """The payments from `since` to `until`, both included; the next span begins behind it."""

    since: datetime
    until: datetime


# -- fees --------------------------------------------------------------------------------------------------------------------


def book_fee(account: Account, venue_order_id: str, due: DueFee, charged: ChargedFee, now: datetime) -> Account:
    """Replace an order's estimated fee and prices by the real ones; void if the order has been booked meanwhile."""
    if account.payable.get(venue_order_id) != due:
        return account
    account = forget_fee(account, venue_order_id)
    before = _position(account, due.trade_id)
    if before is None:
        return account
    after = corrected(before, due, charged)
    charge = Charge(
        kind=ChargeKind.FEE,
        trade_id=due.trade_id,
        subscription_id=before.subscription_id,
        market=before.market,
        amount=charged.fee,
        correction=_cash(after) - _cash(before),
        paid=charged.paid,
        venue_order_id=venue_order_id,
    )
    return _with(account, after, charge, now) if after != before else account


def forget_fee(account: Account, venue_order_id: str) -> Account:
    """The account without an order whose estimate stays."""
    return replace(account, due_fees={key: due for key, due in account.due_fees.items() if key != venue_order_id})


# -- funding -----------------------------------------------------------------------------------------------------------------


def funding_span(account: Account, now: datetime) -> FundingSpan | None:
    """The payments that are to be read; None if nothing can have been paid that has not been read."""
    interval, until, read = rules_of(account.venue).funding_interval, now - FUNDING_DELAY, account.funding_until
    spans = [(unread_since(position, read), min(end, until)) for position, _, _, end in _holdings(account)]
    if not any(is_paid_between(since, end, interval) for since, end in spans):
        return None
    since = min(since for since, _ in spans)
    return FundingSpan(since if read is None else max(since, read + MILLISECOND), until)


def book_funding(
    account: Account, read: FundingSpan, paid: Sequence[VenueFunding], prices: Mapping[str, Mapping[str, Decimal]], now: datetime
) -> Account:
    """Share payments among the positions of their markets; void if another look has booked them.

    `prices` has for each market the quote units for a unit of each asset. A payment of a market where nothing of ours was held
    belongs to somebody else's position. A payment above `HIGHEST_FUNDING` is none, and moves no result.
    """
    if account.funding_until is not None and account.funding_until >= read.until:
        return account
    payments = dict[tuple[datetime, str, str], Decimal]()
    for row in paid:
        key = row.paid_at, row.market, row.asset
        payments[key] = payments.get(key, ZERO) + row.amount
    for (at, market, asset), amount in sorted(payments.items()):
        price = prices[market].get(asset)
        if price is not None:
            for trade_id, part in _shares(account, market, at, amount).items():
                account = _with_funding(account, trade_id, Paid(asset=asset, amount=part, price=price), at, now)
    return replace(account, funding_until=read.until)


def _with_funding(account: Account, trade_id: str, paid: Paid, at: datetime, now: datetime) -> Account:
    before, amount = _position(account, trade_id), paid.amount * paid.price
    if before is None or amount == 0 or abs(amount) > HIGHEST_FUNDING * before.entry_price * before.opened_quantity:
        return account
    charge = Charge(
        kind=ChargeKind.FUNDING,
        trade_id=trade_id,
        subscription_id=before.subscription_id,
        market=before.market,
        amount=amount,
        correction=amount,
        paid=(paid,),
        charged_at=at,
    )
    return _with(account, replace(before, funding=before.funding + amount), charge, now)


def _shares(account: Account, market: str, at: datetime, amount: Decimal) -> dict[str, Decimal]:
    """A payment by trade, as the positions were held at `at`: in proportion to their signed quantities."""
    held = {
        position.trade_id: quantity * position.side.sign
        for position, quantity, since, until in _holdings(account)
        if position.market == market and since <= at <= until
    }
    total, shares = sum(held.values(), ZERO), dict[str, Decimal]()
    if total == 0:
        return shares
    for trade_id, quantity in held.items():
        shares[trade_id] = (amount * quantity / total).quantize(PLACES, rounding=ROUND_DOWN)
    last = next(reversed(shares))
    shares[last] += amount - sum(shares.values(), ZERO)
    return shares


def _holdings(account: Account) -> list[tuple[Position, Decimal, datetime, datetime]]:
    """Positions with their quantity and the time for which they may have been held."""
    forever = datetime.max.replace(tzinfo=UTC)
    held = [(p, p.quantity, p.opened_at - NOTICED_WITHIN, forever) for p in account.positions.values()]
    closed = [
        (c.position, c.position.opened_quantity, c.position.opened_at - NOTICED_WITHIN, c.closed_at)
        for c in account.settling.values()
    ]
    return held + closed


# -- both --------------------------------------------------------------------------------------------------------------------


def forget_settled(account: Account, now: datetime) -> Account:
    """The account without closed positions whose charges have been read, and without those that nobody could read for long."""
    since = now - CHARGES_GIVEN_UP_AFTER
    payable = account.payable
    due = {key: fee for key, fee in account.due_fees.items() if fee.booked_at > since or key not in payable}
    settling = {key: each for key, each in account.settling.items() if each.closed_at > since and not _is_settled(account, each)}
    if (len(due), len(settling)) == (len(account.due_fees), len(account.settling)):
        return account
    return replace(account, due_fees=due, settling=settling)


def _is_settled(account: Account, closed: ClosedPosition) -> bool:
    if any(due.trade_id == closed.position.trade_id for due in account.due_fees.values()):
        return False
    return not closed.awaits_funding(account.funding_until, rules_of(account.venue).funding_interval)


def with_fee_rates(account: Account, quote: str, rates: FeeRates) -> Account:
    """The account whose estimates in markets of a quote asset follow these rates."""
    return replace(account, fee_rates={**account.fee_rates, quote: rates})


def leverages_to_ask(account: Account, markets: Iterable[str], now: datetime) -> dict[str, Decimal]:
    """The traded markets with their leverage at the venue; empty if the cap of each is known and young enough."""
    settings = account.market_settings
    used = {market: settings[market].leverage for market in sorted(markets) if market in settings}
    return used if any(_is_unknown(account, market, leverage, now) for market, leverage in used.items()) else {}


def _is_unknown(account: Account, market: str, leverage: Decimal, now: datetime) -> bool:
    known = account.leverage_caps.get(market)
    return known is None or known.leverage != leverage or now - known.as_of >= LEVERAGE_CAPS_AGE


def with_leverage_caps(account: Account, caps: Mapping[str, LeverageCap]) -> Account:
    """The account with these caps as its youngest."""
    kept = {market: cap for market, cap in account.leverage_caps.items() if market not in caps}
    return replace(account, leverage_caps=newest({**kept, **caps}, MAX_LEVERAGE_CAPS))


def _position(account: Account, trade_id: str) -> Position | None:
    closed = account.settling.get(trade_id)
    if closed is not None:
        return closed.position
    return next((p for p in account.positions.values() if p.trade_id == trade_id), None)


def _cash(position: Position) -> Decimal:
    """Money that the position has moved so far, after fees and funding."""
    moved = (position.exit_notional - position.entry_price * position.opened_quantity) * position.side.sign
    return moved - position.fees + position.funding


def _with(account: Account, position: Position, charge: Charge, now: datetime) -> Account:
    """The account with a corrected position or trade, its event, and the results that limits compare with.

    A closed trade has been counted; so has funding, at once. Any other correction of a held position counts when it is closed.
    """
    closed, key = account.settling.get(charge.trade_id), position.key
    event = Event(type=EventType.CHARGE_BOOKED, occurred_at=now, charge=charge)
    if closed is None:
        counts = charge.kind is ChargeKind.FUNDING
        usage = account.usage.charged(charge.subscription_id, charge.correction, now) if counts else account.usage
        told = replace(event, position=position)
        return replace(account, positions={**account.positions, key: position}, usage=usage).tell(told)
    settling = {**account.settling, charge.trade_id: replace(closed, position=position)}
    usage = account.usage.charged(charge.subscription_id, charge.correction, now, key)
    told = replace(event, trade=Trade.of(position, closed.closed_by, closed.closed_at, account.venue))
    return replace(account, settling=settling, usage=usage).tell(told)
