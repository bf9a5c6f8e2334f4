"""Evaluate every limit that is set for an entry, in the catalogue's order, and say which denies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.decide.risk import access, exposure, losses, order, positions, rates
from candlecast.domain.decide.risk.entry import Entry, Situation
from candlecast.domain.decide.risk.finding import Check, Finding, at_most
from candlecast.domain.decide.risk.structure import structural_denial
from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import Scope
from candlecast.domain.values.reasons import Denial, Reason

EMERGENCY_ORDER_NOTIONAL = Decimal(2_000)  # quote units of one entry, while the limits above the account cannot be read
EMERGENCY_DAILY_NOTIONAL = Decimal(10_000)  # and of all entries of one UTC day that were decided so

CHECKS: Mapping[str, Check] = {
    **access.CHECKS,
    **positions.CHECKS,
    **losses.CHECKS,
    **rates.CHECKS,
    **order.CHECKS,
    **exposure.CHECKS,
}


@dataclass(frozen=True)
class Evaluation:
    """One limit on one entry. `margin` is the room left, below zero by the excess; `origin` is the level that sets the limit.

    `value` is None where nothing could be measured: the limit then refuses.
    """

    limit: str
    reason: Reason
    value: Decimal | None
    bound: Decimal | None
    margin: Decimal | None
    passed: bool
    origin: Scope | None


def evaluate(account: Account, entry: Entry) -> tuple[Evaluation, ...]:
    """Every limit that is set, whether it passes or not; always in the same order."""
    situation = Situation(account, entry)
    effective = entry.limits
    evaluations = []
    for name, bound in effective.limits.given():
        check = CHECKS.get(name)
        if check is not None:  # else it is a parameter of another, or acted on by somebody else
            evaluations.append(_evaluation(name, CATALOGUE[name].reason, check(situation, bound), effective.origins.get(name)))
    if effective.emergency:
        today = account.usage.today(entry.now).emergency_notional
        for name, value, most in (
            ("emergency_order_notional", entry.notional, EMERGENCY_ORDER_NOTIONAL),
            ("emergency_daily_notional", today + entry.notional, EMERGENCY_DAILY_NOTIONAL),
        ):
            evaluations.append(_evaluation(name, Reason.EMERGENCY_LIMIT, at_most(value, most), Scope.PLATFORM))
    return tuple(evaluations)


def first_denial(account: Account, entry: Entry, evaluations: tuple[Evaluation, ...]) -> Denial | None:
    """Why the entry is not placed: rules that no limit can loosen come first, then the first broken limit."""
    denial = structural_denial(account, entry)
    if denial is not None:
        return denial
    broken = next((each for each in evaluations if not each.passed), None)
    return None if broken is None else Denial(broken.reason, broken.value, broken.bound)


def _evaluation(name: str, reason: Reason, finding: Finding, origin: Scope | None) -> Evaluation:
    return Evaluation(name, reason, finding.value, finding.bound, finding.margin, finding.passed, origin)
