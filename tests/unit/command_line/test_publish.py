"""`candlecast strategy upload` and its like: the requests that they send, refusals with their place, and no token anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from candlecast_cli.author.strategy import TEMPLATE
from candlecast_cli.main import app
from tests.unit.command_line.running import answer, run
from tests.unit.command_line.serving import Server, serving

pytestmark = pytest.mark.slow

TOKEN = "header.payload.signature-of-a-person"
ID = "my-breakout-btc"
STRATEGY = f"/v1/strategies/{ID}"
NEW = ("--id", ID, "--market", "BTC/USDT:USDT", "--timeframe", "5m")
RELEASE = {"stable": 1, "candidate": None, "share_percent": 0, "previous": None}
KNOWN = {
    "strategy_id": ID,
    "name": ID,
    "market": "BTC/USDT:USDT",
    "timeframe": "5m",
    "venue": "paper",
    "owner": "tenant-1",
    "link_key": None,
    "subscriber_count": 12,
    "release": RELEASE,
    "latest_version": 1,
}


def version(number: int, **more: Any) -> dict[str, Any]:
    usual = {"number": number, "digest": f"{number:016x}", "lookback": 200, "parameters": {"fast": 10, "stop_atr": 2.0}}
    return {**usual, "created_at": "2026-12-01T08:00:00Z", "created_by": "tenant-1", "note": "", **more}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as made:
        monkeypatch.setenv("CANDLECAST_API_URL", made.url)
        monkeypatch.setenv("CANDLECAST_TOKEN", TOKEN)
        yield made


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("my_breakout.py")
    text = TEMPLATE.read_text(encoding="utf-8").replace("${class_name}", "MyBreakout").replace("${name}", "my_breakout")
    path.write_text(text.replace("${file}", path.name) + "# ü\n", encoding="utf-8")
    return path


def refused(exit_code: int, code: str, *words: str) -> str:
    """The line of a refusal, which ends standard error, behind the steps that were begun."""
    result = run(*words)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith(f"candlecast: {code}: "), line
    return line


def upload(*words: str) -> Any:
    return answer("strategy", "upload", "my_breakout.py", *words)


def test_a_new_strategy_is_private_and_the_file_arrives_as_it_is(server: Server, file: Path) -> None:
    server.answer("POST /v1/strategies", 201, {"strategy": KNOWN, "version": version(1), "hints": []})
    told = upload(*NEW, "--param", "fast=10", "--param", "stop_atr=2.5", "--param", "mode=slow", "--param", "label='7'")
    assert (told["made"], told["version"]["number"]) == ("strategy", 1)
    (sent,) = server.sent("POST")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.json == {
        "kind": "UPLOADED",
        "strategy_id": ID,
        "name": ID,
        "venue": "paper",
        "visibility": "PRIVATE",
        "market": "BTC/USDT:USDT",
        "timeframe": "5m",
        "source": file.read_text(encoding="utf-8"),
        "parameters": {"fast": 10, "stop_atr": 2.5, "mode": "slow", "label": "'7'"},
        "note": "",
    }


def test_every_word_about_a_new_strategy_is_sent(server: Server) -> None:
    server.answer("POST /v1/strategies", 201, {"strategy": KNOWN, "version": version(1), "hints": []})
    words = ("--title", "My breakout", "--description", "Buys strength.", "--venue", "binanceusdm", "--visibility", "public")
    upload(*NEW, *words, "--tag", "trend", "--tag", "btc", "--note", "the first")
    sent = server.sent("POST")[0].json
    assert (sent["name"], sent["description"], sent["venue"]) == ("My breakout", "Buys strength.", "binanceusdm")
    assert (sent["visibility"], sent["tags"], sent["note"]) == ("PUBLIC", ["trend", "btc"], "the first")


def test_a_strategy_with_a_link_shows_its_key_to_its_author(server: Server) -> None:
    made = {"strategy": {**KNOWN, "link_key": "0123abcd"}, "version": version(1), "hints": []}
    server.answer("POST /v1/strategies", 201, made)
    assert "0123abcd" in run("strategy", "upload", "my_breakout.py", *NEW, "--visibility", "LINK").stdout
    assert upload(*NEW, "--visibility", "link")["link_key"] == "0123abcd"


def test_an_own_id_gets_a_version_which_keeps_parameters_that_are_not_named(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, KNOWN)
    server.answer(f"GET {STRATEGY}/versions", 200, {"items": [version(1)], "next_cursor": None})
    server.answer(f"POST {STRATEGY}/versions", 201, {"version": version(2), "hints": []})
    assert upload("--id", ID)["made"] == "version"
    assert upload("--id", ID, "--param", "stop_atr=3")["version"]["number"] == 2
    upload("--id", ID, "--defaults", "--param", "fast=20")
    upload("--id", ID, "--defaults")
    sent = [it.json["parameters"] for it in server.sent("POST")]
    assert sent == [None, {"fast": 10, "stop_atr": 3}, {"fast": 20}, {}]


def test_words_about_an_existing_strategy_must_fit_it(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, KNOWN)
    server.answer(f"POST {STRATEGY}/versions", 201, {"version": version(2), "hints": []})
    assert upload(*NEW)["made"] == "version"
    line = refused(2, "STRATEGY_DIFFERS", "strategy", "upload", "my_breakout.py", *NEW[:4], "--timeframe", "1h")
    assert "another timeframe" in line
    assert len(server.sent("POST")) == 1


def test_an_id_of_somebody_else_is_taken(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, {**KNOWN, "owner": None})  # public, so it is seen
    assert "somebody else" in refused(1, "ALREADY_EXISTS", "strategy", "upload", "my_breakout.py", *NEW)
    assert server.sent("POST") == []


def test_a_new_strategy_needs_a_market_and_a_timeframe(server: Server) -> None:
    line = refused(2, "USAGE", "strategy", "upload", "my_breakout.py", "--id", ID)
    assert "--market and --timeframe" in line
    assert server.sent("POST") == []


def test_the_answer_says_what_was_made_and_what_comes_next(server: Server) -> None:
    hints = [{"line": 7, "message": "open does not exist in the sandbox"}]
    server.answer("POST /v1/strategies", 201, {"strategy": KNOWN, "version": version(1), "hints": hints})
    first = run("strategy", "upload", "my_breakout.py", *NEW)
    assert "a new strategy" in first.stdout
    assert "fast 10, stop_atr 2.0" in first.stdout
    assert f"{1:016x}" in first.stdout
    assert "my_breakout.py:7: open does not exist" in first.stderr
    server.answer(f"GET {STRATEGY}", 200, KNOWN)
    server.answer(f"POST {STRATEGY}/versions", 201, {"version": version(2), "hints": []})
    second = run("strategy", "upload", "my_breakout.py", "--id", ID)
    assert "a new version" in second.stdout
    assert f"candlecast strategy release {ID} 2 --share 20" in second.stderr


def test_a_repeat_of_the_newest_version_is_not_called_new(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, KNOWN)
    server.answer(f"POST {STRATEGY}/versions", 201, {"version": version(1), "hints": []})
    assert upload("--id", ID)["made"] == "nothing"
    shown = run("strategy", "upload", "my_breakout.py", "--id", ID)
    assert "nothing new" in shown.stdout
    assert "version 1 has this code and these parameters already" in shown.stderr
    assert "release" not in shown.stderr


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("import os\nx = 1\n", 1, "module 'os' is not available"),
        ("x = 1\ndef broken(:\n", 2, "invalid syntax"),
        ("x = 1\n", 1, "exactly one class"),
        ("#" * 1_000_001, 1, "over 1000000 bytes"),
    ],
)
def test_a_file_that_the_sandbox_would_refuse_is_not_sent(server: Server, file: Path, text: str, place: int, words: str) -> None:
    file.write_text(text, encoding="utf-8")
    line = refused(1, "STRATEGY_FILE_INVALID", "strategy", "upload", "my_breakout.py", *NEW)
    assert f"my_breakout.py:{place}: " in line
    assert words in line
    assert "candlecast strategy check my_breakout.py" in line
    assert server.requests == []


def test_text_that_is_no_utf_8_and_a_missing_file_are_refused(server: Server, file: Path) -> None:
    file.write_bytes(b"x = 1\n# \xfc\n")
    assert "my_breakout.py:2: not UTF-8" in refused(1, "STRATEGY_FILE_INVALID", "strategy", "upload", "my_breakout.py", *NEW)
    refused(2, "STRATEGY_FILE_MISSING", "strategy", "upload", "none.py", *NEW)
    assert server.requests == []


@pytest.mark.parametrize("words", [["fast"], ["=1"], ["fast=1", "fast=2"]])
def test_a_parameter_is_a_name_and_a_value_once(server: Server, words: list[str]) -> None:
    given = [it for word in words for it in ("--param", word)]
    refused(2, "PARAMETER_INVALID", "strategy", "upload", "my_breakout.py", *NEW, *given)
    assert server.requests == []


def test_a_refusal_of_the_check_is_shown_with_its_line_or_its_candle(server: Server) -> None:
    place = {"line": 31, "row": None, "candle_close": None}
    server.answer("POST /v1/strategies", 422, {"code": "STRATEGY_FAILED", "detail": "strategy.py:31: KeyError: 'x'", **place})
    line = refused(1, "STRATEGY_FAILED", "strategy", "upload", "my_breakout.py", *NEW)
    assert "my_breakout.py:31: KeyError: 'x'; `candlecast strategy check" in line
    server.answers.clear()
    seen = {"line": None, "row": 188, "candle_close": "2026-11-30T20:05:00Z"}
    server.answer("POST /v1/strategies", 422, {"code": "LOOK_AHEAD", "detail": "says SHORT on 189 rows", **seen})
    line = refused(1, "LOOK_AHEAD", "strategy", "upload", "my_breakout.py", *NEW)
    assert "says SHORT on 189 rows (candle that closed 2026-11-30T20:05:00Z)" in line


def test_versions_are_a_table_of_who_gets_which(server: Server) -> None:
    release = {"stable": 2, "candidate": 3, "share_percent": 20, "previous": 1}
    server.answer(f"GET {STRATEGY}", 200, {**KNOWN, "release": release})
    found = [version(3, note="a wider\x1b stop"), version(2), version(1)]
    server.answer(f"GET {STRATEGY}/versions", 200, {"items": found, "next_cursor": None})
    table = run("strategy", "versions", ID).stdout
    third, second, first = table.splitlines()[1:]
    assert "candidate, 20 %" in third
    assert r"a wider\x1b stop" in third
    assert "stable, 80 %" in second
    assert "previous" in first
    assert answer("strategy", "versions", ID) == {"strategy_id": ID, "release": release, "versions": found}


def test_a_release_goes_to_a_fifth_unless_the_share_is_said(server: Server) -> None:
    released = {**KNOWN, "release": {**RELEASE, "candidate": 2, "share_percent": 20}}
    server.answer(f"POST {STRATEGY}/release", 200, released)
    assert answer("strategy", "release", ID, "2")["release"]["candidate"] == 2
    shown = run("strategy", "release", ID, "2", "--share", "100").stdout
    assert [it.json for it in server.sent("POST")] == [{"version": 2, "share_percent": share} for share in (20, 100)]
    assert "80 %" in shown
    refused(2, "USAGE", "strategy", "release", ID, "2", "--share", "0")
    refused(2, "USAGE", "strategy", "release", ID, "0")


def test_a_rollback_names_the_release_that_it_takes_back(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, {**KNOWN, "release": {**RELEASE, "candidate": 2, "share_percent": 20}})
    server.answer(f"GET {STRATEGY}", 200, {**KNOWN, "release": {**RELEASE, "stable": 2, "previous": 1}})
    server.answer(f"POST {STRATEGY}/rollback", 200, KNOWN)
    assert answer("strategy", "rollback", ID)["release"] == RELEASE
    run("strategy", "rollback", ID)
    assert [it.json for it in server.sent("POST")] == [{"version": 2}, {"version": 2}]


def test_a_strategy_is_retired_by_typing_its_id(server: Server) -> None:
    server.answer(f"GET {STRATEGY}", 200, KNOWN)
    server.answer(f"POST {STRATEGY}/retire", 200, {**KNOWN, "retired_at": "2026-12-01T09:00:00Z"})
    result = CliRunner().invoke(app, ["strategy", "retire", ID], prog_name="candlecast", input="something\n")
    assert "NOT_CONFIRMED" in result.stderr
    assert "12 followers" in result.stderr
    assert server.sent("POST") == []
    assert answer("strategy", "retire", ID, "--yes")["retired_at"] == "2026-12-01T09:00:00Z"
    assert CliRunner().invoke(app, ["strategy", "retire", ID], prog_name="candlecast", input=f"{ID}\n").exit_code == 0
    assert len(server.sent("POST")) == 2


def test_no_command_prints_or_sends_the_token_but_in_the_header(server: Server) -> None:
    echo = {"code": "BAD", "detail": f"you sent Bearer {TOKEN}"}
    for asked in (f"GET {STRATEGY}", f"POST {STRATEGY}/release", "POST /v1/strategies"):
        server.answer(asked, 400, echo)
    said = ""
    for words in (["upload", "my_breakout.py", *NEW], ["versions", ID], ["release", ID, "2"], ["rollback", ID], ["retire", ID]):
        for more in ([], ["--json"]):
            result = run("strategy", *words, *more)
            assert result.exit_code == 1
            said += result.output
    assert TOKEN not in said
    assert "(the token)" in said
    for sent in server.requests:
        assert TOKEN not in f"{sent.path}{sent.body!r}"
        assert [name for name, value in sent.headers.items() if TOKEN in value] == ["authorization"]


def test_a_token_is_no_argument() -> None:
    refused(2, "USAGE", "strategy", "versions", ID, "--token", TOKEN)


@pytest.mark.parametrize("body", [{}, {"version": 7}, {"version": {"number": "1"}}])
def test_an_answer_without_a_version_is_not_believed(server: Server, body: dict[str, Any]) -> None:
    server.answer("POST /v1/strategies", 201, body)
    refused(1, "ANSWER_UNREADABLE", "strategy", "upload", "my_breakout.py", *NEW)


def test_json_on_standard_output_is_alone(server: Server) -> None:
    server.answer("POST /v1/strategies", 201, {"strategy": KNOWN, "version": version(1), "hints": [{"line": 1, "message": "x"}]})
    assert json.loads(run("strategy", "upload", "my_breakout.py", *NEW, "--json").stdout)["hints"] == [
        {"line": 1, "message": "x"}
    ]
