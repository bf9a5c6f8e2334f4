"""Run the tests that ccxt has in its package against a venue: `ccxt_bundled.py URL KEY SECRET`, JSON by method on stdout.

ccxt's own program chooses the tests and their arguments. Its file of skips is not read, so nothing is skipped. The result of
each test is kept instead of printed. The order test is left out, which ccxt runs on demand only. In Python that test fails
before its first request, where it joins a text and a number.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SYMBOL = "BTC/USDT:USDT"
ARGUMENTS = {"fetchLeverageTiers": [SYMBOL]}  # the program has a list of a list, which the test itself cannot join to its text
NOT_RUN = ("UNSUPPORTED_TEST", "UNIMPLEMENTED_TEST", "SKIPPED_TEST")


def enter_a_tree(tree: Path) -> None:
    """Let ccxt be imported from a folder of its own, since its tests refuse to run from site-packages."""
    spec = find_spec("ccxt")
    assert spec is not None and spec.origin is not None
    (tree / "ccxt").symlink_to(Path(spec.origin).parent, target_is_directory=True)
    folder = tree / "ccxt" / "test"
    os.chdir(folder)
    sys.path[:0] = [str(tree), str(folder)]
    sys.argv = ["tests_init.py", "binanceusdm", "--sync", "--info"]


def main(url: str, key: str, secret: str) -> dict[str, str]:
    """By method: `passed`, why it was not run, or the first line of the failure."""
    import ccxt
    import tests_sync

    found: dict[str, str] = {}

    class Recorded(tests_sync.testMainClass):  # type: ignore[misc,name-defined,unused-ignore]
        """ccxt's program, which tells each result and tries nothing twice."""

        def test_safe(self, method_name: str, exchange: Any, args: Any = (), is_public: bool = False) -> bool:
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    self.test_method(method_name, exchange, ARGUMENTS.get(method_name, args), is_public)
            except Exception as error:
                found[method_name] = f"{type(error).__name__}: {error}".splitlines()[0][:400]
                return False
            result = next((kind for kind in NOT_RUN if kind in said.getvalue()), "passed")
            found.setdefault(method_name, result)
            return True

    exchange: Any = ccxt.binanceusdm({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.urls["api"] = {name: f"{url}/{was.split('/', 3)[3]}" for name, was in exchange.urls["api"].items()}
    tests = Recorded()
    with contextlib.redirect_stdout(io.StringIO()):
        tests.parse_cli_args_and_props()
        tests.import_files(exchange)
        tests.load_exchange(exchange)
        tests.run_public_tests(exchange, [SYMBOL])
        trade(exchange)
        tests.run_private_tests(exchange, [SYMBOL])
    return found


def trade(exchange: Any) -> None:
    """Leave an order of each end, trades and a position, so that the tests of lists have something to look at."""
    exchange.create_order(SYMBOL, "market", "buy", 0.02)
    exchange.create_order(SYMBOL, "market", "sell", 0.01)
    exchange.create_order(SYMBOL, "limit", "buy", 0.01, 45_000)
    cancelled = exchange.create_order(SYMBOL, "limit", "buy", 0.01, 44_000)
    exchange.cancel_order(cancelled["id"], SYMBOL)


if __name__ == "__main__":
    words = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as tree:
        enter_a_tree(Path(tree))
        json.dump(main(*words), sys.stdout)
