"""Codes of errors that the API's code can raise and no request is refused with.

The others stand in `functions/api/description/codes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

NEVER_ANSWERED: Mapping[str, str] = {
    "LIVE_UNAVAILABLE": "only the clock has live connections closed",
    "STOP_LOOSENED": "only a look moves a stop after the market; an owner's stop is judged by the limits",
    "RECORD_CONTENDED": "only the relay counts trades",
    "ARCHIVE_UNAVAILABLE": "only the relay and a rebuild use the archive",
    "BACKTEST_ENDED": "only the runner begins a backtest",
    "BACKTEST_RUNS": "only the runner begins a backtest",
    "CANDLES_UNAVAILABLE": "only the check of an upload reads candles, and answers VALIDATOR_UNAVAILABLE",
    "CHOICE_INVALID": "the body's schema refuses such a choice first",
    "FUNDING_INVALID": "the API never reads rates of funding",
    "CREDENTIALS_INVALID": "the API never reads keys",
    "CREDENTIALS_MISSING": "the API never reads keys",
    "DEPLOYMENT_ID_INVALID": "only the command pauses entries for a deployment",
    "DELAY_INVALID": "orders of a cancellation have no delay",
    "EVENT_BUS_UNAVAILABLE": "only the relay publishes events",
    "EXIT_EXCEEDS_POSITION": "a fault of ours while fills are recorded, which the API does not do",
    "FILL_OF_ANOTHER_ENTRY": "a fault of ours while fills are recorded, which the API does not do",
    "FILL_WITHOUT_PRICE": "a fault of ours while fills are recorded, which the API does not do",
    "ILLEGAL_TRANSITION": "a fault of ours while orders are recorded, which the API does not do",
    "ISSUER_UNAVAILABLE": "only the health probe asks the issuer",
    "LEASE_LOST": "only a run of a strategy has a lease",
    "LETTER_NOT_FOUND": "part of an answer: a letter that a redrive refuses",
    "LETTER_UNREADABLE": "part of an answer: a letter that a redrive refuses",
    "LIMIT_INVALID": "the query's schema refuses such a limit first",
    "MESSAGE_TOO_LARGE": "an exit of a cancellation is far below the bound",
    "MESSAGE_UNREADABLE": "the API reads no messages",
    "METADATA_TOO_LARGE": "a validation request has no metadata",
    "MONTH_INVALID": "the API reads no candles",
    "PAGE_SIZE_INVALID": "the query's schema refuses such a page first",
    "QUEUE_UNKNOWN": "the path's own check answers 404 first",
    "REBUILD_UNAVAILABLE": "only the command asks for a rebuild",
    "RECORD_UNREADABLE": "only the relay reads the stream",
    "RELAY_FAILED": "part of an answer: a letter that a redrive refuses",
    "RESULTS_UNAVAILABLE": "only the runner keeps results",
    "RESERVATION_CHANGED": "the API reserves nothing",
    "SANDBOX_UNAVAILABLE": "only a run and a check ask the sandbox",
    "SCOPE_INVALID": "the path's own check answers 404 first",
    "SLOT_CHANGED": "the API reserves nothing",
    "SPAN_EMPTY": "the API reads no candles",
    "STREAM_TRIMMED": "part of an answer: a letter that a redrive refuses",
    "TARGET_UNKNOWN": "part of an answer: a letter that a redrive refuses",
    "VERSION_MISSING": "only a run names a version that there is not",
    "TOO_MANY_OPEN_ORDERS": "a reason of an order, in the receipt of a validation",
    "TOO_MANY_SUSPENSIONS": "the API suspends nothing",
    "TOO_MANY_TARGETS": "the body's schema refuses so many targets first",
}
"""Codes that code within reach of the API can raise, and why no request is refused with them."""
