"""A backtest as one HTML page that opens without a network: tables in the page, charts drawn by a script of its own.

The page is self-contained. A policy in its head forbids every request, and allows the one script by its hash. The data stands in
the page as columns in base64, so text from outside never becomes a script or markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from candlecast.backtest.metrics import Metrics
from candlecast.backtest.pictures.labels import (
    LABELS,
    MONTH_NAMES,
    NONE,
    notes_of,
    parameters_of,
    percent,
    rows_of,
    shown,
    span_of,
    tint,
)
from candlecast.backtest.pictures.report import Report, Sweep, blocks, largest, merged, monthly_returns
from candlecast.strategy import Floats
from candlecast.strategy.candles import Integers

type Column = Floats | Integers | NDArray[np.int8]

HERE = Path(__file__).parent
MOST_CANDLES = 100_000  # of the chart: 28 bytes each, or 36 of a longer candle; a page without a sweep stays below 6 MB
MOST_TRADES = 40_000  # of the chart, the newest: 21 bytes each

BUTTONS = (
    ("in", "+", "Zoom in"),
    ("out", "-", "Zoom out"),
    ("left", "&#8592;", "Earlier"),
    ("right", "&#8594;", "Later"),
    ("all", "All", "All candles"),
    ("previous", "Previous trade", "Previous trade"),
    ("next", "Next trade", "Next trade"),
    ("theme", "Light or dark", "Light or dark"),
)
KEYS_TEXT = (
    "Drag to move, turn the wheel to zoom. With the chart focused: + and - zoom, arrows move, 0 shows all, "
    "Home and End go to the ends, n and p go from trade to trade, comma and full stop from candle to candle."
)
TILES = ("total_return", "max_drawdown", "sharpe_ratio", "trades", "win_rate", "profit_factor")


@dataclass(frozen=True, slots=True)
class Overview:
    """The head of a page of several reports: a title, lines of text, and a table whose first row names the columns."""

    title: str
    lines: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


def write_page(report: Report, path: Path) -> None:
    """Write the page of a report to `path`."""
    path.write_text(page_of(report), encoding="utf-8")


def page_of(*reports: Report, overview: Overview | None = None) -> str:
    """The whole page as text: the overview, if there is one, then each report with its chart and tables."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    style = (HERE / "page.css").read_text(encoding="utf-8")
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    title = f"{_text(reports[0].strategy)}: backtest" if overview is None else _text(overview.title)
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
            f"<title>{title}</title><style>{style}</style></head><body>",
            "" if overview is None else _overview(overview),
            "<main>",
            *(_section(number, report) for number, report in enumerate(reports)),
            "</main>",
            f"<script>{script}</script></body></html>\n",
        )
    )


def _overview(overview: Overview) -> str:
    lines = "".join(f'<p class="soft">{_text(line)}</p>' for line in overview.lines)
    names, *lists = overview.table
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    rows = "".join(f"<tr><th>{_text(row[0])}</th>{''.join(f'<td>{_text(cell)}</td>' for cell in row[1:])}</tr>" for row in lists)
    table = f'<div class="scroll"><table class="overview"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<header><h1>{_text(overview.title)}</h1>{lines}</header>{table}"


def _section(number: int, report: Report) -> str:
    return "".join(
        (
            f"<section><header><h1>{_text(report.strategy)}</h1>{_subtitle(report)}</header>",
            _tiles(report.metrics),
            _chart(number),
            _months(report),
            _metrics(report.metrics),
            "" if report.sweep is None else _sweep(report.sweep),
            _notes(report),
            f'<script type="application/json">{_data(report)}</script></section>',
        )
    )


def _text(value: object) -> str:
    return html.escape(shown(value))


def _subtitle(report: Report) -> str:
    span, parameters = html.escape(span_of(report)), ", ".join(map(_text, parameters_of(report))) or "no parameters shown"
    return f'<p class="soft">{span}</p><p class="soft">{parameters}</p>'


def _tiles(metrics: Metrics) -> str:
    values = {label: value for label, value, _ in rows_of(metrics)}
    tiles = [(label, values[label]) for label in (LABELS[name][0] for name in TILES)]
    tiles.insert(1, ("Buy-and-hold", percent(metrics.buy_and_hold_return)))
    return '<dl class="tiles">' + "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in tiles) + "</dl>"


def _chart(number: int) -> str:
    buttons = "".join(
        f'<button type="button" data-do="{action}" title="{label}" aria-label="{label}">{text}</button>'
        for action, text, label in BUTTONS
    )
    key = (
        '<p class="key"><b style="color:var(--long)">&#9650;</b>long entry <b style="color:var(--short)">&#9660;</b>short entry '
        "<b>&#215;</b>exit; the line of a trade is solid for a profit, dashed for a loss. "
        '<b style="color:var(--equity)">&#8212;</b>equity <b style="color:var(--held)">&#8212;</b>buy-and-hold</p>'
    )
    return (
        f'<h2>Price, equity and drawdown</h2><div class="bar">{buttons}</div>{key}'
        '<div class="chart" tabindex="0" role="img" aria-label="Candles with trades, equity with buy-and-hold, drawdown" '
        f'aria-describedby="keys-{number} readout-{number}"><canvas></canvas><canvas></canvas></div>'
        f'<p class="readout" id="readout-{number}" aria-live="polite"></p><p class="key keys" id="keys-{number}">{KEYS_TEXT}</p>'
        "<noscript><p>The chart needs JavaScript; the tables do not.</p></noscript>"
    )


def _cell(value: float, scale: float, extra: str = "") -> str:
    if math.isnan(value):
        return f'<td class="none">{NONE}</td>'
    return f'<td style="background:{tint(value / scale if scale > 0 else 0.0)}"{extra}>{percent(value)}</td>'


def _months(report: Report) -> str:
    months = monthly_returns(report.candles.time, report.equity, report.cash)
    scale = largest(months.returns)
    yearly = largest(months.totals)
    head = "".join(f"<th>{name}</th>" for name in MONTH_NAMES)
    rows = "".join(
        f"<tr><th>{year}</th>{''.join(_cell(float(value), scale) for value in row)}{_cell(float(total), yearly)}</tr>"
        for year, row, total in zip(months.years, months.returns, months.totals, strict=True)
    )
    return (
        '<h2>Monthly returns</h2><div class="scroll"><table class="months"><thead>'
        f"<tr><th>Year</th>{head}<th>Year's total</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _metrics(metrics: Metrics) -> str:
    rows = [f"<tr><th>{label}</th><td>{value}</td><td>{held}</td></tr>" for label, value, held in rows_of(metrics)]
    head = "<thead><tr><th>Metric</th><th>Strategy</th><th>Buy-and-hold</th></tr></thead>"
    half = -(-len(rows) // 2)
    tables = "".join(f"<table>{head}<tbody>{''.join(part)}</tbody></table>" for part in (rows[:half], rows[half:]))
    return f'<h2>Metrics</h2><div class="two">{tables}</div>'


def _sweep(sweep: Sweep) -> str:
    """A heat map as a table: colours from the worst to the best around zero, and the best combination framed."""
    scale = largest(sweep.values)
    best = float(np.nanmax(sweep.values)) if scale > 0 else math.nan
    head = "".join(f"<th>{value:g}</th>" for value in sweep.x_values)
    rows = []
    for y_value, row in zip(sweep.y_values, sweep.values, strict=True):
        cells = []
        for value in row.tolist():
            if not math.isfinite(value):
                cells.append(f'<td class="none">{NONE}</td>')
                continue
            mark = ' class="best"' if value == best else ""
            cells.append(f'<td style="background:{tint(value / scale if scale > 0 else 0.0)}"{mark}>{value:.4g}</td>')
        rows.append(f"<tr><th>{y_value:g}</th>{''.join(cells)}</tr>")
    corner = f"{_text(sweep.y_name)} / {_text(sweep.x_name)}"
    return (
        f'<h2>Sweep: {_text(sweep.metric)}</h2><p class="soft">The framed combination is the best of {sweep.tried:,}: '
        "the more are tried, the more of its result is luck.</p>"
        f'<div class="scroll"><table class="heat"><thead><tr><th>{corner}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _notes(report: Report) -> str:
    notes = [f"{len(report.trades) - MOST_TRADES:,} older trades are not drawn."] if len(report.trades) > MOST_TRADES else []
    if len(report.candles) > MOST_CANDLES:
        notes.append(f"{-(-len(report.candles) // MOST_CANDLES)} candles are drawn as one; metrics and tables use all.")
    if report.notes is not None and report.notes.missing:
        notes.append("The chart leaves no room for missing candles.")
    notes += map(_text, notes_of(report))
    listed = "".join(f"<li>{note}</li>" for note in notes)
    return f"<h2>Notes</h2><ul>{listed}<li>Past candles decide nothing about later ones.</li></ul>"


def _data(report: Report) -> str:
    """The columns of the chart: little-endian, in base64. Times are seconds; the equity is a distance from the cash."""
    begins = blocks(len(report.candles), MOST_CANDLES)
    candles = merged(report.candles, begins)
    gain = report.equity - report.cash
    trades, count_ = report.trades, min(len(report.trades), MOST_TRADES)
    newest = slice(len(trades) - count_, None)
    last = np.append(begins[1:], len(gain)) - 1
    columns = {
        "time": _packed(candles.time // 1000, "<u4"),
        "open": _packed(candles.open, "<f4"),
        "high": _packed(candles.high, "<f4"),
        "low": _packed(candles.low, "<f4"),
        "close": _packed(candles.close, "<f4"),
        "gain": _packed(gain[last], "<f4"),
        "fall": _packed(np.minimum.reduceat(report.fall, begins), "<f4"),
        "side": _packed(trades.side[newest], "i1"),
        "entry_row": _packed(_rows_at(candles.time, trades.entry_time[newest]), "<u4"),
        "exit_row": _packed(_exit_rows(report, candles.time)[newest], "<u4"),
        "entry_price": _packed(trades.entry_price[newest], "<f4"),
        "exit_price": _packed(np.nan_to_num(trades.exit_price[newest]), "<f4"),
        "pnl": _packed(trades.pnl[newest], "<f4"),
    }
    if len(begins) < len(gain):
        columns["gain_low"] = _packed(np.minimum.reduceat(gain, begins), "<f4")
        columns["gain_high"] = _packed(np.maximum.reduceat(gain, begins), "<f4")
    numbers = {"cash": report.cash, "first_close": float(report.candles.close[0]), "trades_left_out": len(trades) - count_}
    return json.dumps({**columns, **numbers}, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _exit_rows(report: Report, time: Integers) -> Integers:
    """The row of each exit among the drawn candles; their number for an open trade."""
    return np.where(np.isnan(report.trades.exit_price), len(time), _rows_at(time, report.trades.exit_time))


def _rows_at(time: Integers, moments: Integers) -> Integers:
    """The drawn candle of each moment; the first for a moment before them."""
    return np.maximum(0, np.searchsorted(time, moments, side="right") - 1)


def _packed(values: Column, form: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=form).tobytes()).decode()
