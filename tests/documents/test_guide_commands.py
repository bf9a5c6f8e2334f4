"""A test runs each shell block of a document, or a table says why the block cannot run here.

Blocks that cannot run are checked word by word: `aws` against botocore's description of the service, `candlecast` against the
command itself.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from candlecast.backtest.pictures.labels import LABELS
from candlecast.backtest.strategy_file import load_author_strategy
from candlecast_cli.author import strategy_checks
from tests.documents.test_documents import DOCUMENTS, ROOT
from tests.support import aws_commands, command_line
from tests.support.processes import free_port
from tests.support.shell_blocks import BASH, Block, blocks, inline_commands, run_block
from tests.support.transformed import functions, nested, queue_name, resources, root

pytestmark = pytest.mark.slow

ACCOUNT = (
    "needs a stack in an AWS account: its words are checked against botocore and the command line, and what the embedded cloud "
    "can answer is asked by tests/e2e/test_guide_commands.py"
)
OF_THE_COMMAND = "the tests of the command line install and call it; the rest needs a stack in an AWS account"
COMMAND_BLOCKS = (
    "pip install .",
    "candlecast strategy upload",
    "candlecast backtest",
    "candlecast sweep",
    "candlecast candles fetch",
    "candlecast switch set",
)
HOURS = 366 * 24
LONG = "takes minutes and all cores; whoever publishes figures runs it"
PAPER = ".venvs/dev/bin/python -m paper_exchange --port 8770"
STRATEGY_GUIDE = "docs/guides/write-a-strategy.md"
STRATEGY_TESTS = ".venvs/dev/bin/python -m pytest tests/unit/strategy tests/property/test_strategy_properties.py"
ONE_TEST = "docs/CONTRIBUTING.md: .venvs/dev/bin/python -m pytest tests/unit/domain/values/test_timeframe.py -k floor"

OWN_BOT = "tests/documents/test_guide_commands.py::test_the_guide_for_other_bots_runs_as_printed"
OWN_BOT_BLOCKS = (f"PAPER_OPERATOR_KEY=choose-one {PAPER}", "VENUE=http://127.0.0.1:8770", ".venvs/dev/bin/python bot.py")

LISTS = (
    'docs/guides/api.md: curl -H "Authorization: Bearer $TOKEN" '
    '"$API/v1/orders?since=2026-11-01T00:00:00Z&until=2026-12-01T00:00:00Z&state=DENIED"'
)

WHY = 'docs/guides/api.md: curl -H "Authorization: Bearer $TOKEN" "$API/v1/signals/$SIGNAL"'
TOTALS = 'docs/guides/api.md: curl -H "Authorization: Bearer $TOKEN" "$API/v1/totals"'

# Which test runs a block as it is printed.
RUN: Mapping[str, str] = {
    ONE_TEST: "tests/documents/test_guide_commands.py::test_the_one_test_of_contributing_runs",
    "docs/guides/api.md: API=https://...": "tests/api/test_guide.py::test_the_first_request_of_the_guide_is_answered",
    LISTS: "tests/api/test_guide.py::test_the_requests_for_lists_are_answered",
    TOTALS: "tests/api/test_guide.py::test_the_requests_for_totals_are_answered",
    WHY: "tests/api/test_guide.py::test_the_requests_that_explain_are_answered_as_the_guide_says",
    f"docs/guides/paper-exchange.md: PAPER_OPERATOR_KEY=choose-one {PAPER}": (
        "tests/documents/test_guide_commands.py::test_the_paper_exchange_starts_as_printed"
    ),
    f"{STRATEGY_GUIDE}: candlecast strategy new my_breakout": (
        "tests/documents/test_guide_commands.py::test_a_strategy_is_begun_and_checked_as_printed"
    ),
    f"{STRATEGY_GUIDE}: candlecast strategy check three_highs.py": (
        "tests/documents/test_guide_commands.py::test_a_strategy_is_begun_and_checked_as_printed"
    ),
}
BACKTESTS = "docs/guides/backtest.md"
OVER_THE_YEAR = "my_breakout.py --candles btc-1h.csv.gz"
BACKTEST_BLOCKS = (
    "candlecast strategy new my_breakout",
    "candlecast candles check btc-1h.csv.gz",
    f"candlecast backtest {OVER_THE_YEAR} --slippage-bps 2 --json result.json --plot report.html",
    f"candlecast sweep {OVER_THE_YEAR} --param entry_period=10:60:10 --param stop_atr=1,2,3 \\",
    f"candlecast walk-forward {OVER_THE_YEAR} --param entry_period=10:60:10 --param stop_atr=1,2,3 \\",
    f"candlecast backtest {OVER_THE_YEAR} --param entry_period=50 --param stop_atr=3 \\",
)
OF_BACKTESTS = "tests/documents/test_guide_commands.py::test_the_guide_of_backtests_runs_as_printed"
RUN = {**RUN, **{f"{BACKTESTS}: {first}": OF_BACKTESTS for first in BACKTEST_BLOCKS}}
ON_THE_PLATFORM = (
    "candlecast strategy upload my_breakout.py --id my-breakout-btc --market BTC/USDT:USDT --timeframe 1h",
    "candlecast sweep my-breakout-btc --remote --from 2026-10-01 --param entry_period=10:60:10 --param stop_atr=1,2,3 \\",
)
OF_REMOTE_BACKTESTS = "tests/documents/test_remote_guide.py::test_the_platform_computes_as_printed"
RUN = {**RUN, **{f"{BACKTESTS}: {first}": OF_REMOTE_BACKTESTS for first in ON_THE_PLATFORM}}
WATCH_BLOCK = "docs/guides/command.md: candlecast watch orders --for 2"
RUN = {
    **RUN,
    WATCH_BLOCK: "tests/documents/test_watch_guide.py::test_orders_positions_and_signals_are_watched_as_printed",
}
PUBLISH = "docs/guides/publish-a-strategy.md"
PUBLISH_BLOCKS = (
    "candlecast strategy new my_breakout",
    'candlecast strategy upload my_breakout.py --id my-breakout-btc --title "My breakout" \\',
    "API=$(candlecast local status --output ApiUrl)",
    "until api /v1/strategies/my-breakout-btc/executions | grep candle_close; do sleep 5; done",
    'candlecast strategy upload my_breakout.py --id my-breakout-btc --param stop_atr=3 --note "a wider stop"',
    "candlecast strategy release my-breakout-btc 2 --share 20",
    "candlecast strategy rollback my-breakout-btc",
    "api /v1/subscriptions/$SUBSCRIPTION/version -X PUT -d '{\"version\": 1}'",
    'api /v1/strategies/my-breakout-btc -X PATCH -d \'{"collaborators": ["tenant-of-a-friend"]}\'',
    'api /v1/strategies/my-breakout-btc -X PATCH -d \'{"visibility": "LINK"}\'',
    'api "/v1/marketplace?venue_kind=paper&sort=record&tag=breakout"',
    "candlecast strategy retire my-breakout-btc --yes",
)
OF_PUBLISHING = "tests/documents/test_publish_guide.py::test_the_guide_to_publishing_runs_as_printed"
RUN = {**RUN, **{f"{PUBLISH}: {first}": OF_PUBLISHING for first in PUBLISH_BLOCKS}}
RUN = {**RUN, **{f"docs/guides/test-your-own-bot.md: {first}": OWN_BOT for first in OWN_BOT_BLOCKS}}
API_GUIDE = "docs/guides/api.md"
TEN_THINGS = DOCUMENTS[API_GUIDE].partition("\n## Ten things first\n")[2].partition("\n## ")[0]
OF_TEN_THINGS = "tests/e2e/test_api_clients.py::test_ten_things_run_as_printed_in_curl"
RUN = {**RUN, **{it.name: OF_TEN_THINGS for it in blocks(API_GUIDE, TEN_THINGS) if "pip install" not in it.text}}
# Why the blocks of a document, or of a folder, cannot be run here.
CANNOT_RUN: dict[str, str] = {
    "README.md": "the first order is walked by the tests of the command line; `make demo` and `make test` hold all tests",
    "docs/CONTRIBUTING.md: make check": "it runs this very test",
    "docs/guides/backtest.md: pip install": "tests/infra/test_installed_command.py installs it",
    f"{API_GUIDE}: pip install": "tests/infra/test_installed_command.py installs it",
    "docs/guides/backtest.md: candlecast candles fetch": "it asks an exchange: the command's own tests ask the paper exchange",
    "docs/guides/deploy.md": ACCOUNT,
    "docs/guides/operate.md": ACCOUNT,
    "docs/guides/paper-exchange.md: SECRET=": ACCOUNT,
    f"{PUBLISH}: export CANDLECAST_API_URL=https://...": "it names a platform elsewhere",
    "docs/guides/performance.md": LONG,
    **{f"docs/guides/command.md: {first}": OF_THE_COMMAND for first in COMMAND_BLOCKS},
    "docs/CONTRIBUTING.md: .venvs/dev/bin/python -m infra.words": "`make check` runs it",
    "infra/runbooks": ACCOUNT,
}
PLUMBING = {
    "cat",
    "cd",
    "git",
    "sleep",
    "export",
    "grep",
    "tr",
    "date",
    "echo",
    "curl",
    "xargs",
    "api",
    "field",
    "operate",
    "pip",
    "python",
    "uv",
}
CLIENT = "candlecast_client"  # generated by the tests that run it
OF_ENVIRONMENTS = {".venvs/dev/bin/candlecast": "candlecast", ".venvs/sam/bin/sam": "sam"}
OPTIONS_OF_DEPLOY = {"--guided", "--config-env", "--config-file", "--template-file", "--stack-name"}
OPTIONS_OF_SAM = {"build": {"--config-env"}, "deploy": OPTIONS_OF_DEPLOY, "delete": {"--stack-name"}}
SAM_LISTS = {"stack-outputs": {"--stack-name"}}

ALL = [block for name, text in DOCUMENTS.items() for block in blocks(name, text)]
IDS = [block.name for block in ALL]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of every block and of running text, with its document."""
    for block in ALL:
        for program, *rest in block.commands():
            words = [OF_ENVIRONMENTS.get(program, program), *rest]
            yield block.document, words
            if words[0] == "xargs" and "aws" in words:
                yield block.document, words[words.index("aws") :]
    for name, text in DOCUMENTS.items():
        if name.startswith("docs/decisions/"):
            continue  # they quote commands, and nobody pastes them
        for program in ("aws", "candlecast", "sam"):
            for words in inline_commands(text, program):
                yield name, words


def of(program: str) -> list[tuple[str, list[str]]]:
    return [(name, words) for name, words in commands() if words[0] == program and words[1:2] != ["()"]]  # no definition


@pytest.mark.parametrize("block", ALL, ids=IDS)
def test_a_block_is_run_by_a_test_or_says_why_it_cannot_be(block: Block) -> None:
    reasons = [reason for place, reason in CANNOT_RUN.items() if block.name.startswith(place)]
    assert (block.name in RUN) is not bool(reasons)


def test_the_tables_name_only_blocks_and_tests_that_exist() -> None:
    assert [name for name in RUN if name not in IDS] == []
    assert [place for place in CANNOT_RUN if not any(name.startswith(place) for name in IDS)] == []
    for test in RUN.values():
        file, _, function = test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


@pytest.mark.parametrize("block", ALL, ids=IDS)
def test_a_block_is_shell(block: Block) -> None:
    read = subprocess.run([BASH, "-n"], input=block.text, text=True, capture_output=True, check=False)  # noqa: S603
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize(("name", "words"), of("aws"), ids=lambda it: " ".join(it)[:70] if isinstance(it, list) else None)
def test_a_command_of_aws_fits_its_service(name: str, words: list[str]) -> None:
    aws_commands.parse(words)


@pytest.mark.parametrize(("name", "words"), of("candlecast"), ids=lambda it: " ".join(it)[:70] if isinstance(it, list) else None)
def test_a_command_of_candlecast_is_taken(name: str, words: list[str]) -> None:
    command_line.check(words)


@pytest.mark.parametrize(("name", "words"), of("sam"), ids=lambda it: " ".join(it)[:70] if isinstance(it, list) else None)
def test_a_command_of_sam_is_one_that_we_know(name: str, words: list[str]) -> None:
    _, command, *rest = words
    known = OPTIONS_OF_SAM.get(command)
    if command == "list":
        known = SAM_LISTS[rest[0]]
    assert known is not None
    assert {word for word in rest if word.startswith("--")} <= known


def test_every_other_program_is_known() -> None:
    programs = {words[0] for _, words in commands()}
    ours = {"aws", "candlecast", "sam", "make", ".venvs/dev/bin/python"}
    assert programs - ours - PLUMBING == set()


def test_every_module_that_is_run_exists() -> None:
    modules = {words[words.index("-m") + 1] for _, words in commands() if "-m" in words and words[0].endswith("python")}
    assert CLIENT in modules
    assert (ROOT / "clients" / "python" / CLIENT / "__main__.py").exists()
    assert [name for name in sorted(modules - {CLIENT}) if importlib.util.find_spec(name) is None] == []


def test_everything_of_the_stack_that_is_named_is_deployed() -> None:
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"\$STACK-([\w]+)", text)}
    dashboards = {"business", "technical"}
    queues = {queue_name(it) for it in resources(root(), "AWS::SQS::Queue").values()}
    assert nested("Alarms")
    assert named <= set(functions()) | dashboards | queues | {"events", "alarms", "alerts", "prod"}


def test_payloads_are_what_the_functions_read() -> None:
    sent: dict[str, set[str]] = {}
    for _, words in of("aws"):
        if words[1:3] == ["lambda", "invoke"] and "--payload" in words:
            function = words[words.index("--function-name") + 1].removeprefix("$STACK-").partition(":")[0]
            sent.setdefault(function, set()).update(json.loads(words[words.index("--payload") + 1]))
    assert sent == {"reconcile_clock": {"due_by", "full"}, "market_catalogue": {"venues"}, "dlq_redrive": {"queue"}}
    for function, fields in sent.items():
        handler = (ROOT / "functions" / function / "handler.py").read_text(encoding="utf-8")
        assert all(f'"{it}"' in handler for it in fields)


@pytest.mark.parametrize(
    "wrong",
    [
        "aws lamda invoke --function-name x out",
        "aws lambda invok --function-name x out",
        "aws lambda invoke --function x out",
        "aws lambda invoke out",
        "aws lambda invoke --function-name x",
        "aws lambda get-alias --function-name x",
        'aws dynamodb get-item --table-name x --key {"PK":{"Z":"x"}}',
        "aws lambda get-account-settings --query AcountLimit",
        "aws logs tail /x --sinc 1h",
        "aws secretsmanager list-secrets --filters Kay=name,Values=x",
    ],
)
def test_a_wrong_command_of_aws_is_found(wrong: str) -> None:
    with pytest.raises(aws_commands.WrongCommand):
        aws_commands.parse(wrong.split())


def test_a_wrong_command_of_candlecast_is_found() -> None:
    for wrong in ("candlecast dlq lst", "candlecast swich show"):
        with pytest.raises(command_line.UnknownCommand):
            command_line.check(wrong.split())


def test_a_block_is_taken_apart_as_a_shell_would() -> None:
    text = "for A in 1 2; do\n  X=1 one \"$(two | three '#')\" \\\n    a > out  # said\ndone\nfour | five && six"
    assert Block("x.md", text).commands() == [["one", "substituted", "a"], ["four"], ["five"], ["six"], ["two"], ["three", "#"]]


@pytest.mark.slow
def test_the_one_test_of_contributing_runs() -> None:
    [block] = [block for block in ALL if block.name == ONE_TEST]
    done = run_block(block, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[100%]" in done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like this checkout, with strategies of its own, in which a reader may save files."""
    for entry in ROOT.iterdir():
        if entry.name not in ("strategies", ".git", ".pytest_cache", ".hypothesis"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "strategies").mkdir()
    for entry in (ROOT / "strategies").glob("*.py"):
        (tmp_path / "strategies" / entry.name).symlink_to(entry)
    return tmp_path


def whole_strategy_of_the_guide() -> str:
    return str(re.findall(r"```python\n(.*?)```", DOCUMENTS[STRATEGY_GUIDE], re.DOTALL)[0])


def test_a_strategy_is_begun_and_checked_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "three_highs.py").write_text(whole_strategy_of_the_guide())
    begun, checked = [block for block in ALL if block.document == STRATEGY_GUIDE]
    done = run_block(begun, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("my_breakout.py\n")
    done = run_block(checked, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok    look-ahead") == 2
    assert "stop_atr 3.0" in done.stdout


def test_the_guide_of_strategies_names_every_check_and_its_codes() -> None:
    text = DOCUMENTS[STRATEGY_GUIDE].partition("## Check it\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    source = Path(strategy_checks.__file__).read_text(encoding="utf-8")
    checks = strategy_checks.check_strategy(load_author_strategy("sma_cross"), None, "", told=lambda _: None)
    assert [name.strip(" `") for name, _ in rows] == [check.name for check in checks]
    codes = {code for _, cell in rows for code in re.findall(r"[A-Z_]{5,}", cell)}
    own = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source)) - {"TIMEFRAME_MISMATCH"}
    assert own <= codes


@pytest.mark.slow
def test_the_tests_that_the_guide_names_take_a_new_file_up(checkout: Path) -> None:
    """The new file lies in a folder of its own, so this test must not be among those that it runs."""
    assert f"`{STRATEGY_TESTS}`" in DOCUMENTS[STRATEGY_GUIDE]
    (checkout / "strategies" / "three_highs.py").write_text(whole_strategy_of_the_guide())
    assert "test_guide_commands" not in STRATEGY_TESTS
    done = run_block(Block("guide", STRATEGY_TESTS), checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "three_highs" in run_block(Block("guide", f"{STRATEGY_TESTS} --collect-only"), checkout).stdout


@contextmanager
def started(block: Block) -> Iterator[int]:
    """The paper exchange as a block starts it, on a port of its own."""
    port = free_port()
    printed = block.text.strip().replace("8770", str(port)).replace(".venvs/dev/bin/python", sys.executable)
    command = [BASH, "-c", f"exec env {printed}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as server:  # noqa: S603
        try:
            assert _answer(f"http://127.0.0.1:{port}/fapi/v1/ping", server) == b"{}"
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def test_the_paper_exchange_starts_as_printed() -> None:
    [name] = [it for it in RUN if it.startswith("docs/guides/paper-exchange.md")]
    [block] = [it for it in ALL if it.name == name]
    with started(block):
        pass


def test_the_guide_for_other_bots_runs_as_printed(checkout: Path) -> None:
    guide = "docs/guides/test-your-own-bot.md"
    candles, bot = re.findall(r"```python\n(.*?)```", DOCUMENTS[guide], re.DOTALL)
    start, *printed = [block for block in ALL if block.document == guide]
    with started(start) as port:
        (checkout / "candles.py").write_text(candles)
        (checkout / "bot.py").write_text(bot.replace("8770", str(port)))
        said = []
        for block in printed:
            done = run_block(Block(guide, block.text.replace("8770", str(port))), checkout)
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stdout)
    _, bought, stopped, lost = said
    assert bought.split() == ["buy", "0.02", "50005.0"]
    assert json.loads(stopped[stopped.index('{"rows"') :])["rows"][1]["price"] == "49495"
    assert "the answer is not" in lost
    assert '"amount":"0.02"' in lost


def test_the_guide_of_backtests_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, in the order of the guide; a year of invented candles stands for those of the exchange."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    _write_a_year(tmp_path / "btc-1h.csv.gz")
    printed = [block for block in ALL if RUN.get(block.name) == OF_BACKTESTS]
    assert len(printed) == len(BACKTEST_BLOCKS)
    for block in printed:
        done = run_block(block, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    whole, kept_out = (json.loads((tmp_path / name).read_text()) for name in ("result.json", "kept-out.json"))
    assert (whole["rows"], whole["metrics"]["trades"]) == (HOURS, whole["closed_trades"])
    assert 0 < kept_out["rows"] < HOURS / 2
    for page in ("report", "sweep", "walk-forward"):
        assert (tmp_path / f"{page}.html").read_text().startswith("<!doctype html>")


def test_the_guide_of_backtests_explains_every_metric() -> None:
    table = DOCUMENTS[BACKTESTS].partition("| metric |")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    named = [name for cell in explained for name in cell.split(", ")]
    assert sorted(named) == sorted(label.partition(",")[0] for label, _ in LABELS.values())


def _write_a_year(path: Path) -> None:
    """An hour's candles of 2024, from a random walk of a fixed seed."""
    draw = np.random.default_rng(7)
    close = 40_000 * np.exp(np.cumsum(draw.normal(0, 0.006, HOURS)))
    opened = np.concatenate(([40_000.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    times = 1_704_067_200_000 + 3_600_000 * np.arange(HOURS)
    rows = zip(times.tolist(), opened.tolist(), high.tolist(), low.tolist(), close.tolist(), strict=True)
    lines = ["timestamp,open,high,low,close,volume", *(f"{t},{o:.1f},{h:.1f},{lo:.1f},{c:.1f},100" for t, o, h, lo, c in rows)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


def _answer(url: str, server: subprocess.Popen[bytes]) -> bytes:
    """The answer of the server, once there is one."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (our own process)
                body: bytes = answer.read()
                return body
        except OSError:
            assert server.poll() is None, "the server has ended"
            time.sleep(0.1)
