"""A backtest as one PNG with the contents of the page, drawn by matplotlib of the extra `[plot]`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from candlecast.backtest.extras import load
from candlecast.backtest.pictures.labels import BAD, GOOD, MONTH_NAMES, NEUTRAL, notes_of, parameters_of, rows_of, shown, span_of
from candlecast.backtest.pictures.report import Report, blocks, extremes, largest, merged, monthly_returns
from candlecast.strategy import Floats
from candlecast.strategy.candles import Integers

WIDTH, DOTS = 14.0, 110  # inches, and pixels of an inch
HEIGHTS = {"price": 4.2, "equity": 2.6, "fall": 1.6, "metrics": 4.0}  # inches of the panels
MOST_BARS = 1_200  # one for each pixel or so; more candles are drawn as longer ones
MOST_POINTS = 3_000  # of a curve
MOST_LINES = 300  # of trades, from entry to exit; of more trades only the entries are drawn
MOST_MARKS = 600  # of entries; of more every second, third ...
MOST_TICKS = 40  # of an axis of a heat map; of more every second, third ...
MOST_YEARS = 30  # of monthly returns, the newest
UP, DOWN, LONG, SHORT, HELD, FALL, SOFT = "#0f8a7e", "#c2452d", "#1f5fbf", "#b3540a", "#8a94a0", "#c2452d", "#5d6b7a"


def write_picture(report: Report, path: Path) -> None:
    """Write the picture of a report to `path` as PNG. A letter that matplotlib's font lacks becomes a box.

    Raises `ExtraMissing` without matplotlib.
    """
    figures, agg = (load(f"matplotlib.{name}", "plot", "pictures") for name in ("figure", "backends.backend_agg"))
    months = monthly_returns(report.candles.time, report.equity, report.cash)
    sweep = report.sweep
    years = min(MOST_YEARS, len(months.years))
    bottom = {"months": 0.9 + 0.28 * years}
    if sweep is not None:
        bottom["sweep"] = min(12.0, 1.4 + 0.3 * len(sweep.y_values))
    heights = {**HEIGHTS, **bottom}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # a name may be Chinese
        figure = figures.Figure(figsize=(WIDTH, sum(heights.values()) + 1), dpi=DOTS, layout="constrained")
        axes = dict(zip(heights, figure.subplots(len(heights), 1, height_ratios=[*heights.values()]), strict=True))
        _title(figure, report)
        for name in ("equity", "fall"):
            axes[name].sharex(axes["price"])
        dates = load("matplotlib.dates", "plot", "pictures")
        for name in ("price", "equity", "fall"):
            locator = dates.AutoDateLocator()
            axes[name].xaxis.set_major_locator(locator)
            axes[name].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
            axes[name].ticklabel_format(axis="y", style="plain", useOffset=False)
        _price(axes["price"], report)
        _curves(axes["equity"], axes["fall"], report)
        _metrics(axes["metrics"], report)
        values = np.column_stack((months.returns, months.totals))[-years:]
        _heat(axes["months"], 100 * values, (*MONTH_NAMES, "Total"), [str(year) for year in months.years[-years:]], "{:z.2f}")
        _caption(axes["months"], "Monthly returns in %")
        if sweep is not None:
            names = [[f"{value:g}" for value in values] for values in (sweep.x_values, sweep.y_values)]
            _heat(axes["sweep"], sweep.values, names[0], names[1], "{:.3g}")
            _caption(axes["sweep"], f"Sweep: {shown(sweep.metric)}, the best of {sweep.tried:,} framed")
            axes["sweep"].set_xlabel(shown(sweep.x_name), parse_math=False)
            axes["sweep"].set_ylabel(shown(sweep.y_name), parse_math=False)
            _frame_best(axes["sweep"], sweep.values)
        agg.FigureCanvasAgg(figure).print_png(str(path))


def _title(figure: Any, report: Report) -> None:
    figure.suptitle(shown(report.strategy), fontsize=17, fontweight="bold", x=0.01, ha="left", parse_math=False)
    below = "\n".join([span_of(report), shown(", ".join(parameters_of(report)) or "no parameters shown"), *notes_of(report)])
    figure.supxlabel(below, fontsize=9, color=SOFT, x=0.01, ha="left", parse_math=False)


def _caption(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, fontweight="bold", color=SOFT, parse_math=False)


def _when(time: Integers) -> Any:
    return time.astype("datetime64[ms]")


def _price(axes: Any, report: Report) -> None:
    """Bars from low to high, bodies where they have room, and the trades."""
    candles = merged(report.candles, blocks(len(report.candles), MOST_BARS))
    x, rising = _when(candles.time), candles.close >= candles.open
    pixels = WIDTH * DOTS / len(candles)
    for mask, colour in ((rising, UP), (~rising, DOWN)):
        axes.vlines(x[mask], candles.low[mask], candles.high[mask], color=colour, linewidth=0.8)
        axes.vlines(x[mask], candles.open[mask], candles.close[mask], color=colour, linewidth=max(0.8, min(8.0, 0.4 * pixels)))
    axes.margins(x=0.005)
    _trades(axes, report)
    axes.grid(alpha=0.3)


def _trades(axes: Any, report: Report) -> None:
    trades = report.trades
    every = max(1, -(-len(trades) // MOST_MARKS))
    texts = (
        [f"one in {every} entries of {len(trades):,} trades"]
        if every > 1
        else [f"{len(trades):,} trade{'s' * (len(trades) != 1)}"]
    )
    for side, marker, colour, name in ((1, "^", LONG, "long"), (-1, "v", SHORT, "short")):
        mine = np.flatnonzero(trades.side == side)
        entered, left = _when(trades.entry_time[mine]), _when(trades.exit_time[mine])
        last = np.where(np.isnan(trades.exit_price[mine]), report.candles.close[-1], trades.exit_price[mine])
        if len(trades) <= MOST_LINES:
            for won, style in ((True, "-"), (False, "--")):
                some = (trades.pnl[mine] > 0) == won
                ends = np.array([trades.entry_price[mine][some], last[some]])
                axes.plot(np.array([entered[some], left[some]]), ends, color=colour, linewidth=1, linestyle=style)
            closed = ~np.isnan(trades.exit_price[mine])
            axes.scatter(left[closed], last[closed], marker="x", s=18, color=colour, linewidth=1, zorder=3)
        prices = trades.entry_price[mine][::every]
        axes.scatter(
            entered[::every],
            prices,
            marker=marker,
            s=45 if every == 1 else 14,
            color=colour,
            edgecolor="white",
            linewidth=0.5,
            zorder=4,
        )
        texts.append(f"{'▲' if side > 0 else '▼'} {name} entry")
    lines = "; × exit, the line is solid for a profit, dashed for a loss" if len(trades) <= MOST_LINES else ""
    _caption(axes, f"Price, {', '.join(texts)}{lines}")


def _curves(equity: Any, fall: Any, report: Report) -> None:
    for values, colour, name, width in ((report.held, HELD, "buy-and-hold", 1.0), (report.equity, LONG, "strategy", 1.5)):
        rows, points = extremes(values, MOST_POINTS)
        equity.plot(_when(report.candles.time[rows]), points, color=colour, linewidth=width, label=name)
    equity.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, frameon=False, borderpad=0)
    _caption(equity, "Equity")
    rows, points = extremes(report.fall, MOST_POINTS)
    fall.fill_between(_when(report.candles.time[rows]), 100 * points, 0, color=FALL, alpha=0.35, linewidth=0)
    fall.plot(_when(report.candles.time[rows]), 100 * points, color=FALL, linewidth=0.8)
    _caption(fall, "Drawdown in %")
    for axes in (equity, fall):
        axes.margins(x=0.005)
        axes.grid(alpha=0.3)


def _metrics(axes: Any, report: Report) -> None:
    rows = rows_of(report.metrics)
    third = -(-len(rows) // 3)
    axes.axis("off")
    _caption(axes, "Metrics, with buy-and-hold beside")
    for part in range(3):
        left = part / 3
        for line, (label, value, held) in enumerate(rows[part * third : (part + 1) * third]):
            y = 1 - (line + 0.5) / third
            for x, text, side, colour in (
                (0.0, label, "left", "black"),
                (0.22, value, "right", "black"),
                (0.3, held, "right", SOFT),
            ):
                axes.text(left + x, y, text, ha=side, va="center", fontsize=9, color=colour, transform=axes.transAxes)


def _heat(axes: Any, values: Floats, x_names: Any, y_names: Any, form: str) -> None:
    """Cells in colours from bad over neutral to good, with their values while there is room for them."""
    colours = load("matplotlib.colors", "plot", "pictures")
    scale = largest(values) or 1.0
    parts = [tuple(part / 255 for part in colour) for colour in (BAD, NEUTRAL, GOOD)]
    colour_map = colours.LinearSegmentedColormap.from_list("returns", parts)
    axes.imshow(np.ma.masked_invalid(values), cmap=colour_map, vmin=-scale, vmax=scale, aspect="auto")
    for ticks, names in ((axes.set_xticks, x_names), (axes.set_yticks, y_names)):
        every = -(-len(names) // MOST_TICKS)
        ticks(range(0, len(names), every), labels=[*names][::every], fontsize=8)
    if values.shape[1] <= 30 and values.shape[0] <= 40:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                axes.text(column, row, form.format(value), ha="center", va="center", fontsize=8)


def _frame_best(axes: Any, values: Floats) -> None:
    if not np.isfinite(values).any():
        return
    patches = load("matplotlib.patches", "plot", "pictures")
    row, column = np.unravel_index(int(np.nanargmax(values)), values.shape)
    axes.add_patch(patches.Rectangle((float(column) - 0.5, float(row) - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2))
