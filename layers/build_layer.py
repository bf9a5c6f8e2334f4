"""Builds one layer, or the code of one function, small and precompiled, for the Lambda architecture that is asked for.

`sam build` on its own ships no bytecode, and the runtime's folders are read-only: every cold start would compile again, which for
ccxt alone takes seconds. So each layer is a Makefile that calls this: install the locked wheels, prune what a function never
imports, compile with unchecked hashes. Sources stay beside the bytecode for traces of errors, and each package's .dist-info stays
for scanners. Its RECORD lists the files that the layer keeps. Two builds are byte-identical.

Standard library only: `sam build` on a plain machine runs it with nothing but Python 3.13 and pip.
"""

import argparse
import base64
import compileall
import csv
import hashlib
import os
import py_compile
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LAYERS = Path(__file__).resolve().parent
FUNCTIONS = LAYERS.parent / "functions"
# Where Lambda mounts what is built, for the traces of errors.
LAYER_PLACE, FUNCTION_PLACE = "/opt/python", "/var/task"
PYTHON_VERSION = "3.13"
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's name -> the wheel tags' name

# The runtime is Amazon Linux 2023 (glibc 2.34). Wheels are built for no newer level than 2.28, and 2.28 lets the same files run
# in the embedded cloud on older desktops. Unlike uv, pip has to be told each older level as well.
GLIBC_LEVELS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

# Read by type checkers, test runners and installers, never by a function.
USELESS_FOLDERS = ("tests", "bin", "__pycache__")
USELESS_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".a")
# Names and versions of packages with their licences, for scanners of vulnerabilities and importlib.metadata.
METADATA = ".dist-info"
# Of the installer and not of the package: uv and pip write them differently, or one of them does not at all.
INSTALLERS_FILES = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")

# Zip files hold times, and the earliest that they can hold is 1980.
FIXED_TIME = 315532800


class LayerError(Exception):
    """The layer cannot be built; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build NAME into ARTIFACTS; 0 on success, 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", help="folder under layers/, or the function's name in the template without its last word")
    parser.add_argument("artifacts", type=Path, help="where SAM wants the root of what is built")
    parser.add_argument("--function", action="store_true", help="build a function, not a layer")
    parser.add_argument("--architecture", default="x86_64", choices=sorted(ARCHITECTURES))
    options = parser.parse_args(arguments)
    try:
        if options.function:
            build_function(options.name, options.artifacts)
        else:
            build(options.name, options.artifacts, options.architecture)
    except LayerError as error:
        sys.stderr.write(f"{options.name}: {error}\n")
        return 1
    return 0


def build(name: str, artifacts: Path, architecture: str) -> None:
    """Fill `artifacts` with a layer: python/, which Lambda imports from."""
    check_version()
    target = artifacts / "python"
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    source = LAYERS / name
    lock = source / "requirements.lock"
    if lock.exists():
        install(lock, target, ARCHITECTURES[architecture])
        prune(target)
    cuts = source / "layer.py"
    if cuts.exists():
        runpy.run_path(str(cuts))["finish"](target)
    compile_bytecode(target, LAYER_PLACE)
    if lock.exists():
        write_records(target)
    fix_times(artifacts)


def build_function(name: str, artifacts: Path) -> None:
    """Fill `artifacts` with the function's own package under functions/; SignalIntake is functions/signal_intake."""
    check_version()
    folder = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(FUNCTIONS / folder, artifacts / "functions" / folder, ignore=ignored, dirs_exist_ok=True)
    compile_bytecode(artifacts, FUNCTION_PLACE)
    fix_times(artifacts)


def check_version() -> None:
    """Raises LayerError when this Python writes other bytecode than the runtime reads."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON_VERSION:
        raise LayerError(f"bytecode for Python {PYTHON_VERSION} needs that Python, this is {sys.version.split()[0]}")


def fix_times(artifacts: Path) -> None:
    """Give every file the same time, which a zip file would hold."""
    for path in sorted(artifacts.rglob("*")):
        os.utime(path, (FIXED_TIME, FIXED_TIME), follow_symlinks=False)


def install(lock: Path, target: Path, machine: str) -> None:
    """Install the locked wheels as they are: no dependency is resolved here, every hash is checked."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    common = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target), "-r", str(lock)]
    if uv:
        # Copies, not hard links: pruning rewrites files, and must not rewrite uv's cache.
        command = [uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable]
        command += ["--python-version", PYTHON_VERSION, "--python-platform", f"{machine}-{GLIBC_LEVELS[0]}", *common]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
        command += ["--implementation", "cp", "--python-version", PYTHON_VERSION, *common]
        command += [f"--platform={level}_{machine}" for level in GLIBC_LEVELS]
    environment = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", **os.environ}
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if outcome.returncode:
        raise LayerError(f"{Path(command[0]).name} could not install {lock}:\n{outcome.stderr.strip()}")


def prune(target: Path) -> None:
    """Remove what no function reads."""
    for path in sorted(target.rglob("*"), reverse=True):
        if METADATA in path.relative_to(target).parts[0]:
            if path.name in INSTALLERS_FILES:
                path.unlink()
            continue
        hidden = path.name.startswith(".")
        if path.is_dir() and (hidden or path.name in USELESS_FOLDERS):
            shutil.rmtree(path)
        elif path.is_file() and (hidden or path.suffix in USELESS_SUFFIXES or path.name == "py.typed"):
            path.unlink()


def compile_bytecode(target: Path, place: str) -> None:
    """Compile everything; the files are trusted unread (unchecked hash) and name the place where Lambda has them."""
    done = compileall.compile_dir(
        target,
        quiet=1,
        force=True,
        maxlevels=None,
        stripdir=str(target),
        prependdir=place,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise LayerError("some modules could not be compiled, see above")


def write_records(target: Path) -> None:
    """Let each package's RECORD say what the layer has of it: files were cut and edited, and bytecode came."""
    for record in sorted(target.glob(f"*{METADATA}/RECORD")):
        named = [row[0] for row in csv.reader(record.read_text(encoding="utf-8").splitlines())]
        # A file that a layer.py has unpacked has lost its last suffix.
        files = {target / name.removesuffix(suffix) for name in named for suffix in ("", ".gz") if not name.startswith("..")}
        listed = {path for path in files if path.suffix != ".pyc" and path.is_file() and path != record}
        listed |= {bytecode_of(path) for path in listed if path.suffix == ".py"}
        rows = [record_row(path, target) for path in sorted(listed)] + [[record.relative_to(target).as_posix(), "", ""]]
        with record.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def bytecode_of(source: Path) -> Path:
    """Where a module's bytecode is."""
    return source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


def record_row(path: Path, target: Path) -> list[str]:
    """A file's line in RECORD: its path, hash and size (packaging.python.org, "Recording installed projects")."""
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return [path.relative_to(target).as_posix(), f"sha256={digest}", str(len(content))]


if __name__ == "__main__":
    sys.exit(main())
