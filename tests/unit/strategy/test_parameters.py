"""Parameters are typed, bounded and described; a strategy refuses what it can not run with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.strategy import Candles, Parameters, Signals, Strategy, StrategyError
from candlecast.strategy.registry import available, load_strategy
from tests.support.planted import Far, LongParameters, NoParameters

BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"rows": 0}, "at least 1"),
    ({"rows": 5001}, "at most 5000"),
    ({"rows": 2.0}, "integer"),
    ({"rows": True}, "integer"),
    ({"rows": "5"}, "integer"),
    ({"rows": None}, "integer"),
    ({"rows": Decimal("2.5")}, "integer"),
    ({"share": float("nan")}, "finite"),
    ({"share": Decimal("Infinity")}, "finite"),
    ({"share": 1.5}, "at most"),
    ({"share": True}, "number"),
    ({"mode": "other"}, "one of fast, slow"),
    ({"enabled": 1}, "boolean"),
]


@pytest.mark.parametrize(("values", "reason"), BAD_VALUES)
def test_bad_value_is_refused_with_its_name(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(StrategyError, match=reason) as refused:
        LongParameters.from_mapping(values)
    assert refused.value.code == "PARAMETER_INVALID"
    assert next(iter(values)) in refused.value.message


def test_unknown_parameter_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(StrategyError, match="1 unknown; known are rows, share, mode, enabled") as refused:
        LongParameters.from_mapping({"speed": 1})
    assert refused.value.code == "PARAMETER_UNKNOWN"


def test_stored_decimals_become_the_types_of_the_fields() -> None:
    stored = {"rows": Decimal(7), "share": Decimal("0.25"), "mode": "slow", "enabled": False}
    parameters = LongParameters.from_mapping(stored)
    assert parameters == LongParameters(rows=7, share=0.25, mode="slow", enabled=False)
    assert type(parameters.rows) is int
    assert LongParameters.from_mapping({"share": 1}).share == 1.0


def test_schema_states_types_bounds_defaults_and_meanings() -> None:
    schema = LongParameters.json_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["rows"] == {
        "type": "integer",
        "default": 500,
        "description": "Rows that it needs",
        "minimum": 1,
        "maximum": 5000,
    }
    assert schema["properties"]["mode"]["enum"] == ["fast", "slow"]
    assert schema["properties"]["enabled"]["type"] == "boolean"


def test_lookback_beyond_one_request_is_refused() -> None:
    assert Far.with_parameters({"rows": MAX_LOOKBACK}).lookback == MAX_LOOKBACK
    with pytest.raises(StrategyError) as refused:
        Far.with_parameters({"rows": MAX_LOOKBACK + 1})
    assert refused.value.code == "LOOKBACK_TOO_LONG"


@pytest.mark.parametrize(
    "attributes",
    [{"name": "Bad-Name", "description": "x"}, {"name": "good"}, {"description": "x"}, {"name": "good", "description": ""}],
)
def test_strategy_without_name_or_description_is_refused_when_it_is_defined(attributes: dict[str, str]) -> None:
    with pytest.raises(StrategyError) as refused:

        class Nameless(Strategy[NoParameters]):
            locals().update(attributes)

            def rows_needed(self) -> int:
                return 1

            def signals(self, candles: Candles) -> Signals:
                raise AssertionError

    assert refused.value.code == "STRATEGY_INVALID"


def test_strategy_without_parameters_type_is_refused_when_it_is_defined() -> None:
    with pytest.raises(StrategyError, match=r"Strategy\[its parameters\]"):
        type("Loose", (Strategy,), {"name": "loose", "description": "x"})


@pytest.mark.parametrize("name", available())
def test_built_in_parameters_survive_storage_and_describe_themselves(name: str) -> None:
    strategy = load_strategy(name)
    defaults = strategy.parameters_type()
    stored = json.loads(json.dumps(defaults.to_mapping()), parse_float=Decimal)
    assert strategy.parameters_type.from_mapping(stored) == defaults
    properties = json.loads(json.dumps(strategy.parameters_type.json_schema()))["properties"]
    assert set(properties) == set(defaults.to_mapping())
    assert all(
        described["description"] and "minimum" in described and "maximum" in described for described in properties.values()
    )


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_built_in_runs_at_either_end_of_every_bound(name: str, bound: str) -> None:
    strategy = load_strategy(name)
    for field, described in strategy.parameters_type.json_schema()["properties"].items():
        try:
            built = strategy.with_parameters({field: described[bound]})
        except StrategyError as error:
            assert "must" in error.message
            assert error.code == "PARAMETER_INVALID"
        else:
            assert built.lookback <= MAX_LOOKBACK


def test_values_that_do_not_go_together_are_refused() -> None:
    for name, values in (
        ("sma_cross", {"fast_period": 21, "slow_period": 21}),
        ("ema_atr_trend", {"first_target_atr": 9.0}),
        ("rsi_mean_reversion", {"middle": 80.0}),
        ("donchian_breakout", {"exit_period": 30}),
    ):
        with pytest.raises(StrategyError) as refused:
            load_strategy(name).with_parameters(values)
        assert refused.value.code == "PARAMETER_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Parameters):
    """A field without `parameter` is a mistake of the author."""

    rows: int = 5


def test_undescribed_field_is_refused() -> None:
    with pytest.raises(StrategyError) as refused:
        Plain()
    assert refused.value.code == "STRATEGY_INVALID"
