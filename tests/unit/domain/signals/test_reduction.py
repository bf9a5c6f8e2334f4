"""The part of a position that an exit closes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import a_market, a_signal

D = Decimal


@pytest.mark.parametrize(
    ("reduction", "held", "closed"),
    [
        (Reduction(share=D("0.5")), "10", "5"),
        (Reduction(share=D("0.333")), "10", "3.3"),  # down to the step
        (Reduction(share=D("0.01")), "10", "0.1"),
        (Reduction(share=D("0.009")), "10", "0"),  # no order is so small
        (Reduction(share=D("0.99")), "10", "9.9"),
        (Reduction(share=D("0.999")), "1", "0.9"),  # the rest is an order of its own
        (Reduction(quantity=D("4.56")), "10", "4.5"),
        (Reduction(quantity=D(25)), "10", "10"),
        (Reduction(quantity=D("9.95")), "10", "9.9"),
    ],
)
def test_it_is_rounded_down_and_never_more_than_is_held(reduction: Reduction, held: str, closed: str) -> None:
    market = a_market(quantity_step=D("0.1"), min_quantity=D("0.1"))
    assert reduction.of(D(held), market) == D(closed)


@pytest.mark.parametrize(
    ("share", "closed"), [("0.5", "5"), ("0.8", "8"), ("0.81", "10"), ("0.95", "10"), ("0.19", "0"), ("0.2", "2")]
)
def test_a_rest_that_no_order_could_close_or_protect_is_closed_with_it(share: str, closed: str) -> None:
    market = a_market(quantity_step=D("0.1"), min_quantity=D(2))
    assert Reduction(share=D(share)).of(D(10), market) == D(closed)


def test_in_a_market_that_nobody_knows_any_more_it_is_all() -> None:
    assert Reduction(share=D("0.5")).of(D(10), None) == D(10)


@pytest.mark.parametrize(
    "given",
    [{}, {"share": D("0.5"), "quantity": D(1)}, {"share": D(1)}, {"share": D("1.5")}, {"share": D(0)}, {"quantity": D(-1)}],
)
def test_anything_else_is_refused(given: dict[str, Decimal]) -> None:
    with pytest.raises(InvalidValue):
        Reduction(**given)


def test_what_is_left_of_a_quantity_is_closed_next() -> None:
    assert Reduction(quantity=D(5)).after(D(2)) == Reduction(quantity=D(3))
    assert Reduction(quantity=D(5)).after(D(5)) is None
    assert Reduction(share=D("0.5")).after(D(0)) == Reduction(share=D("0.5"))


def test_an_entry_reduces_nothing() -> None:
    with pytest.raises(InvalidValue) as refused:
        a_signal(Action.LONG, reduction=Reduction(share=D("0.5")))
    assert refused.value.code == "REDUCTION_INVALID"
