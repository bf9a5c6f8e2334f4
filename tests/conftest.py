"""What holds for every test: generated examples are the same at every run, so that a red test is red again when somebody looks.

New examples are searched for by hand: `HYPOTHESIS_PROFILE=search python -m pytest tests/property`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
