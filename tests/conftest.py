"""What holds for every test: generated examples are the same at every run, so that a red test is red again when somebody looks.

New examples are searched for by hand: `HYPOTHESIS_PROFILE=search python -m pytest tests/property`.
"""

from __future__ import annotations

import os

from hypothesis import settings

# A deadline would time the machine, which others use too.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
