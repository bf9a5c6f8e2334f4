"""The executor as it would be without the layers' builds: its locks installed as they are, nothing pruned, no bytecode."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from infra.local.project import BUILD, ROOT, run

FOLDER = BUILD / "naive"
LAYERS = ("deps", "exchange", "signing")  # what the executor mounts of third parties
OWN = {"layers/core/candlecast": "core/candlecast", "functions/order_executor": "code/functions/order_executor"}


def installed() -> list[Path]:
    """The folders to import from; installed at the first time, and again when a lock has changed."""
    locks = [ROOT / "layers" / layer / "requirements.lock" for layer in LAYERS]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    stamp = FOLDER / ".digest"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        shutil.rmtree(FOLDER, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        command: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--no-deps",
            "--python",
            sys.executable,
            "--target",
            FOLDER / "packages",
        ]
        run([*command, *(word for lock in locks for word in ("-r", lock))], BUILD / "logs" / "naive.log")
        stamp.write_text(digest, encoding="utf-8")
    for source, target in OWN.items():
        shutil.rmtree(FOLDER / target, ignore_errors=True)
        shutil.copytree(ROOT / source, FOLDER / target, ignore=shutil.ignore_patterns("__pycache__"))
    return [FOLDER / "code", FOLDER / "core", FOLDER / "packages"]
