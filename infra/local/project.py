"""Where things are in the checkout, and how its tools are run."""

import contextlib
import ctypes
import hashlib
import os
import platform
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
ENVIRONMENTS = ROOT / ".venvs"

# Registries behind a company's certificate: uv trusts the system's list (a name for each generation), as in bootstrap.sh.
TRUST = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
# The sources of the deployed stack: a change in any of them means another build.
SOURCES = ("template.yaml", "infra/*.yaml", "functions/**/*", "layers/**/*", "strategies/**/*")
UNRELATED = ("__pycache__", ".DS_Store")


class CommandError(Exception):
    """Something that was asked for failed; the message says what, for a person.

    `code` is stable; `exit_code` is 1 for a failure, 2 for wrong words, 3 for something that is missing on this machine.
    """

    def __init__(self, message: str, code: str = "FAILED", exit_code: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code


def interpreter(environment: str) -> Path:
    """Python of an environment. Raises CommandError if `make env` has not been run."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        raise CommandError(f"there is no {python.relative_to(ROOT)}: run `make env`", "ENVIRONMENT_MISSING", 3)
    return python


def architecture() -> str:
    """Lambda's name for this machine's architecture: the embedded cloud runs layers as they are."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def run(command: Iterable[str | Path], log: Path, environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> str:
    """Run a tool in `folder` and return what it printed, which is also in `log`. Raises CommandError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    with subprocess.Popen(
        words,
        cwd=folder,
        env={**tool_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # the tool and its children end together
        preexec_fn=end_with_parent,
    ) as process:
        try:
            printed, _ = process.communicate()
        except BaseException:  # Ctrl-C: nothing of it may go on
            end_group(process)
            raise
    log.write_text(printed, encoding="utf-8")
    if process.returncode:
        tail = "\n".join(printed.strip().splitlines()[-TAIL_LINES:])
        raise CommandError(f"{Path(words[0]).name} {words[1]} failed, all of it in {log}:\n{tail}", "TOOL_FAILED")
    return printed


TAIL_LINES = 25
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None)


def end_with_parent() -> None:
    """In a new process, before its program runs: end when the process that started it is killed."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_group(process: subprocess.Popen[str]) -> None:
    """Kill a process that leads a session, with everything that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def tool_environment() -> dict[str, str]:
    """The caller's environment with our Python first, and nothing of a real AWS account or of this checkout's sources."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))}
    path = os.pathsep.join([str(ENVIRONMENTS / "dev" / "bin"), kept.get("PATH", os.defpath)])
    return {**TRUST, **kept, "PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}


def digest_of_sources(*extra: str) -> str:
    """Names the state of everything that is deployed."""
    digest = hashlib.sha256("\0".join(extra).encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not any(part in UNRELATED for part in path.parts):
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
