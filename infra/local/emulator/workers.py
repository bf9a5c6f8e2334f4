"""Execution environments: the local processes that functions run in.

A worker gets what its function has in Lambda, the standard library, its own code and its layers, and nothing of the
emulator's packages. A package that is missing in a layer so fails here and not after a deployment.
"""

import hashlib
import os
import re
import shutil
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .patching import replace, rewrite

# Code that no instance has used for this long is removed from the shared folder at the next start.
CODE_KEPT_SECONDS = 3 * 24 * 3600
# How long an invocation waits for a free worker when a function has as many as it may: longer than any time-out here.
WAIT_FOR_WORKER_SECONDS = 1_800.0
# A desk is not Lambda: where a function takes long because others compute, it is not ended. A function that hangs is still ended.
TIMEOUT_FACTOR = 10
LAMBDA_TIMEOUT_SECONDS = 3  # AWS's own default
POLL_SECONDS = 0.002
# The worker's last line on standard error for an invocation, so that its output is complete without waiting for more.
END_OF_OUTPUT = "--candlecast-end-of-output--"
DRAIN_SECONDS = 60.0  # for a worker that hangs: its last line is written before its answer
LAST_WORDS_SECONDS = 1.0  # for the last output in the pipe of a process that has ended
ERROR_KEY = "__candlecast_error__"
INIT_FAILED = "Worker init failed"


class CodeFolders:
    """One extracted folder for each different zip, shared by all workers and instances.

    Without it every worker extracts its code and layers again: 3 to 6 s and 170 MB each, left behind on exit.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()

    def folder_of(self, archive: Path) -> Path:
        """The folder with the archive's files, extracted on first use. Raises OSError when the disk is full."""
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        folder = self.root / digest
        with self._lock:
            if folder.is_dir():
                os.utime(folder)
                return folder
            partial = self.root / f".{digest}.{os.getpid()}"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(partial)
                partial.rename(folder)
            except OSError:
                shutil.rmtree(partial, ignore_errors=True)
                if not folder.is_dir():  # else another instance was quicker
                    raise
        return folder

    def remove_unused(self, now: float) -> None:
        """Drop folders that nothing has used for CODE_KEPT_SECONDS."""
        for folder in self.root.glob("*"):
            if now - folder.stat().st_mtime > CODE_KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def share_code_folders(folders: CodeFolders) -> None:
    """Extract each different code or layer zip once and link to it."""
    from ministack.core import lambda_runtime

    class SharedZip(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            if path is None or members is not None or pwd is not None or self.filename is None:
                super().extractall(path, members, pwd)
                return
            folder = folders.folder_of(Path(self.filename))
            Path(path).rmdir()
            Path(path).symlink_to(folder)
            Path(self.filename).unlink()

    class ZipModule:
        ZipFile = SharedZip

        def __getattr__(self, name: str) -> Any:
            return getattr(zipfile, name)

    replace(lambda_runtime, "zipfile", ZipModule())


def worker_script(original: str) -> str:
    """ministack's worker with the runtime's own behaviour where it matters to us.

    - Only the standard library is on the path besides code and layers, and the code comes before the layers.
    - An exception is reported with its type and trace and does not end the process, as on AWS. An exception in the initialisation
      is reported with its trace as well.
    - Output of the function or of a C library goes to the log and never into the protocol.
    - The process ends when its emulator is gone.
    """
    script = rewrite(
        original,
        'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})',
        f'json.dumps({{"status": "ok", "result": {{"{ERROR_KEY}": {{"errorMessage": str(e), '
        '"errorType": type(e).__name__, "requestId": context.aws_request_id, '
        '"stackTrace": traceback.format_exception(e)}}})',
    )
    script = rewrite(
        script,
        "        _real_stdout.flush()\n\nrun()",
        f"        sys.stderr.write('{END_OF_OUTPUT}\\n'); sys.stderr.flush()\n        _real_stdout.flush()\n\nrun()",
    )
    script = rewrite(
        script,
        "    _real_stdout = sys.stdout\n    sys.stdout = sys.stderr",
        "    _real_stdout = os.fdopen(os.dup(1), 'w')\n    os.dup2(2, 1)\n    sys.stdout = sys.stderr\n"
        "    sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "    _emulator = os.getppid()\n"
        "    def _watch():\n"
        "        while os.getppid() == _emulator:\n"
        "            time.sleep(1)\n"
        "        os._exit(1)\n"
        "    import threading\n"
        "    threading.Thread(target=_watch, daemon=True).start()",
    )
    script = rewrite(
        script,
        '_real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")',
        '_real_stdout.write(json.dumps({"status": "error", "error": traceback.format_exc()}) + "\\n")',
    )
    return rewrite(
        script,
        "    _ms_install_invoke_depth()\n    try:",
        "    sys.path.remove(code_dir); sys.path.insert(0, code_dir)\n"
        "    os.environ.setdefault('AWS_EXECUTION_ENV', 'AWS_Lambda_python3.13')\n"
        "    _ms_install_invoke_depth()\n    try:",
    )


def python_workers() -> None:
    """Run worker_script, and turn what it reports into Lambda's error payload and log lines."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    script = worker_script(lambda_runtime._PYTHON_WORKER_SCRIPT)
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script)

    def drain(worker: Any, *_args: Any, **_options: Any) -> str:
        process = worker._proc
        lives = process is not None and process.poll() is None
        lines, end = [], time.monotonic() + (DRAIN_SECONDS if lives else LAST_WORDS_SECONDS)
        while (line := _next_line(worker, end)) not in (None, END_OF_OUTPUT):
            lines.append(line)
        return "\n".join(map(str, lines))

    def execute(function: Any, event: Any, request_id: str) -> dict[str, Any]:
        outcome: dict[str, Any] = original(function, event, request_id)
        body = outcome.get("body")
        if outcome.get("error") and isinstance(body, dict) and str(body.get("errorMessage", "")).startswith(INIT_FAILED):
            return {**outcome, "log": "\n".join(filter(None, [outcome.get("log"), f"[ERROR] {body['errorMessage']}"]))}
        if not (isinstance(body, dict) and ERROR_KEY in body):
            return outcome
        error = body[ERROR_KEY]
        text = f"[ERROR] {error['errorType']}: {error['errorMessage']}\n{''.join(error['stackTrace'])}"
        return {"body": error, "error": True, "log": "\n".join(filter(None, [outcome.get("log"), text]))}

    replace(lambda_runtime.Worker, "_drain_stderr_bounded", drain)
    original = replace(lambda_svc, "_execute_function_warm", execute)


def _next_line(worker: Any, end: float) -> str | None:
    import queue

    try:
        return str(worker._stderr_queue.get(timeout=max(0.0, end - time.monotonic())))
    except queue.Empty:
        return None


def generous_timeouts() -> None:
    """Let a function run for ten times its time-out, and see that much time left.

    Lambda gives a function cores of its own. Here two of them run everything, so a time-out would be about the machine.
    """
    from ministack.core import lambda_runtime

    def begin(worker: Any, name: str, config: dict[str, Any], code: bytes) -> None:
        seconds = TIMEOUT_FACTOR * int(config.get("Timeout") or LAMBDA_TIMEOUT_SECONDS)
        original(worker, name, {**config, "Timeout": seconds}, code)

    original = replace(lambda_runtime.Worker, "__init__", begin)


def limit_workers(per_function: int) -> None:
    """At most so many processes for one function; the next invocation waits for a free one.

    AWS starts as many environments as there are requests. On a desk of two cores a burst would start hundreds of
    processes that only get in each other's way.
    """
    from ministack.services import lambda_svc

    def acquire(name: str, config: Any, code: bytes, qualifier: str = "$LATEST", max_concurrency: Any = None) -> Any:
        end = time.monotonic() + WAIT_FOR_WORKER_SECONDS
        while True:
            worker, reason = original(name, config, code, qualifier=qualifier, max_concurrency=per_function)
            if reason != "func_cap" or time.monotonic() > end:
                return worker, reason
            time.sleep(POLL_SECONDS)

    def concurrency(mapping: Any, function: Any, config: Any, queue: Any = None) -> int:
        return min(per_function, int(mapping_limit(mapping, function, config, queue)))

    original = replace(lambda_svc, "acquire_worker", acquire)
    mapping_limit = replace(lambda_svc, "_sqs_esm_concurrency", concurrency)


class RunningWorker(NamedTuple):
    """A live process of a function; `busy` in the middle of an invocation, `tenant` if the function keeps tenants apart."""

    function: str
    pid: int
    busy: bool
    tenant: str | None


def running_workers() -> Iterator[RunningWorker]:
    """Every live worker."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    for worker in workers:
        process = worker._proc
        if process is not None and process.poll() is None:
            yield RunningWorker(worker.func_name, process.pid, bool(worker.in_use), getattr(worker, "tenant", None))


def end_workers() -> None:
    """End every worker and wait for it."""
    from ministack.core import lambda_runtime

    lambda_runtime.reset()


def end_leftovers(scratch: Path) -> int:
    """Kill workers of an emulator that was itself killed: processes whose script lies in `scratch`. Returns how many."""
    pattern = re.compile(re.escape(os.fsencode(scratch / "ministack-lambda-")))
    killed = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if pattern.search((entry / "cmdline").read_bytes()):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except (OSError, ValueError):
            continue  # ended by itself meanwhile, or not ours to look at
    return killed


def check_interpreter() -> None:
    """Functions run on the emulator's interpreter, so it has to be the runtime's."""
    if sys.version_info[:2] != (3, 13):
        raise RuntimeError(f"the emulator needs Python 3.13 to run python3.13 functions, this is {sys.version.split()[0]}")
