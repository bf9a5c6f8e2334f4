"""The API starts without what it does not need: its cold start is what people wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("ccxt", "numpy", "boto3", "pynamodb", "strategies")


def test_the_application_is_made_without_exchange_arrays_or_aws() -> None:
    code = f"import sys; import functions.api.app; print([name for name in {HEAVY!r} if name in sys.modules])"
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core'}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
