"""The cost of a cold start: each function's CPU time and modules, from an empty process to its first message.

Run as on AWS: the standard library, the built function and its built layers, read-only. A module without bytecode is therefore
compiled at each start.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import plain_installation
from benchmarks.harness.measuring import Figure, against
from tests.support.transformed import mounted_layers

NAIVE_RUNS = 2  # seconds each
MEGABYTE = 1_000_000
SDK_CLIENTS = "import boto3; boto3.client('dynamodb'); boto3.client('sqs')"
RUNS = 5  # a start takes half a second, so these take longest of all
BARE = "start: bare python"

# Every variable that a function's settings ask for. A start contacts nothing.
ENVIRONMENT = {
    "ENVIRONMENT": "local",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "TABLE_NAME": "table",
    "PAPER_TABLE_NAME": "paper",
    "EVENT_BUS_NAME": "bus",
    "MARKETS_BUCKET": "bucket",
    "ARCHIVE_BUCKET": "bucket",
    "SECRET_PREFIX": "candlecast/test",
    "KMS_KEY_ID": "key",
    "OPERATOR_SECRET_ID": "operator",
    "DEAD_LETTERS_FUNCTION": "test-dlq_redrive:live",
    "QUOTES_FUNCTION": "test-market_catalogue:live",
    "CODE_BUCKET": "code",
    "RESULTS_BUCKET": "results",
    "LIVE_URL": "ws://127.0.0.1:9/live",
    "LIVE_FUNCTION": "test-live_connections:live",
    "SANDBOX_FUNCTION": "test-strategy_sandbox:live",
    "VALIDATOR_FUNCTION": "test-strategy_validator:live",
    "CURSOR_SECRET_ID": "cursors",
    "PROBED_SECRET_ID": "cursors",
    "FUNCTIONS_PREFIX": "test",
    "MAX_CANDLE_LATENESS_SECONDS": "300",
    "VENUES": '{"paper": {"ccxt_class": "binanceusdm", "base_url": "http://127.0.0.1:9"}}',
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Candlecast",
    **{
        f"{queue}_{kind}_URL": f"http://127.0.0.1:9/{queue.lower()}"
        for queue in (
            "CANDLE",
            "UPLOADED_CANDLE",
            "SIGNAL",
            "TRADE",
            "RECONCILE",
            "AWAITED_LOOK",
            "VETTING",
            "PARITY",
            "BACKTEST",
            "OUTBOX",
            "SCHEDULE",
        )
        for kind in ("QUEUE", "DEAD_LETTERS")
    },
}

# The first step of a function at its first message, where this step is not its module's `build` in `runtime/compose/`.
OWN_STARTS = {
    "api": "functions.api.handler._adapter()",
    "health_probe": "functions.health_probe.handler.health_probe.build('https://issuer.example')",
    "paper_exchange": "functions.paper_exchange.handler.application()",
    "strategy_sandbox": "functions.strategy_sandbox.handler.handle",
}


@dataclass(frozen=True, slots=True)
class Start:
    """CPU milliseconds of the function's first steps and of the whole process, peak memory, and the modules loaded at the end.

    The function's own milliseconds include its imports, those of the process also the interpreter's start.
    """

    own_milliseconds: float
    process_milliseconds: float
    resident_megabytes: float
    modules: tuple[str, ...]

    @property
    def packages(self) -> set[str]:
        return {name.partition(".")[0] for name in self.modules}


def functions() -> list[str]:
    """Every function of the template, by the name of its folder."""
    return [re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower() for name in mounted_layers()]


def logical_name(function: str) -> str:
    """The function's name in the template."""
    return "".join(part.capitalize() for part in function.split("_")) + "Function"


def start(built: Path, function: str) -> Start:
    """One start of the function, in a process of its own."""
    code, *layers = package(built, function)
    return run(first_steps(function), [code, *(layer / "python" for layer in layers)])


def first_steps(function: str) -> str:
    """The code that a function runs before it looks at its first message."""
    build = OWN_STARTS.get(function, f"functions.{function}.handler.{function}.build()")
    return f"import functions.{function}.handler; {build}"


def package(built: Path, function: str) -> list[Path]:
    """The folders that Lambda unpacks for the function: its own code, then its layers."""
    logical = logical_name(function)
    return [built / logical, *(built / f"{layer.capitalize()}Layer" for layer in sorted(mounted_layers()[logical]))]


def start_of_nothing() -> Start:
    """One start of the interpreter: the floor."""
    return run("pass", [])


def figures(built: Path) -> Iterator[Figure]:
    """Each function's start against the interpreter's own that was made just before it."""
    floors: list[Start] = []
    for function in functions():
        pairs = [(start_of_nothing(), start(built, function)) for _ in range(RUNS)]
        floors += [floor for floor, _ in pairs]
        yield against(
            f"start: {function}",
            "ms",
            [started.process_milliseconds for _, started in pairs],
            BARE,
            [floor.process_milliseconds for floor, _ in pairs],
        )
        yield against(
            f"start: {function}, modules",
            "modules",
            [len(started.modules) for _, started in pairs],
            f"{BARE}, modules",
            [len(floor.modules) for floor, _ in pairs],
        )
    yield Figure(name=BARE, unit="ms", values=tuple(floor.process_milliseconds for floor in floors))
    yield Figure(name=f"{BARE}, modules", unit="modules", values=tuple(float(len(floor.modules)) for floor in floors))


def section(built: Path) -> dict[str, object]:
    """`cold_start` of the report.

    `import_ms` is the CPU time from the interpreter's being ready to the first message. `cpu_ms` is the CPU time of the whole
    process, the interpreter's start included. `rss_mb` is the most memory held, `package_mb` code and layers unpacked. `floor`
    has the bare interpreter, and boto3 as published, with bytecode, making two clients. `naive` is the executor from a plain
    installation of the same locks: nothing pruned, no bytecode. The least of a few runs counts: a start always does the same, and
    only the machine makes a run longer.
    """
    bare, sdk = _best([start_of_nothing() for _ in range(RUNS)]), _best([start_of_sdk() for _ in range(RUNS)])
    starts = {name: _best([start(built, name) for _ in range(RUNS)]) for name in functions()}
    plain = plain_installation.installed()
    naive = _best([run(first_steps("order_executor"), plain) for _ in range(NAIVE_RUNS)])
    executor, intake = starts["order_executor"], starts["signal_intake"]
    rows: dict[str, object] = {
        name: _row(started) | {"package_mb": megabytes(package(built, name))} for name, started in starts.items()
    }
    return rows | {
        "floor": {"bare_python": _row(bare), "boto3_two_clients": _row(sdk)},
        "naive": _row(naive) | {"package_mb": megabytes(plain)},
        "ratios": {
            "executor_to_naive": round(executor.own_milliseconds / naive.own_milliseconds, 3),
            "executor_to_bare_python": round(executor.process_milliseconds / bare.process_milliseconds, 1),
            "executor_to_boto3_two_clients": round(executor.own_milliseconds / sdk.own_milliseconds, 2),
            "intake_to_boto3_two_clients": round(intake.own_milliseconds / sdk.own_milliseconds, 2),
        },
    }


def start_of_sdk() -> Start:
    """One start that imports boto3 from the development environment, as published, and makes two clients."""
    return run(SDK_CLIENTS, [Path(sysconfig.get_path("purelib"))])


def keep_bytecode_of_sdk() -> None:
    """Write it if nothing has yet: a fresh environment has none, and its first start would be another floor."""
    subprocess.run([sys.executable, "-c", SDK_CLIENTS], env={**ENVIRONMENT, "PATH": os.environ["PATH"]}, check=True)  # noqa: S603


def megabytes(folders: list[Path]) -> float:
    """Size of the files in the folders, unpacked."""
    sizes = (path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    return round(sum(sizes) / MEGABYTE, 1)


def _best(starts: list[Start]) -> Start:
    return min(starts, key=lambda it: it.own_milliseconds)


def _row(started: Start) -> dict[str, float]:
    return {
        "import_ms": round(started.own_milliseconds, 1),
        "cpu_ms": round(started.process_milliseconds, 1),
        "rss_mb": round(started.resident_megabytes, 1),
    }


def run(code: str, path: list[Path]) -> Start:
    """Run the code in an empty process that can import from the standard library and the path alone."""
    measured = f"""
import sys, time
begin = time.process_time()
{code}
end = time.process_time()
names = sorted(sys.modules)
import json, resource
from pathlib import Path
status = Path("/proc/self/status")  # what getrusage says on Linux begins with the parent's
told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak = status.read_text().partition("VmHWM:")[2].split()[0] if status.exists() else told
print(json.dumps([1000 * (end - begin), 1000 * end, int(peak) / 1024, names]))
"""
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-S", "-P", "-c", measured]  # nothing from the folder that this is started in
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stderr
    own, process, resident, names = json.loads(outcome.stdout)
    return Start(own, process, resident, tuple(names))
