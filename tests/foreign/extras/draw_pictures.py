"""Draws reports in an environment with matplotlib; one line of JSON for each picture on stdout."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from candlecast.backtest.pictures.png import DOTS, LONG, SHORT, UP, WIDTH, write_picture
from candlecast.backtest.pictures.report import Report, ShownTrades
from tests.support.backtest_reports import MINUTE_MS, report_of, sweep_of

HOSTILE = "$\\frac{$ 均线 </script>\u202e\x00"


def cases() -> Iterator[tuple[str, Report]]:
    yield "usual", report_of(20_000, length=200, sweep=sweep_of())
    yield "large", report_of(100_000, length=5)
    yield "years", report_of(4_000, step_ms=1440 * MINUTE_MS)
    yield "one candle", report_of(1)
    without = report_of(50)
    none = ShownTrades(*(getattr(without.trades, field.name)[:0] for field in dataclasses.fields(ShownTrades)))
    yield "no trades", dataclasses.replace(without, trades=none)
    sweep = dataclasses.replace(sweep_of(), metric=HOSTILE, x_name=HOSTILE, y_name=HOSTILE, values=np.full((2, 3), np.nan))
    hostile = report_of(500, strategy=HOSTILE, sweep=sweep)
    assert hostile.notes is not None
    yield (
        "hostile",
        dataclasses.replace(hostile, parameters={HOSTILE: HOSTILE}, notes=dataclasses.replace(hostile.notes, file=HOSTILE)),
    )


def main(folder: Path) -> None:
    for name, report in cases():
        path = folder / f"{name}.png"
        write_picture(report, path)
        pixels = np.round(imread(path)[:, :, :3] * 255).astype(int)
        counts = {
            colour: int((pixels == [int(colour[at : at + 2], 16) for at in (1, 3, 5)]).all(axis=2).sum())
            for colour in (LONG, SHORT, UP)
        }
        found = {"name": name, "width": pixels.shape[1], "wanted": round(WIDTH * DOTS), "counts": [*counts.values()]}
        sys.stdout.write(json.dumps({**found, "bytes": path.stat().st_size}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
