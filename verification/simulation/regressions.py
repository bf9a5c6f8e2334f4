"""Seeds that have failed once: they are kept with the profile that they ran under and replayed at every run of the tests.

A seed's run depends on the simulation, too: when the simulation changes, an old seed meets other trouble. A test of its own
therefore states the defect as well, and the entry names that test.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from verification.simulation.profile import Profile
from verification.simulation.run import Result

REGRESSIONS = Path(__file__).with_name("regressions.json")
VERSION = 1  # of the simulated world: raised when seeds come to mean other runs
TOLD = 3  # what broke, at most so many lines of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One seed that has failed; `shown_by` is the test that states the defect directly, empty until the defect is repaired."""

    seed: int
    version: int
    profile: dict[str, Any]
    broke: tuple[str, ...]
    shown_by: str = ""

    def drawn(self) -> Profile:
        """The profile as it was; trouble that did not exist then is absent."""
        known = {field.name for field in fields(Profile)}
        return Profile.calm(**{name: value for name, value in self.profile.items() if name in known})


def load(path: Path = REGRESSIONS) -> list[Regression]:
    """Every seed that has ever failed."""
    return [Regression(**{**entry, "broke": tuple(entry["broke"])}) for entry in json.loads(path.read_text())]


def remember(results: Sequence[Result], path: Path = REGRESSIONS) -> list[Regression]:
    """Add the runs that failed and are not known yet; returns those."""
    known = load(path)
    seen = {(regression.seed, regression.version) for regression in known}
    new = [
        Regression(
            seed=result.seed,
            version=VERSION,
            profile=asdict(result.profile),
            broke=tuple(result.broken[:TOLD]),
        )
        for result in results
        if result.broken and (result.seed, VERSION) not in seen
    ]
    if new:
        path.write_text(json.dumps([asdict(regression) for regression in (*known, *new)], indent=1) + "\n")
    return new
