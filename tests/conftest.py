"""Settings of every test: generated examples are the same at every run, so a red test stays red when somebody looks.

New examples are searched for by hand: `HYPOTHESIS_PROFILE=search python -m pytest tests/property`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.support import lazy_ccxt

lazy_ccxt.install()

# A deadline, or a complaint that examples are made too slowly, would time the machine, which others use too.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", UNTIMED, derandomize=True)
settings.register_profile("search", UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
