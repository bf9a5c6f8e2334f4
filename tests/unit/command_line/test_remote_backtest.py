"""`--remote`: asked for, waited for, shown as on this machine, and written; options of this machine alone are refused here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.document import text_of, trade_rows
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.result import ClosedTrades
from candlecast.domain.backtests.backtest import MAX_ROWS
from candlecast.domain.values.errors import RetryLater
from candlecast_cli.author import remote_backtest
from candlecast_cli.https import MAX_ANSWER_BYTES, Https
from tests.support.backtest_swept import zigzag
from tests.support.swept_files import BIG, TURNER, candle_file
from tests.unit.command_line.running import refused, run
from tests.unit.command_line.serving import Server, serving

pytestmark = pytest.mark.slow

ID, BACKTEST = "my-breakout-btc", "20261120T120000000000-1"
PATH = f"/v1/backtests/{BACKTEST}"
FROM = ("--remote", "--from", "2026-11-01")
REMOTE = ("backtest", ID, *FROM)
LAGS = ("--param", "lag=-4:4:2", "--param", "more=0,8", "--metric", "expectancy")
WINDOWS = ("--train", "400h", "--test", "100h")
SWEEP, WALK = ("sweep", ID, *FROM, *LAGS), ("walk-forward", ID, *FROM, *LAGS, *WINDOWS)
AXES = {"lag": [-4, -2, 0, 2, 4], "more": [0, 8]}


def found(status: str, **changes: Any) -> dict[str, Any]:
    sweep = {"axes": AXES, "trials": 10} if "trials_done" in changes else None
    return {"backtest_id": BACKTEST, "status": status, "plan": {"rows": 720, "sweep": sweep}, "rows_done": 0, **changes}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote_backtest, "POLL_SECONDS", 0.01)
    with serving() as made:
        monkeypatch.setenv("CANDLECAST_API_URL", made.url)
        monkeypatch.setenv("CANDLECAST_TOKEN", "header.payload.signature")
        made.answer("POST /v1/backtests", 202, found("QUEUED"))
        links = {"document": f"{made.url}/result.json", "page": f"{made.url}/report.html", "trades": f"{made.url}/trades.csv"}
        made.answer(f"GET {PATH}/results", 200, links)
        made.answer("GET /report.html", 200, b"<p>report</p>")
        made.answer("GET /trades.csv", 200, b"lag,value\n")
        yield made


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, ...]:
    """A strategy with candles of this machine."""
    return TURNER, "--candles", candle_file(tmp_path, zigzag(1_000)), *BIG


@pytest.fixture
def computed(server: Server, here: tuple[str, ...]) -> Server:
    """The platform takes the backtest, computes half of it, and then all; the result is that of this machine."""
    for told in (found("QUEUED"), found("RUNNING", rows_done=360), found("DONE", rows_done=720)):
        server.answer(f"GET {PATH}", 200, told)
    server.answer("GET /result.json", 200, run("backtest", *here, "--json", "-").stdout.encode())
    return server


def test_the_platform_computes_and_its_result_is_shown_as_one_of_this_machine(computed: Server, here: tuple[str, ...]) -> None:
    result = run(*REMOTE)
    assert result.exit_code == 0, result.output
    assert result.stdout == run("backtest", *here).stdout
    assert "Sharpe ratio" in result.stdout
    assert "computing: 360 of 720 candles" in result.stderr
    (asked,) = computed.sent("POST")
    assert asked.json == {"strategy_id": ID, "start": "2026-11-01T00:00:00+00:00", "cash": "10000.0", "slippage_bps": "0.0"}


@pytest.mark.parametrize("words", [SWEEP, WALK], ids=["sweep", "walk-forward"])
def test_combinations_are_asked_for_and_shown_as_those_of_this_machine(
    server: Server, here: tuple[str, ...], words: tuple[str, ...]
) -> None:
    server.answer(f"GET {PATH}", 200, found("RUNNING", trials_done=4))
    server.answer(f"GET {PATH}", 200, found("DONE", trials_done=10))
    local = (words[0], *here, "--processes", "1", *words[5:])
    server.answer("GET /result.json", 200, run(*local, "--json", "-").stdout.encode())
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.stdout == run(*local).stdout
    assert "10 combinations: 8 tried, 2 refused" in result.stdout
    assert "computing: 4 of 10 combinations" in result.stderr
    sweep = server.sent("POST")[0].json["sweep"]
    windows = {"train_hours": 400, "test_hours": 100, "anchored": False} if words is WALK else None
    assert sweep == {"axes": AXES, "metric": "expectancy", "random": None, "walk_forward": windows}


def test_a_search_and_values_of_every_kind_are_sent(server: Server) -> None:
    server.answer(f"GET {PATH}", 200, found("FAILED", error_code="SWEEP_EMPTY", error_message="all are refused"))
    axes = ("--param", "stop_atr=1:2:0.5,3", "--param", "mode=calm,a:b", "--param", "is_bold=true,false")
    search = ("--search", "random", "--trials", "20", "--seed", "7")
    assert "SWEEP_EMPTY: all are refused" in run("sweep", ID, *FROM, *axes, *search).stderr
    sweep = server.sent("POST")[0].json["sweep"]
    assert sweep["axes"] == {"stop_atr": [1.0, 1.5, 2.0, 3], "mode": ["calm", "a:b"], "is_bold": [True, False]}
    assert sweep["random"] == {"count": 20, "seed": 7}


def test_the_table_of_combinations_is_written(server: Server, here: tuple[str, ...], tmp_path: Path) -> None:
    server.answer(f"GET {PATH}", 200, found("DONE", trials_done=10))
    server.answer("GET /result.json", 200, run("sweep", *here, *LAGS, "--json", "-").stdout.encode())
    assert run(*SWEEP, "--csv", str(tmp_path / "all.csv"), "--json", str(tmp_path / "all.json"), "--top", "3").exit_code == 0
    assert (tmp_path / "all.csv").read_bytes() == b"lag,value\n"
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["combinations"] == 10


@pytest.mark.parametrize("words", [REMOTE, SWEEP, WALK], ids=["backtest", "sweep", "walk-forward"])
def test_a_result_of_another_form_is_written_and_not_shown(server: Server, words: tuple[str, ...], tmp_path: Path) -> None:
    server.answer(f"GET {PATH}", 200, found("DONE", trials_done=10))
    server.answer("GET /result.json", 200, {"metric": "expectancy", "windows": 3})
    result = run(*words, "--json", str(tmp_path / "result.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ANSWER_UNREADABLE" in result.stderr
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["windows"] == 3


def test_what_is_asked_for_is_sent(computed: Server, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"leverage": 3}', encoding="utf-8")
    costs = ("--fee", "0.0004", "--maker-fee", "0.00002", "--slippage-bps", "2", "--cash", "500", "--to", "2026-11-20")
    assert run(*REMOTE, "--settings", str(tmp_path / "settings.json"), *costs).exit_code == 0
    asked = computed.sent("POST")[0].json
    assert (asked["taker_fee"], asked["maker_fee"], asked["slippage_bps"], asked["cash"]) == ("0.0004", "0.00002", "2.0", "500.0")
    assert (asked["settings"], asked["until"]) == ({"capital": "500.0", "leverage": 3}, "2026-11-21T00:00:00+00:00")


def test_a_request_without_an_answer_is_repeated_by_its_key(computed: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, lost = Https.ask, iter((True, True, False))

    def losing(self: Https, method: str, *words: Any) -> Any:
        answer = ask(self, method, *words)
        if method == "POST" and next(lost):
            raise RetryLater("UNREACHABLE", "ReadTimeoutError", after_seconds=1)
        return answer

    monkeypatch.setattr(Https, "ask", losing)
    assert run(*REMOTE).exit_code == 0
    (key,) = {sent.headers["idempotency-key"] for sent in computed.sent("POST")}
    assert (len(computed.sent("POST")), len(key)) == (3, 32)
    computed.answer(f"GET {PATH}", 200, found("DONE", rows_done=720))
    lost = iter((False,))
    assert run(*REMOTE).exit_code == 0
    assert computed.sent("POST")[-1].headers["idempotency-key"] != key


def test_a_platform_that_does_not_answer_ends_the_command(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def lost(self: Https, method: str, *words: Any) -> Any:
        asked.append(method)
        raise RetryLater("UNREACHABLE", "ReadTimeoutError", after_seconds=1)

    monkeypatch.setattr(Https, "ask", lost)
    result = run(*REMOTE)
    assert (result.exit_code, asked) == (1, ["POST"] * 3)
    assert "API_UNREACHABLE" in result.stderr


def test_the_result_is_written_and_the_links_get_no_token(computed: Server, tmp_path: Path) -> None:
    result, page = tmp_path / "result.json", tmp_path / "report.html"
    assert run(*REMOTE, "--json", str(result), "--plot", str(page)).exit_code == 0
    assert json.loads(result.read_text(encoding="utf-8"))["strategy"] == "turner"
    assert page.read_bytes() == b"<p>report</p>"
    fetched = [sent for sent in computed.requests if sent.path in ("/result.json", "/report.html")]
    assert len(fetched) == 2
    assert not any("authorization" in sent.headers for sent in fetched)


def test_json_to_standard_output_stands_alone(computed: Server) -> None:
    assert json.loads(run(*REMOTE, "--json", "-").stdout)["strategy"] == "turner"


def result_of(server: Server) -> dict[str, Any]:
    """The document that the server gives."""
    found: dict[str, Any] = json.loads(server.answers["GET /result.json"][0][1])
    return found


def longest_line() -> int:
    """Bytes of the longest trade that a document can have."""
    longest = np.full(1, -sys.float_info.max)
    assert len(repr(longest.tolist()[0])) == 24, "no float is written longer"
    reason = max(ExitBy, key=lambda it: len(it.name))
    times = dict.fromkeys(("entry_row", "exit_row", "entry_time", "exit_time"), np.full(1, 10**14 - 1))
    numbers = dict.fromkeys(("entry_price", "exit_price", "quantity", "fees", "funding", "pnl"), longest)
    trades: Any = ClosedTrades(side=np.full(1, -1, np.int8), reason=np.full(1, reason, np.int8), **times, **numbers)
    return max(len(line) for line in text_of({"trades": trade_rows(trades)}).encode().splitlines()) + len(",\n")


def test_the_longest_result_that_there_can_be_is_read() -> None:
    """Each candle closes one trade at most. The other numbers are some kilobytes, lists of the settings included."""
    assert MAX_ROWS * longest_line() + 1_000_000 < remote_backtest.MAX_RESULT_BYTES
    assert longest_line() <= 400


def test_a_result_of_more_than_other_answers_is_read_whole(computed: Server, tmp_path: Path) -> None:
    long = result_of(computed) | {"trades": [{"pnl": number, "reason": "~" * 400} for number in range(25_000)]}
    computed.answers["GET /result.json"] = [(200, json.dumps(long).encode(), {})]
    assert len(json.dumps(long)) > MAX_ANSWER_BYTES
    result = tmp_path / "result.json"
    assert run(*REMOTE, "--json", str(result)).exit_code == 0
    assert json.loads(result.read_text(encoding="utf-8")) == long


def test_a_result_that_is_larger_than_any_is_refused_and_nothing_is_written(
    computed: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(remote_backtest, "MAX_RESULT_BYTES", len(computed.answers["GET /result.json"][0][1]) - 1)
    result = run(*REMOTE, "--json", str(tmp_path / "result.json"))
    assert result.exit_code == 1
    assert "ANSWER_TOO_LARGE" in result.stderr
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_a_result_that_is_no_object_is_refused(computed: Server, body: bytes) -> None:
    computed.answers["GET /result.json"] = [(200, body, {})]
    result = run(*REMOTE)
    assert result.exit_code == 1
    assert "ANSWER_UNREADABLE" in result.stderr


def test_a_backtest_that_fails_ends_the_command_with_its_reason(server: Server) -> None:
    server.answer(f"GET {PATH}", 200, found("FAILED", error_code="STRATEGY_FAILED", error_message="line 3: NameError"))
    result = run(*REMOTE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "STRATEGY_FAILED: line 3: NameError" in result.stderr


def test_a_backtest_that_waits_for_long_is_left_to_the_platform(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_backtest, "WAIT_SECONDS", -1)
    result = run(*REMOTE)
    assert result.exit_code == 1
    assert f"BACKTEST_WAITS: it is QUEUED still: look at it later, at {PATH}" in " ".join(result.stderr.split())


def test_a_link_that_has_ended_writes_nothing(computed: Server, tmp_path: Path) -> None:
    computed.answers["GET /report.html"] = [(403, b"", {})]
    assert run(*REMOTE, "--plot", str(tmp_path / "report.html")).exit_code != 0
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--quantity", "1"), "--quantity"),
        (("--param", "fast_period=5"), "--param"),
        (("--candles", "candles.csv"), "--candles"),
        (("--fill", "close"), "--fill"),
        (("--spread", "1"), "--spread"),
        (("--leverage", "3"), "--leverage"),
        (("--plot", "report.png"), "--plot"),
    ],
)
def test_what_the_platform_does_not_take_is_refused_before_anything_is_asked(
    server: Server, words: tuple[str, ...], told: str
) -> None:
    assert told in refused(2, "USAGE", *REMOTE, *words)
    assert not server.requests


@pytest.mark.parametrize(
    ("words", "more", "told"),
    [
        (SWEEP, ("--processes", "2"), "--processes"),
        (SWEEP, ("--candles", "candles.csv"), "--candles"),
        (SWEEP, ("--plot", "map.png"), "--plot"),
        (SWEEP, ("--param", "lag=1"), "lag is given twice"),
        (SWEEP, ("--trials", "5"), "--trials"),
        (WALK, ("--processes", "2"), "--processes"),
        (WALK, ("--train", "90m"), "--train: the platform takes whole hours"),
        (WALK, ("--metric", "luck"), "sharpe_ratio"),
    ],
)
def test_wrong_words_of_many_combinations_are_refused_before_anything_is_asked(
    server: Server, words: tuple[str, ...], more: tuple[str, ...], told: str
) -> None:
    result = run(*words, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert not server.requests


@pytest.mark.parametrize("command", ["sweep", "walk-forward"])
def test_many_combinations_need_a_file_or_the_platform(command: str) -> None:
    words = WINDOWS if command == "walk-forward" else ()
    assert "--candles" in refused(2, "USAGE", command, TURNER, "--param", "lag=0,1", *words)


def test_the_first_candle_is_named(server: Server) -> None:
    assert "--from" in refused(2, "USAGE", "backtest", ID, "--remote")
    assert not server.requests


def test_without_a_file_and_without_the_platform_there_is_nothing_to_run() -> None:
    assert "--candles" in refused(2, "USAGE", "backtest", "sma_cross")
