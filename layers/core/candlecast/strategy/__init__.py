"""The names that the author of a strategy imports: arrays in, signals out.

A strategy sees whole numpy columns and answers with whole columns. A live run looks at the last row of the lookback window, a
backtest at all rows, and both run this same code. Indicators live in `candlecast.strategy.indicators`.
"""

from candlecast.strategy import indicators, levels
from candlecast.strategy.base import Strategy
from candlecast.strategy.candles import Candles, Flags, Floats
from candlecast.strategy.decision import Decision, decide, decide_rows, evaluate
from candlecast.strategy.errors import StrategyError
from candlecast.strategy.higher import HigherCandles, HigherTimeframe
from candlecast.strategy.parameters import Parameters, parameter
from candlecast.strategy.signals import Side, Signals, Target

__all__ = [
    "Candles",
    "Decision",
    "Flags",
    "Floats",
    "HigherCandles",
    "HigherTimeframe",
    "Parameters",
    "Side",
    "Signals",
    "Strategy",
    "StrategyError",
    "Target",
    "decide",
    "decide_rows",
    "evaluate",
    "indicators",
    "levels",
    "parameter",
]
