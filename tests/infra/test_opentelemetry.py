"""With the layer of OpenTelemetry the same segments and subsegments are spans; without it nothing of OpenTelemetry is imported.

The bridge runs on the real API and SDK, in an environment of its own, as a function does behind the layer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from candlecast.adapters.xray.trace import BY_OPENTELEMETRY, OF_INVOCATION, WRAPPER, TraceHeader
from tests.support.fakes.xray import HEADER, OWN, ROOT

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
INTERPRETER = REPOSITORY / ".venvs" / "telemetry" / "bin" / "python"
RUN_SECONDS = 300
FUNCTION = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from candlecast.adapters.xray.trace import header_to_send, subsegment, working_on

kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)

def ask_venue():
    request = {"method": "POST", "url": "https://fapi.binance.com/fapi/v1/order"}
    with subsegment("fapi.binance.com", http={"request": request}) as told:
        told["http"]["response"] = {"status": 200}

with trace.get_tracer("layer").start_as_current_span("handler"), working_on("order_executor"):
    try:
        with working_on("order_executor", sys.argv[1]) as work:
            work.annotate(correlation_id="candle-1")
            with subsegment("DynamoDB", aws={"operation": "GetItem"}):
                pass
            with ThreadPoolExecutor(1) as lanes:
                lanes.submit(ask_venue).result()
            sent = header_to_send()
            raise ValueError("a text that may hold a key")
    except ValueError:
        pass
print(json.dumps({"sent": sent, "spans": [json.loads(span.to_json()) for span in kept.get_finished_spans()]}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    if not INTERPRETER.exists():
        pytest.fail("the environment is missing: sh infra/local/bootstrap.sh telemetry")
    environment = {**os.environ, WRAPPER: BY_OPENTELEMETRY, OF_INVOCATION: OWN, "PYTHONPATH": str(REPOSITORY / "layers" / "core")}
    command = [str(INTERPRETER), "-c", FUNCTION, HEADER]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def spans(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [span for span in told["spans"] if span["name"] == name]


def test_a_message_is_a_span_in_the_trace_of_its_header_below_its_sender(told: dict[str, Any]) -> None:
    message = next(span for span in spans(told, "order_executor") if span["kind"] == "SpanKind.CONSUMER")
    assert message["context"]["trace_id"] == "0x" + ROOT.removeprefix("1-").replace("-", "")
    assert message["parent_id"] == "0x53995c3f42cd8ad8"
    assert message["attributes"] == {"correlation_id": "candle-1"}


def test_an_invocation_is_a_span_below_that_of_the_layer(told: dict[str, Any]) -> None:
    (handler,) = spans(told, "handler")
    invocation = next(span for span in spans(told, "order_executor") if span["kind"] == "SpanKind.INTERNAL")
    assert invocation["parent_id"] == handler["context"]["span_id"]


def test_requests_are_spans_below_the_message_in_every_thread(told: dict[str, Any]) -> None:
    message = next(span for span in spans(told, "order_executor") if span["kind"] == "SpanKind.CONSUMER")
    (read,), (order,) = spans(told, "DynamoDB"), spans(told, "fapi.binance.com")
    assert {read["parent_id"], order["parent_id"]} == {message["context"]["span_id"]}
    assert read["attributes"] == {"rpc.method": "GetItem"}
    assert order["attributes"] == {
        "http.request.method": "POST",
        "url.full": "https://fapi.binance.com/fapi/v1/order",
        "http.response.status_code": 200,
    }


def test_the_next_message_goes_on_below_the_span(told: dict[str, Any]) -> None:
    message = next(span for span in spans(told, "order_executor") if span["kind"] == "SpanKind.CONSUMER")
    header = TraceHeader.parse(told["sent"])
    assert header is not None
    assert (header.root, header.parent, header.is_sampled) == (ROOT, message["context"]["span_id"].removeprefix("0x"), True)


def test_an_error_shows_by_its_type_alone(told: dict[str, Any]) -> None:
    message = next(span for span in spans(told, "order_executor") if span["kind"] == "SpanKind.CONSUMER")
    assert message["status"] == {"status_code": "ERROR", "description": "ValueError"}
    assert "may hold a key" not in json.dumps(told)


def test_without_the_layer_nothing_of_opentelemetry_is_imported() -> None:
    script = "import sys; from candlecast.adapters.xray.trace import subsegment, working_on\n"
    script += "with working_on('x'), subsegment('y'): pass\n"
    script += "print([name for name in sys.modules if 'opentelemetry' in name])"
    environment = {**os.environ, OF_INVOCATION: OWN, "PYTHONPATH": str(REPOSITORY / "layers" / "core")}
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=True
    )
    assert run.stdout.strip() == "[]"
