"""Queues, tables, bucket, secret, topic: encrypted, bounded, recoverable, and nothing falls between two queues."""

import json
from typing import Any

import pytest

from candlecast.adapters.dynamodb.stream import KNOWN_VERSIONS
from candlecast.adapters.s3.outbox_letters import PREFIX
from candlecast.runtime.batch import NEWER_CODE_PAUSE_SECONDS
from candlecast.runtime.compose.consumer import HELD_SECONDS, MAX_RECEIVES, QUEUE_RECEIVES
from tests.support.transformed import (
    ROOT,
    allowed,
    every_template,
    function_name,
    functions,
    nested,
    queue_arn,
    queue_name,
    resources,
    root,
    text,
)

# queue: receives before its dead letters; a thousand where messages wait for newer code
MAIN = {
    "candle": 10,
    "uploaded-candle": 10,
    "signal": 1_000,
    "trade.fifo": 1_000,
    "reconcile": 5,
    "awaited-look": 5,
    "vetting": 10,
    "parity": 10,
    "backtest": 11,
}
SHARES_DEAD_LETTERS = {"awaited-look": "reconcile"}  # both hold requests for looks
FOURTEEN_DAYS = 14 * 24 * 3600  # the most that SQS keeps
VISIBILITY_FACTOR = 6  # AWS: at least six times the function's time-out

QUEUES = {queue_name(it): it for it in resources(root(), "AWS::SQS::Queue").values()}
LOGICAL = {key: queue_name(it) for key, it in resources(root(), "AWS::SQS::Queue").items()}
MAPPINGS = resources(root(), "AWS::Lambda::EventSourceMapping")
STREAM = {"Fn::If": ["TableAdopted", {"Ref": "AdoptedStreamArn"}, {"Fn::GetAtt": ["Table", "StreamArn"]}]}
(RELAYED,) = (it for it in MAPPINGS.values() if it["EventSourceArn"] == STREAM)


def dead_letters_of(queue: str) -> str:
    base, dot, suffix = SHARES_DEAD_LETTERS.get(queue, queue).partition(".")
    return f"{base}-dead-letters{dot}{suffix}"


def test_each_queue_of_work_has_dead_letters_and_so_have_outbox_and_schedules() -> None:
    assert QUEUES.keys() == MAIN.keys() | {dead_letters_of(it) for it in MAIN} | {"outbox-dead-letters", "schedule-dead-letters"}


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_encrypted_with_the_stacks_key(queue: str) -> None:
    assert text(QUEUES[queue]["KmsMasterKeyId"]) == "<Key>"


@pytest.mark.parametrize("queue", MAIN)
def test_a_queue_gives_up_to_dead_letters_of_its_own_kind(queue: str) -> None:
    redrive = QUEUES[queue]["RedrivePolicy"]
    target = LOGICAL[text(redrive["deadLetterTargetArn"]).strip("<>").removesuffix(".Arn")]
    assert (target, redrive["maxReceiveCount"]) == (dead_letters_of(queue), MAIN[queue])
    assert QUEUES[target].get("FifoQueue") == QUEUES[queue].get("FifoQueue")


def test_functions_know_which_receive_is_the_last() -> None:
    """At the last one they put the message aside with its reason, which the queue's own redrive cannot give."""
    assert {
        SHARES_DEAD_LETTERS.get(queue, queue).removesuffix(".fifo"): receives for queue, receives in MAIN.items()
    } == QUEUE_RECEIVES


def test_a_backtest_whose_last_try_was_killed_comes_once_more_to_be_ended() -> None:
    """Else the queue itself would move the message, and the backtest would take one of its tenant's places for ever."""
    assert QUEUE_RECEIVES["backtest"] == MAX_RECEIVES["backtest"] + 1


@pytest.mark.parametrize("queue", [it for it in QUEUES if "dead-letters" in it])
def test_dead_letters_stay_fourteen_days_and_go_nowhere_by_themselves(queue: str) -> None:
    assert QUEUES[queue]["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert "RedrivePolicy" not in QUEUES[queue]


@pytest.mark.parametrize("queue", MAIN)
def test_a_message_reaches_its_dead_letters_before_retention_ends_it(queue: str) -> None:
    properties = QUEUES[queue]
    longest = properties["VisibilityTimeout"] * properties["RedrivePolicy"]["maxReceiveCount"]
    assert properties["MessageRetentionPeriod"] > 6 * longest


@pytest.mark.parametrize("queue", ["signal", "trade.fifo"])
def test_a_message_waits_for_newer_code_for_three_days_and_not_beyond_its_retention(queue: str) -> None:
    waits = MAIN[queue] * NEWER_CODE_PAUSE_SECONDS
    assert 3 * 24 * 3600 < waits < QUEUES[queue]["MessageRetentionPeriod"]


def test_each_queue_has_one_consumer_with_a_bounded_pace_and_partial_failures() -> None:
    consumers = {}
    for mapping in MAPPINGS.values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert text(mapping["FunctionName"]).endswith("Aliaslive>")
        if mapping is RELAYED:
            continue
        queue = LOGICAL[text(mapping["EventSourceArn"]).strip("<>").removesuffix(".Arn")]
        function = resources(root(), "AWS::Lambda::Function")[text(mapping["FunctionName"]).strip("<>").removesuffix("Aliaslive")]
        consumers[queue] = function_name(function)
        assert "Ref" in mapping["ScalingConfig"]["MaximumConcurrency"]
        factor = 1 if queue in HELD_SECONDS else VISIBILITY_FACTOR  # a consumer that holds its messages needs no reserve
        assert QUEUES[queue]["VisibilityTimeout"] >= factor * function["Timeout"]
    assert consumers == {
        "candle": "strategy_runner",
        "uploaded-candle": "strategy_runner",
        "signal": "signal_fanout",
        "trade.fifo": "order_executor",
        "reconcile": "order_reconciler",
        "awaited-look": "order_reconciler",
        "vetting": "key_vetting",
        "parity": "parity_checker",
        "backtest": "backtest_runner",
    }


def test_a_reservation_is_what_the_queues_of_a_function_may_start() -> None:
    """Less would be throttled after the poll, and each such poll counts as a receive of the message."""
    paces: dict[str, list[Any]] = {}
    for mapping in MAPPINGS.values():
        name = text(mapping["FunctionName"]).strip("<>").removesuffix("Aliaslive")
        if "ScalingConfig" in mapping:
            paces.setdefault(name, []).append(mapping["ScalingConfig"]["MaximumConcurrency"]["Ref"])
    for name, started in paces.items():
        reservation = resources(root(), "AWS::Lambda::Function")[name].get("ReservedConcurrentExecutions")
        if reservation is None:
            continue
        condition, count, otherwise = reservation["Fn::If"]
        assert (condition, otherwise) == ("ConcurrencyReserved", {"Ref": "AWS::NoValue"})
        if started != [count["Ref"]]:  # of two queues: CloudFormation cannot add, so the defaults hold, and `make deploy` checks
            declared = root()["Parameters"]
            assert declared[count["Ref"]]["Default"] >= sum(declared[pace]["Default"] for pace in started)


def test_the_functions_that_trade_and_watch_may_have_a_reservation() -> None:
    reserving = {
        function_name(it) for it in resources(root(), "AWS::Lambda::Function").values() if "ReservedConcurrentExecutions" in it
    }
    trading = {"order_executor", "order_reconciler", "candle_clock", "reconcile_clock"}
    assert reserving == trading | {"api", "signal_intake", "paper_exchange", "strategy_sandbox"}


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"])
def test_only_the_consumer_takes_from_a_queue(action: str) -> None:
    takers = {name: allowed(name, action) for name in functions() if name != "dlq_redrive"}
    assert {name: queues for name, queues in takers.items() if queues} == {
        "strategy_runner": {queue_arn("candle"), queue_arn("uploaded-candle")},
        "signal_fanout": {queue_arn("signal")},
        "order_executor": {queue_arn("trade.fifo")},
        "order_reconciler": {queue_arn("reconcile"), queue_arn("awaited-look")},
        "key_vetting": {queue_arn("vetting")},
        "parity_checker": {queue_arn("parity")},
        "backtest_runner": {queue_arn("backtest")},
    }
    assert allowed("dlq_redrive", action) == {queue_arn(it) for it in QUEUES if "dead-letters" in it}


def test_the_trade_queue_orders_by_account_and_deduplicates_by_intent() -> None:
    queue = QUEUES["trade.fifo"]
    assert queue["FifoQueue"] is True
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert queue["ContentBasedDeduplication"] is False


def test_the_stream_is_bisected_retried_and_has_dead_letters() -> None:
    mapping = RELAYED
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 100
    assert mapping["DestinationConfig"]["OnFailure"] == {"Destination": {"Fn::GetAtt": ["ArchiveBucket", "Arn"]}}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["ParallelizationFactor"] > 1


def test_a_letter_of_the_outbox_rings_in_the_queue_of_its_dead_letters() -> None:
    bucket = resources(root(), "AWS::S3::Bucket")["ArchiveBucket"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    rule = resources(root(), "AWS::Events::Rule")["OutboxLetters"]
    name, key = [{"Ref": "ArchiveBucket"}], [{"prefix": PREFIX}]
    assert rule["EventPattern"]["detail"] == {"bucket": {"name": name}, "object": {"key": key}}
    assert [text(it["Arn"]) for it in rule["Targets"]] == ["<OutboxDeadLetters.Arn>"]
    policy = resources(root(), "AWS::SQS::QueuePolicy")["OutboxDeadLettersPolicy"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["OutboxLetters", "Arn"]}}}
    letters = f"<ArchiveBucketArn>/{PREFIX}*"
    assert {name for name in functions() if letters in allowed(name, "s3:PutObject")} == {"outbox_relay"}
    assert {name for name in functions() if letters in allowed(name, "s3:DeleteObject")} == {"dlq_redrive"}


def test_the_relay_is_woken_by_what_tells_something_and_not_by_what_it_writes_itself() -> None:
    mapping = RELAYED
    (wanted,) = (json.loads(it["Pattern"]) for it in mapping["FilterCriteria"]["Filters"])
    assert wanted == {"dynamodb": {"NewImage": {"kind": {"S": list(KNOWN_VERSIONS)}}}}


def test_tables_recover_to_a_point_in_time_are_encrypted_and_cost_by_use() -> None:
    tables = resources(root(), "AWS::DynamoDB::Table")
    assert tables.keys() == {"Table", "PaperTable"}
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"]["SSEType"] == "KMS"
        assert text(table["SSESpecification"]["KMSMasterKeyId"]) == "<Key.Arn>"
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert [it["AttributeName"] for it in table["KeySchema"]] == ["PK", "SK"]


def test_the_table_has_its_indexes_its_stream_its_expiry_and_protection_in_production() -> None:
    table = resources(root(), "AWS::DynamoDB::Table")["Table"]
    indexes = {
        it["IndexName"]: ([key["AttributeName"] for key in it["KeySchema"]], it["Projection"])
        for it in table["GlobalSecondaryIndexes"]
    }
    everything = {"ProjectionType": "ALL"}
    names_only = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["tenant_id", "account_id"]}
    assert indexes == {
        "GSI1": (["GSI1PK", "GSI1SK"], everything),
        "GSI2": (["GSI2PK", "GSI2SK"], everything),
        "GSI3": (["GSI3PK", "GSI3SK"], names_only),
        "GSI4": (["GSI4PK", "GSI4SK"], {"ProjectionType": "KEYS_ONLY"}),
    }
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProduction", True, False]}


@pytest.mark.parametrize("name", resources(root(), "AWS::S3::Bucket"))
def test_a_bucket_is_private_versioned_encrypted_and_speaks_tls(name: str) -> None:
    bucket = resources(root(), "AWS::S3::Bucket")[name]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert text(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]) == "<Key.Arn>"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (deny,) = resources(root(), "AWS::S3::BucketPolicy")[f"{name}Policy"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_archived_events_move_and_end_as_the_parameters_say_and_letters_never_end_by_themselves() -> None:
    rules = resources(root(), "AWS::S3::Bucket")["ArchiveBucket"]["LifecycleConfiguration"]["Rules"]
    moved, ended = (next(it for it in rules if it["Id"] == name) for name in ("OldEvents", "EndOfEvents"))
    (step,) = moved["Transitions"]
    assert (moved["Prefix"], step["StorageClass"], step["TransitionInDays"]) == (
        "events/",
        "GLACIER_IR",
        {"Ref": "ArchiveTransitionDays"},
    )
    assert int(moved["ObjectSizeGreaterThan"]) == 128 * 1024, "a smaller object is billed as one of this size there"
    assert (ended["Prefix"], ended["ExpirationInDays"]) == ("events/", {"Ref": "ArchiveDays"})
    assert [it["Id"] for it in rules if "ExpirationInDays" in it] == ["EndOfEvents"]
    bounds = root()["Parameters"]
    assert bounds["ArchiveDays"]["Default"] >= bounds["ArchiveTransitionDays"]["Default"] + 90, "what S3 bills there at least"


@pytest.mark.parametrize("name", ["OperatorSecret", "CursorSecret"])
def test_a_secret_of_the_stack_is_generated_and_encrypted(name: str) -> None:
    secret = resources(root(), "AWS::SecretsManager::Secret")[name]
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    assert text(secret["KmsKeyId"]) == "<Key.Arn>"
    assert "SecretString" not in secret


def test_the_key_rotates_and_no_log_group_is_without_retention_or_key() -> None:
    assert resources(root(), "AWS::KMS::Key")["Key"]["EnableKeyRotation"] is True
    for name, template in every_template():
        for group in resources(template, "AWS::Logs::LogGroup").values():
            assert text(group["RetentionInDays"]) == "<LogRetentionDays>", name
            assert text(group["KmsKeyId"]) in {"<Key.Arn>", "<KeyArn>"}, name


def test_alarms_and_alerts_travel_encrypted() -> None:
    topics = resources(nested("Alarms"), "AWS::SNS::Topic")
    assert {name: text(it["KmsMasterKeyId"]) for name, it in topics.items()} == {
        "AlarmTopic": "<KeyArn>",
        "AlertTopic": "<KeyArn>",
    }


KEPT = {"Fn::If": ["IsProduction", "RetainExceptOnCreate", "Delete"]}, {"Fn::If": ["IsProduction", "Retain", "Delete"]}
KEPT_PEOPLE = tuple({"Fn::If": ["IsProtected", *it["Fn::If"][1:]]} for it in KEPT)
MADE_ANEW = ("Delete", "Delete")
HOLDING_DATA = {"AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"}
PEOPLE = {"AWS::Cognito::UserPool", "AWS::Cognito::UserPoolGroup"}


def policies(template: dict[str, Any], kinds: set[str]) -> dict[str, tuple[Any, Any]]:
    found = {key: it for key, it in template["Resources"].items() if it["Type"] in kinds}
    return {key: (it.get("DeletionPolicy"), it.get("UpdateReplacePolicy")) for key, it in found.items()}


def test_production_keeps_what_cannot_be_made_again_and_dev_leaves_nothing() -> None:
    assert policies(root(), HOLDING_DATA) == {
        "Key": KEPT,
        "Table": KEPT,
        "PaperTable": KEPT,
        "MarketsBucket": KEPT,
        "ArchiveBucket": KEPT,
        "CodeBucket": KEPT,
        "ResultsBucket": KEPT,
        "OperatorSecret": MADE_ANEW,
        "CursorSecret": MADE_ANEW,
    }
    assert policies(nested("Identity"), PEOPLE) == {"UserPool": KEPT_PEOPLE, "PlatformAdmins": KEPT_PEOPLE}
    assert nested("Identity")["Conditions"]["IsProtected"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "ACTIVE"]}
    others = {name for name, template in every_template() if name != "Identity" and policies(template, PEOPLE)}
    assert not others


def test_the_stack_policy_refuses_to_replace_or_delete_what_holds_data() -> None:
    allow, deny = json.loads((ROOT / "infra" / "stack-policy.json").read_text())["Statement"]
    assert allow == {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    assert (deny["Effect"], deny["Action"]) == ("Deny", ["Update:Replace", "Update:Delete"])
    kept = {key for key, both in policies(root(), HOLDING_DATA).items() if both == KEPT}
    assert set(deny["Resource"]) == {f"LogicalResourceId/{key}" for key in kept | {"Identity"}}


def test_the_guide_lists_what_each_environment_keeps() -> None:
    guide = (ROOT / "docs" / "guides" / "deploy.md").read_text()
    table = guide[guide.index("| data | dev keeps | prod keeps |") :].split("\n\n")[0]
    listed = {row.split("|")[1].split("`")[1] for row in table.splitlines()[2:] if "`" in row.split("|")[1]}
    kept = {key for key, both in policies(root(), HOLDING_DATA).items() if both == KEPT}
    assert listed == kept | set(policies(nested("Identity"), PEOPLE))


def test_every_reference_to_the_table_follows_the_adopted_one() -> None:
    """The stack's own table is named once, where nothing was adopted, and in its own policies."""
    name = {"Fn::If": ["TableAdopted", {"Fn::Sub": "${AWS::StackName}-state-${TableGeneration}"}, {"Ref": "Table"}]}
    for function in resources(root(), "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert variables.get("TABLE_NAME", name) == name
        assert ("TABLE_NAME" in variables) == ("TABLE_GENERATION" in variables)
    nested_stacks = resources(root(), "AWS::CloudFormation::Stack")
    assert nested_stacks["Dashboards"]["Parameters"]["TableName"] == name
    assert nested_stacks["Roles"]["Parameters"]["TableStreamArn"] == STREAM
    arn = nested_stacks["Roles"]["Parameters"]["TableArn"]["Fn::If"]
    assert (arn[0], arn[2]) == ("TableAdopted", {"Fn::GetAtt": ["Table", "Arn"]})
    assert arn[1]["Fn::Sub"].endswith(":table/${AWS::StackName}-state-${TableGeneration}")
    assert root()["Outputs"]["TableName"]["Value"] == name
    bare = json.dumps({key: value for key, value in root().items() if key in ("Resources", "Outputs")})
    for adopted in (name, STREAM, nested_stacks["Roles"]["Parameters"]["TableArn"]):
        bare = bare.replace(json.dumps(adopted), "")
    assert '{"Ref": "Table"}' not in bare
    assert '["Table", ' not in bare
