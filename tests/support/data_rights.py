"""Which partition keys of the table each function may read, write and look up: the one list that template and cloud are held to.

A new kind of item needs its prefix here and in infra/roles.yaml, for each function that reads or writes the item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

ACCOUNT = "TENANT#*#ACCOUNT#*"
TENANT = "TENANT#*"  # but no account, where ACCOUNT does not stand beside it


@dataclass(frozen=True)
class Rights:
    """Patterns of partition keys by action, and of the partition keys of indexes."""

    get: frozenset[str] = frozenset()
    batch_get: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    put: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    delete: frozenset[str] = frozenset()
    batch_write: frozenset[str] = frozenset()
    lookups: Mapping[str, frozenset[str]] | None = None
    """Name of an index -> the partition keys that are looked up there."""

    def by_action(self) -> dict[str, frozenset[str]]:
        """Patterns on the table by the name of the action; actions that are not allowed are left out."""
        found = {
            "GetItem": self.get,
            "BatchGetItem": self.batch_get,
            "Query": self.query,
            "PutItem": self.put,
            "UpdateItem": self.update,
            "DeleteItem": self.delete,
            "BatchWriteItem": self.batch_write,
        }
        return {action: keys for action, keys in found.items() if keys}


def reaches(patterns: frozenset[str], partition: str) -> bool:
    """Whether a partition is among the patterns; accounts are only by their own."""
    if fnmatchcase(partition, ACCOUNT):
        return ACCOUNT in patterns
    return any(fnmatchcase(partition, pattern) for pattern in patterns)


def _keys(*patterns: str) -> frozenset[str]:
    return frozenset(patterns)


def _reads_and_writes(read: frozenset[str], written: frozenset[str], batch_written: frozenset[str] = frozenset()) -> Rights:
    return Rights(get=read, batch_get=read, put=written, update=written, batch_write=batch_written)


_GATE = _keys("KILL_SWITCH#*", "PAUSE#*", "BREAKER#*", "WEIGHTS#*")
_POOLS = _keys("POOL#*", "RESERVATION#*")
_LOOKS = _keys("LOOK#*")
_USE = _keys("SOURCE#*#NOTIONAL", "SOURCE#*#COUNTED#*")  # of a source, and never the source itself, which names its secret
_CHANGED = _keys(
    TENANT, ACCOUNT, "STRATEGY#*", "SOURCE#*", "SIGNAL#*", "VERDICT#*", "LIMITS#*", "KILL_SWITCH#*", "APPROVAL#*", "BACKTESTS#*"
)
_BROWSED = _CHANGED | _keys("PAUSE#*", "POOL#*", "PRICE#*", "HEALTH", "PARITY#*")
_COUNTED = _keys("EXECUTIONS#*", "DAYS#*", "RANKS#*", "SCHEDULES")
_HISTORY = _keys(TENANT, "STRATEGY#*", "DAYS#*")
_CARDS = _keys("LISTING#*", "MARKETPLACE")
_LISTED = _keys("SIGNALS#*", "QUARANTINE", "TENANT#*", "STRATEGIES", "OWNED#*", "KILL_SWITCHES", "APPROVALS")

RIGHTS: Mapping[str, Rights] = {
    "candle_clock": Rights(
        get=_keys("SCHEDULES"), update=_keys("SCHEDULES"), lookups={"GSI1": _keys("CLOCK#*", "CLOCK_UPLOADED#*")}
    ),
    "strategy_runner": Rights(
        get=_keys("STRATEGY#*", "SIGNAL#*", "WEIGHTS#*"),
        put=_keys("STRATEGY#*", "SIGNAL#*", "PRICE#*"),
        update=_keys("WEIGHTS#*", "EXECUTIONS#*"),
        lookups={"GSI1": _keys("CLOCK#*")},
    ),
    "strategy_sandbox": Rights(),
    "parity_checker": Rights(
        get=_keys("STRATEGY#*", "WEIGHTS#*"),
        query=_keys("STRATEGY#*", "PARITY#*"),
        lookups={"GSI1": _keys("CLOCK#*", "CLOCK_UPLOADED#*", "FOLLOWERS#*")},
        put=_keys("PARITY#*"),
        update=_keys("WEIGHTS#*", "SCHEDULES", "LISTING#*", "RANKS#*"),
    ),
    "strategy_validator": Rights(get=_keys("WEIGHTS#*"), update=_keys("WEIGHTS#*")),
    "backtest_runner": Rights(
        get=_keys("BACKTESTS#*", "STRATEGY#*", "WEIGHTS#*"),
        put=_keys("BACKTESTS#*"),
        update=_keys("BACKTESTS#*", "WEIGHTS#*", "LISTING#*"),
    ),
    "signal_intake": Rights(
        get=_keys("SOURCE#*", "STRATEGY#*", "SIGNAL#*"),
        query=_keys("SOURCE#*", "STRATEGY#*", "SIGNAL#*"),
        put=_keys("SOURCE#*", "SIGNAL#*"),
        update=_keys("SOURCE#*", "SIGNAL#*"),
    ),
    "signal_fanout": Rights(
        get=_keys("SIGNAL#*", "VERDICT#*", "LIMITS#*", TENANT, "WEIGHTS#*"),
        batch_get=_keys("SIGNAL#*", "VERDICT#*", "LIMITS#*", TENANT, "WEIGHTS#*"),
        update=_keys("SIGNAL#*", "VERDICT#*", "WEIGHTS#*", "ATTEMPT#*"),
        batch_write=_keys(TENANT),
        lookups={"GSI1": _keys("FOLLOWERS#*")},
    ),
    "order_executor": Rights(
        get=_keys(ACCOUNT) | _GATE | _POOLS | _LOOKS,
        batch_get=_keys(ACCOUNT) | _GATE | _POOLS | _LOOKS,
        put=_keys(TENANT, ACCOUNT, "BREAKER#*", "WEIGHTS#*") | _POOLS | _LOOKS,
        update=_keys(ACCOUNT, "BREAKER#*", "WEIGHTS#*", "ATTEMPT#*") | _POOLS | _LOOKS,
        batch_write=_LOOKS,
    ),
    "order_reconciler": Rights(
        get=_keys(ACCOUNT, "RESTORATION") | _GATE | _LOOKS,
        batch_get=_keys(ACCOUNT, "RESTORATION") | _GATE | _LOOKS,
        put=_keys(ACCOUNT, "BREAKER#*", "WEIGHTS#*") | _LOOKS,
        update=_keys(ACCOUNT, "BREAKER#*", "WEIGHTS#*") | _LOOKS,
        batch_write=_LOOKS,
        lookups={"GSI2": _keys("TENANT#*#ORDERS")},
    ),
    "key_vetting": _reads_and_writes(
        _keys(ACCOUNT, "BREAKER#*", "WEIGHTS#*") | _LOOKS, _keys(ACCOUNT, "BREAKER#*", "WEIGHTS#*") | _LOOKS, _LOOKS
    ),
    "reconcile_clock": Rights(
        get=_keys(ACCOUNT, "LOOKS", "SCHEDULES", "KILL_SWITCH#*", "PAUSE#*", "STRATEGY#*", "PRICE#*") | _POOLS | _LOOKS | _CARDS,
        batch_get=_keys(ACCOUNT, "LOOKS", "SCHEDULES", "KILL_SWITCH#*", "PAUSE#*") | _POOLS | _LOOKS,
        query=_keys("STRATEGY#*", "PRICE#*") | _CARDS,
        put=_keys("LOOKS", "SCHEDULES", "KILL_SWITCH#*#COPY#*", "PAUSE#*#COPY#*") | _POOLS | _LOOKS | _CARDS,
        update=_keys("LOOKS", "SCHEDULES", "BACKTESTS#*") | _POOLS | _LOOKS | _CARDS,
        batch_write=_LOOKS,
        lookups={
            "GSI2": _keys("KILL_SWITCHES", "STRATEGIES", "MARKETPLACE#*", "BACKTESTS_UNSENT"),
            **dict.fromkeys(("GSI3", "GSI4"), _keys("RECONCILE#*", "RESERVATIONS#*", "SOON#*", "LIVE")),
        },
    ),
    "health_probe": Rights(get=_keys("HEALTH", "BREAKER#*", "WEIGHTS#*"), put=_keys("HEALTH"), update=_keys("WEIGHTS#*")),
    "outbox_relay": replace(
        _reads_and_writes(
            _POOLS | _keys(TENANT, "STRATEGY#*", "KILL_SWITCH#*"), _POOLS | _USE | _HISTORY | _keys("RANKS#*", "KILL_SWITCH#*")
        ),
        lookups={"GSI4": _keys("LIVE")},
    ),
    "api": Rights(
        get=_BROWSED | _COUNTED | _LOOKS,
        batch_get=_BROWSED | _LOOKS,
        query=_BROWSED | _COUNTED | _LOOKS,
        put=_CHANGED | _LOOKS | _keys("TICKET#*"),
        update=_CHANGED | _LOOKS | _keys("LISTING#*"),
        delete=_keys(TENANT),
        batch_write=_LOOKS,
        lookups={"GSI1": _LISTED | _keys("CLOCK#*", "CLOCK_UPLOADED#*"), "GSI2": _LISTED | _keys("MARKETPLACE#*")},
    ),
    "live_connections": Rights(
        put=_keys("CONNECTION#*"), delete=_keys("TICKET#*", "CONNECTION#*"), lookups={"GSI4": _keys("LIVE")}
    ),
    "market_catalogue": Rights(),
    "dlq_redrive": Rights(),
    "history_rebuild": Rights(
        get=_keys(TENANT, "STRATEGY#*"),
        put=_HISTORY | _USE,
        update=_HISTORY | _USE,
    ),
    "paper_exchange": Rights(),
}

# One partition of each kind of item.
PARTITIONS = (
    "TENANT#tenant",
    "TENANT#tenant#ACCOUNT#account",
    "STRATEGY#strategy",
    "EXECUTIONS#strategy",
    "DAYS#strategy",
    "RANKS#strategy",
    "LISTING#strategy",
    "TICKET#digest",
    "CONNECTION#id",
    "MARKETPLACE",
    "SOURCE#source",
    "SOURCE#source#NOTIONAL",
    "SOURCE#source#COUNTED#intent",
    "SIGNAL#signal",
    "VERDICT#signal",
    "LIMITS#ORGANISATION#organisation",
    "KILL_SWITCH#PLATFORM#platform",
    "KILL_SWITCH#PLATFORM#platform#COPY#1",
    "PAUSE#DEPLOYMENT",
    "PAUSE#DEPLOYMENT#COPY#1",
    "APPROVAL#approval",
    "BREAKER#venue",
    "WEIGHTS#venue#shared",
    "POOL#organisation#00",
    "RESERVATION#intent",
    "PRICE#venue",
    "LOOK#tenant#account",
    "LOOKS",
    "SCHEDULES",
    "HEALTH",
    "BACKTESTS#tenant",
    "PARITY#strategy",
    "OTHER#kind",
)
