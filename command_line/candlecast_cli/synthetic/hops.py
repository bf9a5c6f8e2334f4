"""The hops of a synthetic run, and how one waits for each of them within a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from candlecast.domain.values.errors import DomainError, NotFound, RetryLater

POLL_SECONDS = 0.2  # a hop takes this much longer to be seen; a few requests a second cost nothing
LONGEST_PAUSE_SECONDS = 5.0  # before a store or a door that asked for a pause is asked again
HOP_SECONDS = 60.0  # cold starts and a redelivery fit, and a broken hop is named within a minute
RUN_SECONDS = 300.0  # of all hops together: a pipeline waits no longer


class Hop(StrEnum):
    """The hops in their order, named as in reports."""

    TENANT = "tenant"
    KEYS = "keys"
    LEFT_OVER = "left over"
    ENTRY_WEBHOOK = "entry webhook"
    ENTRY_SIGNAL = "entry signal"
    ENTRY_FAN_OUT = "entry fan-out"
    ENTRY_ORDER = "entry order"
    FILL = "fill"
    DENIAL = "denial"
    POSITION = "position"
    ENTRY_HISTORY = "entry history"
    EXIT_WEBHOOK = "exit webhook"
    EXIT_SIGNAL = "exit signal"
    EXIT_FAN_OUT = "exit fan-out"
    EXIT_ORDER = "exit order"
    FLAT = "flat"
    EXIT_HISTORY = "exit history"
    CLEAN_UP = "clean-up"


WHERE = {
    Hop.TENANT: "the table, Secrets Manager, the catalogue of markets, paper_exchange",
    Hop.KEYS: "key_vetting behind VettingQueue, then order_reconciler behind AwaitedLookQueue",
    Hop.LEFT_OVER: "a run before this one has left a position or an order: order_executor, order_reconciler",
    Hop.ENTRY_WEBHOOK: "signal_intake behind POST /webhooks",
    Hop.ENTRY_SIGNAL: "signal_intake",
    Hop.ENTRY_FAN_OUT: "signal_fanout behind SignalQueue",
    Hop.ENTRY_ORDER: "order_executor behind TradeQueue",
    Hop.FILL: "order_executor, paper_exchange",
    Hop.DENIAL: "order_executor, whose gate reads the switches, and outbox_relay",
    Hop.POSITION: "order_executor",
    Hop.ENTRY_HISTORY: "outbox_relay behind the table's stream",
    Hop.EXIT_WEBHOOK: "signal_intake behind POST /webhooks",
    Hop.EXIT_SIGNAL: "signal_intake",
    Hop.EXIT_FAN_OUT: "signal_fanout behind SignalQueue",
    Hop.EXIT_ORDER: "order_executor behind TradeQueue",
    Hop.FLAT: "order_executor, then order_reconciler for what rests",
    Hop.EXIT_HISTORY: "outbox_relay behind the table's stream",
    Hop.CLEAN_UP: "the table and Secrets Manager",
}
"""Where to look when a hop fails; docs/guides/deploy.md has the same table."""


class HopFailed(Exception):
    """A hop was not seen, or ended otherwise than it should. `code` is stable."""

    def __init__(self, hop: Hop, code: str, message: str) -> None:
        super().__init__(f"{hop}: {code}: {message}; see {WHERE[hop]}")
        self.hop = hop
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class PassedHop:
    """A hop that was seen: how long it took since the hop before, and since the run began."""

    hop: Hop
    milliseconds: int
    since_start_milliseconds: int


@dataclass(slots=True)
class Watch:
    """Waits for hops and keeps their times; `timer` counts seconds, `tell` hears of each hop that was seen."""

    timer: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[PassedHop], None]
    hop_seconds: float = HOP_SECONDS
    run_seconds: float = RUN_SECONDS
    passed: list[PassedHop] = field(default_factory=list)
    _began: float = field(init=False)
    _latest: float = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count the run and its first hop from now: the time before belongs to no hop."""
        self._began = self._latest = self.timer()

    def until[T](self, hop: Hop, look: Callable[[], T | None], seconds: float | None = None) -> T:
        """The first find of `look`. A store that does not answer is asked again.

        A thing that does not exist yet is asked for again, too. Raises `HopFailed`: TIMED_OUT once the hop or the whole run has
        taken too long, and the code of any other refusal that `look` raises.
        """
        found = self.wait(hop, look, seconds or self.hop_seconds)
        now = self.timer()
        self.passed.append(PassedHop(hop, round((now - self._latest) * 1000), round((now - self._began) * 1000)))
        self._latest = now
        self.tell(self.passed[-1])
        return found

    def wait[T](self, hop: Hop, look: Callable[[], T | None], seconds: float, *, within_run: bool = True) -> T:
        """As `until`, for so many seconds and without a place among the hops."""
        began, answer = self.timer(), ""
        end = min(began + seconds, self._began + self.run_seconds) if within_run else began + seconds
        while True:
            pause = POLL_SECONDS
            try:
                if (found := look()) is not None:
                    return found
            except RetryLater as error:
                answer = f"; the last answer was {error.code}: {error.message}"
                pause = max(POLL_SECONDS, min(error.after_seconds, LONGEST_PAUSE_SECONDS))
            except NotFound:
                answer = ""
            except DomainError as error:
                raise HopFailed(hop, error.code, error.message) from error
            if self.timer() >= end:
                raise HopFailed(hop, "TIMED_OUT", f"not seen within {self.timer() - began:.0f} s{answer}")
            self.sleep(pause)
