"""Files beside the candles become the domain's values, and every fault is refused by the name of its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.backtest import inputs
from candlecast.backtest.inputs import read_funding, read_margin, read_market, read_settings
from candlecast.backtest.margin import Margin
from candlecast.backtest.run import fine_market
from candlecast.domain.limits.limits import Limits
from candlecast.domain.limits.trading_window import Blackout, TradingWindow
from candlecast.domain.signals.entry_order import EntryPreference, EntryType
from candlecast.domain.subscriptions.subscription import AllowedSides, Settings, Sizing, SizingMode
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import MarginMode, PositionSide
from functions.api.schemas.subscriptions import NewSettings

D = Decimal
RICH = {
    "capital": "1000.50",
    "sizing": {"mode": "FIXED_NOTIONAL", "value": 250},
    "leverage": 5,
    "margin_mode": "ISOLATED",
    "allowed_sides": "LONG",
    "allowed_markets": ["BTC/USDT:USDT"],
    "entry": {"type": "LIMIT", "offset_bps": "5", "post_only": True},
    "stop_atr_multiplier": "2.5",
    "break_even_after_target": True,
    "max_order_notional": None,
    "limits": {
        "max_leverage": "3",
        "stop_required": True,
        "allowed_sides": ["LONG"],
        "correlated_markets": [["BTC/USDT:USDT", "ETH/USDT:USDT"]],
        "trading_windows": [{"days": [0, 4], "opens": "09:30", "closes": "16:00"}],
        "blackouts": [{"starts_at": "2022-01-01T00:00:00Z", "ends_at": "2022-01-02T01:00:00+01:00", "name": "new year"}],
        "limits_locked_until": "2022-01-01T00:00:00Z",
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


def settings_from(file: Path, value: Any) -> Settings:
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_settings(file, D(7))


def test_settings_are_read_as_the_api_reads_them(file: Path) -> None:
    """The same body in both readers, with a value of every type that a setting or a limit has."""
    found = settings_from(file, RICH)
    assert found == NewSettings.model_validate_json(json.dumps(RICH)).to_domain()
    assert found.limits == Limits(
        max_leverage=D(3),
        stop_required=True,
        allowed_sides=(PositionSide.LONG,),
        correlated_markets=(("BTC/USDT:USDT", "ETH/USDT:USDT"),),
        trading_windows=(TradingWindow((0, 4), time(9, 30), time(16)),),
        blackouts=(Blackout(datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 1, 2, tzinfo=UTC), "new year"),),
        limits_locked_until=datetime(2022, 1, 1, tzinfo=UTC),
    )
    assert found.entry == EntryPreference(type=EntryType.LIMIT, offset_bps=D(5), post_only=True)
    assert (found.sizing, found.margin_mode) == (Sizing(SizingMode.FIXED_NOTIONAL, D(250)), MarginMode.ISOLATED)
    assert (found.allowed_sides, found.capital) == (AllowedSides.LONG, D("1000.50"))


def test_settings_of_a_stored_subscription_are_read_again(file: Path) -> None:
    stored = to_json(settings_from(file, RICH))
    assert settings_from(file, stored) == from_json(Settings, stored)


def test_the_cash_is_the_capital_of_settings_without_one(file: Path) -> None:
    assert settings_from(file, {"leverage": 3}) == Settings(capital=D(7), leverage=D(3))


def test_a_number_keeps_its_digits(file: Path) -> None:
    assert settings_from(file, '{"risk_per_trade_percent": 0.1}').risk_per_trade_percent == D("0.1")


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ("{", "SETTINGS_INVALID", "file.json:1: "),
        ("[]", "SETTINGS_INVALID", "not a JSON object"),
        ('{"capital": "5", "capital": "9"}', "SETTINGS_INVALID", "'capital' stands there twice"),
        ('{"capital": NaN}', "SETTINGS_INVALID", "no JSON of numbers"),
        ('{"capital": 1e999}', "SETTINGS_INVALID", "capital is no number"),
        ('{"capital": 1e9999999999999999999}', "SETTINGS_INVALID", "no JSON of numbers"),
        ("[" * 100_000, "SETTINGS_INVALID", "no JSON of numbers"),
        ({"capitol": 1}, "SETTINGS_INVALID", "there is no 'capitol'; known are capital, "),
        ({"capital": True}, "SETTINGS_INVALID", "capital is no number: 'True'"),
        ({"capital": "1_000"}, "SETTINGS_INVALID", "capital is no number"),
        ({"capital": "9" * 50}, "SETTINGS_INVALID", "capital is no number"),
        ({"capital": -1}, "SETTINGS_INVALID", "capital must be above zero"),
        ({"capital": None}, "SETTINGS_INVALID", "capital is no number"),
        ({"leverage": "2.5"}, "SETTINGS_INVALID", "whole number"),
        ({"max_positions": "1"}, "SETTINGS_INVALID", "max_positions is int, not '1'"),
        ({"break_even_after_target": 1}, "SETTINGS_INVALID", "break_even_after_target is bool"),
        ({"sizing": "RISK_PERCENT"}, "SETTINGS_INVALID", "sizing is an object"),
        ({"sizing": {"mode": "ALL_IN"}}, "SETTINGS_INVALID", "mode is no SizingMode: FIXED_QUANTITY, "),
        ({"sizing": {"mode": "FIXED_QUANTITY"}}, "SIZING_VALUE_MISSING", "needs a value"),
        ({"allowed_markets": "BTC"}, "SETTINGS_INVALID", "allowed_markets is a list"),
        ({"limits": {"blackouts": [{"ends_at": "2022-01-01"}]}}, "SETTINGS_INVALID", "starts_at is missing"),
        ({"limits": {"limits_locked_until": "soon"}}, "SETTINGS_INVALID", "limits_locked_until is no datetime"),
        ({"limits": {"limits_locked_until": 5}}, "SETTINGS_INVALID", "limits_locked_until is no datetime"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(file: Path, value: Any, code: str, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        settings_from(file, value)
    assert caught.value.code == code
    assert said in caught.value.message
    assert len(caught.value.message) < 1_000


@pytest.mark.parametrize("read", [lambda file: read_settings(file, D(1)), read_funding, read_margin])
def test_a_file_that_is_no_text_is_refused(file: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidValue, match="no text in UTF-8"):
        read(file)
    monkeypatch.setattr(inputs, "MOST_BYTES", 1)
    with pytest.raises(InvalidValue, match="over 1 bytes"):
        read(file)
    with pytest.raises(InvalidValue, match="directory"):
        read(file.parent)


def test_filters_of_a_market_are_read(file: Path) -> None:
    file.write_text('{"symbol": "A/B:B", "price_step": "0.1", "multiplier_up": null}', encoding="utf-8")
    found = read_market(file, fine_market())
    assert (found.symbol, found.price_step, found.quantity_step) == ("A/B:B", D("0.1"), fine_market().quantity_step)
    for text, said in (('{"tick": 1}', "there is no 'tick'"), ('{"price_step": 0}', "above zero"), ("3", "not a JSON object")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidValue, match=said) as caught:
            read_market(file, fine_market())
        assert caught.value.code == "MARKET_INVALID"


def test_brackets_are_pairs_or_objects(file: Path) -> None:
    wanted = Margin.of(((D(0), D("0.004")), (D(50_000), D("0.005"))))
    for text in (
        '[[0, 0.004], ["50000", "0.005"]]',
        '[{"floor": 0, "rate": 0.004}, {"notionalFloor": 50000, "maintMarginRatio": 0.005, "bracket": 2}]',
        '[{"minNotional": 0, "maintenanceMarginRate": 0.004}, [50000, 0.005]]',
    ):
        file.write_text(text, encoding="utf-8")
        assert read_margin(file) == wanted


def test_funding_is_read_under_the_usual_names(file: Path) -> None:
    for header in ("timestamp,rate", "FundingTime, FundingRate", "calc_time,last_funding_rate"):
        file.write_text(f"{header}\n1640995200000,0.0001\n\n1641024000000,-0.00005\n", encoding="utf-8")
        assert read_funding(file) == ((1_640_995_200_000, D("0.0001")), (1_641_024_000_000, D("-0.00005")))
    file.write_text("funding_interval_hours,rate,time\n8,0.1,1640995200000\n", encoding="utf-8")
    assert read_funding(file) == ((1_640_995_200_000, D("0.1")),)


WRONG_BRACKETS = (
    ("{}", "brackets are a list"),
    ("[]", "begin at 0"),
    ("[[1, 0.004]]", "begin at 0"),
    ("[[0, 0.005], [1, 0.004]]", "rise"),
    ("[[0]]", "bracket 1 is no pair"),
    ('[{"floor": 0}]', "bracket 1 is no number: 'None'"),
    ('[[0, 0.1], ["x", 0.2]]', "bracket 2 is no number: 'x'"),
)
WRONG_FUNDING = (
    ("", ":1: the header"),
    ("timestamp,price\n", ":1: the header"),
    ("timestamp,rate\n1640995200000\n", ":2: a cell is missing"),
    ("timestamp,rate\n1640995200,0.1\n", ":2: '1640995200' is no time in ms"),
    ("timestamp,rate\n1640995200000.5,0.1\n", ":2: .* is no time in ms"),
    ("timestamp,rate\nsoon,0.1\n", ":2 is no number: 'soon'"),
    ("timestamp,rate\n1640995200000,nan\n", ":2 is no number: 'nan'"),
    ("timestamp,rate\n1640995200000,1\n", ":2: a rate is a share"),
    ("timestamp,rate\n1640995200001,0.1\n1640995200000,0.1\n", ":3: times of funding ascend"),
    ("timestamp,rate\n1640995200000,0.1\n1640995200000,0.1\n", ":3: times of funding ascend"),
)


@pytest.mark.parametrize(
    ("read", "code", "text", "said"),
    [
        *((read_margin, "BRACKETS_INVALID", *case) for case in WRONG_BRACKETS),
        *((read_funding, "FUNDING_INVALID", *case) for case in WRONG_FUNDING),
    ],
)
def test_wrong_brackets_and_rates_are_refused(file: Path, read: Any, code: str, text: str, said: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValue, match=said) as caught:
        read(file)
    assert caught.value.code == code
