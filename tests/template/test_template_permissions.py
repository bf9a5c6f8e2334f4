"""Least privilege, read from the roles: who may reach what, and the few places where AWS leaves no choice."""

from collections.abc import Iterator

import pytest

from candlecast.runtime.compose.dlq_redrive import SCHEDULED_FUNCTIONS
from tests.support.called_actions import ACCOUNT as CALLED_ACCOUNT
from tests.support.called_actions import called_by, keyed_by
from tests.support.data_rights import ACCOUNT, PARTITIONS, RIGHTS, TENANT, reaches
from tests.support.transformed import (
    Statement,
    allowed,
    every_template,
    functions,
    nested,
    queue_arn,
    resources,
    role_of,
    root,
    statements,
)

pytestmark = pytest.mark.slow

SECRETS = "arn:aws:secretsmanager:region:account:secret:candlecast/stack"
READS_A_SECRET = {
    "order_executor": {f"{SECRETS}/account/*"},
    "order_reconciler": {f"{SECRETS}/account/*"},
    "key_vetting": {f"{SECRETS}/account/*"},
    "signal_intake": {f"{SECRETS}/source/*"},
    "paper_exchange": {"<OperatorSecretArn>"},
    "api": {"<CursorSecretArn>"},
}
CHANGES_SECRETS = {"secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret"}

# A `*` inside a resource is a set that has no other name. Such sets are the objects of a bucket, and the streams of a table or a
# log group. The secrets of the accounts are such a set, too: one more with each user.
NAMED_SETS = (
    "<MarketsBucketArn>/markets/*",
    "<MarketsBucketArn>/candles/*",
    "<CodeBucketArn>/code/*",
    "<ResultsBucketArn>/results/*",
    "<ResultsBucketArn>/parts/*",
    "<ArchiveBucketArn>/events/*",
    "<ArchiveBucketArn>/aws/lambda/*",
    "<TableArn>/stream/*",
    "arn:aws:execute-api:region:account:<LiveApiId>/live/*",
    f"{SECRETS}/account/*",
    f"{SECRETS}/source/*",
)


# Lambda acts under a function's role, too: it polls the queue and the stream, writes the log, and sends failed invocations.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and services-ddb-configure.html
LAMBDA_POLLS_A_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
LAMBDA_POLLS_A_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
# The API changes limits and strategies; `change` of a pool has the same name, and the API only reads pools. The reconciler looks
# up a tenant's orders in an index, and reads no item of a tenant. The API finds cards of the marketplace in an index; only the
# reconcile clock asks whether a card is missing. The candle clock compares keys that its index has given, and reads none of them.
OTHER_CHANGES = {
    "api": {("any", "RESERVATION#*"), ("write", "POOL#*"), ("read", "LISTING#*")},
    "order_reconciler": {("read", "TENANT#*")},
    # compares a follower's row of the index with its tenant; the API alone reads the counts of a signal
    "parity_checker": {("any", "TENANT#*"), ("read", "TENANT#*"), ("read", "RANKS#*")},
    "candle_clock": {("any", "STRATEGY#*"), ("read", "STRATEGY#*")},
}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
LAMBDA_LOOKS_AT_A_NETWORK = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
LAMBDA_JOINS_A_NETWORK = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
}
INTERFACES = "arn:aws:ec2:region:account:*/*"  # as in docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
BY_OTHERS: dict[str, set[str]] = {
    **dict.fromkeys(
        (
            "strategy_runner",
            "signal_fanout",
            "order_executor",
            "order_reconciler",
            "key_vetting",
            "backtest_runner",
            "parity_checker",
        ),
        LAMBDA_POLLS_A_QUEUE,
    ),
    "outbox_relay": LAMBDA_POLLS_A_STREAM | {"s3:PutObject", "s3:ListBucket"},
    "strategy_sandbox": LAMBDA_JOINS_A_NETWORK | LAMBDA_LOOKS_AT_A_NETWORK,
    "market_catalogue": {"sqs:SendMessage"},
    "health_probe": {"sqs:SendMessage"},
    "api": {"secretsmanager:TagResource"},  # demanded for the tags of CreateSecret
}


# CodeDeploy's role, and that of the function in which strangers' code runs.
NEITHER_TRACE_NOR_KEY = {"TrafficShiftRole", "StrategySandboxRole"}


def all_statements() -> Iterator[Statement]:
    for _, template in every_template():
        yield from statements(template)


def test_the_only_wildcard_resources_are_those_that_aws_demands() -> None:
    """X-Ray and descriptions of networks know no resource; CodeDeploy asks for alarms as its own policy does."""
    wild = [(it.role, it.actions) for it in all_statements() if "*" in it.resources]
    assert sorted(wild) == [
        ("StrategySandboxRole", frozenset(LAMBDA_LOOKS_AT_A_NETWORK)),
        ("TrafficShiftRole", frozenset({"cloudwatch:DescribeAlarms"})),
        ("WriteTraces", frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"})),
    ]


def test_wildcards_inside_resources_are_sets_without_another_name() -> None:
    partial = {resource for it in all_statements() for resource in it.resources if "*" in resource and resource != "*"}
    groups = {f"arn:aws:logs:region:account:log-group:/aws/lambda/stack-{name}:*" for name in functions()}
    assert partial == {*NAMED_SETS, INTERFACES} | groups


def test_no_role_has_a_wildcard_action() -> None:
    wild = {action for it in all_statements() for action in it.actions if "*" in action}
    assert wild == {"kms:GenerateDataKey*", "kms:ReEncrypt*"}  # one operation each, with and without plaintext


def test_roles_carry_no_policy_from_outside_the_stack() -> None:
    for role, properties in resources(nested("Roles"), "AWS::IAM::Role").items():
        own = [{"Ref": "WriteTraces"}, {"Ref": "UseStackKey"}]
        assert properties.get("ManagedPolicyArns", []) == ([] if role in NEITHER_TRACE_NOR_KEY else own), role
    assert not resources(root(), "AWS::IAM::Role")  # none that the transform made up


def test_the_key_is_used_only_through_the_services_that_hold_our_data() -> None:
    policy = resources(nested("Roles"), "AWS::IAM::ManagedPolicy")["UseStackKey"]["PolicyDocument"]["Statement"][0]
    through = {it["Fn::Sub"].split(".")[0] for it in policy["Condition"]["StringEquals"]["kms:ViaService"]}
    assert through == {"dynamodb", "s3", "secretsmanager", "sqs"}
    assert policy["Resource"] == {"Ref": "KeyArn"}


@pytest.mark.parametrize("name", functions())
def test_secrets_are_read_only_where_a_key_is_needed(name: str) -> None:
    assert allowed(name, "secretsmanager:GetSecretValue") == READS_A_SECRET.get(name, set())


def test_the_api_writes_keys_and_cannot_read_one_back() -> None:
    writable = {f"{SECRETS}/account/*", f"{SECRETS}/source/*"}
    used = {"secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"}
    for action in used | {"secretsmanager:DeleteSecret", "secretsmanager:TagResource"}:
        assert allowed("api", action) == writable
    reads = ("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "secretsmanager:DescribeSecret")
    assert [allowed("api", it) for it in reads] == [{"<CursorSecretArn>"}, set(), set()]


def test_nobody_but_the_api_changes_secrets() -> None:
    changing = {it.role for it in all_statements() if it.actions & CHANGES_SECRETS}
    assert changing == {role_of()["api"]}


def test_no_function_reaches_the_whole_prefix_of_secrets() -> None:
    reached = {resource for it in all_statements() for resource in it.resources if resource.startswith(SECRETS)}
    assert reached == {f"{SECRETS}/account/*", f"{SECRETS}/source/*"}


@pytest.mark.parametrize("name", functions())
def test_a_role_allows_what_the_code_of_its_function_calls_and_nothing_else(name: str) -> None:
    granted = {action for it in all_statements() if it.role == role_of()[name] for action in it.actions}
    assert granted - BY_OTHERS.get(name, set()) - LOGS == called_by(name) - BY_OTHERS.get(name, set())
    assert granted >= BY_OTHERS.get(name, set()) | LOGS


def test_nobody_scans_a_table_and_two_functions_delete() -> None:
    """A scan names no key, so that no condition on keys would hold it back.

    The API forgets that a subscription follows. A ticket of a live connection is redeemed by its deletion.
    """
    forbidden = {"dynamodb:Scan", "dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate"}
    assert not any(it.actions & forbidden for it in all_statements())
    deleting = {
        it.role for it in all_statements() if "dynamodb:DeleteItem" in it.actions and it.resources != ("<PaperTableArn>",)
    }
    assert deleting == {role_of()["api"], role_of()["live_connections"]}


@pytest.mark.parametrize("name", functions())
def test_a_function_reaches_the_partitions_of_its_own_items_only(name: str) -> None:
    """Every statement on the table or an index names the partition keys."""
    by_action: dict[str, set[str]] = {}
    lookups: dict[str, set[str]] = {}
    for it in all_statements():
        actions = {action for action in it.actions if action.startswith("dynamodb:")} - LAMBDA_POLLS_A_STREAM
        if it.role != role_of()[name] or not actions:
            continue
        if it.resources == ("<PaperTableArn>",):
            assert name == "paper_exchange"
            continue
        assert it.keys, f"{name}: {it.sid} names no partition keys"
        but_accounts = TENANT in it.keys and (name != "api" or it.sid == "Forget")
        assert it.but == ({ACCOUNT} if but_accounts else set()), f"{name}: {it.sid}"
        for resource in it.resources:
            for action in actions:
                index = resource.removeprefix("<TableArn>/index/") if "/index/" in resource else None
                found = (
                    by_action.setdefault(action.removeprefix("dynamodb:"), set())
                    if index is None
                    else lookups.setdefault(index, set())
                )
                found |= it.keys | ({ACCOUNT} if TENANT in it.keys and not it.but and index is None else set())
    assert by_action == RIGHTS[name].by_action()
    assert lookups == dict(RIGHTS[name].lookups or {})


@pytest.mark.parametrize("name", functions())
def test_a_role_reaches_each_partition_that_the_code_of_its_function_builds(name: str) -> None:
    """As far as the code shows: whether a part reads or writes, and the first part of the key."""
    patterns = {partition.partition("#")[0]: f"{partition.partition('#')[0]}#*" for partition in PARTITIONS if "#" in partition}
    patterns |= {CALLED_ACCOUNT: ACCOUNT, "LOOKS": "LOOKS", "SCHEDULES": "SCHEDULES"}
    rights = RIGHTS[name]
    read, written = rights.get | rights.batch_get | rights.query, rights.put | rights.update | rights.batch_write | rights.delete
    allowed_for = {"read": read, "write": written, "any": read | written}
    used = {(use, patterns[key]) for use, key in keyed_by(name) if key in patterns}
    assert {(use, it) for use, it in used if not _is_among(it, allowed_for[use])} <= OTHER_CHANGES.get(name, set())


def _is_among(pattern: str, allowed_patterns: frozenset[str]) -> bool:
    """Whether a first part of a key is allowed, or a part behind it is. An account is no part of its tenant."""
    return pattern in allowed_patterns or any(it.startswith(pattern) for it in allowed_patterns if it != ACCOUNT)


def test_what_counts_for_a_source_cannot_write_the_source_which_names_its_secret() -> None:
    for name in ("outbox_relay", "history_rebuild"):
        written = RIGHTS[name].put | RIGHTS[name].update
        assert [reaches(written, it) for it in ("SOURCE#s", "SOURCE#s#NOTIONAL", "SOURCE#s#COUNTED#i")] == [False, True, True]


def test_three_functions_may_send_orders() -> None:
    """The fan-out reads the limits; the API sends exits; a redrive sends what was sent before (decision 0070)."""
    senders = {name for name in functions() if queue_arn("trade.fifo") in allowed(name, "sqs:SendMessage")}
    assert senders == {"signal_fanout", "api", "dlq_redrive"}


def test_the_intake_writes_no_account_no_limit_and_no_switch() -> None:
    written = {key for it in all_statements() if it.role == role_of()["signal_intake"] and it.sid == "Write" for key in it.keys}
    assert written == {"SOURCE#*", "SIGNAL#*"}


def test_whoever_sends_orders_may_read_the_gate_in_one_request_and_the_api_sets_it() -> None:
    for name in ("order_executor", "order_reconciler"):
        assert allowed(name, "dynamodb:BatchGetItem") == {"<TableArn>"}, "items only: an index is never consistent"
        listed = {
            part for it in all_statements() if it.role == role_of()[name] and "dynamodb:Query" in it.actions for part in it.keys
        }
        assert listed <= {"TENANT#*#ORDERS"}, "switches are listed for people, not for orders"
    assert {"<TableArn>", "<TableArn>/index/GSI2"} <= allowed("api", "dynamodb:Query")
    assert "<TableArn>" in allowed("api", "dynamodb:PutItem")


# The reconcile clock releases what crashed workers have reserved in an organisation's pool. It keeps a lease for each look that
# it asks for, and completes copies of kill switches.
SWEEPS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem"}


@pytest.mark.parametrize(
    ("name", "queried", "more"),
    [
        ("candle_clock", {"/index/GSI1"}, {"dynamodb:UpdateItem", "dynamodb:GetItem"}),
        # cards of the marketplace are made of records and prices, which are queried in the table itself
        ("reconcile_clock", {"", "/index/GSI2", "/index/GSI3", "/index/GSI4"}, SWEEPS),
    ],
)
def test_a_clock_queries_no_more_than_it_needs(name: str, queried: set[str], more: set[str]) -> None:
    data = {action for it in all_statements() if it.role == role_of()[name] for action in it.actions if "dynamodb:" in action}
    assert data == {"dynamodb:Query", *more}
    assert allowed(name, "dynamodb:Query") == {f"<TableArn>{place}" for place in queried}


def test_the_paper_exchange_sees_nothing_of_the_house() -> None:
    reached = {res for it in all_statements() if it.role == role_of()["paper_exchange"] for res in it.resources}
    own_log = "arn:aws:logs:region:account:log-group:/aws/lambda/stack-paper_exchange:*"
    assert reached == {"<PaperTableArn>", "<OperatorSecretArn>", own_log}


def test_the_catalogue_has_one_writer_and_candles_have_those_who_read_history() -> None:
    written = {name: {it for it in allowed(name, "s3:PutObject") if "MarketsBucket" in it} for name in functions()}
    assert {name: places for name, places in written.items() if places} == {
        "market_catalogue": {"<MarketsBucketArn>/markets/*"},
        "strategy_validator": {"<MarketsBucketArn>/candles/*"},
        "backtest_runner": {"<MarketsBucketArn>/candles/*"},
        "parity_checker": {"<MarketsBucketArn>/candles/*"},
    }
    assert allowed("strategy_validator", "s3:GetObject") == {"<MarketsBucketArn>/markets/*", "<MarketsBucketArn>/candles/*"}
    assert not any("MarketsBucket" in it for name in functions() for it in allowed(name, "s3:DeleteObject"))


def test_the_relay_writes_events_to_the_archive_and_nobody_changes_them() -> None:
    events = "<ArchiveBucketArn>/events/*"
    assert {name for name in functions() if events in allowed(name, "s3:PutObject")} == {"outbox_relay"}
    assert not any(events in allowed(name, "s3:DeleteObject") for name in functions())


@pytest.mark.parametrize("name", functions())
def test_a_function_writes_to_its_own_log_only(name: str) -> None:
    assert allowed(name, "logs:PutLogEvents") == {f"arn:aws:logs:region:account:log-group:/aws/lambda/stack-{name}:*"}
    assert allowed(name, "logs:CreateLogGroup") == set()  # groups are the stack's, with retention


def test_functions_are_invoked_by_schedules_queues_and_doors_and_by_the_functions_that_ask_others() -> None:
    """The API asks for dead letters, quotes and checks; dead letters go back to relay and clocks; uploaded code runs apart.

    Relay and reconcile clock ask the one function that reaches live connections.
    """
    invoked = {name: allowed(name, "lambda:InvokeFunction") for name in functions()}
    own = "arn:aws:lambda:region:account:function:stack-"
    scheduled = {f"{own}{name}:live" for name in SCHEDULED_FUNCTIONS}
    assert {name: arns for name, arns in invoked.items() if arns} == {
        "api": {f"{own}dlq_redrive:live", f"{own}market_catalogue:live", f"{own}strategy_validator:live"},
        "dlq_redrive": {f"{own}outbox_relay:live"} | scheduled,
        "strategy_runner": {f"{own}strategy_sandbox:live"},
        "strategy_validator": {f"{own}strategy_sandbox:live"},
        "parity_checker": {f"{own}strategy_sandbox:live"},
        "backtest_runner": {f"{own}strategy_sandbox:live"},
        "reconcile_clock": {f"{own}live_connections:live"},
        "outbox_relay": {f"{own}live_connections:live"},
    }
    woken = ("candle_clock", "reconcile_clock", "health_probe", "market_catalogue", "parity_checker")
    assert scheduled == {f"{own}{name}:live" for name in woken}


def test_schedules_may_fire_the_clocks_and_nothing_else() -> None:
    found = {it.sid: (it.actions, it.resources) for it in statements(nested("Schedules"))}
    assert found["Fire"] == (
        frozenset({"lambda:InvokeFunction"}),
        ("<CandleClockArn>", "<ReconcileClockArn>", "<HealthProbeArn>", "<MarketCatalogueArn>", "<ParityCheckerArn>"),
    )
    assert found["TellWhatCouldNotBeFired"] == (frozenset({"sqs:SendMessage"}), ("<ScheduleDeadLettersArn>",))
    assert len(found) == 3
