"""A message's word on limits is no licence: without limits it enters nothing."""

from candlecast.domain.account.account import Account
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.reasons import Reason
from tests.support.builders import a_market, a_position, a_signal, a_trade_order, after, an_account

type Outcome = tuple[IntentState, Reason | None]


def decided(account: Account, limits: EffectiveLimits | None, action: Action = Action.LONG, seconds: float = 0) -> list[Outcome]:
    signal = a_signal(action, issued_at=after(seconds))
    plan = plan_orders(account, a_trade_order(signal, limits=limits), a_market(), after(seconds))
    return [(each.state, each.reason) for each in plan.intents if not each.kind.is_protective]


def test_a_message_without_limits_enters_nothing() -> None:
    assert decided(an_account(), None) == [(IntentState.DENIED, Reason.LIMITS_UNAVAILABLE)]
    assert decided(an_account(), EffectiveLimits()) == [(IntentState.SUBMITTING, None)]


def test_a_message_without_limits_closes_what_is_held() -> None:
    """The exits of a cancelled subscription carry no limits, because their sender reads none."""
    held = a_position()
    account = an_account(positions={held.key: held})
    assert decided(account, None, Action.EXIT, seconds=60) == [(IntentState.SUBMITTING, None)]
