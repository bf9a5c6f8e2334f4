"""The tables of `domain/reconcile/drift.py` and `domain/reconcile/closing.py` as a page. Each row asks the function itself.

`python -m infra.pages.reconciliation` writes `docs/reconciliation.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from candlecast.domain.account.findings import MAX_EXTERNAL_ORDERS, MEND_MEMORY, QUICK_LOOKS, SLOW_PACE, Drift
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.retries import ATTEMPTS_BEFORE_ALERT, EXIT_PAUSES, NOT_PLACED
from candlecast.domain.reconcile.closing import PATIENCE, closing_step
from candlecast.domain.reconcile.drift import OrderStep, PositionStep, StopReport, StopStep, order_step, position_step, stop_step
from candlecast.domain.reconcile.look_schedule import (
    FULL_LOOK_INTERVAL,
    OPEN_ORDER_INTERVAL,
    VETTING_INTERVAL,
    VETTING_RETRY,
    WHOLE_LOOK_INTERVAL,
)
from candlecast.domain.reconcile.reconcile import LOOKUPS_NEEDED
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER
from candlecast.domain.venue.rules import BINANCE_USDM

DOCUMENT = Path(__file__).parents[2] / "docs" / "reconciliation.md"
HEADER = """\
# What a look at the venue does

Each look at an account compares our record with the report of its venue. It acts by these tables: (our state, the
venue's report, its age) -> action. Orders and positions of ours are repaired. Those of somebody else are reported once
and never touched. A look ends with nothing left to do, or with an alert after three attempts.

This page is generated from the code: `python -m infra.pages.reconciliation`.
"""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)  # any
_SPACING = BINANCE_USDM.lookup_spacing
_UNRESOLVED = (IntentState.SUBMITTING, IntentState.UNKNOWN)


def page() -> str:
    """The document."""
    return "\n".join((HEADER, *_orders(), *_unresolved(), *_exits(), *_stops(), *_positions(), *_closings(), *_paces()))


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    for cells in (tuple(head), ("---",) * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _orders() -> Iterator[str]:
    yield "## An order\n"
    yield "One that may fill in parts is asked about while it rests, too.\n"
    yield from _table(("our intent", "among the venue's open orders", "seen so", "what is done"), _order_rows())


def _order_rows() -> Iterator[tuple[str, ...]]:
    def step(ours: IntentState | None, *, at_venue: bool, our_id: bool = True, age: timedelta | None = None) -> OrderStep:
        return order_step(ours, at_venue=at_venue, our_id=our_id, age=age, spacing=_SPACING)

    for ours in (*_UNRESOLVED, IntentState.OPEN, IntentState.PENDING):
        for at_venue in (True, False):
            yield ours.value, _yes(at_venue), "", step(ours, at_venue=at_venue).value
    for our_id, words in ((True, "none, though it bears an id of ours"), (False, "none")):
        yield words, "yes", "for the first time", step(None, at_venue=True, our_id=our_id).value
        again = step(None, at_venue=True, our_id=our_id, age=_SPACING)
        yield words, "yes", f"{_words(_SPACING)} ago too", again.value


def _unresolved() -> Iterator[str]:
    window = _words(BINANCE_USDM.settle_window)
    yield "## An order whose outcome is unknown\n"
    yield (
        f"Its absence is proven by {LOOKUPS_NEEDED} lookups at least {_words(_SPACING)} apart, both after the settle window\n"
        f"of its mark ({window} at Binance USD-M). The list of trades must not have it either. Until then nothing is\n"
        "sent for the order. Every combination of these rows is a test in `tests/unit/domain/reconcile/test_reconcile.py`.\n"
    )
    rows = (
        ("found", "it is adopted, with its fills"),
        ("not found, not proven absent", "wait and look again"),
        ("absent, or certainly never sent; an earlier leg has not ended", "wait for that one"),
        ("the same; an entry that is fresh, its subscription active", "send it, under a new mark"),
        ("the same; an entry that has expired, was overtaken by a newer signal or was paused", "it ends as expired"),
        ("the same; an entry that its owner has cancelled", "it ends as cancelled"),
        ("the same; an exit, stop or target whose position is held", "send it, however late"),
        ("the same; an exit, stop or target whose position is gone", "it ends"),
        ("the same; the account is not active", "it ends"),
    )
    yield from _table(("the venue's report", "what is done"), iter(rows))


def _exits() -> Iterator[str]:
    pauses = [_words(pause) for pause in EXIT_PAUSES]
    yield "## An exit that the venue does not carry out\n"
    yield (
        f"It pauses for {', '.join(pauses[:-1])}, and then for a {pauses[-1]} each time.\n"
        f"Failure number {ATTEMPTS_BEFORE_ALERT} in a row tells a person, once (`{NOT_PLACED[LegKind.EXIT]}`).\n"
        "The attempts go on. A target that the venue refuses does the same for its share.\n"
    )
    rows = (
        ("refused, or ended before all was closed", "yes", "the next exit, with an id of its own, waits for its pause"),
        ("refused because it reduces nothing", "yes", "the same, and positions are compared at once"),
        ("certainly not taken (a rate limit, no connection, a refusal that ends by itself)", "yes", "the same exit waits"),
        ("its answer was lost", "anything", "it is an order whose outcome is unknown"),
        ("of a part, and something of the part is left", "yes", "as above, for the rest of the part alone"),
        ("anything, and its pause is over", "yes", "it is marked for all that is held, and sent"),
        ("anything", "no", "it ends as skipped"),
        ("anything, and a newer exit of the position comes", "yes", "the newer one is sent at once; the waiting one ends"),
        ("anything, and a newer entry is sent or finds the position already held", "yes", "the waiting one ends"),
    )
    yield from _table(("the exit was", "its position is held", "what is done"), iter(rows))


def _stops() -> Iterator[str]:
    yield "## The stop of a position\n"
    yield from _table(("the position should have", "live at the venue", "what is done"), _stop_rows())
    yield "A position that has no live stop, and whose new stop the venue refuses:\n"
    rows = (
        ("the market is beyond it", "anywhere", "close the position at market, in the same look"),
        ("for any other cause", "beyond the stop", "the same"),
        (
            "for any other cause",
            "elsewhere, or not known",
            f"a new stop at each look; refusal number {ATTEMPTS_BEFORE_ALERT} tells a person",
        ),
        ("not refused for good (a rate limit, a price band)", "anywhere", "the same stop waits for its pause, as an exit does"),
    )
    yield from _table(("it is refused because", "the mark is", "what is done"), iter(rows))


def _stop_rows() -> Iterator[tuple[str, ...]]:
    held, price, other = Decimal(10), Decimal(90), Decimal(95)

    def step(live: tuple[tuple[Decimal, Decimal], ...], stop_price: Decimal | None = price, *, coming: bool = False) -> StopStep:
        return stop_step(held, stop_price, StopReport(live, coming))

    yield "no stop", "anything", step(((held, price),), None).value
    yield "a stop", "anything, and an order that decides it is unresolved", step((), coming=True).value
    yield "a stop", "none", step(()).value
    yield "a stop", "one of its size and price", step(((held, price),)).value
    yield "a stop", "one of another size", step(((Decimal(4), price),)).value
    yield "a stop", "one at another price", step(((held, other),)).value
    half = held / 2, price
    yield "a stop", "several parts at its price that together have its size", step((half, half)).value
    yield "a stop", "several, the newest of its size and price", step(((held, other), (held, price))).value


def _positions() -> Iterator[str]:
    yield "## A position\n"
    yield (
        "By market, in hedge mode by market and side: a long and a short in one market are compared apart. A short counts as\n"
        "negative: a position that was turned counts as closed, and as another one.\n"
    )
    yield from _table(("the venue holds", "noted before", "an order of ours in the market", "what is done"), _position_rows())


def _position_rows() -> Iterator[tuple[str, ...]]:
    ours = Decimal(10)

    def step(theirs: int, noted: Drift | None, *, settled: bool = True) -> PositionStep:
        return position_step(ours, Decimal(theirs), noted, _NOW, settled=settled, spacing=_SPACING)

    def seen(difference: int, *, reported: bool = False, ago: timedelta = _SPACING) -> Drift:
        return Drift(difference=Decimal(difference), seen_at=_NOW - ago, reported=reported)

    yield "what we do", "anything", "any", step(10, seen(5), settled=False).value
    yield "something else", "anything", "unresolved, or moving the position", step(4, None, settled=False).value
    yield "something else", "nothing, or another difference", "none", step(4, seen(-5)).value
    yield "something else", f"the same, less than {_words(_SPACING)} ago", "none", step(4, seen(-6, ago=timedelta(0))).value
    yield "less, nothing, or the other side", "the same", "none", step(4, seen(-6)).value
    yield "more, or something where we hold nothing", "the same", "none", step(15, seen(5)).value
    yield "more, or something where we hold nothing", "the same, and told", "none", step(15, seen(5, reported=True)).value


def _closings() -> Iterator[str]:
    yield "## A position that was reduced or closed\n"
    yield (
        "A list of positions alone closes nothing: it was seen empty while everything was held. Trades count from the last look\n"
        "that agreed, those of others only, the closing ones less the opening ones. The market's own answer names the market\n"
        "also when nothing is held there. An answer that does not come is no evidence.\n"
    )
    head = ("trades of others", "the difference is the same", "the market's own answer", "what is done")
    yield from _table(head, _closing_rows())


def _closing_rows() -> Iterator[tuple[str, ...]]:
    gone, none, at_once = Decimal(10), Decimal(0), timedelta(0)
    yield "make up the difference", "in two looks", "not asked for", closing_step(gone, gone, at_once).value
    yield "do not", f"for less than {_words(PATIENCE)}", "not asked for", closing_step(gone, none, at_once).value
    yield "do not", f"for {_words(PATIENCE)}", "not yet asked for", closing_step(gone, none, PATIENCE).value
    for agrees, words in ((True, "the same"), (False, "something else, or none")):
        yield "do not", f"for {_words(PATIENCE)}", words, closing_step(gone, none, PATIENCE, market_agrees=agrees).value


def _paces() -> Iterator[str]:
    yield "## How often\n"
    rows = (
        ("an outcome is unknown", "when its lookup can count"),
        ("a position is without its stop, or a stop without its position", "at once, and with the clock's every minute"),
        (
            "a difference was noted",
            f"after {_words(_SPACING)}; one that keeps changing {QUICK_LOOKS} times, then at the usual pace",
        ),
        ("a market order is open", f"after {_words(_SPACING)}"),
        ("an entry rests", f"every {_words(OPEN_ORDER_INTERVAL)}, and when its time is over"),
        ("an entry rests that its owner has cancelled", "at once, and again at the pace of exits"),
        ("stops and targets are open", f"every {_words(OPEN_ORDER_INTERVAL)}"),
        ("nothing is open, and somebody trades on the account", f"every {_words(FULL_LOOK_INTERVAL)}: positions and balance"),
        ("orders in markets where nothing is ours", f"every {_words(WHOLE_LOOK_INTERVAL)}: forty times the weight of one market"),
        (
            "the venue has just refused the keys",
            f"after a {_words(CONFIRM_REFUSAL_AFTER)}: refused again, the account is disabled",
        ),
        ("an account that was disabled so holds something", f"every {_words(FULL_LOOK_INTERVAL)}, until its keys are accepted"),
        (
            "fees or funding of the venue are to be read",
            f"every {_words(FULL_LOOK_INTERVAL)}, also where nobody trades any more",
        ),
        (
            "nothing is open, and nobody trades on the account",
            f"every {_words(VETTING_INTERVAL)}, for the vetting of its keys; every {_words(VETTING_RETRY)} until that is done",
        ),
    )
    yield from _table(("while", "the account is looked at"), iter(rows))
    yield (
        f"Trouble that {ATTEMPTS_BEFORE_ALERT} attempts in a row did not end becomes an alert, once. Attempts go on every\n"
        f"{_words(SLOW_PACE)}. Trouble that stays away for an {_words(MEND_MEMORY)} counts anew. At most\n"
        f"{MAX_EXTERNAL_ORDERS} orders of others are shown.\n"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _words(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for length, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % length == 0:
            return f"{seconds // length} {name}s" if seconds != length else name
    return f"{seconds} seconds"


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page())


if __name__ == "__main__":
    main()
