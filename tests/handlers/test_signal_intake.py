"""The webhook function from the gateway's event to its answer."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from candlecast.domain.strategies.definition import SourceSettings
from candlecast.runtime.compose import signal_intake
from candlecast.runtime.observe import logger
from candlecast.signals.message import MAX_BODY_BYTES
from candlecast.signals.refusal import Refusal
from functions.signal_intake.handler import handle
from functions.signal_intake.webhook import status_of
from tests.support.builders import SOURCE
from tests.support.intake import SECRET, Intake
from tests.support.queue_events import Context

ROOT = Path(__file__).parents[2]
GOLDEN = ["traderspost_secret_in_path", "native_secret_in_body_base64", "native_signed"]


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    intake = Intake()
    service = intake.service()
    monkeypatch.setattr(signal_intake, "build", lambda: service)
    return intake


@pytest.fixture
def log() -> Iterator[StringIO]:
    """The structured log. Powertools keeps writing to the standard output that it found at its import."""
    written = StringIO()
    handler = cast(logging.StreamHandler[Any], logger.registered_handler)
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def golden(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "tests" / "events" / f"webhook_{name}.json").read_text())
    return event


def an_event(
    body: bytes | dict[str, Any], *, secret: str | None = SECRET, source: str = SOURCE, **headers: str
) -> dict[str, Any]:
    """A base64 event, which carries any bytes."""
    event = golden("native_secret_in_body_base64")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    event["body"] = base64.b64encode(raw).decode()
    event["pathParameters"] = {"source": source} | ({} if secret is None else {"secret": secret})
    event["headers"] |= headers
    return event


def invoke(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and parsed body of the answer."""
    answer = handle(event, Context())  # type: ignore[arg-type]
    assert SECRET not in json.dumps(answer)
    return answer["statusCode"], json.loads(answer["body"])


def test_lambdas_context_has_every_field_of_its_stand_in() -> None:
    ours = {"remaining", "spent_per_question"}
    assert [field.name for field in fields(Context) if field.name not in ours and not hasattr(LambdaContext, field.name)] == []


@pytest.mark.parametrize("name", GOLDEN)
def test_a_real_event_is_acknowledged_with_its_signal_s_id_after_it_is_stored_and_queued(intake: Intake, name: str) -> None:
    status, body = invoke(golden(name))
    (shard,) = intake.queue.sent
    assert status == 202
    signal_id = shard.signal.signal_id
    assert body == {"success": True, "id": signal_id, "signal_id": signal_id, "duplicate": False}
    assert intake.signals.get_signal(signal_id).signal == shard.signal
    assert [receipt.queued for receipt in intake.signals.database.receipts.values()] == [True]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_repeat_is_acknowledged_with_the_first_one_s_id(intake: Intake, name: str) -> None:
    _, first = invoke(golden(name))
    assert invoke(golden(name)) == (202, first | {"duplicate": True})
    assert len(intake.queue.sent) == 1


def test_a_refusal_is_a_problem_with_a_stable_code(intake: Intake) -> None:
    answer = handle(an_event({"ticker": "AAPL", "action": "buy"}), Context())  # type: ignore[arg-type]
    assert answer["statusCode"] == 422
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = json.loads(answer["body"])
    assert problem.keys() >= {"type", "title", "status", "code", "detail"}
    assert (problem["status"], problem["code"], problem["success"]) == (422, "UNKNOWN_MARKET", False)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MALFORMED_JSON"),
        (b"\xff", 400, "INVALID_ENCODING"),
        (b"x" * (MAX_BODY_BYTES + 1), 413, "BODY_TOO_LARGE"),
        ({"ticker": "BTCUSDT"}, 400, "UNKNOWN_DIALECT"),
        ({"ticker": "BTCUSDT", "action": "bu"}, 400, "INVALID_ACTION"),
        ({"ticker": "BTCUSDT", "action": "buy", "price": "{{close}}"}, 400, "UNRESOLVED_PLACEHOLDER"),
        ({"ticker": "BTCUSDT", "action": "cancel"}, 422, "UNSUPPORTED_ACTION"),
        ({"ticker": "BTCUSDT", "action": "buy", "time": "2020-01-01T00:00:00Z"}, 422, "SIGNAL_TOO_OLD"),
    ],
)
def test_bad_input_is_answered_by_what_is_wrong_with_it(intake: Intake, body: Any, status: int, code: str) -> None:
    answered, problem = invoke(an_event(body))
    assert (answered, problem["code"]) == (status, code)
    assert intake.queue.sent == []


def test_a_body_the_gateway_left_as_text_may_be_in_any_language(intake: Intake) -> None:
    event = an_event(b"")
    event |= {"body": '{"ticker": "BTCUSDT", "action": "buy", "extras": {"note": "做多 🟢"}}', "isBase64Encoded": False}
    assert invoke(event)[0] == 202
    assert intake.queue.sent[0].signal.metadata["note"] == "做多 🟢"


@pytest.mark.parametrize("changes", [{"body": None}, {"body": "\ud800", "isBase64Encoded": False}, {"body": "é%%%"}])
def test_an_odd_event_is_refused_and_does_not_crash(intake: Intake, changes: dict[str, Any]) -> None:
    status, problem = invoke(an_event(b"") | changes)
    assert (status, problem["success"]) == (400, False)


def test_plain_text_is_told_that_json_is_wanted_with_a_template_that_is_taken(intake: Intake) -> None:
    for body in (b"BTCUSDT buy", b"", b"[1]", b"{'ticker': 'BTCUSDT'}"):
        status, problem = invoke(an_event(body))
        assert (status, problem["code"]) == (400, "MALFORMED_JSON")
        assert "JSON object" in problem["detail"]
    assert invoke(an_event(problem["template"]))[0] == 202


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream"])
def test_bytes_that_are_not_utf_8_are_refused_whatever_the_gateway_made_of_them(intake: Intake, content_type: str) -> None:
    """A content type of text is passed on as text, with U+FFFD in place of such bytes. They must not get into a message."""
    raw = b'{"ticker": "BTCUSDT", "action": "exit", "extras": {"note": "\xff"}}'
    event = an_event(raw, **{"content-type": content_type})
    if content_type != "application/octet-stream":
        event |= {"body": raw.decode(errors="replace"), "isBase64Encoded": False}
    status, problem = invoke(event)
    assert (status, problem["code"]) == (400, "INVALID_ENCODING")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_any_other_method_is_answered_405_with_the_one_that_is_allowed(intake: Intake, method: str) -> None:
    event = an_event({"ticker": "BTCUSDT", "action": "buy"})
    event["requestContext"]["http"]["method"] = method
    answer = handle(event, Context())  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert (answer["headers"]["allow"], answer["headers"]["content-type"]) == ("POST", "application/problem+json")
    assert intake.queue.sent == []


@pytest.mark.parametrize("parameters", [{"proxy": "source-1/"}, {"proxy": "source-1/secret/"}, {"proxy": "a/b/c"}, None])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_path_is_answered_404(intake: Intake, parameters: dict[str, str] | None, method: str) -> None:
    event = an_event({"ticker": "BTCUSDT", "action": "buy"}) | {"pathParameters": parameters}
    event["requestContext"]["http"]["method"] = method
    answer = handle(event, Context())  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "NOT_FOUND")
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_the_address_is_the_gateway_s_and_no_header_s(intake: Intake) -> None:
    source = intake.strategies.get_source(SOURCE)
    intake.strategies.save_source(replace(source, settings=SourceSettings(allowed_addresses=("52.89.214.0/24",))))
    event = an_event({"ticker": "BTCUSDT", "action": "exit"}, **{"x-forwarded-for": "52.89.214.238"})
    assert event["requestContext"]["http"]["sourceIp"] == "52.89.214.238"
    assert invoke(event)[0] == 202
    event["requestContext"]["http"]["sourceIp"] = "198.51.100.7"
    status, problem = invoke(event)
    assert (status, problem["code"]) == (403, "ADDRESS_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("spent", "seconds"),
    [
        (SourceSettings(messages_per_minute=1), "20"),
        (SourceSettings(messages_per_hour=1), "3320"),
        (SourceSettings(messages_per_minute=1, messages_per_hour=1), "3320"),
    ],
)
def test_an_entry_beyond_a_rate_is_told_when_the_spent_minute_or_hour_ends(
    intake: Intake, spent: SourceSettings, seconds: str
) -> None:
    source = intake.strategies.get_source(SOURCE)
    intake.strategies.save_source(replace(source, settings=spent))
    intake.clock.advance(4 * 60 + 40)
    assert invoke(an_event({"ticker": "BTCUSDT", "action": "buy"}))[0] == 202
    answer = handle(an_event({"ticker": "BTCUSDT", "action": "sell"}), Context())  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (429, "RATE_EXCEEDED")
    assert answer["headers"]["retry-after"] == seconds


def test_an_unknown_source_is_answered_exactly_like_a_wrong_secret(intake: Intake) -> None:
    body = {"ticker": "BTCUSDT", "action": "buy"}
    answers = [
        handle(event, Context())  # type: ignore[arg-type]
        for event in (
            an_event(body, secret="wrong"),
            an_event(body, secret=None),
            an_event(body, source="unknown"),
            an_event(body, source="unknown", secret=None),
            an_event(body | {"secret": "wrong"}, secret=None),
            an_event(body, **{"x-candlecast-timestamp": "1795176000", "x-candlecast-signature": "0" * 64}),
            an_event(body, **{"x-candlecast-timestamp": "1", "x-candlecast-signature": "0" * 64}),
        )
    ]
    assert answers == [answers[0]] * len(answers)
    assert answers[0]["statusCode"] == 401
    assert json.loads(answers[0]["body"])["code"] == "UNAUTHENTICATED"


def test_a_queue_that_fails_is_answered_with_when_to_try_again_and_the_repeat_heals_it(intake: Intake) -> None:
    intake.queue.fail_next()
    answer = handle(golden("native_signed"), Context())  # type: ignore[arg-type]
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "TRY_AGAIN")
    assert answer["headers"]["retry-after"] == "1"
    status, body = invoke(golden("native_signed"))
    assert (status, body["signal_id"]) == (202, intake.queue.sent[0].signal.signal_id)


@pytest.mark.parametrize(
    "event",
    [
        *map(golden, GOLDEN),
        an_event(b"{"),
        an_event({"ticker": SECRET, "action": "buy"}),
        an_event({"ticker": "BTCUSDT", "action": SECRET, "extras": {"note": SECRET}}),
        an_event(b"{}", source=SECRET),
        an_event(b"{}", source=SECRET, secret=None),
    ],
)
def test_the_secret_is_in_no_log_no_receipt_and_no_message(
    intake: Intake, event: dict[str, Any], log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    invoke(event)
    printed = capfd.readouterr()
    for text in (log.getvalue(), printed.out, printed.err, repr(intake.signals.database), repr(intake.queue.sent)):
        assert SECRET not in text
        assert "x-candlecast-signature" not in text


def test_the_log_tells_source_code_and_signal_and_only_of_senders_that_are_proven(intake: Intake, log: StringIO) -> None:
    _, accepted = invoke(golden("native_signed"))
    invoke(an_event(b"{}"))
    invoke(an_event(b"{}", secret="wrong"))
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    shown = [(line["message"], line.get("source_id"), line.get("reason_code"), line.get("correlation_id")) for line in lines]
    assert shown == [
        ("webhook accepted", SOURCE, None, accepted["signal_id"]),
        ("webhook refused", SOURCE, "UNKNOWN_DIALECT", None),
        ("webhook refused", None, "UNAUTHENTICATED", None),
    ]


def json_values() -> st.SearchStrategy[Any]:
    texts = st.text(max_size=20) | st.sampled_from(
        ["buy", "sell", "exit", "LONG", "BTCUSDT", SECRET, f"a{SECRET}b", "{{close}}", "5%"]
    )
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
    )


def messages() -> st.SearchStrategy[dict[str, Any]]:
    names = [
        "ticker", "market", "action", "sentiment", "price", "signalPrice", "stopLoss", "takeProfit", "stop_loss", "take_profits",
        "orderType", "limitPrice", "timeInForce", "quantity", "quantityType", "delay", "time", "extras", "metadata", "confidence",
        "signal_id", "secret", "token", SECRET,
    ]  # fmt: skip
    likely = {
        "ticker": st.sampled_from(["BTCUSDT", SECRET]) | json_values(),
        "action": st.sampled_from(["buy", "LONG"]) | json_values(),
    }
    levels = st.fixed_dictionaries(
        {}, optional={n: json_values() for n in ("type", "percent", "amount", "stopPrice", "limitPrice")}
    )
    others = {name: json_values() for name in names if name not in likely} | {"stopLoss": levels, "takeProfit": levels}
    return st.fixed_dictionaries(likely, optional=others)


FUZZ = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FUZZ
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@example(b'{"ticker":"BTCUSDT","action":"buy","price":1e400}')
@example(b'{"ticker":"BTCUSDT","action":"buy","time":-1e18}')
@example(f'["{SECRET}"]'.encode())
def test_any_bytes_are_answered_with_a_code_and_echo_nothing(intake: Intake, body: bytes) -> None:
    status, answer = invoke(an_event(body))
    assert 400 <= status < 500
    assert answer["code"] in Refusal.__members__


@pytest.mark.slow
@FUZZ
@given(messages())
def test_any_message_is_taken_or_refused_with_a_code_and_its_secret_is_kept_nowhere(
    intake: Intake, log: StringIO, fields: dict[str, Any]
) -> None:
    status, answer = invoke(an_event(json.dumps(fields).encode()))
    assert status == 202 or answer["code"] in Refusal.__members__
    assert SECRET not in log.getvalue() + repr(intake.signals.database) + repr(intake.queue.sent)


def test_every_refusal_has_a_status_of_a_sender_s_fault() -> None:
    assert {int(status_of(refusal)) for refusal in Refusal} == {400, 401, 403, 413, 422, 429}


def test_every_code_is_explained_in_the_guide_with_its_status() -> None:
    guide = (ROOT / "docs" / "guides" / "send-signals.md").read_text()
    for refusal in Refusal:
        assert f"| `{refusal}` | {int(status_of(refusal))} |" in guide
    assert "| `TRY_AGAIN` | 503 |" in guide


ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core'}",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "ENVIRONMENT": "test",
    "TABLE_NAME": "table",
    "SIGNAL_QUEUE_URL": "https://queue.test/signal",
    "MARKETS_BUCKET": "markets",
    "SECRET_PREFIX": "candlecast/test",
}


def test_the_whole_function_loads_no_web_framework_no_exchange_library_and_no_arrays() -> None:
    script = """if True:
        import sys
        from functions.signal_intake import handler
        handler.signal_intake.build()
        print(*(name for name in sys.modules if "." not in name))
    """
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)  # noqa: S603
    modules = set(run.stdout.split())
    assert {"pydantic", "botocore"} <= modules, "nothing was loaded: the test shows nothing"
    assert not modules & {"fastapi", "starlette", "mangum", "uvicorn", "ccxt", "aiohttp", "requests", "numpy", "pandas"}
