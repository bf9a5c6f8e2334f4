"""An instance keeps everything of the product from one run to the next, after a clean stop."""

from __future__ import annotations

import signal
import stat
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.local import cloud as embedded
from infra.local import deployment, kept_state
from infra.local.cloud import Cloud, Ports
from infra.local.emulator.patching import MINISTACK_VERSION
from infra.local.kept_state import Kept
from infra.local.project import CommandError
from tests.support.launcher_stack import create_function, invoke
from tests.support.waiting import until

NAME = "test-launcher-state"
KEPT = Kept(MINISTACK_VERSION, Ports(1, 2, 3), "build", 50, "user-0005@example.com", "sma-cross-btc-usdt-1m")


@pytest.fixture
def ports() -> Ports:
    return Ports.free()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    kept_state.forget(NAME)
    yield
    kept_state.forget(NAME)


def instance(ports: Ports) -> Cloud:
    return Cloud(NAME, ports=ports, keep_state=True)


@pytest.mark.e2e
def test_rows_secrets_people_files_messages_and_functions_survive_a_clean_stop(ports: Ports) -> None:
    with instance(ports) as cloud:
        key = [{"AttributeName": "PK", "AttributeType": "S"}]
        schema = [{"AttributeName": "PK", "KeyType": "HASH"}]
        dynamodb = cloud.client("dynamodb")
        dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=key, KeySchema=schema)
        dynamodb.put_item(TableName="table", Item={"PK": {"S": "a"}, "body": {"B": b"\x00\xff"}, "version": {"N": "7"}})
        cloud.client("secretsmanager").create_secret(Name="s", SecretString="of the vault")
        cloud.client("s3").create_bucket(Bucket="markets")
        cloud.client("s3").put_object(Bucket="markets", Key="k", Body=b"rows")
        queue = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="waits")
        pool = cloud.client("cognito-idp").create_user_pool(PoolName="p")["UserPool"]["Id"]
        cloud.client("cognito-idp").admin_create_user(UserPoolId=pool, Username="you@example.com", MessageAction="SUPPRESS")
        create_function(cloud, "answers", "def handler(event, context): return 'works'")
        invoke(cloud, "answers")
    assert (cloud.state / "state" / "saved_at").exists()
    assert stat.S_IMODE((cloud.state / "state").stat().st_mode) == 0o700, "the vault's secrets lie there readable"
    with instance(ports) as cloud:
        row = cloud.client("dynamodb").get_item(TableName="table", Key={"PK": {"S": "a"}})["Item"]
        assert (row["body"]["B"], row["version"]["N"]) == (b"\x00\xff", "7")
        assert cloud.client("secretsmanager").get_secret_value(SecretId="s")["SecretString"] == "of the vault"
        assert cloud.client("s3").get_object(Bucket="markets", Key="k")["Body"].read() == b"rows"
        (message,) = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert message["Body"] == "waits"
        assert cloud.client("cognito-idp").admin_get_user(UserPoolId=pool, Username="you@example.com")["Enabled"]
        assert until(lambda: invoke(cloud, "answers"), lambda answer: not answer[1]) == ("works", False)


@pytest.mark.e2e
def test_what_a_killed_run_changed_is_lost_and_said_to_be(ports: Ports) -> None:
    with instance(ports) as cloud:
        cloud.client("sqs").create_queue(QueueName="before")
        replace(KEPT, ports=ports).save(cloud)
    with instance(ports) as cloud:
        cloud.client("sqs").create_queue(QueueName="lost")
        assert cloud._process is not None
        cloud._process.send_signal(signal.SIGKILL)
        cloud._process.wait()
    found = kept_state.find(NAME, None)
    assert found is not None
    assert found.complaint is not None
    assert "killed" in found.complaint
    with instance(ports) as cloud:
        urls = cloud.client("sqs").list_queues()["QueueUrls"]
        assert [url.rpartition("/")[2] for url in urls] == ["before"]


@pytest.fixture
def folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A stopped instance with a state of an earlier run."""
    monkeypatch.setattr(kept_state, "CLOUDS", tmp_path)
    monkeypatch.setattr(embedded, "CLOUDS", tmp_path)
    cloud = Cloud(NAME, ports=KEPT.ports)
    (cloud.state / "state").mkdir(parents=True)
    (cloud.state / "state" / "dynamodb.json").write_text("{}", encoding="utf-8")
    (cloud.state / "state" / "saved_at").write_text("now", encoding="utf-8")
    KEPT.save(cloud)
    yield cloud


def test_a_state_is_found_with_what_it_was_made_of(folder: Cloud) -> None:
    assert kept_state.find(NAME, None) == kept_state.Found(KEPT, None)
    assert kept_state.find(NAME, KEPT.ports) == kept_state.Found(KEPT, None)
    assert kept_state.find("another", None) is None


def test_a_first_run_that_was_killed_leaves_a_record_without_a_state(folder: Cloud) -> None:
    for file in (folder.state / "state").iterdir():
        file.unlink()
    assert kept_state.is_recorded(NAME)
    assert kept_state.find(NAME, None) is None
    assert not kept_state.is_recorded(NAME)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"emulator": "1.5.32"}, "STATE_OF_OTHER_EMULATOR"), ({"ports": Ports(9, 2, 3)}, "STATE_OF_OTHER_PORTS")],
)
def test_a_state_that_cannot_be_used_is_refused_and_stays(folder: Cloud, change: dict[str, object], code: str) -> None:
    replace(KEPT, **change).save(folder)  # type: ignore[arg-type]
    with pytest.raises(CommandError, match="--fresh") as refusal:
        kept_state.find(NAME, KEPT.ports)
    assert refusal.value.code == code
    assert (folder.state / "state" / "dynamodb.json").exists()


def test_a_record_that_cannot_be_read_is_refused(folder: Cloud) -> None:
    (folder.state / kept_state.RECORD).write_text('{"users": 3}', encoding="utf-8")
    with pytest.raises(CommandError, match="cannot be read") as refusal:
        kept_state.find(NAME, None)
    assert refusal.value.code == "STATE_UNREADABLE"


def test_a_start_that_was_not_finished_leaves_nothing_to_go_on_with(folder: Cloud) -> None:
    (folder.state / "state" / "dynamodb.json").unlink()
    assert kept_state.find(NAME, None) is None
    assert not (folder.state / kept_state.RECORD).exists()


def test_a_deployment_is_noted_so_that_the_next_start_knows_what_runs(folder: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "build", lambda: "another build")
    kept_state.note_build(folder)
    assert kept_state.find(NAME, None) == kept_state.Found(replace(KEPT, build="another build"), None)
    monkeypatch.setattr(kept_state, "_read", lambda _path: pytest.fail("an instance without a state has none to note in"))
    kept_state.note_build(Cloud("another", ports=KEPT.ports))


def test_fresh_forgets_everything(folder: Cloud) -> None:
    kept_state.forget(NAME)
    assert not (folder.state / "state").exists()
    assert kept_state.find(NAME, None) is None
