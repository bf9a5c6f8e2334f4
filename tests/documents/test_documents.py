"""Documents say what is there: their links, paths, commands, routes, metrics, alarms and tables are held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.model import Pace, table
from candlecast.domain.account.events import EventType
from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.orders.retries import NOT_PLACED
from candlecast.domain.reconcile.adopt import ALERT_OF_CLOSING
from candlecast.domain.reconcile.adopt_lost import ADOPTED, ADOPTED_WITHOUT_STOP
from candlecast.domain.reconcile.protect import NAKED_TOO_LONG
from candlecast.services.orders.execute_order import METRIC_OF_STATE
from candlecast.services.pools.release_pools import POOL_DAILY_LOSS
from functions.api.app import create_app
from infra.local.emulator.patching import MINISTACK_VERSION
from tests.support.transformed import functions, nested, queue_name, resources, root, text

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "layers" / "core" / "candlecast"
MADE = {".venvs", "build", ".aws-sam", ".pytest_cache", ".git", ".mypy_cache", ".ruff_cache"}
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*.md"))
    if path.relative_to(ROOT).parts[0] not in MADE
}
NAMES = sorted(DOCUMENTS)
README, ARCHITECTURE = DOCUMENTS["README.md"], DOCUMENTS["docs/ARCHITECTURE.md"]
OPERATE, DEPLOY = DOCUMENTS["docs/guides/operate.md"], DOCUMENTS["docs/guides/deploy.md"]

LETTER_CHANGES = ("redriven", "dropped")  # the one message with a variable part
WRITTEN_BY_THE_READER = {"three_highs.py", "my_breakout.py", "candles.py", "bot.py", "versions.json"}
FOLDERS = {path.name for folder in (ROOT, CORE) for path in folder.iterdir() if path.is_dir()} - MADE
SUFFIXES = (".py", ".md", ".yaml", ".toml", ".sh", ".in", ".lock")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/(?:v1|health|webhooks|openapi)[\w/{}.-]*)")


def without_fences(document: str) -> str:
    return FENCED.sub("", document)


def code(document: str) -> Iterator[str]:
    """Everything that is set as code: whole blocks, and text in backticks."""
    yield from FENCED.findall(document)
    yield from INLINE.findall(without_fences(document))


def anchors(document: str) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(document: str) -> set[str]:
    """Text that is set as code and reads like a path of the repository."""
    words = {it.rstrip("/") for it in INLINE.findall(without_fences(document)) if re.fullmatch(r"[\w./-]+", it)}
    return {it for it in words if ("/" in it and it.split("/")[0] in FOLDERS) or it.endswith(SUFFIXES)} - WRITTEN_BY_THE_READER


def rows(document: str, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading, without its head."""
    start = document.index(heading) + len(heading)
    table = re.split(r"\n(?!\|)", document[document.index("\n|", start) + 1 :], maxsplit=1)[0]
    lines = [line.strip("|").split("|") for line in table.splitlines()]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def first_cells(document: str, heading: str) -> set[str]:
    """Names in backticks in the first cell of each row."""
    return {name for row in rows(document, heading) for name in INLINE.findall(row[0])}


def published_metrics() -> set[str]:
    """Names that the shared package passes to its metrics."""
    found = set(METRIC_OF_STATE.values())
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and node.args
                and isinstance(node.func, ast.Attribute)
                and "metrics" in ast.unparse(node.func.value)
            ):
                first = ast.walk(node.args[0])
                found |= {it.value for it in first if isinstance(it, ast.Constant) and isinstance(it.value, str)}
    return found


def parameters() -> dict[str, str]:
    """Parameters of the stack and their defaults, but for those of one environment alone."""
    return {name: str(it.get("Default")) for name, it in root()["Parameters"].items()}


def logged() -> set[str]:
    """Messages that functions and the shared package log, but for the paper exchange, which has no operator of its own."""
    found: set[str] = set()
    for path in (*CORE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if ast.unparse(node.func.value) == "logger" and node.func.attr in {"info", "warning", "error", "exception"}:
                message = node.args[0]
                found |= (
                    {str(message.value)} if isinstance(message, ast.Constant) else {f"dead letter {it}" for it in LETTER_CHANGES}
                )
    return found - {"unexpected error on %s: %s at %s"}


@cache
def told_alerts() -> set[str]:
    """Codes of critical alerts, wherever the code makes one."""
    found: set[str] = set(NOT_PLACED.values()) | set(ALERT_OF_CLOSING.values())
    found |= {POOL_DAILY_LOSS, NAKED_TOO_LONG, ADOPTED, ADOPTED_WITHOUT_STOP}
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func)
            partial_of = ast.unparse(node.args[0]) if call == "partial" and node.args else ""
            if call.split(".")[-1] == "alert" or {call, partial_of} & {"count_mend", "tell_once"}:
                places = [it.value for it in node.keywords if it.arg == "code"] + node.args
                found |= {str(it.value) for it in places if isinstance(it, ast.Constant) and str(it.value).isupper()}
            if call in ("Fatal", "_fixed") and node.args:
                code = node.args[-1] if call == "_fixed" and ast.unparse(node.args[0]) == "Fatal" else node.args[0]
                found |= {str(code.value)} if isinstance(code, ast.Constant) else set()
    return found


def alarms() -> dict[str, str]:
    """Every alarm without the stack's name, and its runbook."""
    return {
        text(it["AlarmName"]).removeprefix("stack-"): it["AlarmDescription"].split("Runbook: infra/runbooks/")[1]
        for stack in ("Alarms", "FunctionAlarms")
        for it in resources(nested(stack), "AWS::CloudWatch::Alarm").values()
    }


def watched_by_alarms() -> int:
    """Metrics that alarms read: CloudWatch charges for each of an expression's."""
    found = [it for stack in ("Alarms", "FunctionAlarms") for it in resources(nested(stack), "AWS::CloudWatch::Alarm").values()]
    return sum(sum("MetricStat" in it for it in alarm["Metrics"]) if "Metrics" in alarm else 1 for alarm in found)


@cache
def routes() -> set[tuple[str, str]]:
    """Method and path of everything that answers, every id written as `{}`."""
    described = create_app().openapi()["paths"]
    known = {(method.upper(), path) for path, methods in described.items() for method in methods}
    known |= {("POST", "/webhooks/{source}"), ("POST", "/webhooks/{source}/{secret}"), ("GET", "/openapi.json"), ("GET", "/docs")}
    return {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in known}


def examples(document: str, pattern: str | re.Pattern[str]) -> set[Any]:
    """Every match of a pattern, or of its groups, in text that is set as code."""
    return {match for it in code(document) for match in re.findall(pattern, it)}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(name: str) -> None:
    for link in LINK.findall(without_fences(DOCUMENTS[name])):
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("name", NAMES)
def test_every_path_exists(name: str) -> None:
    bases = (ROOT, CORE, (ROOT / name).parent)
    assert {it for it in paths(DOCUMENTS[name]) if not any((base / it).exists() for base in bases)} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert examples(DOCUMENTS[name], r"\bmake ([a-z]+)") <= targets


@pytest.mark.parametrize("name", NAMES)
def test_every_route_exists(name: str) -> None:
    named = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in examples(DOCUMENTS[name], ROUTE)}
    assert named <= routes()


def test_every_request_of_the_first_order_goes_to_a_route() -> None:
    called = examples(README, r"(?:api |\$API)(/[\w/$.-]+)")
    known = {path for _, path in routes()}
    assert len(called) > 8  # so that another way of writing them is not taken for none
    assert {re.sub(r"\$\w+|(?<=webhooks/)[\w-]+", "{}", path) for path in called} <= known


def test_the_readme_leads_with_the_two_commands() -> None:
    assert re.findall(r"^make (\w+)", FENCED.findall(README[README.index("## Two commands") :])[0], re.MULTILINE) == [
        "demo",
        "test",
    ]


def test_the_list_of_metrics_is_what_is_published() -> None:
    assert first_cells(OPERATE, "## Metrics\n") == published_metrics()


def test_the_list_of_log_lines_is_what_is_logged() -> None:
    assert first_cells(OPERATE, "## Follow something through the logs\n") == logged()


def test_the_list_of_events_is_what_is_published() -> None:
    assert first_cells(OPERATE, "## Events\n") == {kind.value for kind in EventType}


def test_every_alert_is_explained() -> None:
    explained = set(INLINE.findall(OPERATE)) | set(INLINE.findall(DOCUMENTS["infra/runbooks/position-drifts.md"]))
    assert len(told_alerts()) > 15  # so that another way of writing them is not taken for none
    assert told_alerts() - explained == set()


def test_the_runbook_of_critical_alerts_leads_on_from_every_code() -> None:
    of_accounts = set(INLINE.findall(DOCUMENTS["infra/runbooks/accounts-disabled.md"]))  # one row names them all
    assert told_alerts() - set(INLINE.findall(DOCUMENTS["infra/runbooks/critical-alerts.md"])) - of_accounts == set()


def test_the_table_of_kill_switches_has_every_grade() -> None:
    assert first_cells(OPERATE, "### Kill switches\n") == {grade.value for grade in Grade}


def test_the_list_of_metrics_names_their_publishers() -> None:
    publishers = {name for row in rows(OPERATE, "## Metrics\n") for name in INLINE.findall(row[1])}
    assert publishers <= set(functions())


def test_the_list_of_alarms_is_what_is_deployed_with_its_runbooks() -> None:
    listed = {
        name.replace("<function>", function): row[2].rpartition("/")[2].rstrip(")")
        for row in rows(OPERATE, "## Alarms\n")
        for name in INLINE.findall(row[0])
        for function in (functions() if "<function>" in name else [""])
    }
    assert listed == alarms()


def test_the_table_of_parameters_is_the_templates() -> None:
    listed: dict[str, str] = {}
    for row in rows(DEPLOY, "## Parameters\n"):
        names, defaults = INLINE.findall(row[0]), INLINE.findall(row[1])
        listed |= dict(zip(names, defaults or [""] * len(names), strict=True))
    assert listed == parameters()


def test_the_sheet_counts_alarms_and_metrics_as_they_are() -> None:
    series = sum(len(INLINE.findall(row[1])) for row in rows(OPERATE, "## Metrics\n") if row[1].startswith("`"))
    watched = watched_by_alarms()
    assert f"| {len(alarms())} alarms on {watched} metrics, each metric at 0.10 | {watched / 10:.2f} |" in DEPLOY
    assert f"{series} at most" in DEPLOY
    assert f"up to {series * 0.3:.2f} a month" in DEPLOY


def test_the_list_of_patches_is_what_is_there() -> None:
    emulator = "infra/local/emulator"
    listed = {
        name for row in rows(DOCUMENTS[f"{emulator}/README.md"], "# The embedded cloud\n") for name in INLINE.findall(row[0])
    }
    assert listed | {"__init__.py", "__main__.py"} == {path.name for path in (ROOT / emulator).glob("*.py")}
    assert f"`ministack=={MINISTACK_VERSION}`" in DOCUMENTS[f"{emulator}/README.md"]


def test_the_tables_of_scaling_are_what_the_model_says() -> None:
    scaling = DOCUMENTS["docs/guides/scaling.md"]
    for pace in (Pace(), Pace(shards_at_once=200, orders_at_once=1_000)):
        assert table(pace).strip() in scaling


def test_there_are_as_many_limits_as_the_readme_says() -> None:
    assert "Some seventy limits" in README
    assert 65 <= len(CATALOGUE) <= 75


def test_the_table_of_functions_is_what_is_deployed() -> None:
    listed = {row[0].strip("`"): row[2] for row in rows(ARCHITECTURE, "## The functions\n")}
    assert listed == {name: f"{properties['Timeout']} s" for name, properties in functions().items()}


def test_the_table_of_queues_is_what_is_deployed() -> None:
    queues = resources(root(), "AWS::SQS::Queue")
    listed = {row[0]: row[3:] for row in rows(ARCHITECTURE, "## The queues\n")}
    deployed = {
        name: [
            f"{it['VisibilityTimeout']} s",
            str(it["RedrivePolicy"]["maxReceiveCount"]),
            text(it["RedrivePolicy"]["deadLetterTargetArn"]),
        ]
        for name, it in queues.items()
        if "RedrivePolicy" in it
    }
    assert {name: [*cells[:2], f"<{cells[2].split()[0]}.Arn>"] for name, cells in listed.items()} == deployed
    assert {queue_name(queues[name]) for name in listed} == {
        "candle",
        "uploaded-candle",
        "signal",
        "trade.fifo",
        "reconcile",
        "awaited-look",
        "vetting",
        "backtest",
        "parity",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_code_and_name_in_capitals_is_one_of_the_code(name: str) -> None:
    named = examples(DOCUMENTS[name], r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
    assert named - NAMES_IN_CAPITALS - FOREIGN_NAMES - NAMES_OF_LEGS == set()


NAMES_OF_LEGS = {"STOP_LOSS_62", "FLATTENED_62", "EXIT_1", "EXIT_PART"}  # made of a kind and a number (test_documented_behaviour)
FOREIGN_NAMES = {
    *("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "AWS_REGION", "AT_SEQUENCE_NUMBER"),  # AWS's own
    *("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),  # states of a stack
    "FUTURES_URL",  # of python-binance
    *("API_KEY", "API_SECRET"),  # variables of a reader
}
SOURCES = [
    path
    for pattern in (
        "functions/**/*.py",
        "layers/**/*.py",
        "infra/**/*.py",
        "infra/*.yaml",
        "template.yaml",
        "Makefile",
        "command_line/**/*.py",
        "clients/**/*.py",
        ".github/workflows/*.yml",
    )
    for path in ROOT.glob(pattern)
]
NAMES_IN_CAPITALS = {
    word for path in SOURCES for word in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", path.read_text(encoding="utf-8"))
}
