"""Metrics of a finished backtest under their usual names, so that two results, or two tools, can be compared.

**Days.** Ratios of risk use the returns of UTC days: the equity at the last candle of each day against the day before. A file of
1m candles and a file of 5m candles of the same market then give the same ratios. A candle belongs to the day in which it opens.
The first day starts from the cash. A day without a candle keeps the equity of the day before. A year has 365 days, because these
markets never close. The first and the last day count as whole days.

**Signs.** Drawdown, value at risk and its tail are losses as positive shares: 0.2 is a loss of a fifth. Returns are shares
as well. The free rate is zero.

**None.** A metric without a value is None; no NaN and no infinity leaves this module. A ratio of days needs two days, and a
divisor that is more than rounding. A metric of trades needs a trade. An equity at or below zero has no returns: the metrics of
days are None then, `ruined` says why, and the drawdown is 1.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Flags, Floats
from candlecast.strategy.candles import Integers

DAY_MS = 86_400_000
DAYS_PER_YEAR = 365
FEWEST_DAYS = 2  # a deviation with one degree of freedom needs two
MOST_DAYS = 36_600  # a century; a longer span means that times are not in milliseconds
TAIL = 0.05  # value at risk and its tail at 95 percent
BLOCK = 8192  # rows of a curve that are looked at together: 64 KiB of float64
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # spreads below this are rounding of equal values
LARGEST_EXPONENT = math.log(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, eq=False)
class TradeColumns:
    """Closed trades as columns of equal length, in any order.

    Raises `InvalidValue` on unequal lengths and on values that are not finite.
    """

    pnl: Floats  # profit after fees, in the quote asset
    returns: Floats  # profit after fees per entry notional
    entry_time: Integers  # ms since the epoch
    exit_time: Integers  # ms since the epoch
    quantity: Floats  # of the base asset, above zero for both sides
    entry_price: Floats
    exit_price: Floats

    def __post_init__(self) -> None:
        columns = (self.pnl, self.returns, self.entry_time, self.exit_time, self.quantity, self.entry_price, self.exit_price)
        if any(len(column) != len(self.pnl) for column in columns):
            raise InvalidValue("columns of trades must have equal lengths")
        if not all(bool(np.isfinite(column).all()) for column in columns):
            raise InvalidValue("columns of trades must be finite")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Earnings and risks of a backtest. The function named at a field has its formula and source."""

    days: int  # UTC days from the first candle to the last, both included
    ruined: bool  # the equity was at or below zero at some close
    total_return: float  # last equity / cash - 1; the open position is marked to the last close
    annual_return: float | None  # compound annual growth rate: `annual_return`
    volatility: float | None  # of daily returns, a year: `volatility`
    sharpe_ratio: float | None  # a year: `sharpe_ratio`
    sortino_ratio: float | None  # a year: `sortino_ratio`
    calmar_ratio: float | None  # annual return / max drawdown (Young 1991, over the whole span)
    omega_ratio: float | None  # of daily returns at a threshold of zero: `omega_ratio`
    max_drawdown: float  # 0 to 1, of the equity at each candle's close: `drawdown`
    max_drawdown_length_ms: int  # of the deepest drawdown, from its peak until the peak is reached again, or to the end
    longest_drawdown_ms: int  # of the longest drawdown, counted likewise
    value_at_risk: float | None  # of one day at 95 percent: `value_at_risk`
    conditional_value_at_risk: float | None  # of one day at 95 percent: `conditional_value_at_risk`
    alpha: float | None  # a year, to buy-and-hold: `alpha_beta`
    beta: float | None  # to buy-and-hold: `alpha_beta`
    exposure: float  # share of candles with an open position
    turnover: float | None  # notional of entries and exits of closed trades / mean equity, a year
    trades: int  # closed trades
    win_rate: float | None  # share of trades with a profit; a trade of zero is no win
    payoff_ratio: float | None  # mean profit of winners / mean loss of losers
    profit_factor: float | None  # sum of profits / sum of losses
    expectancy: float | None  # mean profit of a trade, in the quote asset
    sqn: float | None  # system quality number: `system_quality_number`
    longest_losing_streak: int  # trades in a row that lost, in the order of their exits; a trade of zero ends the streak
    average_trade_return: float | None  # mean of the trades' returns on their entry notional
    best_trade_return: float | None
    worst_trade_return: float | None
    average_trade_length_ms: float | None  # mean time from entry to exit
    buy_and_hold_return: float  # last close / first close - 1, without fees
    buy_and_hold_annual_return: float | None
    buy_and_hold_sharpe_ratio: float | None
    buy_and_hold_max_drawdown: float

    def to_json(self) -> dict[str, float | int | bool | None]:
        """The fields by name, in their order; every number is finite."""
        return asdict(self)


def measure(*, cash: float, time: Integers, equity: Floats, close: Floats, exposed: Flags, trades: TradeColumns) -> Metrics:
    """The metrics of a backtest that began with `cash`.

    `time` is each candle's open in ms, strictly ascending. `equity` is marked to the candle's close, in the quote asset.
    `exposed` marks candles with an open position. Raises `InvalidValue` on no candles, unequal lengths, and values that are not
    finite. Raises it on cash or closes at or below zero, times out of order, and spans above `MOST_DAYS`.
    """
    _require_columns(cash, time, equity, close, exposed)
    rows, first_close = day_ends(time), float(close[0])
    days, ruined = len(rows), bool(equity.min() <= 0)
    returns, market = day_returns(equity, rows, cash), day_returns(close, rows, first_close)
    total, held = float(equity[-1]) / cash - 1, float(close[-1]) / first_close - 1
    annual = None if ruined else annual_return(total, days)
    fall = drawdown(cash, equity, time)
    alpha, beta = alpha_beta(returns, market)
    return Metrics(
        days=days,
        ruined=ruined,
        total_return=total,
        annual_return=annual,
        volatility=volatility(returns),
        sharpe_ratio=sharpe_ratio(returns),
        sortino_ratio=sortino_ratio(returns),
        calmar_ratio=None if annual is None or fall.depth <= ROUNDING else _finite(annual / fall.depth),
        omega_ratio=omega_ratio(returns),
        max_drawdown=fall.depth,
        max_drawdown_length_ms=fall.length_ms,
        longest_drawdown_ms=fall.longest_ms,
        value_at_risk=value_at_risk(returns),
        conditional_value_at_risk=conditional_value_at_risk(returns),
        alpha=alpha,
        beta=beta,
        exposure=int(np.count_nonzero(exposed)) / len(exposed),
        turnover=None if ruined or days < FEWEST_DAYS else _turnover(trades, float(equity.mean()), days),
        trades=len(trades.pnl),
        win_rate=_mean(trades.pnl > 0),
        payoff_ratio=payoff_ratio(trades.pnl),
        profit_factor=profit_factor(trades.pnl),
        expectancy=_mean(trades.pnl),
        sqn=system_quality_number(trades.pnl),
        longest_losing_streak=longest_losing_streak(trades.pnl[np.argsort(trades.exit_time, kind="stable")]),
        average_trade_return=_mean(trades.returns),
        best_trade_return=float(trades.returns.max()) if len(trades.returns) else None,
        worst_trade_return=float(trades.returns.min()) if len(trades.returns) else None,
        average_trade_length_ms=_mean(trades.exit_time - trades.entry_time),
        buy_and_hold_return=held,
        buy_and_hold_annual_return=annual_return(held, days),
        buy_and_hold_sharpe_ratio=sharpe_ratio(market),
        buy_and_hold_max_drawdown=drawdown(first_close, close, time).depth,
    )


def day_ends(time: Integers) -> Integers:
    """The row of the last candle of each UTC day from the first candle's to the last's; a day without a candle repeats a row."""
    first, last = int(time[0]) // DAY_MS, int(time[-1]) // DAY_MS
    if last - first >= MOST_DAYS:
        raise InvalidValue(f"candles span more than {MOST_DAYS} days: times are milliseconds since the epoch")
    midnights = np.arange(first + 1, last + 2, dtype=np.int64) * DAY_MS
    return (np.searchsorted(time, midnights, side="left") - 1).astype(np.int64, copy=False)


def day_returns(values: Floats, rows: Integers, start: float) -> Floats:
    """Simple returns of days that end at `rows`, the first one from `start`; none where any of `values` is at or below zero."""
    if float(values.min()) <= 0:
        return np.empty(0)
    ends = values[rows]
    returns = np.empty(len(ends))
    returns[0] = ends[0] / start - 1
    returns[1:] = ends[1:] / ends[:-1] - 1
    return returns


def annual_return(total_return: float, days: int) -> float | None:
    """Compound annual growth rate: (1 + total return) ** (365 / days) - 1 (CFA Institute, GIPS 2020, annualized return)."""
    if days < FEWEST_DAYS or total_return <= -1:
        return None
    exponent = math.log1p(total_return) * DAYS_PER_YEAR / days
    return None if exponent > LARGEST_EXPONENT else math.expm1(exponent)


def volatility(returns: Floats) -> float | None:
    """Sample standard deviation of daily returns (divisor n - 1) x sqrt(365)."""
    return _spread(returns, 1.0) * math.sqrt(DAYS_PER_YEAR) if len(returns) >= FEWEST_DAYS else None


def sharpe_ratio(returns: Floats) -> float | None:
    """Mean / sample standard deviation of daily returns x sqrt(365) (Sharpe 1994, The Sharpe Ratio; free rate zero)."""
    if len(returns) < FEWEST_DAYS or (spread := _spread(returns, 1.0)) == 0:
        return None
    return float(returns.mean()) / spread * math.sqrt(DAYS_PER_YEAR)


def sortino_ratio(returns: Floats) -> float | None:
    """Mean / downside deviation of daily returns x sqrt(365) (Sortino and Price 1994, target zero).

    The downside deviation is the root of the mean of squared losses over all days, days with a gain counting as zero.
    """
    if len(returns) < FEWEST_DAYS:
        return None
    downside = math.sqrt(float(np.mean(np.square(np.minimum(returns, 0.0)))))
    return float(returns.mean()) / downside * math.sqrt(DAYS_PER_YEAR) if downside > ROUNDING else None


def omega_ratio(returns: Floats) -> float | None:
    """Sum of daily gains / sum of daily losses (Keating and Shadwick 2002, threshold zero)."""
    if len(returns) < FEWEST_DAYS:
        return None
    gains, losses = float(np.maximum(returns, 0.0).sum()), -float(np.minimum(returns, 0.0).sum())
    return gains / losses if losses > ROUNDING else None


def value_at_risk(returns: Floats) -> float | None:
    """Historical value at risk: minus the 5th percentile of daily returns, linear between ranks (Jorion 2006).

    Below zero where even that day has gained.
    """
    return -float(np.percentile(returns, 100 * TAIL)) if len(returns) >= FEWEST_DAYS else None


def conditional_value_at_risk(returns: Floats) -> float | None:
    """Expected shortfall: minus the mean of the daily returns at or below the 5th percentile (Rockafellar and Uryasev 2000)."""
    if len(returns) < FEWEST_DAYS:
        return None
    worst = int((len(returns) - 1) * TAIL)
    return -float(np.partition(returns, worst)[: worst + 1].mean())


def alpha_beta(returns: Floats, market: Floats) -> tuple[float | None, float | None]:
    """Intercept and slope of daily returns on the market's by least squares; the intercept x 365 (Jensen 1968, Sharpe 1964)."""
    if len(returns) < FEWEST_DAYS or _spread(market, 1.0) == 0:
        return None, None
    excess = market - market.mean()
    beta = float((excess * returns).sum() / np.square(excess).sum())
    return (float(returns.mean()) - beta * float(market.mean())) * DAYS_PER_YEAR, beta


@dataclass(frozen=True, slots=True)
class Drawdown:
    """Falls of a curve from its highest value so far."""

    depth: float  # the largest share of a peak that was lost; 1 where the curve was at or below zero
    length_ms: int  # time under the peak of the deepest fall, to the recovery or to the end
    longest_ms: int  # the longest time under a peak


def drawdown(start: float, values: Floats, time: Integers) -> Drawdown:
    """The falls of a curve that has `start` at the first candle's open, and `values` at each candle's close.

    Depth: the maximum of 1 - value / highest value so far (Magdon-Ismail and Atiya 2004). A candle's length is the smallest
    difference of two times, and zero for a single candle. `BLOCK` rows at a time stay in the processor's cache.
    """
    high, last_peak, left, deepest = start, -1, 1.0, -1  # row -1 is the start
    begins, ends = [], []
    for first in range(0, len(values), BLOCK):
        block = values[first : first + BLOCK]
        if float(block.max()) < high:  # a block within a fall needs its lowest row only
            row = int(block.argmin())
            share = float(block[row]) / high
        else:
            peak = np.maximum(np.maximum.accumulate(block), high)
            high = float(peak[-1])
            peaks = np.concatenate(([last_peak], np.flatnonzero(block >= peak) + first))
            gaps = np.flatnonzero(np.diff(peaks) > 1)
            begins.append(peaks[gaps])
            ends.append(peaks[gaps + 1])
            last_peak = int(peaks[-1])
            shares = np.divide(block, peak, out=peak)
            row = int(shares.argmin())
            share = float(shares[row])
        if share < left:
            left, deepest = share, first + row
    if last_peak < len(values) - 1:  # never recovered
        begins.append(np.array([last_peak]))
        ends.append(np.array([len(values) - 1]))
    if deepest < 0:
        return Drawdown(0.0, 0, 0)
    begin, end = np.concatenate(begins), np.concatenate(ends)
    candle_ms = int(np.diff(time).min()) if len(time) > 1 else 0
    lengths = time[end] + candle_ms - np.where(begin < 0, time[0], time[begin] + candle_ms)
    return Drawdown(min(1.0, 1.0 - left), int(lengths[np.searchsorted(begin, deepest) - 1]), int(lengths.max()))


def payoff_ratio(pnl: Floats) -> float | None:
    """Mean profit of winners / mean loss of losers; None without a winner or without a loser."""
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    return _finite(float(won.mean()) / -float(lost.mean())) if len(won) and len(lost) else None


def profit_factor(pnl: Floats) -> float | None:
    """Sum of profits / sum of losses; None without a loser."""
    lost = -float(pnl[pnl < 0].sum())
    return _finite(float(pnl[pnl > 0].sum()) / lost) if lost > 0 else None


def system_quality_number(pnl: Floats) -> float | None:
    """sqrt(n) x mean / sample standard deviation of the trades' profits (Tharp 2008; his bound of 100 trades is not applied)."""
    if len(pnl) < FEWEST_DAYS or (spread := _spread(pnl, float(np.abs(pnl).max()))) == 0:
        return None
    return math.sqrt(len(pnl)) * float(pnl.mean()) / spread


def longest_losing_streak(pnl: Floats) -> int:
    """Most trades in a row below zero."""
    edges = np.flatnonzero(np.diff(pnl < 0, prepend=False, append=False))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _turnover(trades: TradeColumns, mean_equity: float, days: int) -> float | None:
    traded = float((trades.quantity * (trades.entry_price + trades.exit_price)).sum())
    return _finite(traded / mean_equity * DAYS_PER_YEAR / days)


def _spread(values: Floats, scale: float) -> float:
    """Sample standard deviation; zero where the values differ by no more than rounding at `scale`."""
    return 0.0 if float(np.ptp(values)) <= ROUNDING * scale else float(values.std(ddof=1))


def _mean(values: Floats | Flags | Integers) -> float | None:
    return float(values.mean()) if len(values) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _require_columns(cash: float, time: Integers, equity: Floats, close: Floats, exposed: Flags) -> None:
    if not (math.isfinite(cash) and cash > 0):
        raise InvalidValue("cash must be finite and above zero")
    if not len(time) == len(equity) == len(close) == len(exposed):
        raise InvalidValue("columns of candles must have equal lengths")
    if len(time) == 0:
        raise InvalidValue("there are no candles")
    if not bool((time[1:] > time[:-1]).all()):
        raise InvalidValue("times must be strictly ascending")
    if not (bool(np.isfinite(equity).all()) and bool(np.isfinite(close).all())):
        raise InvalidValue("equity and closes must be finite")
    if float(close.min()) <= 0:
        raise InvalidValue("closes must be above zero")
