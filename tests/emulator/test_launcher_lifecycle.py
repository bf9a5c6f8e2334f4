"""Starting, stopping and failing: clear words, and nothing left behind."""

import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.cloud import CLOUDS, Cloud, Ports
from infra.local.project import ROOT, CommandError, interpreter
from tests.support.launcher_stack import create_function, invoke
from tests.support.processes import alive, ends
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
NAME = "test-launcher-lifecycle"
START_SECONDS = 600.0  # for one that hangs


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    instance = Cloud(NAME)
    yield instance
    instance.stop()


def scratch(cloud: Cloud) -> Path:
    return cloud.state / "tmp"


def busy_worker(cloud: Cloud) -> int:
    """A worker in the middle of an invocation that takes an hour."""
    create_function(cloud, "sleeps", "import time\ndef handler(event, context): time.sleep(3600)", Timeout=900)
    cloud.client("lambda").invoke(FunctionName="sleeps", InvocationType="Event", Payload=b"{}")
    found = until(lambda: [worker for worker in cloud.workers("sleeps") if worker.busy], bool)
    return found[0].pid


def test_a_clean_stop_leaves_no_process_and_no_scratch_folder(cloud: Cloud) -> None:
    cloud.start()
    worker = busy_worker(cloud)
    assert alive(worker)
    assert scratch(cloud).exists()
    cloud.stop()
    assert not alive(worker)
    assert not scratch(cloud).exists()
    assert not cloud.running()


def test_after_a_kill_the_workers_end_by_themselves_and_the_next_start_cleans_up(cloud: Cloud) -> None:
    cloud.start()
    worker = busy_worker(cloud)
    assert cloud._process is not None
    cloud._process.send_signal(signal.SIGKILL)
    cloud._process.wait()
    assert cloud.crashed
    assert ends(worker), "a worker outlived its emulator"
    left = {path.name for path in scratch(cloud).glob("ministack-lambda-*")}
    assert left, "nothing was left to clean up: the test shows nothing"
    cloud.start()
    assert not left & {path.name for path in scratch(cloud).glob("*")}
    create_function(cloud, "fresh", "def handler(event, context): return 'works'")
    assert invoke(cloud, "fresh") == ("works", False)


def test_it_stops_when_whoever_started_it_is_gone() -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from infra.local.cloud import Cloud
cloud = Cloud({NAME!r}).start()
print(cloud._process.pid, flush=True)
os._exit(1)
"""
    command = [str(interpreter("dev")), "-c", code]
    started = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=START_SECONDS, check=False)  # noqa: S603
    pid = int(started.stdout)
    assert ends(pid)


def test_it_stops_too_when_whoever_started_it_was_gone_before_it_could_look(tmp_path: Path) -> None:
    """Its imports take a second: a demo that was killed in its first one left an emulator running."""
    ports = Ports.free()
    gone = subprocess.Popen(["true"])  # noqa: S607
    gone.wait()
    command = [str(interpreter("emulator")), "-m", "infra.local.emulator", f"--port={ports.aws}", f"--end-with={gone.pid}"]
    command += [f"--state={tmp_path / 'state'}", f"--code={tmp_path / 'code'}"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=START_SECONDS, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stderr
    assert not (tmp_path / "state" / "tmp").exists()


def test_an_interrupted_start_leaves_no_emulator(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes]) -> None:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud, "_wait_until_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cloud.start()
    assert not alive(started[0].pid)
    assert not cloud.running()


def test_a_stop_by_another_process_is_no_crash(cloud: Cloud) -> None:
    cloud.start()
    Cloud.attach(NAME).stop()
    assert not until(lambda: cloud.alive, lambda found: not found)
    assert not cloud.crashed


def test_instances_side_by_side_share_nothing(cloud: Cloud) -> None:
    cloud.start()
    with Cloud(f"{NAME}-other") as other:
        cloud.client("sqs").create_queue(QueueName="mine")
        assert not other.client("sqs").list_queues().get("QueueUrls")
        assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1


def test_a_second_instance_of_a_name_is_refused_and_the_first_goes_on(cloud: Cloud) -> None:
    cloud.start()
    with pytest.raises(CommandError, match="running already"):
        Cloud(NAME).start()
    assert cloud.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_instance_at_the_ports_of_another_is_refused_and_never_taken_for_it(cloud: Cloud) -> None:
    cloud.start()
    with pytest.raises(CommandError, match=f"port {cloud.ports.aws} is taken"):
        Cloud(f"{NAME}-other", ports=cloud.ports).start()
    assert cloud.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_instance_that_was_killed_is_not_found_in_its_successor_at_the_port(cloud: Cloud) -> None:
    cloud.start()
    killed = CLOUDS / f"{NAME}-killed"
    killed.mkdir(parents=True, exist_ok=True)
    (killed / "instance.json").write_text((cloud.state / "instance.json").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CommandError, match="no embedded cloud"):
        Cloud.attach(killed.name)
    Cloud(killed.name, ports=cloud.ports).stop()
    assert Cloud.attach(NAME).workers() == []


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        free = Ports.free()
        for ports in (Ports(number, free.api, free.paper), Ports(free.aws, free.api, number)):
            with pytest.raises(CommandError, match=f"port {number} is taken"):
                Cloud(NAME, ports=ports).start()


def test_a_state_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file", encoding="utf-8")
    with pytest.raises(CommandError, match=r"state folder .*state"):
        Cloud(NAME, state=blocked).start()


def test_a_full_disk_is_said_at_the_start_and_nothing_is_left(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: the system refuses the same write."""
    state = tmp_path / "state"
    ports = Ports.free()
    command = [str(interpreter("emulator")), "-m", "infra.local.emulator", f"--port={ports.aws}"]
    command += [f"--state={state}", f"--code={tmp_path / 'code'}"]

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    outcome = subprocess.run(  # noqa: S603
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        preexec_fn=limit,
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"candlecast emulator: cannot use the state folder {state}")
    assert not (state / "tmp").exists()


def test_nothing_listens_beyond_this_machine(cloud: Cloud) -> None:
    cloud.start()
    assert cloud._process is not None
    owned = {str(link.readlink()) for link in Path(f"/proc/{cloud._process.pid}/fd").iterdir() if link.is_symlink()}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    addresses = {row[1].split(":")[0] for row in listening if row[3] == "0A" and f"socket:[{row[9]}]" in owned}
    assert addresses == {"0100007F"}, "127.0.0.1 and nothing else"


def test_a_web_page_reads_no_secret(cloud: Cloud) -> None:
    cloud.start()
    cloud.client("secretsmanager").create_secret(Name="s", SecretString="of the vault")
    own = {
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261129/us-east-1/secretsmanager/aws4_request, Signature=x",
    }
    assert "of the vault" in httpx.post(cloud.endpoint, headers=own, content='{"SecretId":"s"}').text
    for page in ({"Origin": "https://evil.example"}, {"Host": "evil.example:4566"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = httpx.post(cloud.endpoint, headers={**own, **page}, content='{"SecretId":"s"}')
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (403, None)
        assert "of the vault" not in answer.text
