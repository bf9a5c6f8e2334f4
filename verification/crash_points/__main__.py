"""Enumerate a scenario, or play one schedule again.

python -m verification.crash_points --scenario reversal --faults 2 [--everything]
python -m verification.crash_points --scenario reversal --replay='-/3f4/-/0x'
"""

from __future__ import annotations

import argparse
import sys

from verification.crash_points.cases import EVERYTHING, ORDERS, SCENARIOS
from verification.crash_points.enumeration import Enumeration
from verification.crash_points.explorer import Explorer
from verification.crash_points.functions import put_together
from verification.crash_points.replay import replay


def main() -> int:
    """1 if anything is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m verification.crash_points", description="Enumerate a scenario, or replay a schedule."
    )
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="entry then exit")
    parser.add_argument("--faults", type=int, default=2, help="up to how many in one schedule")
    parser.add_argument("--everything", action="store_true", help="stores, questions and rate limits may fail, too")
    parser.add_argument("--replay", metavar="SCHEDULE", help="tell one schedule step by step")
    options = parser.parse_args()
    scenario = SCENARIOS[options.scenario]
    enumeration = Enumeration(put_together(), EVERYTHING if options.everything else ORDERS)
    if options.replay is not None:
        lines = list(replay(enumeration, scenario, options.replay))
        sys.stdout.write("\n".join(lines) + "\n")
        return int(any("BROKEN" in line for line in lines))
    explorer = Explorer(enumeration, scenario)
    counts = explorer.explore(options.faults)
    told = ", ".join(f"{count:,} with {faults}" for faults, count in enumerate(counts))
    sys.stdout.write(f"{sum(counts):,} schedules ({told} faults), {explorer.worlds:,} worlds, {enumeration.runs:,} invocations\n")
    for violation in explorer.violations:
        sys.stdout.write(f"{violation.what}\n    --replay='{violation.schedule}'\n")
    return int(bool(explorer.violations))


if __name__ == "__main__":
    sys.exit(main())
