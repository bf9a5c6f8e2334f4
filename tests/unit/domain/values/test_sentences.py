"""Every code has a sentence, and the numbers in it are told as people write them."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from pathlib import Path

import pytest

from candlecast.domain.orders.intent import IntentState
from candlecast.domain.strategies.execution import CAUGHT_UP, MISSED, ExecutionStatus
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.sentences import (
    ORDERS,
    OUTCOMES,
    REASONS,
    RUNS,
    STEPS,
    Unit,
    amount,
    clause_of,
    plain,
    telling_decimals,
)
from tests.support.builders import BTC

CORE = Path(__file__).resolve().parents[4] / "layers" / "core" / "candlecast"
NUMBERS = {"{value}", "{bound}", "{margin}"}
MOST_WORDS = 25  # of any sentence of ours
VALUE, BOUND = Decimal("120.50"), Decimal(100)


def test_every_reason_has_a_clause_in_the_order_of_the_enumeration() -> None:
    assert list(REASONS) == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_clause_goes_on_after_a_colon_and_tells_all_its_numbers(reason: Reason) -> None:
    clause = REASONS[reason]
    for text in filter(None, (clause.plain, clause.measured)):
        assert text[0].islower() or text.startswith(("Kelly", "{limit}"))
        assert not text.endswith(".")
        assert "{limit} limit" not in text
        assert len(text.split()) <= MOST_WORDS
    assert set(re.findall(r"\{\w+\}", clause.plain)) <= {"{limit}"}
    if clause.measured is not None:
        assert set(re.findall(r"\{\w+\}", clause.measured)) - {"{limit}"} == NUMBERS


@pytest.mark.parametrize("reason", Reason)
def test_a_clause_is_filled_with_and_without_numbers(reason: Reason) -> None:
    for denial in (Denial(reason), Denial(reason, None, BOUND), Denial(reason, VALUE, BOUND), Denial(reason, BOUND, BOUND)):
        told = clause_of(denial, BTC, "your limit")
        assert "{" not in told
        assert "None" not in told


def test_an_order_above_its_limit_is_told_with_value_bound_and_margin() -> None:
    told = clause_of(Denial(Reason.MAX_ORDER_NOTIONAL, VALUE, BOUND), BTC, "your limit")
    assert told == "the order of 120.50 USDT is above your limit of 100 USDT per order by 20.50 USDT"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.QUANTITY_TOO_LARGE, "the quantity of 120.50 BTC is above the market's most of 100 BTC by 20.50 BTC"),
        (Reason.SIGNAL_TOO_OLD, "the entry's age of 120.50 s is above the limit of 100 s for that age by 20.50 s"),
        (Reason.MAX_POSITIONS, "the subscription would hold 120.50 positions, 20.50 above the limit of 100"),
        (Reason.NO_ACCOUNT, "the subscription names no account"),
    ],
)
def test_numbers_have_the_unit_of_their_rule(reason: Reason, told: str) -> None:
    assert clause_of(Denial(reason, VALUE, BOUND), BTC) == told


def test_every_unit_is_used() -> None:
    assert {clause.unit for clause in REASONS.values() if clause.measured} == set(Unit)


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        ("100", 2, "100"),
        ("100.00", 2, "100"),
        ("1E+3", 2, "1000"),
        ("0E-8", 2, "0"),
        ("-0.00", 2, "0"),
        ("0.5", 2, "0.50"),
        ("-0.5", 2, "-0.50"),
        ("33.333333", 2, "33.33"),
        ("99.999", 2, "100"),
        ("0.00012", 5, "0.00012"),
        ("0.1234567890123456789", 18, "0.123456789012345679"),
    ],
)
def test_a_number_is_told_as_people_write_it(number: str, places: int, text: str) -> None:
    assert plain(Decimal(number), places) == text


@pytest.mark.parametrize("excess", ["20", "0.3", "0.004", "0.000000015", "1E-17"])
def test_rounding_never_hides_that_a_bound_is_broken(excess: str) -> None:
    value = BOUND + Decimal(excess)
    places = telling_decimals(Decimal(excess))
    assert plain(value, places) != plain(BOUND, places)
    assert plain(Decimal(excess), places) != "0"


def test_a_number_without_a_unit_stands_alone() -> None:
    assert (amount(Decimal(3), ""), amount(Decimal(3), "BTC")) == ("3", "3 BTC")


def test_every_state_of_an_order_that_needs_no_reason_has_a_sentence() -> None:
    assert {state.value for state in IntentState if not state.is_terminal} | {"FILLED", "REJECTED"} <= set(ORDERS)


def test_every_state_of_a_run_and_every_reason_of_one_has_a_sentence() -> None:
    """The reasons are read from the use case, where a skipped candle gets its code."""
    source = (CORE / "services" / "market" / "run_candle.py").read_text()
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    codes = {text for text in texts if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", text)} - {"NO_SIGNAL"}
    assert {"CANDLE_TOO_LATE", "CANDLES_GAP"} <= codes
    assert {*ExecutionStatus, *codes, MISSED, CAUGHT_UP} <= set(RUNS)


@pytest.mark.parametrize("text", [*ORDERS.values(), *STEPS.values(), *OUTCOMES.values(), *RUNS.values()])
def test_a_sentence_is_one_and_ends(text: str) -> None:
    assert text[0].isupper()
    assert text.endswith(".")
    assert text.count(". ") == 0
    assert len(text.split()) <= MOST_WORDS
