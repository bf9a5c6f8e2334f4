"""The mechanisms that are taken out, one at a time, and which suite must miss them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verification.mutations.edits import Edit

RECONCILE, RECONCILE_ACCOUNT = "candlecast.domain.reconcile.reconcile", "candlecast.services.reconcile.reconcile_account"
PLACE_ORDERS, EXECUTE_ORDER = "candlecast.services.orders.place_orders", "candlecast.services.orders.execute_order"
STOP_RESTING = "candlecast.services.orders.stop_resting"
BATCH, RELAY = "candlecast.runtime.batch", "candlecast.runtime.compose.outbox_relay"
COPIES = "candlecast.adapters.dynamodb.copies"


class Suite(StrEnum):
    """The suites that may find a mutation."""

    SIMULATION = "simulation"
    CRASH_POINTS = "crash_points"
    STALENESS = "staleness"
    RESTORES = "restores"
    TESTS = "tests"
    """The tests of the mechanism, which the mutation names."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mechanism that is removed, and the edits that remove it; every suite in `found_by` turns red.

    `case` is the crash points' scenario for it. `tests` are the files of its tests, where no model holds the mechanism.
    """

    name: str
    edits: tuple[Edit, ...]
    found_by: tuple[Suite, ...]
    case: str = "entry then exit"
    tests: tuple[str, ...] = ()


BOTH = (Suite.SIMULATION, Suite.CRASH_POINTS)

MUTATIONS = (
    Mutation(
        "the lookup before a resend",
        (
            Edit(RECONCILE, " and intent.lookups >= LOOKUPS_NEEDED", ""),
            Edit(RECONCILE_ACCOUNT, "        self.settle.look_up(changes, venue, failures)\n", ""),
            Edit(RECONCILE_ACCOUNT, "self.settle.prove_absent(changes, venue, failures)", "frozenset[str]()"),
        ),
        BOTH,
    ),
    Mutation(
        "the settle window",
        (
            Edit(
                "candlecast.domain.venue.rules",
                "return self.send_window + self.processing_timeout + self.receive_window + self.settle_margin",
                "return timedelta(0)",
            ),
        ),
        BOTH,
    ),
    Mutation(
        "the version condition",
        (
            Edit(
                "candlecast.adapters.dynamodb.accounts",
                'ConditionExpression="#version = :version"',
                'ConditionExpression="#version = :version OR #version <> :version"',
            ),
        ),
        (Suite.CRASH_POINTS,),  # the simulation has a store of its own
    ),
    Mutation(
        "the reservation in the account",
        (
            Edit(
                EXECUTE_ORDER,
                "self.accounts.save(member.decide(plan.intents, now, receipt))",
                "member.decide(plan.intents, now, receipt)",
            ),
        ),
        BOTH,
    ),
    Mutation(
        "the reservation in the pool",
        (
            Edit(
                "candlecast.services.pools.reserve_pool",
                "denial = next((denial for entry in entries if (denial := self._reserve(entry, limits)) is not None), None)",
                "denial: Denial | None = None",
            ),
        ),
        (Suite.SIMULATION,),  # at the crash points there is one account, and alone it cannot overdraw a pool
    ),
    Mutation(
        "the expiry check",
        (
            Edit(RECONCILE, "return marked and (intent.expires_at is None or now <= intent.expires_at)", "return marked"),
            Edit(RECONCILE, "return subscribed and (intent.expires_at is None or now <= intent.expires_at)", "return subscribed"),
            Edit(PLACE_ORDERS, "if leg.expires_at is not None and now > leg.expires_at:", "if False:"),
        ),
        BOTH,
        case="entry that goes stale",
    ),
    Mutation(
        "the cancellation that an owner asks for",
        (
            Edit(
                "candlecast.services.orders.stop_resting",
                "(entry.cancel_asked_at is not None, Reason.CANCELLED_BY_OWNER)",
                "(False, Reason.CANCELLED_BY_OWNER)",
            ),
        ),
        (Suite.CRASH_POINTS,),
        case="entry that its owner cancels",
    ),
    Mutation(
        "the part that an exit closes",
        (
            Edit("candlecast.domain.decide.plan", "quantity = reduction.of(closing.quantity, market)", "pass"),
            Edit("candlecast.domain.account.account", "quantity = reduction.of(position.quantity, market)", "pass"),
        ),
        (Suite.CRASH_POINTS,),
        case="part of a position",
    ),
    Mutation(
        "the signal firewall",
        (
            Edit(
                "candlecast.domain.signals.verdict",
                "denial = Denial(unquoted) if quote is None else implausible(signal, signal.entry_side, quote.mark_price)",
                "denial = Denial(unquoted) if quote is None else None",
            ),
            Edit("candlecast.domain.decide.plan", "((Scope.PLATFORM, PRICE_LIMITS), *own)", "own"),
            Edit("candlecast.services.limits.read_limits", "(Scope.PLATFORM, PRODUCT_LIMITS), ", ""),
        ),
        (Suite.SIMULATION,),  # at the crash points every sender tells the truth
    ),
    Mutation(
        "the worse of price and mark",
        (
            Edit(
                "candlecast.domain.orders.sizing",
                "highest = price if mark is None else max(price, mark)",
                "highest = price",
            ),
            Edit("candlecast.domain.decide.risk.entry", "return self.price, self.mark", "return self.price, self.price"),
        ),
        (Suite.SIMULATION,),
    ),
    Mutation(
        "the exit's wait for an entry that rests",
        (Edit("candlecast.domain.decide.plan", "if draft.resting and not known_exit and _may_close(draft):", "if False:"),),
        (Suite.CRASH_POINTS, Suite.SIMULATION),  # the simulation needs dozens of seeds for it
        case="exit while its entry rests",
    ),
    Mutation(
        "the cancellation of an entry that an exit waits for",
        (
            Edit(STOP_RESTING, "(exit_behind(account, entry) is not None, Reason.SIGNAL_SUPERSEDED)", "(False, None)"),
            Edit(
                "candlecast.services.orders.exit_resting",
                "for entry in changes.account.resting(leave.subscription_id, leave.market):",
                "for entry in ():",
            ),
        ),
        (Suite.SIMULATION,),  # at the crash points every limit entry ends within 90 s by itself, and its exit follows
    ),
    Mutation(
        "the check of a venue's answers",
        (
            Edit("candlecast.adapters.ccxt.clients", ', "request": checked(venue_class)}', "}"),
            # an exit that nobody has accepted counts as open, and then as cancelled: the exit after that would make it whole
            Edit(
                "candlecast.domain.account.account",
                "closes and (ended.state is IntentState.REJECTED or cut_short)",
                "closes and ended.state is IntentState.REJECTED",
            ),
        ),
        (Suite.CRASH_POINTS,),  # the simulation's venue answers with values, not with bytes
    ),
    Mutation(
        "the proof that a position was closed",
        (Edit("candlecast.services.reconcile.compare_positions", "step = proof()", "step = ClosingStep.ADOPT"),),
        (Suite.SIMULATION,),  # at the crash points nobody trades by hand, and two looks with an empty list are two faults
    ),
    Mutation(
        "the exit after one that the venue refused",
        (
            Edit(
                "candlecast.domain.account.account",
                "closes and (ended.state is IntentState.REJECTED or cut_short)",
                "closes and cut_short",
            ),
        ),
        BOTH,
        case="exit that the venue refuses once",
    ),
    Mutation(
        "the market's word before a position without a stop is sold",
        (Edit(RECONCILE_ACCOUNT, "p.entry_intent_id in refused or p.is_beyond_stop(marks.get(p.market))", "True"),),
        (Suite.SIMULATION,),  # at the crash points nobody says how a position was closed
    ),
    Mutation(
        "the isolation of a market's failure",
        (Edit("candlecast.services.orders.failures", "except (Fatal, Conflict):", "except DomainError:"),),
        (Suite.SIMULATION,),  # at the crash points every account has one market
    ),
    Mutation(
        "the refusal of entries in a market that ends",
        (
            Edit("candlecast.domain.decide.plan", "(market is not None and not market.takes_entries, ", "(False, "),
            Edit(PLACE_ORDERS, "return market is not None and not market.takes_entries", "return False"),
        ),
        (Suite.SIMULATION,),  # no market ends at the crash points
    ),
    Mutation(
        "the lease of a request for a look",
        (Edit("candlecast.domain.reconcile.look_lease", "if held is None or held.until <= now", "if True"),),
        (Suite.STALENESS,),  # the other suites have few accounts: a look too many does no harm there
    ),
    Mutation(
        "the window of the reconcile clock",
        (
            Edit(
                "candlecast.services.reconcile.request_reconciles",
                "self.looks.ask(wanted, window.room - asked)",
                "self.looks.ask(wanted)",
            ),
        ),
        (Suite.STALENESS,),
    ),
    Mutation(
        "the weight of awaited looks",
        (Edit(RECONCILE_ACCOUNT, "self.awaited_venues if request.awaited else self.venues", "self.venues"),),
        (Suite.STALENESS,),
    ),
    Mutation(
        "the refusal of keys with wrong rights",
        (Edit("candlecast.domain.account.vetting", "wanted = refused or _until", "wanted = _until"),),
        (Suite.SIMULATION,),  # nobody changes rights at the crash points
    ),
    Mutation(
        "the pause of a deployment",
        (Edit("candlecast.services.venue.check_gate", "if reading.pause is not None:", "if False:"),),
        (Suite.SIMULATION,),  # nobody deploys at the crash points
    ),
    Mutation(
        "the copy that is written",
        (Edit("candlecast.adapters.dynamodb.copies", "return crc32(account_id.encode()) % COPIES", "return COPIES"),),
        (Suite.SIMULATION,),  # nobody flips a switch at the crash points
    ),
    Mutation(
        "the completion of a switch that was cut off",
        (
            Edit(
                "candlecast.services.account.complete_switches", "completed = self.switches.complete_switches()", "completed = 0"
            ),
        ),
        (Suite.SIMULATION,),
    ),
    Mutation(
        "the last-moment kill-switch read",
        (Edit(PLACE_ORDERS, "stop, now = gate.stops(account, leg), self.clock.now()", "stop, now = None, self.clock.now()"),),
        (Suite.SIMULATION,),  # nobody flips a switch at the crash points
    ),
    Mutation(
        "the block of entries after a restore",
        (Edit("candlecast.domain.decide.plan", "behind = account.generation < draft.generation", "behind = False"),),
        (Suite.RESTORES,),
    ),
    Mutation(
        "the lost order that is ours",
        (Edit("candlecast.services.reconcile.compare_positions", "if fills is None or part == 0:", "if True:"),),
        (Suite.RESTORES,),
    ),
    Mutation(
        "the lost stop that stays",
        (
            Edit(
                "candlecast.services.orders.follow_orders",
                " and not (order.reduce_only and is_restoring(changes.account))",
                "",
            ),
        ),
        (Suite.RESTORES,),
    ),
    Mutation(
        "the refusal of signals from before a restore",
        (
            Edit(
                "candlecast.domain.decide.plan",
                "maybe_executed = account.entries_from is not None and signal.issued_at < account.entries_from",
                "maybe_executed = False",
            ),
        ),
        (Suite.RESTORES,),
    ),
    Mutation(
        "the doubt of orders that a restored book holds",
        (Edit("candlecast.domain.reconcile.restoration", "{key: _doubted(account, intent) for", "{key: intent for"),),
        (Suite.TESTS,),
        tests=("tests/unit/services/reconcile/test_recover_account.py",),
    ),
    Mutation(
        "the memory of lost orders that are adopted",
        (
            Edit(
                "candlecast.domain.reconcile.adopt_lost",
                "known = remember(account, [of_client_id(it) for it in fills.client_order_ids], now)",
                "known = account",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/unit/services/reconcile/test_recover_account.py",),
    ),
    Mutation(
        "the resting orders before a restored account enters",
        (Edit("candlecast.services.reconcile.recover_account", "if not (everywhere and compared", "if not (compared"),),
        (Suite.TESTS,),
        tests=("tests/unit/services/reconcile/test_recover_account.py",),
    ),
    Mutation(
        "the comparison before a restored account enters",
        (Edit("candlecast.services.reconcile.recover_account", "if not (everywhere and compared", "if not (everywhere"),),
        (Suite.RESTORES,),
    ),
    Mutation(
        "the restored moment behind which nothing is lost",
        (Edit("candlecast.services.reconcile.find_lost", "max(since, now - MAX_LOOK_BACK)", "now - MAX_LOOK_BACK"),),
        (Suite.TESTS,),
        tests=("tests/unit/services/reconcile/test_find_lost.py",),
    ),
    Mutation(
        "the pause before a restored account enters",
        (Edit("candlecast.domain.reconcile.restoration", "now >= self.adopted_at + QUIET", "now >= self.adopted_at"),),
        (Suite.TESTS,),  # no function of before the restore runs on in the suites
        tests=("tests/unit/services/reconcile/test_recover_account.py",),
    ),
    Mutation(
        "the versions of a restored table",
        (
            Edit(
                "candlecast.adapters.dynamodb.accounts",
                "return max(account.version, (generation - 1) * VERSIONS_OF_A_GENERATION) + 1",
                "return account.version + 1",
            ),
        ),
        (Suite.TESTS,),  # the suites of restores have a store of their own
        tests=("tests/golden/test_golden.py",),
    ),
    Mutation(
        "the wait of messages for newer code",
        (Edit(BATCH, "if error.code == NEWER_CODE and self.attempts is not None:", "if False:"),),
        (Suite.TESTS,),
        tests=("tests/handlers/test_queue_consumer.py",),
    ),
    Mutation(
        "the wait of accounts for newer code",
        (Edit("candlecast.adapters.dynamodb.single_table.table", "if schema_version not in known:", "if False:"),),
        (Suite.TESTS,),
        tests=("tests/unit/adapters/dynamodb/test_account_text.py",),
    ),
    Mutation(
        "the age of the candle clock's event",
        (
            Edit(
                "candlecast.services.market.announce_candles",
                "        require_recent(scheduled_at, now, MAX_FIRING_AGE)\n",
                "",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/unit/services/market/test_announce_candles.py",),
    ),
    Mutation(
        "the age of the reconcile clock's event",
        (
            Edit(
                "candlecast.services.reconcile.request_reconciles",
                "        require_recent(scheduled_at, self.clock.now(), MAX_FIRING_AGE)\n",
                "",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/unit/services/reconcile/test_request_reconciles.py",),
    ),
    Mutation(
        "the copies before the answer",
        (
            Edit(
                COPIES,
                "            self._write_copies([self._copy(at, row) for at in copy_keys((row.partition, row.place))[1:]])\n",
                "",
            ),
        ),
        (Suite.TESTS,),  # the suites have a gate of their own
        tests=("tests/contract/store/test_copies.py",),
    ),
    Mutation(
        "the copy that is never older",
        (Edit(COPIES, "kind.partition.does_not_exist() | (kind.version < copy.version)", "None"),),
        (Suite.TESTS,),
        tests=("tests/contract/store/test_copies.py",),
    ),
    Mutation(
        "the copies of a breaker",
        (
            Edit(
                COPIES,
                "                for at in copy_keys((row.partition, row.place))[1:]:\n"
                "                    transaction.save(self._copy(at, row))\n",
                "",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/contract/store/test_copies.py",),
    ),
    Mutation(
        "the pause in the reading of the gate",
        (Edit("candlecast.adapters.dynamodb.gate", "if paused in found else None", "if False else None"),),
        (Suite.TESTS,),
        tests=("tests/contract/store/test_copies.py",),
    ),
    Mutation(
        "the pause that no other deployment lifts",
        (Edit("candlecast.services.account.pause_entries", "if deployment_id not in (None, known.deployment_id):", "if False:"),),
        (Suite.TESTS,),
        tests=("tests/unit/services/account/test_pause_entries.py",),
    ),
    Mutation(
        "the completion of a pause that was cut off",
        (Edit("candlecast.services.account.watch_pause", "        self.pauses.complete_pause()\n", ""),),
        (Suite.SIMULATION, Suite.TESTS),
        tests=("tests/unit/services/account/test_pause_entries.py",),
    ),
    Mutation(
        "the decision that versions share",
        (Edit("candlecast.domain.signals.signal", "return self.decision_id or self.signal_id", "return self.signal_id"),),
        (Suite.TESTS,),  # in the simulation hardly anybody pins another version between two fan-outs of one candle
        tests=("tests/unit/domain/decide/test_plan.py",),
    ),
    Mutation(
        "the versions that the first write freezes",
        (
            Edit(
                "candlecast.services.market.begin_runs",
                "            beside = held.beside\n",
                "            held = replace(held, audience=first)\n",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/unit/services/market/test_run_versions.py",),
    ),
    Mutation(
        "the silence of the health probe",
        (Edit("candlecast.services.health.read_health", "if health.is_silent(self.clock.now()):", "if False:"),),
        (Suite.TESTS,),
        tests=("tests/unit/services/health/test_read_health.py",),
    ),
    Mutation(
        "the trace of a message that is sent",
        (Edit("candlecast.adapters.sqs.queues", "    if header is not None:\n", "    if False:\n"),),
        (Suite.TESTS,),
        tests=("tests/unit/adapters/sqs/test_trace_headers.py",),
    ),
    Mutation(
        "the trace of a message that is received",
        (Edit(BATCH, 'record["attributes"].get(HEADER)', "None"),),
        (Suite.TESTS,),
        tests=("tests/handlers/test_queue_consumer.py",),
    ),
    Mutation(
        "the request to the venue in its trace",
        (
            Edit(
                "candlecast.adapters.ccxt.session",
                'with subsegment(host, namespace="remote", http={"request": request}) as told:',
                "for told in (None,):",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/unit/adapters/ccxt/test_venue_session.py",),
    ),
    Mutation(
        "the archive before the projection",
        (
            Edit(
                RELAY,
                "        archive.keep_batch(archived_events(records))\n        return Batch(relay, tell)",
                "        return Batch(lambda published: archive.keep_batch(archived_events(records)) or relay(published), tell)",
            ),
        ),
        (Suite.TESTS,),
        tests=("tests/handlers/test_outbox_relay.py",),
    ),
)
