"""Draws a report: `python -m benchmarks.report.plot report.json figures.png`, in the environment that has matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.report.summary import Sections, is_met, rows

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 6.0


def plot(sections: Sections, path: Path) -> None:
    """Each ratio as a share of its bound, drawn to `path` as PNG: above 1 is better than asked for."""
    measured = list(rows(sections))
    shares = [value / bound if sense == ">=" else bound / value for _, value, sense, bound in measured]
    picture = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = picture.subplots()
    names = [f"{name}\n{value:.3g} ({sense} {bound:g})" for name, value, sense, bound in measured]
    axes.barh(names, shares, color=["tab:green" if is_met(row) else "tab:red" for row in measured])
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xlabel("share of what is asked for (1 = the bound)")
    axes.invert_yaxis()
    FigureCanvasAgg(picture).print_png(str(path))


if __name__ == "__main__":
    plot(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
