"""What a cold start costs: the CPU time and the modules of each function, from an empty process to its first message.

Run as on AWS: the standard library, the built function and its built layers, read-only, so whatever has no bytecode is
compiled again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.infra.test_layers import mounted_layers
from tests.performance.measuring import Figure, against

RUNS = 5  # a start takes half a second, so these take longest of all
BARE = "start: bare python"

# Whatever variable a function's settings ask for; nothing is contacted while it starts.
ENVIRONMENT = {
    "ENVIRONMENT": "local",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "TABLE_NAME": "table",
    "PAPER_TABLE_NAME": "paper",
    "EVENT_BUS_NAME": "bus",
    "MARKETS_BUCKET": "bucket",
    "SECRET_PREFIX": "candlecast/test",
    "KMS_KEY_ID": "key",
    "OPERATOR_SECRET_ID": "operator",
    "DEAD_LETTERS_FUNCTION": "test-dlq_redrive:live",
    "FUNCTIONS_PREFIX": "test",
    "MAX_CANDLE_LATENESS_SECONDS": "300",
    "VENUES": '{"paper": {"ccxt_class": "binanceusdm", "base_url": "http://127.0.0.1:9"}}',
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Candlecast",
    **{
        f"{queue}_{kind}_URL": f"http://127.0.0.1:9/{queue.lower()}"
        for queue in ("CANDLE", "SIGNAL", "TRADE", "RECONCILE", "OUTBOX", "SCHEDULE")
        for kind in ("QUEUE", "DEAD_LETTERS")
    },
}

# What a function does at its first message before it looks at it, where that is not its builder in `bootstrap`.
OWN_STARTS = {"api": "functions.api.handler._adapter()", "paper_exchange": "functions.paper_exchange.handler.application()"}


@dataclass(frozen=True, slots=True)
class Start:
    """CPU milliseconds of the function's own code, those of the whole process, and the modules loaded at the end."""

    own_milliseconds: float
    process_milliseconds: float
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
    logical = logical_name(function)
    layers = [built / f"{layer.capitalize()}Layer" / "python" for layer in sorted(mounted_layers()[logical])]
    build = OWN_STARTS.get(function, f"from candlecast.runtime import bootstrap; bootstrap.{function}()")
    return _run(f"import functions.{function}.handler; {build}", [built / logical, *layers])


def start_of_nothing() -> Start:
    """One start of the interpreter: the floor."""
    return _run("pass", [])


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


def _run(code: str, path: list[Path]) -> Start:
    measured = f"""
import sys, time
begin = time.process_time()
{code}
end = time.process_time()
names = sorted(sys.modules)
import json
print(json.dumps([1000 * (end - begin), 1000 * end, names]))
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
    own, process, names = json.loads(outcome.stdout)
    return Start(own, process, tuple(names))
