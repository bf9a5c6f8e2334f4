"""The use cases of approvals, and the acts that they let happen, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.domain.people.approval import Act
from candlecast.services.people.ask_approval import AskApproval
from candlecast.services.people.change_switch import ChangeSwitch
from candlecast.services.people.decide_approval import DecideApproval
from candlecast.services.people.lift_lock import LiftLock
from functions.api.ports import ApprovalsDep, ClockDep, IdentifiersDep, MetricsDep, OperatorsToLiftDep
from functions.api.use_cases.accounts import LimitAccountDep
from functions.api.use_cases.kill_switches import SetKillSwitchDep
from functions.api.use_cases.limits import ChangeLimitsDep
from functions.api.use_cases.subscriptions import ChangeSubscriptionDep


async def ask_approval(
    approvals: ApprovalsDep, clock: ClockDep, identifiers: IdentifiersDep, operators: OperatorsToLiftDep, metrics: MetricsDep
) -> AskApproval:
    return AskApproval(approvals, clock, identifiers, operators, metrics)


AskApprovalDep = Annotated[AskApproval, Depends(ask_approval)]


async def change_switch(switch: SetKillSwitchDep, ask: AskApprovalDep) -> ChangeSwitch:
    return ChangeSwitch(switch, ask)


async def lift_lock(
    limits: ChangeLimitsDep, account: LimitAccountDep, subscription: ChangeSubscriptionDep, ask: AskApprovalDep
) -> LiftLock:
    return LiftLock(limits, account, subscription, ask)


ChangeSwitchDep = Annotated[ChangeSwitch, Depends(change_switch)]
LiftLockDep = Annotated[LiftLock, Depends(lift_lock)]


async def decide_approval(
    approvals: ApprovalsDep, switch: ChangeSwitchDep, lock: LiftLockDep, clock: ClockDep, metrics: MetricsDep
) -> DecideApproval:
    acts = {Act.LIFT_SWITCH: switch.perform, Act.FLATTEN_PLATFORM: switch.perform, Act.LIFT_LOCK: lock.perform}
    return DecideApproval(approvals, acts, clock, metrics)


DecideApprovalDep = Annotated[DecideApproval, Depends(decide_approval)]
