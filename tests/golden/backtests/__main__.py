"""`python -m tests.golden.backtests`: run both engines over every case and write what they answer, over what is there.

Needs the recorded candles and the environment `engines`. Read the difference before you commit the files.
"""

from __future__ import annotations

import sys

from tests.golden.backtests import CASES, ENGINES, results, runs, write_totals, write_trades
from tests.support.foreign import environment


def main() -> None:
    absent = [case.file for case in CASES if not case.path.is_file()]
    if absent:
        sys.exit(f"recorded candles are not on this machine: {', '.join(absent)}")
    python = environment("engines")
    answered = []
    for engine in ENGINES:
        wanted = list(runs(engines=[engine]))
        answered += list(zip(wanted, results(python, engine, wanted), strict=True))
        for case in CASES:
            write_trades(case, engine, [pair for pair in answered if pair[0].case == case and pair[0].engine == engine])
    write_totals(answered)


if __name__ == "__main__":
    main()
