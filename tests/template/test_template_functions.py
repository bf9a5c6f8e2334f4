"""The properties of every function: handler, time, layers, environment, log, and the destination of failures."""

import re
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.xray.trace import BY_OPENTELEMETRY
from candlecast.domain.market.firings import PARITY, PARITY_AT, PARITY_OVERDUE_AFTER
from candlecast.domain.values.timeframe import Timeframe
from candlecast.runtime import settings
from candlecast.services.market import announce_candles
from candlecast.services.reconcile import request_reconciles
from tests.support.transformed import (
    ROOT,
    allowed,
    as_list,
    functions,
    nested,
    queue_arn,
    queue_name,
    resources,
    role_of,
    root,
    source,
    text,
)

pytestmark = pytest.mark.slow

# Seconds and layers of each function: the budget that the rest is built on.
SHAPE = {
    "candle_clock": (30, "core deps"),
    "strategy_runner": (60, "core deps exchange strategies"),
    "strategy_sandbox": (40, "core strategies"),
    "strategy_validator": (60, "core deps exchange"),
    "backtest_runner": (900, "core deps exchange strategies"),
    "parity_checker": (900, "core deps exchange strategies"),
    "signal_intake": (10, "core deps"),
    "signal_fanout": (30, "core deps exchange"),
    "order_executor": (15, "core deps exchange signing"),
    "reconcile_clock": (30, "core deps"),
    "health_probe": (30, "core deps exchange"),
    "order_reconciler": (30, "core deps exchange signing"),
    "key_vetting": (30, "core deps exchange signing"),
    "outbox_relay": (30, "core deps"),
    "api": (29, "core deps web strategies"),
    "live_connections": (30, "core deps"),
    "market_catalogue": (60, "core deps exchange"),
    "paper_exchange": (29, "core deps web paper signing"),
    "dlq_redrive": (60, "core deps"),
    "history_rebuild": (120, "core deps"),
}

# On an order's way: these may mount a layer of OpenTelemetry, whose script starts them then.
TRACED = {"candle_clock", "strategy_runner", "signal_fanout", "order_executor", "order_reconciler"}
WRAPPER, SILENCED = "AWS_LAMBDA_EXEC_WRAPPER", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
OF_TELEMETRY = {WRAPPER, SILENCED}
EVERYWHERE = {"ENVIRONMENT", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"}
ENVIRONMENT = {
    "candle_clock": "TABLE_NAME CANDLE_QUEUE_URL UPLOADED_CANDLE_QUEUE_URL",
    "strategy_runner": (
        "TABLE_NAME CANDLE_QUEUE_URL CANDLE_DEAD_LETTERS_URL SIGNAL_QUEUE_URL MARKETS_BUCKET VENUES EGRESS_ADDRESS"
        " MAX_CANDLE_LATENESS_SECONDS UPLOADED_CANDLE_QUEUE_URL UPLOADED_CANDLE_DEAD_LETTERS_URL"
        " CODE_BUCKET SANDBOX_FUNCTION"
    ),
    "strategy_sandbox": "",
    "strategy_validator": "TABLE_NAME SANDBOX_FUNCTION MARKETS_BUCKET VENUES EGRESS_ADDRESS",
    "backtest_runner": (
        "TABLE_NAME BACKTEST_QUEUE_URL BACKTEST_DEAD_LETTERS_URL MARKETS_BUCKET CODE_BUCKET RESULTS_BUCKET SANDBOX_FUNCTION"
        " VENUES EGRESS_ADDRESS"
    ),
    "parity_checker": (
        "TABLE_NAME PARITY_QUEUE_URL PARITY_DEAD_LETTERS_URL MARKETS_BUCKET CODE_BUCKET SANDBOX_FUNCTION VENUES EGRESS_ADDRESS"
    ),
    "signal_intake": "TABLE_NAME SIGNAL_QUEUE_URL MARKETS_BUCKET SECRET_PREFIX",
    "signal_fanout": "TABLE_NAME SIGNAL_QUEUE_URL SIGNAL_DEAD_LETTERS_URL TRADE_QUEUE_URL MARKETS_BUCKET VENUES EGRESS_ADDRESS",
    "order_executor": (
        "TABLE_NAME TRADE_QUEUE_URL TRADE_DEAD_LETTERS_URL RECONCILE_QUEUE_URL AWAITED_LOOK_QUEUE_URL MARKETS_BUCKET VENUES"
        " EGRESS_ADDRESS SECRET_PREFIX"
    ),
    "reconcile_clock": "TABLE_NAME RECONCILE_QUEUE_URL AWAITED_LOOK_QUEUE_URL BACKTEST_QUEUE_URL LIVE_FUNCTION",
    "health_probe": (
        "TABLE_NAME CANDLE_QUEUE_URL SIGNAL_QUEUE_URL TRADE_QUEUE_URL PROBED_SECRET_ID EVENT_BUS_NAME VENUES EGRESS_ADDRESS"
    ),
    "order_reconciler": (
        "TABLE_NAME RECONCILE_QUEUE_URL AWAITED_LOOK_QUEUE_URL RECONCILE_DEAD_LETTERS_URL MARKETS_BUCKET VENUES EGRESS_ADDRESS"
        " SECRET_PREFIX VETTING_QUEUE_URL"
    ),
    "key_vetting": (
        "TABLE_NAME VETTING_QUEUE_URL VETTING_DEAD_LETTERS_URL RECONCILE_QUEUE_URL AWAITED_LOOK_QUEUE_URL VENUES EGRESS_ADDRESS"
        " SECRET_PREFIX"
    ),
    "outbox_relay": "TABLE_NAME EVENT_BUS_NAME ARCHIVE_BUCKET LIVE_FUNCTION",
    "api": (
        "TABLE_NAME SIGNAL_QUEUE_URL TRADE_QUEUE_URL MARKETS_BUCKET SECRET_PREFIX KMS_KEY_ID VENUES TENANT_CLAIM ROLES_CLAIM"
        " DEAD_LETTERS_FUNCTION CURSOR_SECRET_ID QUOTES_FUNCTION OPERATORS_TO_LIFT"
        " VETTING_QUEUE_URL CODE_BUCKET VALIDATOR_FUNCTION BACKTEST_QUEUE_URL PARITY_QUEUE_URL RESULTS_BUCKET"
        " AWAITED_LOOK_QUEUE_URL LIVE_URL"
    ),
    "live_connections": "TABLE_NAME LIVE_URL",
    "market_catalogue": "MARKETS_BUCKET VENUES",
    "history_rebuild": "TABLE_NAME ARCHIVE_BUCKET",
    "paper_exchange": "PAPER_TABLE_NAME OPERATOR_SECRET_ID",
    "dlq_redrive": (
        "CANDLE_QUEUE_URL UPLOADED_CANDLE_QUEUE_URL SIGNAL_QUEUE_URL TRADE_QUEUE_URL RECONCILE_QUEUE_URL CANDLE_DEAD_LETTERS_URL"
        " UPLOADED_CANDLE_DEAD_LETTERS_URL"
        " SIGNAL_DEAD_LETTERS_URL TRADE_DEAD_LETTERS_URL RECONCILE_DEAD_LETTERS_URL OUTBOX_DEAD_LETTERS_URL"
        " SCHEDULE_DEAD_LETTERS_URL VETTING_QUEUE_URL VETTING_DEAD_LETTERS_URL ARCHIVE_BUCKET FUNCTIONS_PREFIX"
        " PARITY_QUEUE_URL PARITY_DEAD_LETTERS_URL"
        " BACKTEST_QUEUE_URL BACKTEST_DEAD_LETTERS_URL"
    ),
}
CONSUMES = {
    "strategy_runner": "CANDLE_QUEUE_URL",
    "signal_fanout": "SIGNAL_QUEUE_URL",
    "order_executor": "TRADE_QUEUE_URL",
    "order_reconciler": "RECONCILE_QUEUE_URL",
    "key_vetting": "VETTING_QUEUE_URL",
    "parity_checker": "PARITY_QUEUE_URL",
    "backtest_runner": "BACKTEST_QUEUE_URL",
}
ALSO_CONSUMES = {"order_reconciler": {"AWAITED_LOOK_QUEUE_URL"}, "strategy_runner": {"UPLOADED_CANDLE_QUEUE_URL"}}

SETTINGS: dict[str, type[settings.Environment]] = {
    "candle_clock": settings.CandleClockSettings,
    "strategy_runner": settings.StrategyRunnerSettings,
    "strategy_validator": settings.StrategyValidatorSettings,
    "parity_checker": settings.ParityCheckerSettings,
    "backtest_runner": settings.BacktestRunnerSettings,
    "signal_intake": settings.SignalIntakeSettings,
    "signal_fanout": settings.SignalFanoutSettings,
    "order_executor": settings.OrderExecutorSettings,
    "reconcile_clock": settings.ReconcileClockSettings,
    "health_probe": settings.HealthProbeSettings,
    "order_reconciler": settings.OrderReconcilerSettings,
    "key_vetting": settings.KeyVettingSettings,
    "outbox_relay": settings.OutboxRelaySettings,
    "api": settings.ApiSettings,
    "live_connections": settings.LiveConnectionsSettings,
    "market_catalogue": settings.MarketCatalogueSettings,
    "dlq_redrive": settings.RedriveSettings,
    "history_rebuild": settings.HistoryRebuildSettings,
}

INVOKED_ASYNCHRONOUSLY = {"candle_clock", "reconcile_clock", "health_probe", "market_catalogue", "parity_checker", "dlq_redrive"}
MOST_LAYERS = 5
HTTP_API_SECONDS = 30  # an HTTP API gives up then, so nothing behind one may take longer


def environment(name: str) -> dict[str, Any]:
    variables: dict[str, Any] = functions()[name]["Environment"]["Variables"]
    return variables


def logical_id(name: str) -> str:
    """`order_executor` -> `OrderExecutorFunction`."""
    return "".join(word.capitalize() for word in name.split("_")) + "Function"


def test_the_path_has_its_functions() -> None:
    assert functions().keys() == SHAPE.keys()
    assert {logical_id(name) for name in SHAPE} == resources(root(), "AWS::Lambda::Function").keys()


@pytest.mark.parametrize("name", SHAPE)
def test_an_import_path_is_the_same_in_lambda_and_in_the_repository(name: str) -> None:
    written = source(ROOT / "template.yaml")["Resources"][logical_id(name)]
    assert functions()[name]["Handler"] == f"functions.{name}.handler.handle"
    assert written["Properties"]["CodeUri"] == "functions/"  # its Makefile takes one of the folders
    assert written["Metadata"] == {"BuildMethod": "makefile"}


@pytest.mark.parametrize("name", SHAPE)
def test_the_handler_that_the_template_names_exists(name: str) -> None:
    handler = ROOT / "functions" / name / "handler.py"
    assert re.search(r"^(async )?def handle\(|^handle = ", handler.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", SHAPE)
def test_a_function_has_the_time_and_mounts_the_layers_that_it_needs(name: str) -> None:
    properties = functions()[name]
    layers = [re.sub(r"^<(\w+)Layer.*$", r"\1", text(it)).lower() for it in properties["Layers"] if "Fn::If" not in it]
    assert (properties["Timeout"], " ".join(layers)) == SHAPE[name]


@pytest.mark.parametrize("name", SHAPE)
def test_environment_holds_what_the_function_needs_and_nothing_else(name: str) -> None:
    named = set(ENVIRONMENT[name].split())
    assert environment(name).keys() - OF_TELEMETRY == EVERYWHERE | named | (
        {"TABLE_GENERATION"} if "TABLE_NAME" in named else set()
    )
    assert environment(name)["POWERTOOLS_SERVICE_NAME"] == name


@pytest.mark.parametrize("name", SETTINGS)
def test_environment_is_what_the_functions_settings_read(name: str) -> None:
    read = {field.upper() for field in SETTINGS[name].model_fields}
    assert environment(name).keys() - read - OF_TELEMETRY == EVERYWHERE - {"ENVIRONMENT"}  # Powertools reads these by itself
    assert read <= environment(name).keys()


def told_queues(name: str) -> dict[str, str]:
    """ARN of each queue whose URL a function gets, by variable."""
    queues = resources(root(), "AWS::SQS::Queue")
    return {
        key: queue_arn(queue_name(queues[text(value).strip("<>")]))
        for key, value in environment(name).items()
        if key.endswith(("_QUEUE_URL", "_DEAD_LETTERS_URL"))
    }


@pytest.mark.parametrize("name", SHAPE)
def test_a_function_may_send_to_the_queues_that_it_is_told_of_and_to_no_other(name: str) -> None:
    told = told_queues(name)
    if name == "health_probe":  # asks queues whether they answer
        told = {}
    elif name == "dlq_redrive":  # takes from the dead letters, gives back to their queues
        told = {key: arn for key, arn in told.items() if key.endswith("_QUEUE_URL")}
    elif name in CONSUMES and name not in ("order_reconciler", "parity_checker"):  # changes visibility there; these two send too
        told = {key: arn for key, arn in told.items() if key not in {CONSUMES[name], *ALSO_CONSUMES.get(name, ())}}
    expected = set(told.values())
    if name in INVOKED_ASYNCHRONOUSLY:  # Lambda reports a failed event under the function's role
        expected.add(queue_arn("schedule-dead-letters"))
    assert allowed(name, "sqs:SendMessage") == expected


@pytest.mark.parametrize("name", CONSUMES)
def test_a_consumer_is_told_of_its_own_queue_and_of_its_dead_letters(name: str) -> None:
    told = told_queues(name)
    assert allowed(name, "sqs:ChangeMessageVisibility") == {told[it] for it in {CONSUMES[name], *ALSO_CONSUMES.get(name, ())}}
    assert told[CONSUMES[name].replace("_QUEUE_", "_DEAD_LETTERS_")] in allowed(name, "sqs:SendMessage")


@pytest.mark.parametrize("name", SHAPE)
def test_a_function_has_an_alias_a_trace_and_a_log_group_with_retention_and_key(name: str) -> None:
    written = source(ROOT / "template.yaml")["Resources"][logical_id(name)]["Properties"]
    aliases = {text(it["FunctionName"]): it["Name"] for it in resources(root(), "AWS::Lambda::Alias").values()}
    assert aliases[f"<{logical_id(name)}>"] == "live"
    assert written["AutoPublishAliasAllProperties"] is True  # or the alias keeps old layers and settings
    assert functions()[name]["TracingConfig"] == {"Mode": "PassThrough" if name == "strategy_sandbox" else "Active"}
    output = text(functions()[name]["LoggingConfig"]["LogGroup"]).removeprefix("<Roles.Outputs.").removesuffix(">")
    group = resources(nested("Roles"), "AWS::Logs::LogGroup")[text(nested("Roles")["Outputs"][output]["Value"]).strip("<>")]
    assert text(group["LogGroupName"]) == f"/aws/lambda/stack-{name}"
    assert (text(group["RetentionInDays"]), text(group["KmsKeyId"])) == ("<LogRetentionDays>", "<KeyArn>")


@pytest.mark.parametrize("name", SHAPE)
def test_a_function_leaves_room_for_a_layer_of_its_operators(name: str) -> None:
    """Lambda takes five (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html): extensions come as layers, too."""
    room = 0 if name == "paper_exchange" else 1  # a stand-in for a venue: it checks keys of every kind, and nobody extends it
    always = [it for it in functions()[name]["Layers"] if "Fn::If" not in it]  # OpenTelemetry's layer takes the room
    assert len(always) <= MOST_LAYERS - room


def test_the_functions_on_an_orders_way_mount_opentelemetry_if_its_layer_is_given_and_start_by_its_script() -> None:
    """One condition for both: the script without the layer would not let the function start."""
    found = {}
    for name, properties in functions().items():
        optional = [it["Fn::If"] for it in properties["Layers"] if "Fn::If" in it]
        wrapper = environment(name).get(WRAPPER)
        found[name] = (optional, wrapper["Fn::If"] if wrapper else None)
    arn = {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${OpenTelemetryLayer}"}
    nothing = {"Ref": "AWS::NoValue"}
    given = ([["OpenTelemetryGiven", arn, nothing]], ["OpenTelemetryGiven", BY_OPENTELEMETRY, nothing])
    assert found == {name: given if name in TRACED else ([], None) for name in SHAPE}
    assert root()["Parameters"]["OpenTelemetryLayer"]["Default"] == ""


def test_no_function_that_strangers_reach_mounts_opentelemetry() -> None:
    """The layer's span of a request has the path, where a secret may be, and takes its trace from a stranger's header."""
    doors = {"signal_intake", "api", "paper_exchange"}
    assert not TRACED & doors
    for name in doors:
        assert not OF_TELEMETRY & environment(name).keys()
        assert not [it for it in functions()[name]["Layers"] if "Fn::If" in it]


def test_opentelemetry_instruments_no_http_client() -> None:
    """Its spans of HTTP clients have whole URLs, and a venue's URL has the signature in its query."""
    silenced = {"Fn::If": ["OpenTelemetryGiven", "urllib3,urllib,requests", {"Ref": "AWS::NoValue"}]}
    assert {name: environment(name).get(SILENCED) for name in SHAPE} == {
        name: silenced if name in TRACED else None for name in SHAPE
    }


def _layers(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [it["Properties"] for it in template["Resources"].values() if it["Type"] == "AWS::Serverless::LayerVersion"]


def test_only_the_function_that_asks_itself_again_may_run_in_a_loop() -> None:
    """Lambda stops a chain of messages after 16 invocations, unless it is told that the chain is meant."""
    fed_by_a_schedule = {"parity_checker"}  # which sends tasks once a day; a task sends none
    asks_itself = {
        name
        for name in CONSUMES.keys() - fed_by_a_schedule
        if told_queues(name)[CONSUMES[name]] in allowed(name, "sqs:SendMessage")
    }
    assert {name for name, it in functions().items() if it.get("RecursiveLoop") == "Allow"} == asks_itself == {"order_reconciler"}


def test_layers_publish_a_new_function_version_when_they_change() -> None:
    written = source(ROOT / "template.yaml")
    assert written["Globals"]["LayerVersion"] == {"PublishLambdaVersion": True}
    methods = {
        key: it["Metadata"]["BuildMethod"] for key, it in written["Resources"].items() if it["Type"].endswith("LayerVersion")
    }
    assert {it["RetentionPolicy"] for it in _layers(written)} == {"Delete"}  # or each deployment leaves all behind for ever
    layers = ("CoreLayer", "DepsLayer", "ExchangeLayer", "SigningLayer", "WebLayer", "PaperLayer", "StrategiesLayer")
    assert methods == dict.fromkeys(layers, "makefile")  # SAM's own builds ship no bytecode


def test_a_function_that_is_invoked_asynchronously_says_where_its_failures_go() -> None:
    configured = {}
    for properties in resources(root(), "AWS::Lambda::EventInvokeConfig").values():
        assert properties["Qualifier"] == "live"  # the schedules invoke the alias
        if not properties.get("DestinationConfig"):  # the clock asks anew after a failure
            assert text(properties["FunctionName"]) == "<LiveConnectionsFunction>"
            assert properties["MaximumRetryAttempts"] == 0
            continue
        target = properties["DestinationConfig"]["OnFailure"]["Destination"]
        configured[text(properties["FunctionName"]).strip("<>")] = text(target)
    assert configured == {logical_id(name): "<ScheduleDeadLetters.Arn>" for name in INVOKED_ASYNCHRONOUSLY}


@pytest.mark.parametrize(
    ("name", "oldest"),
    [("candle_clock", announce_candles.MAX_FIRING_AGE), ("reconcile_clock", request_reconciles.MAX_FIRING_AGE)],
)
def test_scheduler_and_lambda_together_keep_no_event_for_longer_than_its_clock_takes_it(name: str, oldest: timedelta) -> None:
    (kept,) = [
        it["MaximumEventAgeInSeconds"]
        for it in resources(root(), "AWS::Lambda::EventInvokeConfig").values()
        if text(it["FunctionName"]) == f"<{logical_id(name)}>"
    ]
    arn = f"<{logical_id(name).removesuffix('Function')}Arn>"
    schedules = resources(nested("Schedules"), "AWS::Scheduler::Schedule").values()
    retried = {it["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] for it in schedules if text(it["Target"]["Arn"]) == arn}
    assert timedelta(seconds=kept + max(retried)) <= oldest


def test_schedules_invoke_aliases_of_functions_that_say_where_their_failures_go() -> None:
    passed = root()["Resources"]["Schedules"]["Properties"]["Parameters"]
    targets = {
        text(it["Target"]["Arn"]).strip("<>") for it in resources(nested("Schedules"), "AWS::Scheduler::Schedule").values()
    }
    aliases = {text(passed[it]) for it in targets}
    assert aliases == {f"<{logical_id(it)}Aliaslive>" for it in INVOKED_ASYNCHRONOUSLY - {"dlq_redrive"}}


@pytest.mark.parametrize("name", ["signal_intake", "api", "paper_exchange"])
def test_what_answers_http_gives_up_before_its_door_does(name: str) -> None:
    assert functions()[name]["Timeout"] < HTTP_API_SECONDS


def test_only_the_functions_that_sign_requests_hold_both_a_venue_and_keys() -> None:
    signing = {it for it in SHAPE if "exchange" in SHAPE[it][1] and "SECRET_PREFIX" in environment(it)}
    assert signing == {"order_executor", "order_reconciler", "key_vetting"}


def test_schedules_fire_a_minute_before_the_close_of_each_timeframe() -> None:
    schedules = resources(nested("Schedules"), "AWS::Scheduler::Schedule")
    clocks = {it["Name"]: it for it in schedules.values() if text(it["Target"]["Arn"]) == "<CandleClockArn>"}
    assert {name: it["ScheduleExpression"] for name, it in clocks.items()} == {
        f"candles-{timeframe.value}": timeframe.schedule_expression for timeframe in Timeframe
    }
    for timeframe in Timeframe:
        expected = f'{{"timeframe":"{timeframe.value}","scheduled_time":"<aws.scheduler.scheduled-time>"}}'
        assert clocks[f"candles-{timeframe.value}"]["Target"]["Input"] == expected


def test_parity_is_watched_from_the_time_on_at_which_it_is_due_and_retried_no_more() -> None:
    (parity,) = (it for it in resources(nested("Schedules"), "AWS::Scheduler::Schedule").values() if it["Name"] == PARITY)
    assert parity["ScheduleExpression"] == f"cron({PARITY_AT.minute} {PARITY_AT.hour} * * ? *)"
    assert timedelta(seconds=parity["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"]) < PARITY_OVERDUE_AFTER


def test_every_schedule_is_utc_exact_retried_and_has_dead_letters() -> None:
    schedules = resources(nested("Schedules"), "AWS::Scheduler::Schedule")
    others = {it["Name"]: it["ScheduleExpression"] for it in schedules.values() if not it["Name"].startswith("candles-")}
    assert others == {
        "reconcile": "cron(* * * * ? *)",
        "health": "cron(* * * * ? *)",
        "catalogue": "cron(7 * * * ? *)",
        "parity": "cron(20 1 * * ? *)",
    }
    assert len(schedules) == 16
    for properties in schedules.values():
        assert properties["ScheduleExpressionTimezone"] == "UTC"
        assert properties["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert text(properties["State"]) == "<State>"
        assert text(properties["Target"]["DeadLetterConfig"]["Arn"]) == "<ScheduleDeadLettersArn>"
        assert properties["Target"]["RetryPolicy"]["MaximumRetryAttempts"] >= 1


def test_no_two_functions_share_a_role() -> None:
    assert len(set(role_of().values())) == len(functions())
    for name, role in role_of().items():
        assert role.lower() == name.replace("_", "") + "role"
        trust = resources(nested("Roles"), "AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
        assert [as_list(it["Principal"]["Service"]) for it in trust] == [["lambda.amazonaws.com"]]
