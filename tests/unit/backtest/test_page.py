"""The page of a backtest: whole, small, without a request, and safe from text that others chose."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.metrics import Metrics
from candlecast.backtest.pictures import page
from candlecast.backtest.pictures.labels import HELD, LABELS, duration, money, shown, tint
from candlecast.backtest.pictures.page import Overview, page_of, write_page
from tests.support.backtest_reports import report_of, sweep_of

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e\x00<!--"
MEGABYTE = 1_000_000


class Elements(HTMLParser):
    """Elements with their attributes, texts of scripts, and the text of everything else."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def data_of(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Elements(text).scripts[0])
    return data


def unpacked(data: dict[str, Any], name: str, form: str) -> list[float]:
    values: list[float] = np.frombuffer(base64.b64decode(data[name]), dtype=form).tolist()
    return values


def test_the_page_asks_nobody_for_anything() -> None:
    text = page_of(report_of(sweep=sweep_of()))
    found = Elements(text)
    assert "http:" not in text
    assert "https:" not in text
    assert "//" not in re.sub(r"^\s*//.*$|[A-Za-z0-9+/]{200,}=*", "", text, flags=re.MULTILINE)
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(|@import|url\(|eval\(|innerHTML", text)
    assert {tag for tag, _ in found.elements} <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "link",
            "body",
            "header",
            "section",
            "main",
            "h1",
            "h2",
            "p",
            "dl",
            "div",
            "dt",
            "dd",
            "b",
        ),
        *("button", "canvas", "noscript", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "script"),
    }
    assert [link["href"] for link in found.named("link")] == ["data:,"]
    assert all(
        "src" not in attributes and not any(name.startswith("on") for name in attributes) for _, attributes in found.elements
    )


def test_the_policy_allows_the_one_script_by_its_hash() -> None:
    text = page_of(report_of())
    found = Elements(text)
    policy = next(meta["content"] for meta in found.named("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    hashed = base64.b64encode(hashlib.sha256(found.scripts[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script")


def test_hostile_names_stay_text() -> None:
    tame, report = page_of(report_of(sweep=sweep_of())), report_of(strategy=HOSTILE, sweep=sweep_of())
    assert report.notes is not None
    assert report.sweep is not None
    sweep = dataclasses.replace(report.sweep, metric=HOSTILE, x_name=HOSTILE, y_name=HOSTILE)
    notes = dataclasses.replace(report.notes, file=HOSTILE)
    wild = page_of(dataclasses.replace(report, parameters={HOSTILE: HOSTILE}, sweep=sweep, notes=notes))
    assert [tag for tag, _ in Elements(wild).elements] == [tag for tag, _ in Elements(tame).elements]
    assert Elements(wild).scripts == Elements(tame).scripts
    assert shown(HOSTILE) in Elements(wild).text
    assert "\u202e" not in wild
    assert "\x00" not in wild


def test_long_names_are_cut() -> None:
    report = dataclasses.replace(report_of(), strategy="x" * 5000, parameters={f"p{index}": "y" * 5000 for index in range(500)})
    assert len(page_of(report)) < len(page_of(report_of())) + 30_000


def test_the_page_says_what_was_measured() -> None:
    report = report_of(sweep=sweep_of())
    text = Elements(page_of(report)).text
    for label, _ in LABELS.values():
        assert label in text
    assert set(LABELS) | set(HELD.values()) == {field.name for field in dataclasses.fields(Metrics)}
    assert f"{100 * report.metrics.total_return:,.2f} %" in text
    assert f"{100 * report.metrics.buy_and_hold_return:,.2f} %" in text
    assert "CANDLE_FILE_GAP: 1 gap & <b>more</b>" in text
    assert "The chart leaves no room for missing candles." in text
    assert "fast_period = 10" in text
    assert "2022-01-01 00:00 to 2022-01-03 01:59 UTC, 3,000 candles" in text


def test_a_metric_without_a_value_is_a_dash() -> None:
    report = report_of(4, length=10)
    assert report.metrics.sharpe_ratio is None
    assert re.search(r"<th>Sharpe ratio</th><td>–</td>", page_of(report))


def test_the_heat_map_frames_the_best_and_leaves_out_what_was_not_run() -> None:
    text = page_of(report_of(sweep=sweep_of()))
    assert re.findall(r'class="best">([^<]*)<', text) == ["1.5"]
    heat = text[text.index('<table class="heat">') :]
    assert heat[: heat.index("</table>")].count('class="none"') == 1
    nothing = dataclasses.replace(sweep_of(), values=np.full((2, 3), np.nan))
    assert 'class="best"' not in page_of(report_of(sweep=nothing))


def test_the_chart_has_the_columns_of_the_report() -> None:
    report = report_of(500, length=30)
    data = data_of(page_of(report))
    assert unpacked(data, "time", "<u4") == (report.candles.time // 1000).tolist()
    for name in ("open", "high", "low", "close"):
        assert unpacked(data, name, "<f4") == getattr(report.candles, name).astype(np.float32).tolist()
    assert unpacked(data, "gain", "<f4") == (report.equity - report.cash).astype(np.float32).tolist()
    assert unpacked(data, "fall", "<f4") == report.fall.astype(np.float32).tolist()
    assert unpacked(data, "entry_row", "<u4") == list(range(0, 500, 30))
    assert unpacked(data, "exit_row", "<u4") == [*range(30, 500, 30), 500]  # the last one is open
    assert unpacked(data, "side", "i1") == [1, -1] * 8 + [1]
    assert (data["cash"], data["first_close"], data["trades_left_out"]) == (report.cash, report.candles.close[0], 0)
    assert "gain_low" not in data


def test_a_trade_from_before_the_candles_starts_at_the_first() -> None:
    report = report_of(100, length=30)
    trades = dataclasses.replace(report.trades, entry_time=report.trades.entry_time - 3_600_000)
    assert unpacked(data_of(page_of(dataclasses.replace(report, trades=trades))), "entry_row", "<u4") == [0, 0, 0, 30]


def test_more_candles_than_fit_are_drawn_as_longer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_CANDLES", 200)
    monkeypatch.setattr(page, "MOST_TRADES", 5)
    report = report_of(1000, length=100)
    text = page_of(report)
    data = data_of(text)
    assert len(unpacked(data, "time", "<u4")) == 200
    assert max(unpacked(data, "high", "<f4")) == np.float32(report.candles.high.max())
    gain = report.equity - report.cash
    assert min(unpacked(data, "gain_low", "<f4")) == np.float32(gain.min())
    assert max(unpacked(data, "gain_high", "<f4")) == np.float32(gain.max())
    assert unpacked(data, "gain", "<f4")[-1] == np.float32(gain[-1])
    assert unpacked(data, "entry_row", "<u4") == [100, 120, 140, 160, 180]
    assert unpacked(data, "exit_row", "<u4") == [120, 140, 160, 180, 200]
    assert data["trades_left_out"] == 5
    assert "5 candles are drawn as one" in text
    assert "5 older trades are not drawn" in text


@pytest.mark.parametrize(("rows", "length"), [(100_000, 2), (400_000, 3)])
def test_a_page_stays_small(tmp_path: Path, rows: int, length: int) -> None:
    path = tmp_path / "report.html"
    write_page(report_of(rows, length=length), path)
    assert path.stat().st_size < 6 * MEGABYTE


def test_values_read_well() -> None:
    assert [money(value) for value in (1234.5, 0.0, -0.000012345)] == ["1,234.50", "0.00", "-1.2345e-05"]
    assert [duration(ms) for ms in (0, 90_000, 3_600_000, 90_061_000_000)] == ["0 min", "2 min", "1 h", "1,042 d 8 h"]
    assert [tint(0.0), tint(1.0), tint(-1.0), tint(9.0)] == ["#eeeeee", "#35a08c", "#de6e55", "#35a08c"]


def test_a_page_of_several_reports_has_each_chart_below_its_overview() -> None:
    overview = Overview("All <b>of it</b>", ("one line",), (("strategy", "profit"), ("first", "1.5"), ("second", "-2")))
    reports = report_of(100), dataclasses.replace(report_of(50, length=10), strategy="second")
    found = Elements(text := page_of(*reports, overview=overview))
    assert "<title>All &lt;b&gt;of it&lt;/b&gt;</title>" in text
    assert "<tr><th>second</th><td>-2</td></tr>" in text
    assert [len(unpacked(json.loads(script), "time", "<u4")) for script in found.scripts[:-1]] == [100, 50]
    named = [str(attributes["id"]) for _, attributes in found.elements if attributes.get("id")]
    assert len(named) == len(set(named)) == 4
    described = [(attributes["aria-describedby"] or "").split() for attributes in found.named("div") if "tabindex" in attributes]
    assert sorted(name for names in described for name in names) == sorted(named)
    assert len(found.named("section")) == 2
