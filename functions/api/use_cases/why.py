"""The use cases that explain signals, orders and runs, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.orders.explain_order import ExplainOrder
from candlecast.services.signals.explain_signal import ExplainSignal
from candlecast.services.signals.read_chain import ReadChain
from candlecast.services.strategies.explain_run import ExplainRun
from functions.api.ports import (
    ClockDep,
    DecisionsDep,
    ExecutionsDep,
    HistoryDep,
    SignalsDep,
    StrategiesDep,
    SubscriptionsDep,
    VerdictsDep,
)


async def read_chain(signals: SignalsDep, verdicts: VerdictsDep, clock: ClockDep) -> ReadChain:
    return ReadChain(signals, verdicts, clock)


ReadChainDep = Annotated[ReadChain, Depends(read_chain)]


async def explain_signal(
    signals: SignalsDep,
    strategies: StrategiesDep,
    subscriptions: SubscriptionsDep,
    history: HistoryDep,
    decisions: DecisionsDep,
    chain: ReadChainDep,
) -> ExplainSignal:
    return ExplainSignal(signals, strategies, subscriptions, history, decisions, chain)


async def explain_order(history: HistoryDep, decisions: DecisionsDep, chain: ReadChainDep, clock: ClockDep) -> ExplainOrder:
    return ExplainOrder(history, decisions, chain, clock)


async def explain_run(executions: ExecutionsDep) -> ExplainRun:
    return ExplainRun(executions)


ExplainSignalDep = Annotated[ExplainSignal, Depends(explain_signal)]
ExplainOrderDep = Annotated[ExplainOrder, Depends(explain_order)]
ExplainRunDep = Annotated[ExplainRun, Depends(explain_run)]
