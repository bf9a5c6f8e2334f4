"""Words and colours of a report: a label and a form for each metric, and text from outside made harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from candlecast.backtest.metrics import Metrics
from candlecast.backtest.pictures.report import MOST_PARAMETERS, Report
from candlecast.domain.values.timeframe import EPOCH
from candlecast.strategy.candles import MILLISECOND

LONGEST_TEXT = 200  # of a name or a value that the author chose
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NONE = "–"
GOOD, NEUTRAL, BAD = (53, 160, 140), (238, 238, 238), (222, 110, 85)  # of cells: above, at and below zero


def percent(value: float) -> str:
    return f"{100 * value:z,.2f} %"


def number(value: float) -> str:
    return f"{value:z,.3f}"


def money(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 1 or value == 0 else f"{value:.6g}"


def count(value: float) -> str:
    return f"{int(value):,}"


def duration(value: float) -> str:
    """A length in ms as days, hours and minutes."""
    minutes = round(value / 60_000)
    days, hours = divmod(minutes // 60, 24)
    parts = [f"{days:,} d"] * (days > 0) + [f"{hours} h"] * (hours > 0) + [f"{minutes % 60} min"] * (minutes % 60 > 0)
    return " ".join(parts[:2]) or "0 min"


def yes_or_no(value: float) -> str:
    return "yes" if value else "no"


LABELS: dict[str, tuple[str, Callable[[float], str]]] = {  # by field of `Metrics`, in the order of the table
    "total_return": ("Total return", percent),
    "annual_return": ("Annual return", percent),
    "volatility": ("Volatility, a year", percent),
    "sharpe_ratio": ("Sharpe ratio", number),
    "sortino_ratio": ("Sortino ratio", number),
    "calmar_ratio": ("Calmar ratio", number),
    "omega_ratio": ("Omega ratio", number),
    "max_drawdown": ("Max drawdown", percent),
    "max_drawdown_length_ms": ("Length of the max drawdown", duration),
    "longest_drawdown_ms": ("Longest drawdown", duration),
    "value_at_risk": ("Value at risk, a day, 95 %", percent),
    "conditional_value_at_risk": ("Conditional value at risk", percent),
    "alpha": ("Alpha, a year", percent),
    "beta": ("Beta", number),
    "exposure": ("Exposure", percent),
    "turnover": ("Turnover, a year", number),
    "trades": ("Closed trades", count),
    "win_rate": ("Win rate", percent),
    "payoff_ratio": ("Payoff ratio", number),
    "profit_factor": ("Profit factor", number),
    "expectancy": ("Expectancy of a trade", money),
    "sqn": ("System quality number", number),
    "longest_losing_streak": ("Longest losing streak", count),
    "average_trade_return": ("Average trade", percent),
    "best_trade_return": ("Best trade", percent),
    "worst_trade_return": ("Worst trade", percent),
    "average_trade_length_ms": ("Average length of a trade", duration),
    "days": ("Days", count),
    "ruined": ("Ruined", yes_or_no),
}
HELD = {  # metrics of buy-and-hold, beside those of the strategy
    "total_return": "buy_and_hold_return",
    "annual_return": "buy_and_hold_annual_return",
    "sharpe_ratio": "buy_and_hold_sharpe_ratio",
    "max_drawdown": "buy_and_hold_max_drawdown",
}


def shown(value: object) -> str:
    """Text from outside, cut and without characters that hide or turn other text."""
    text = str(value)
    cut = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in cut)


def moment(time_ms: int) -> str:
    return f"{EPOCH + int(time_ms) * MILLISECOND:%Y-%m-%d %H:%M}"


def tint(share: float) -> str:
    """The colour of a cell from -1 (bad) over 0 (neutral) to 1 (good); dark text is readable on all of them."""
    base, strength = (GOOD if share >= 0 else BAD), min(1.0, abs(share))
    return "#" + "".join(f"{round(middle + (part - middle) * strength):02x}" for part, middle in zip(base, NEUTRAL, strict=True))


def rows_of(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Label, value and the value of buy-and-hold, if there is one, of each metric."""
    values, rows = asdict(metrics), []
    for name, (label, form) in LABELS.items():
        both = [values[name], values[HELD[name]]] if name in HELD else [values[name]]
        texts = [NONE if value is None else form(value) for value in both]
        rows.append((label, texts[0], "".join(texts[1:])))
    return rows


def span_of(report: Report) -> str:
    """The file, the span and the cash of a report."""
    first, last = (moment(report.candles.time[row]) for row in (0, -1))
    market = "" if report.notes is None else f"{shown(report.notes.file)}, {report.notes.timeframe}, "
    return f"{market}{first} to {last} UTC, {len(report.candles):,} candles, cash {money(report.cash)}"


def parameters_of(report: Report) -> list[str]:
    return [f"{shown(name)} = {shown(value)}" for name, value in list(report.parameters.items())[:MOST_PARAMETERS]]


def notes_of(report: Report) -> list[str]:
    """The notes of file and run as text."""
    remarks = [shown(remark) for remark in report.remarks]
    if report.notes is None:
        return remarks
    faults = [shown(note) for note in report.notes.notes] or ["The file has no gap, no repeated row and no unordered row."]
    return faults + remarks
