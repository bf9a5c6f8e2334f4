"""One embedded cloud: start, deploy, inspect and stop. The command line and the tests use this module.

with Cloud("demo") as cloud:
    outputs = cloud.deploy()
    cloud.client("sqs").send_message(QueueUrl=outputs["CandleQueueUrl"], MessageBody="...")
"""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from infra.local import deployment
from infra.local.project import BUILD, ROOT, CommandError, interpreter, tool_environment

CLOUDS = BUILD / "cloud"
CODE = CLOUDS / "code"  # unzipped functions and layers, by content: instances share it
# For what hangs, all of these: a busy machine takes its time.
START_SECONDS = 300.0
STOP_SECONDS = 60.0
RELAY_SECONDS = 600.0
POLL_SECONDS = 0.05
REQUEST_SECONDS = 300.0
ANSWER_SECONDS = 60.0  # an idle emulator answers at once, and a port that nobody listens on refuses at once
ADMINISTRATOR = "test"  # the emulator's name for the administrator, who may do everything
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
DEFAULT_WORKERS = 4  # processes of one function; more only get in each other's way on a desk


@dataclass(frozen=True)
class Ports:
    """Where an instance answers on 127.0.0.1: AWS's APIs, the product's HTTP API, the paper exchange's."""

    aws: int
    api: int
    paper: int

    @classmethod
    def free(cls) -> Self:
        """Three ports that nothing listens on now."""
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(3)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            return cls(*(probe.getsockname()[1] for probe in probes))


USUAL_NAME = "up"
USUAL_PORTS = Ports(aws=4566, api=8080, paper=8081)


@dataclass(frozen=True)
class Worker:
    """A process that runs a function; `busy` while it is in an invocation, `tenant` if the function keeps tenants apart."""

    function: str
    pid: int
    busy: bool
    tenant: str | None = None


@dataclass(frozen=True)
class Waiting:
    """The work that is left: messages by queue, records of the table's stream. `looks` is how often all queues were polled."""

    messages: Mapping[str, int]
    records: int
    looks: int


@dataclass(frozen=True)
class User:
    """Somebody who can sign in; the tenant is `sub`."""

    email: str
    sub: str
    token: str


def require_name(name: str) -> None:
    """Refuse a name that is no plain folder name. Raises CommandError (UNKNOWN_INSTANCE)."""
    if not NAME.fullmatch(name):
        raise CommandError(f"{name!r} is no name of an embedded cloud: letters, digits, - and _", "UNKNOWN_INSTANCE", 2)


class Cloud:
    """An instance by name, with a folder and ports of its own; several can run side by side."""

    def __init__(
        self,
        name: str,
        *,
        ports: Ports | None = None,
        workers_per_function: int = DEFAULT_WORKERS,
        enforce_roles: bool = True,
        state: Path | None = None,
        keep_state: bool = False,
        say: deployment.Say = lambda _text: None,
    ) -> None:
        self.name = name
        self.ports = ports or Ports.free()
        self.state = state or CLOUDS / name
        self._workers_per_function = workers_per_function
        self._enforce_roles = enforce_roles
        self._keep_state = keep_state
        self.say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self._outputs: dict[str, str] | None = None

    @classmethod
    def attach(cls, name: str) -> Self:
        """The running instance of that name, started by another process. Raises CommandError if there is none."""
        require_name(name)
        try:
            known = json.loads((CLOUDS / name / "instance.json").read_text(encoding="utf-8"))
            found = cls(name, ports=Ports(**known))
            found._identify()
        except TimeoutError as error:
            message = f"the embedded cloud called {name} does not answer within {ANSWER_SECONDS:.0f} s: the machine may be busy"
            raise CommandError(message, "INSTANCE_NOT_RUNNING", 3) from error
        except (OSError, ValueError, CommandError) as error:
            start = f"`candlecast local up{'' if name == USUAL_NAME else f' --name {name}'}` starts it"
            raise CommandError(f"no embedded cloud called {name} is running: {start}", "INSTANCE_NOT_RUNNING", 3) from error
        return found

    def _identify(self) -> int:
        """Process id of the emulator that answers. Raises CommandError (INSTANCE_NOT_RUNNING) if it is not this instance's own.

        After a crash the port may be another checkout's, or another user's: it must be neither killed nor traded on.
        """
        known = self._request("GET", "/_candlecast/workers", ANSWER_SECONDS)
        pid = known.get("pid") if isinstance(known, dict) else None
        if not isinstance(pid, int) or pid <= 1 or known.get("state") != str(self.state.resolve()):
            raise CommandError(f"another program answers at {self.endpoint}", "INSTANCE_NOT_RUNNING", 3)
        return pid

    # -------------------------------------------------------------- life

    def running(self) -> bool:
        """Whether an instance of this name runs, no matter who started the instance."""
        try:
            type(self).attach(self.name)
        except CommandError:
            return False
        return True

    @property
    def alive(self) -> bool:
        """Whether the emulator that this object has started still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def crashed(self) -> bool:
        """Whether the emulator that this object has started ended other than asked to; it has then saved nothing."""
        return self._process is not None and self._process.poll() not in (None, 0)

    def start(self) -> Self:
        """Start the emulator and return when it answers. Raises CommandError with its own words if it cannot.

        An interruption, Ctrl-C included, leaves no emulator running.
        """
        require_name(self.name)
        if self.running():
            message = f"an embedded cloud called {self.name} is running already: stop it, or take another name"
            raise CommandError(message, "INSTANCE_RUNNING")
        self.say("start the embedded cloud")
        with contextlib.suppress(OSError):  # the emulator says it better
            self.state.mkdir(parents=True, exist_ok=True)
        command = [str(interpreter("emulator")), "-m", "infra.local.emulator", f"--end-with={os.getpid()}"]
        command += ["--port", str(self.ports.aws), "--state", str(self.state), "--code", str(CODE)]
        command += [f"--http-api={self.ports.api}={deployment.STACK}-api"]
        command += [f"--http-api={self.ports.paper}={deployment.STACK}-paper"]
        command += [f"--workers-per-function={self._workers_per_function}"]
        command += ["--enforce-roles"] if self._enforce_roles else []
        command += ["--keep-state"] if self._keep_state else []
        with self._output_file() as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=tool_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the command line, which stops the emulator in order
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        (self.state / "instance.json").write_text(json.dumps(asdict(self.ports)), encoding="utf-8")
        return self

    def _output_file(self) -> Any:
        try:
            return (self.state / "emulator.log").open("wb")
        except OSError as error:
            raise CommandError(f"cannot use the state folder {self.state}: {error.strerror}") from error

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if process.poll() is not None:
                said = (self.state / "emulator.log").read_text(encoding="utf-8", errors="replace").strip()
                self._process = None
                last = (
                    said.splitlines()[-1].removeprefix("candlecast emulator: ") if said else "the emulator ended without a word"
                )
                raise CommandError(last, "EMULATOR_FAILED")
            if self._answers_as(process.pid):
                return
            time.sleep(POLL_SECONDS)
        message = f"the emulator did not answer within {START_SECONDS:.0f} s, see {self.state}/emulator.log"
        raise CommandError(message, "EMULATOR_FAILED")

    def _answers_as(self, pid: int) -> bool:
        """Whether the process that was started answers: another one at its port must not be deployed into."""
        try:
            self._request("GET", "/_ministack/health", ANSWER_SECONDS)
            return self._identify() == pid
        except (OSError, ValueError, HTTPException, CommandError):
            return False

    def stop(self) -> None:
        """End the emulator and its workers; nothing of them is left. Harmless when it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        else:
            self._stop_attached()
        (self.state / "instance.json").unlink(missing_ok=True)

    def _stop_attached(self) -> None:
        """Stop what another process started: it removes its scratch folder last."""
        if not self.running():
            return
        os.kill(self._identify(), signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while (self.state / "tmp").exists() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # -------------------------------------------------------------- deployment

    def deploy(self, **overrides: str) -> dict[str, str]:
        """`sam build` and `sam deploy` of the real template; the stack's outputs. `overrides` are its parameters."""
        digest = deployment.build(self.say)
        deployment.deploy(self.environment, overrides, self.state / "sam-deploy.log", self.say)
        deployment.save_package(self.client, digest)
        self._outputs = None
        return self.outputs

    def update(self, **overrides: str) -> dict[str, str]:
        """Deploy the checkout into the running stack; parameters that are not among `overrides` keep their values.

        Raises CommandError (UNKNOWN_PARAMETER) for a parameter that the template has not got.
        """
        if unknown := sorted(overrides.keys() - deployment.declared_parameters()):
            message = f"the template has no parameter {', '.join(unknown)}"
            raise CommandError(message, "UNKNOWN_PARAMETER", 2)
        return self.deploy(**{**deployment.deployed_parameters(self.client), **overrides})

    def deploy_checkout(self, root: Path, **overrides: str) -> dict[str, str]:
        """Deploy a built checkout, of any release; parameters that a running stack was deployed with keep their values."""
        kept = deployment.deployed_parameters(self.client, root) if self._stands() else {}
        deployment.deploy(self.environment, {**kept, **overrides}, self.state / "sam-deploy.log", self.say, root)
        self._outputs = None
        return self.outputs

    def _stands(self) -> bool:
        """Whether the stack is deployed."""
        with contextlib.suppress(CommandError):
            return bool(self.outputs)
        return False

    def redeploy(self, **overrides: str) -> dict[str, str]:
        """Empty the cloud and deploy the present build into it, half a second after the first `sam deploy` of it."""
        self.reset()
        digest = deployment.build(self.say)
        if not deployment.is_saved(digest):
            with deployment.alone("deploy"):
                if not deployment.is_saved(digest):
                    return self.deploy(**overrides)
        deployment.redeploy(self.client, digest, overrides)
        return self.outputs

    def reset(self) -> None:
        """Empty the cloud: no stack, no data, no worker, no log."""
        self._request("POST", "/_ministack/reset")
        self._request("POST", "/_candlecast/forget-logs")
        self._outputs = None

    def forget_outputs(self) -> None:
        """Read the stack's outputs anew: somebody else has changed the stack."""
        self._outputs = None

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs. Raises CommandError when it is not deployed."""
        if self._outputs is None:
            self._outputs = deployment.outputs(self.client)
        return self._outputs

    # -------------------------------------------------------------- looking in

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports.aws}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which an AWS tool talks to this cloud, as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ADMINISTRATOR,
            "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR,
            "AWS_DEFAULT_REGION": deployment.REGION,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, as its administrator. Clients are kept, and safe to share between threads."""
        if service not in self._clients:
            import boto3

            session = boto3.Session(ADMINISTRATOR, ADMINISTRATOR, region_name=deployment.REGION)
            self._clients[service] = session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]
        return self._clients[service]

    def invoke(self, output: str, event: Any) -> Any:
        """Call a function of the stack, named by its output (`DlqRedriveFunctionName`), and return its answer.

        Raises CommandError with the function's own error.
        """
        function = f"{self.outputs[output]}:live"
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise CommandError(f"{function}: {body.get('errorType')}: {body.get('errorMessage')}")
        return body

    def workers(self, function: str | None = None) -> list[Worker]:
        """The processes of all functions, or of the one whose name ends in `function` (order_executor)."""
        found = [Worker(**worker) for worker in self._request("GET", "/_candlecast/workers")["workers"]]
        return [worker for worker in found if function is None or worker.function.endswith(function)]

    def kill_workers(self, function: str) -> int:
        """Kill a function's processes as a crash would, in the middle of their work; returns how many there were.

        Returns once all have ended: until then the emulator may hand a message to one of them.
        """
        killed = {worker.pid for worker in self.workers(function)}
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(worker.pid in killed for worker in self.workers(function)):
            time.sleep(POLL_SECONDS)
        return len(killed)

    def waiting(self, *queues: str) -> Waiting:
        """Messages in these queues (`CandleQueueUrl`), counted one queue after another in order, then the stream's records."""
        names = {self.outputs[queue].rpartition("/")[2]: queue for queue in queues}
        found = self._request("GET", f"/_candlecast/waiting?{urlencode({'queues': ','.join(names)})}")
        return Waiting({names[name]: count for name, count in found["queues"].items()}, found["records"], found["looks"])

    def wait_until_relayed(self) -> None:
        """Return once the function behind the table's stream is done with everything that was written. Raises CommandError."""
        end = time.monotonic() + RELAY_SECONDS
        while self.waiting().records:
            if time.monotonic() > end:
                raise CommandError(f"the stream was not relayed within {RELAY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def wait_for_pollers(self) -> None:
        """Return once a look through the queues has begun and ended: changes of a function's mapping are then in force."""
        before = self.waiting().looks
        while self.waiting().looks < before + 2:
            time.sleep(POLL_SECONDS)

    def fire_schedule(self, name: str, scheduled: datetime) -> None:
        """Fire a schedule as if it were that time, however late that is. Raises CommandError for an unknown name."""
        query = urlencode({"schedule": name, "time": scheduled.isoformat()})
        self._request("POST", f"/_candlecast/fire?{query}")

    def functions(self) -> list[str]:
        """Names of the stack's functions, without the stack's own."""
        prefix = f"{deployment.STACK}-"
        names = (name for output, name in self.outputs.items() if output.endswith("FunctionName"))
        return sorted(name.removeprefix(prefix) for name in names)

    def logs(self) -> dict[str, str]:
        """Everything that each function has printed since the start or the last reset, by function name."""
        files = (self.state / "logs").glob("*.log")
        return {file.stem: file.read_text(encoding="utf-8", errors="replace") for file in sorted(files)}

    def traces(self) -> list[dict[str, Any]]:
        """The documents that functions have sent to X-Ray since the start."""
        file = self.state / "traces.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def groups(self) -> list[str]:
        """Roles that the stack's user pool knows."""
        listed = self.client("cognito-idp").list_groups(UserPoolId=self.outputs["UserPoolId"])["Groups"]
        return sorted(group["GroupName"] for group in listed)

    def user(self, email: str, *, groups: tuple[str, ...] = ()) -> User:
        """Somebody signed in at the stack's user pool; made, with those groups, if the pool does not know them."""
        cognito, outputs = self.client("cognito-idp"), self.outputs
        pool, password = outputs["UserPoolId"], f"Aa1{secrets.token_hex(16)}"
        with contextlib.suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(
                UserPoolId=pool,
                Username=email,
                MessageAction="SUPPRESS",
                TemporaryPassword=password,
                UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            )
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        for group in groups:
            with contextlib.suppress(cognito.exceptions.GroupExistsException):
                cognito.create_group(UserPoolId=pool, GroupName=group)
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)
        session = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=outputs["UserPoolClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )["AuthenticationResult"]
        attributes = cognito.admin_get_user(UserPoolId=pool, Username=email)["UserAttributes"]
        sub = next(item["Value"] for item in attributes if item["Name"] == "sub")
        return User(email=email, sub=sub, token=session["IdToken"])

    def _request(self, method: str, path: str, seconds: float = REQUEST_SECONDS) -> Any:
        request = urllib.request.Request(f"{self.endpoint}{path}", method=method)  # noqa: S310 - our own endpoint
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise CommandError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
