"""Runs the patched emulator on 127.0.0.1: one port for AWS's APIs and one for each HTTP API."""

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from . import (
    alarms,
    deletions,
    http_apis,
    invocations,
    logs,
    permissions,
    queues,
    recovery,
    resources,
    schedules,
    streams,
    tenancy,
    traces,
    web_sockets,
    workers,
)
from .patching import Patch, apply

HOST = "127.0.0.1"  # nothing here is meant for a network.
# A state folder must have room for the code of all functions and layers, unzipped: about 110 MB.
NEEDED_BYTES = 256 * 1024 * 1024
KEEP_ALIVE_SECONDS = 75
WATCH_SECONDS = 1.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class StartError(Exception):
    """The emulator cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Settings:
    """One instance: its ports, its folders and how many processes a function may have."""

    port: int
    http_ports: tuple[http_apis.Port, ...]
    state: Path
    code: Path
    workers_per_function: int
    enforce_roles: bool
    end_with: int | None = None  # process id of the parent; read here it could be the wrong one already
    keep_state: bool = False

    @property
    def kept(self) -> Path:
        """The state that is written at a clean stop and read at the next start."""
        return self.state / "state"

    @property
    def scratch(self) -> Path:
        return self.state / "tmp"

    @property
    def traces(self) -> Path:
        """The documents that functions have sent to X-Ray since the start, one a line."""
        return self.state / "traces.jsonl"

    @property
    def log_folder(self) -> Path:
        return self.state / "logs"


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then leave no process and no scratch folder behind. Raises StartError."""
    workers.check_interpreter()
    for number in (settings.port, *(port.number for port in settings.http_ports)):
        check_port(number)
    prepare_folders(settings)
    settings.kept.mkdir(exist_ok=True)
    settings.kept.chmod(0o700)  # the vault's secrets and the user pool's key lie there readable; before the emulator writes
    set_environment(settings)
    folders = workers.CodeFolders(settings.code)
    folders.remove_unused(time.time())
    apply(patches(settings, folders))
    saved = settings.kept / "saved_at"
    saved.unlink(missing_ok=True)  # until the end, what lies there is of an earlier run
    try:
        asyncio.run(_serve(settings))
        if settings.keep_state:
            saved.write_text(datetime.now(UTC).isoformat(), encoding="utf-8")
    finally:
        workers.end_workers()
        shutil.rmtree(settings.scratch, ignore_errors=True)


def check_port(number: int) -> None:
    """Raise StartError if something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError as error:
            others = "`candlecast local up --port N --api-port N --paper-port N` takes others"
            raise StartError(f"port {number} is taken ({error.strerror}): stop what uses it; {others}") from error


def prepare_folders(settings: Settings) -> None:
    """Clean up after an instance that was killed, and prove that the state folder can be written. Raises StartError."""
    workers.end_leftovers(settings.scratch)
    for folder in (settings.scratch, settings.log_folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        for folder in (settings.scratch, settings.log_folder, settings.code):
            folder.mkdir(parents=True, exist_ok=True)
        probe = settings.scratch / "probe"
        with probe.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, NEEDED_BYTES)
        probe.unlink()
    except OSError as error:
        shutil.rmtree(settings.scratch, ignore_errors=True)
        needed = NEEDED_BYTES // (1024 * 1024)
        raise StartError(f"cannot use the state folder {settings.state} ({error.strerror}): it needs {needed} MB") from error


def set_environment(settings: Settings) -> None:
    """The emulator reads its settings from the environment when it is imported."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # the host's endpoint or keys would win over a function's own
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a function's own code is compiled once, not in each worker
    os.environ.update(
        GATEWAY_PORT=str(settings.port),
        BIND_HOST=HOST,
        STATE_DIR=str(settings.kept),
        PERSIST_STATE="1" if settings.keep_state else "0",
        S3_PERSIST="1" if settings.keep_state else "0",
        S3_DATA_DIR=str(settings.kept / "s3"),
        TMPDIR=str(settings.scratch),
        AUTH="true" if settings.enforce_roles else "false",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        MINISTACK_APIGW_JWKS_TIMEOUT_SECONDS="120",  # it asks itself for keys; on a busy machine 5 s make a 401 of a good token
        DOCKER_HOST="unix:///nonexistent",
    )
    tempfile.tempdir = str(settings.scratch)


def patches(settings: Settings, folders: workers.CodeFolders) -> list[Patch]:
    """Everything that is changed in the emulator, in order."""

    def shared_code() -> None:
        workers.share_code_folders(folders)

    def worker_limit() -> None:
        workers.limit_workers(settings.workers_per_function)

    def function_logs() -> None:
        logs.function_logs(settings.log_folder)

    def daemon_of_traces() -> None:
        traces.daemon(settings.traces)

    def template_resources() -> None:
        resources.resources(settings.http_ports)

    return [
        shared_code,
        workers.python_workers,
        daemon_of_traces,
        traces.headers_in_batches,
        queues.parallel_groups,
        workers.generous_timeouts,
        tenancy.named_tenants,
        tenancy.tenants_apart,
        tenancy.fixed_tenancy,
        worker_limit,
        invocations.asynchronous_invocations,
        queues.strict_batch_responses,
        queues.message_move_tasks,
        queues.counted_looks,
        permissions.batch_actions,
        permissions.streams_of_tables,
        permissions.described_buses,
        permissions.leading_keys,
        http_apis.addresses_of_callers,
        web_sockets.routes_through_lambda,
        streams.stream_mappings,
        function_logs,
        logs.queue_metrics,
        alarms.alarms,
        schedules.schedules,
        template_resources,
        resources.nested_updates,
        deletions.kept_resources,
        deletions.full_buckets,
        recovery.point_in_time,
    ]


async def _serve(settings: Settings) -> None:
    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{HOST}:{number}" for number in (settings.port, *(port.number for port in settings.http_ports))]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.loglevel = logging.getLevelName(logging.getLogger().level)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    watch = asyncio.create_task(_end_with(settings.end_with, stop)) if settings.end_with else None
    await run(application(settings), config, shutdown_trigger=stop.wait)
    if watch:
        watch.cancel()


async def _end_with(parent: int, stop: asyncio.Event) -> None:
    """Stop when the process that started this is gone, also if it went before this one could look."""
    while os.getppid() == parent:
        await asyncio.sleep(WATCH_SECONDS)
    stop.set()


def application(settings: Settings) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The emulator's ASGI application behind our ports and with the operator's endpoints."""
    from ministack.app import app

    by_number = {port.number: port for port in settings.http_ports}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            port = by_number.get((scope.get("server") or (None, 0))[1])
            if not port and is_of_a_web_page(scope):
                await _send(send, 403, {"message": "web pages have no business here"})
                return
            if port:
                api = http_apis.api_of(port)
                if api is None:
                    await _send(send, 503, {"message": f"no HTTP API called *{port.name}* is deployed"})
                    return
                scope = _at_root(scope, api)
            elif scope["path"].startswith("/_candlecast/"):
                status, body = await asyncio.to_thread(_operate, settings, scope)
                await _send(send, status, body)
                return
        await app(scope, receive, send)

    return answer


def is_of_a_web_page(scope: Scope) -> bool:
    """Whether a browser sends this for a page, or the address has been given another name.

    The emulator lets every origin read and verifies no signature. Any page that a person looks at while an instance runs could
    read the vault, or make a function and so run code here. Tools of AWS send none of these headers, and name this machine.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1").lower() for name, value in scope.get("headers", ())}
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    named = re.sub(r":\d*$", "", headers.get("host", HOST))
    return named not in (HOST, "localhost", "[::1]") and not named.endswith(".localhost")


def _at_root(scope: Scope, api: str) -> Scope:
    prefix = f"/_aws/execute-api/{api}/$default"
    raw = scope.get("raw_path") or scope["path"].encode()
    return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw}


async def _send(send: Send, status: int, body: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def _operate(settings: Settings, scope: Scope) -> tuple[int, Any]:
    """The operator's endpoints.

    - GET /_candlecast/workers: the emulator's pid and state folder, and each function's processes: pid, whether it is
      busy, its tenant
    - GET /_candlecast/waiting?queues=NAME,NAME: messages in each queue, in this order; then records of streams that no function
      has done. The answer also says how often the queues were looked through for messages.
    - POST /_candlecast/fire?schedule=NAME&time=ISO: fire a schedule as if it were that time
    - POST /_candlecast/forget-logs: remove the log files
    """
    query = dict(parse_qsl(scope.get("query_string", b"").decode()))
    match scope["method"], scope["path"]:
        case "GET", "/_candlecast/workers":
            found = [worker._asdict() for worker in workers.running_workers()]
            return 200, {"pid": os.getpid(), "state": str(settings.state), "workers": found}
        case "GET", "/_candlecast/waiting":
            found_in = queues.waiting([name for name in query.get("queues", "").split(",") if name])
            return 200, {"queues": found_in, "records": streams.waiting(), "looks": queues.looks()}
        case "POST", "/_candlecast/fire":
            try:
                scheduled = datetime.fromisoformat(query["time"])
            except (KeyError, ValueError) as error:
                return 400, {"message": f"time must be ISO 8601: {error}"}
            fired = schedules.fire(query.get("schedule", ""), scheduled)
            return (200 if fired else 404), {"fired": fired}
        case "POST", "/_candlecast/forget-logs":
            for file in settings.log_folder.glob("*.log"):
                file.unlink(missing_ok=True)
            return 200, {}
    return 404, {"message": "no such operation"}


def describe(error: BaseException) -> str:
    """One line for people."""
    return f"candlecast emulator: {error}"


def fail(error: BaseException) -> int:
    """Say what is wrong on standard error; the exit status."""
    with contextlib.suppress(OSError):
        print(describe(error), file=sys.stderr, flush=True)
    return 1
