"""The demo under fire: processes of every function are killed while it runs, and the end state must hold every invariant.

The product is not told, and no time is shortened. A killed function's message is redelivered after its queue's visibility
time-out: three minutes for a fan-out, six for a runner. So candles follow each other at a pace instead of waiting for quiet. The
one long wait is at the end, after the last kill.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import httpx

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.system import SystemClock
from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL, next_look
from candlecast.ports.dead_letters import QUEUES
from infra.local.cloud import Cloud
from infra.local.demo.killer import Killer
from infra.local.demo.replay import Replay, invoke
from infra.local.demo.report import count_dead_letters, summarise
from infra.local.demo.run import REPLAY_LATENESS_SECONDS, Options, Scene, prepare, read_files
from infra.local.demo.verdict import violations
from infra.local.project import BUILD, CommandError

REPORT = BUILD / "chaos" / "report.json"
DEFAULT_USERS = 20
DEFAULT_CANDLE_COUNT = 40
DEFAULT_KILLS = 80  # more than there are moments for: the last candle ends it
DEFAULT_SEED = 1
CANDLE_SECONDS = 2.5  # between two closes; as short as the pace at which two cores follow
RECONCILE_SECONDS = 10.0  # between two looks at all accounts; a minute in a deployment
QUIET_SECONDS = 600.0  # 360 s of a killed fan-out's visibility, then the orders that it had not sent.
# The venue takes its time over orders, as venues do, so more kills land in the middle of an order.
SLOW_ORDERS = {"kind": "slow", "method": "POST", "path": "/fapi/v1/order", "count": 1_000, "delay_ms": 250}
ATTEMPTS = 20  # of a request to the paper exchange, whose processes are killed too
ATTEMPT_SECONDS = 0.5
ROUNDS = 8  # of looks at all accounts until nothing is open that should not be, and of redriving
ROUND_SECONDS = 15.0  # two looks behind the settle window prove that an order does not exist


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """The caller's choices."""

    demo: Options
    kills: int = DEFAULT_KILLS
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        if self.kills < 1:
            raise CommandError(f"KILLS must be at least 1, not {self.kills}", "USAGE", 2)


@dataclass(slots=True)
class Fire:
    """A replay whose processes are killed."""

    scene: Scene
    replay: Replay
    killer: Killer
    say: Callable[[str], None]

    def run(self) -> None:
        """Announce every candle at a steady pace, and let the killer stop with the last."""
        self.scene.operator.call("POST", "/faults", SLOW_ORDERS)
        self.killer.start()
        try:
            looked = time.monotonic()
            for number, closing_ in enumerate(self.replay.closings, start=1):
                self._persist(lambda at=closing_.at: self.scene.operator.set_clock(at))  # type: ignore[misc]
                self.replay.announce(closing_)
                time.sleep(CANDLE_SECONDS)
                if time.monotonic() - looked > RECONCILE_SECONDS:
                    looked = time.monotonic()
                    self._persist(self._look_at_accounts)
                if number % 10 == 0 or number == len(self.replay.closings):
                    self.say(f"{number}/{len(self.replay.closings)} candles, {self.killer.total} killed")
        finally:
            self.killer.stop()

    def settle(self) -> dict[str, int]:
        """Wait until all is quiet, redrive dead letters, and look until nothing is unsettled; how many were redriven by queue."""
        self.say("nobody is killed any more; what a killed strategy_runner was about comes back after six minutes")
        redriven = dict.fromkeys(QUEUES, 0)
        for _ in range(ROUNDS):
            self.replay.wait_until_quiet(QUIET_SECONDS)
            if not count_dead_letters(self.scene.cloud):
                break
            for queue in QUEUES:
                event = {"action": "redrive", "queue": queue, "by": "chaos"}
                redriven[queue] += invoke(self.scene.cloud, "DlqRedriveFunctionName", event)["redriven"]
        for _ in range(ROUNDS):
            self._look_at_accounts()
            self.replay.wait_until_quiet(QUIET_SECONDS)
            if all(next_look(account, datetime.now(UTC)) is None for account in accounts(self.scene)):
                break
            time.sleep(ROUND_SECONDS)
        return redriven

    def _look_at_accounts(self) -> None:
        """Fire the reconcile clock as of the moment when every account with open orders is due."""
        due = datetime.now(UTC) + OPEN_ORDER_INTERVAL + timedelta(seconds=1)
        invoke(self.scene.cloud, "ReconcileClockFunctionName", {"due_by": due.isoformat()})

    def _persist(self, ask: Callable[[], None]) -> None:
        """Ask until there is an answer: the process that should answer may have just been killed."""
        for _ in range(ATTEMPTS):
            try:
                return ask()
            except (CommandError, httpx.HTTPError):
                time.sleep(ATTEMPT_SECONDS)
        return ask()


def accounts(scene: Scene) -> list[Account]:
    """The accounts as they are stored."""
    _ = scene.ledger  # opens the records, and with them the address of the cloud
    store = DynamoAccountStore(Table(scene.cloud.outputs["TableName"]), SystemClock())
    return [store.load(person.user.sub, person.account_id) for person in scene.people if person.account_id is not None]


def judge(scene: Scene, candles: int) -> tuple[dict[str, Any], list[str]]:
    """The demo's figures, and every breach of an invariant."""
    records, book = scene.ledger.read_when_relayed(), scene.operator.book()
    report = summarise(records, book, scene.people, candles, count_dead_letters(scene.cloud))
    store = DynamoSubscriptionStore(Table(scene.cloud.outputs["TableName"]), SystemClock())
    settings = {it.subscription_id: store.get_subscription(it.user.sub, it.subscription_id).settings for it in scene.people}
    ours = {it.keys.account_id: it.account_id for it in scene.people if it.keys is not None and it.account_id is not None}
    held = {
        (ours[row["account_id"]], row["symbol"]): Decimal(row["amount"])
        for row in scene.operator.rows("positions")
        if row["account_id"] in ours and Decimal(row["amount"])
    }
    return report, violations(report, records, accounts(scene), settings, held)


def chaos(options: ChaosOptions, out: TextIO = sys.stdout) -> int:
    """Run the demo under fire; 0 if the end state holds every invariant."""

    def say(text: str) -> None:
        print(f"  {text}", file=out, flush=True)

    files = read_files(options.demo)
    started = time.monotonic()
    with Cloud("chaos", say=say) as cloud:
        cloud.deploy(SchedulesState="DISABLED", MaxCandleLatenessSeconds=REPLAY_LATENESS_SECONDS)
        scene = prepare(cloud, options.demo, files, out)
        fire = Fire(scene, scene.replay(), Killer(cloud, options.kills, options.seed), say)
        with closing(scene.operator):
            fire.run()
            redriven = fire.settle()
            figures, found = judge(scene, fire.replay.progress.messages)
    if not any(counts.get("busy") for counts in fire.killer.killed.values()):
        found.append("nobody was killed in the middle of anything: the run shows nothing")
    report = {
        "seed": options.seed,
        "kills": fire.killer.total,
        "kills_by_function": fire.killer.killed,
        "seconds": round(time.monotonic() - started, 1),
        "redriven": redriven,
        "figures": figures,
        "violations": found,
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _summary(report, say)
    return 1 if found else 0


def _summary(report: dict[str, Any], say: Callable[[str], None]) -> None:
    for name in ("kills", "kills_by_function", "seconds", "redriven"):
        say(f"{name:<20} {report[name]}")
    for name, value in report["figures"].items():
        say(f"{name:<20} {value if not isinstance(value, list) else len(value)}")
    for violation in report["violations"]:
        say(f"  {violation}")
    say(f"{'report':<20} {_relative(REPORT)}")
    say("sound: every invariant holds after all that" if not report["violations"] else "NOT SOUND: see the report")


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
