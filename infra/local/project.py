"""Where things are in the checkout, and how its tools are run."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
ENVIRONMENTS = ROOT / ".venvs"

# What the deployed stack is made of: a change in any of it means another build.
SOURCES = ("template.yaml", "infra/*.yaml", "functions/**/*", "layers/**/*", "strategies/**/*")
UNRELATED = ("__pycache__", ".DS_Store")


class CommandError(Exception):
    """A tool failed; the message is what it said."""


def interpreter(environment: str) -> Path:
    """Python of an environment. Raises CommandError if `make env` has not been run."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        raise CommandError(f"there is no {python.relative_to(ROOT)}: run `make env`")
    return python


def architecture() -> str:
    """Lambda's name for what this machine runs: the embedded cloud runs layers as they are."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def run(command: Iterable[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a tool in the checkout and return what it printed, which is also in `log`. Raises CommandError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    outcome = subprocess.run(
        words,
        cwd=ROOT,
        env={**tool_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log.write_text(outcome.stdout, encoding="utf-8")
    if outcome.returncode:
        tail = "\n".join(outcome.stdout.strip().splitlines()[-TAIL_LINES:])
        raise CommandError(f"{Path(words[0]).name} {words[1]} failed, all of it in {log}:\n{tail}")
    return outcome.stdout


TAIL_LINES = 25


def tool_environment() -> dict[str, str]:
    """The caller's environment with our Python first, and nothing of a real AWS account or of this checkout's sources."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))}
    path = os.pathsep.join([str(ENVIRONMENTS / "dev" / "bin"), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}


def digest_of_sources(*extra: str) -> str:
    """Names the state of everything that is deployed."""
    digest = hashlib.sha256("\0".join(extra).encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not any(part in UNRELATED for part in path.parts):
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
