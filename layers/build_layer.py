"""Builds one layer, or the code of one function, small and precompiled, for the Lambda architecture that is asked for.

`sam build` on its own ships no bytecode, and the runtime's folders are read-only: every cold start would compile
again, which for ccxt alone takes seconds. So each layer is a Makefile that calls this: install the locked wheels,
prune what a function never imports, compile with unchecked hashes. Of third-party packages the bytecode alone is shipped:
half of what they take. Two builds are byte-identical.

Standard library only: `sam build` on a plain machine runs it with nothing but Python 3.13 and pip.
"""

import argparse
import compileall
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

# The runtime is Amazon Linux 2023 (glibc 2.34). 2.28 is the newest level that wheels are built for and lets the same
# files run in the embedded cloud on older desktops. pip, unlike uv, has to be told each older level as well.
GLIBC_LEVELS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

# Read by type checkers, test runners and installers, never by a function.
USELESS_FOLDERS = ("tests", "bin", "__pycache__")
USELESS_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".a")
# Without these folders importlib.metadata does not know the package: nothing in our layers asks it for anything.
METADATA = ".dist-info"
# Packages that read their own source while they are imported.
SOURCE_READERS = ("anyio",)
# What the packages' licences ask for when they are passed on: their texts, and the line that names the licence.
LICENCES = "licenses"
LICENCE_WORDS = ("licen", "copying", "notice", "authors")
LICENCE_FIELDS = ("Name:", "Version:", "License", "Classifier: License")

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
    """Fill `artifacts` with a layer: python/, which Lambda imports from, and the packages' licences."""
    check_version()
    target = artifacts / "python"
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    shutil.rmtree(artifacts / LICENCES, ignore_errors=True)
    source = LAYERS / name
    lock = source / "requirements.lock"
    if lock.exists():
        install(lock, target, ARCHITECTURES[architecture])
        keep_licences(target, artifacts / LICENCES)
        prune(target)
    cuts = source / "layer.py"
    if cuts.exists():
        runpy.run_path(str(cuts))["finish"](target)
    compile_bytecode(target, LAYER_PLACE)
    if lock.exists():
        drop_sources(target)
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


def keep_licences(target: Path, licences: Path) -> None:
    """Copy each package's licence files to `licences`/its name and version, with what its metadata says of the licence."""
    for metadata in sorted(target.glob(f"*{METADATA}")):
        folder = licences / metadata.name.removesuffix(METADATA)
        folder.mkdir(parents=True)
        said = (metadata / "METADATA").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
        named = [line for line in said if line.startswith(LICENCE_FIELDS)]
        (folder / "METADATA").write_text("\n".join(named) + "\n", encoding="utf-8")
        for path in sorted(metadata.rglob("*")):
            if path.is_file() and any(word in path.name.lower() for word in LICENCE_WORDS):
                place = folder / path.relative_to(metadata)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)


def prune(target: Path) -> None:
    """Remove what no function reads."""
    for metadata in target.glob(f"*{METADATA}"):
        shutil.rmtree(metadata)
    for path in sorted(target.rglob("*"), reverse=True):
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


def drop_sources(target: Path) -> None:
    """Put each module's bytecode in its source's place, where Python imports it from as well.

    A trace of errors names file and line as before, and the text is in the locked version.
    """
    for package in sorted(target.iterdir()):
        if package.name in SOURCE_READERS:
            continue
        sources = sorted(package.rglob("*.py")) if package.is_dir() else [package]
        for source in (path for path in sources if path.suffix == ".py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
            compiled.rename(source.with_suffix(".pyc"))
            source.unlink()
    for folder in sorted(target.rglob("__pycache__"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
