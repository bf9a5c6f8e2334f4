"""Totals: the caller's accounts together."""

from __future__ import annotations

from functions.api.deps import CallerDep
from functions.api.ports import ClockDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.equity import FirstDay, LastDay
from functions.api.schemas.totals import TotalDaysView, TotalList, TotalView
from functions.api.use_cases.totals import SumAccountsDep

router = resource_router(VERSION + "/totals", "totals", 401, 422, 500, 503)


@router.get("")
def list_totals(who: CallerDep, sums: SumAccountsDep, clock: ClockDep) -> TotalList:
    """Sum equity, profit, fees, funding and positions over all your accounts, by currency and with play money apart."""
    return TotalList(items=[TotalView.of(total) for total in sums(who.tenant_id)], as_of=clock.now())


@router.get("/days")
def get_daily_totals(who: CallerDep, sums: SumAccountsDep, first: FirstDay = None, last: LastDay = None) -> TotalDaysView:
    """Sum the trades that closed on each day over all your accounts, by currency and with play money apart."""
    return TotalDaysView.of(sums.by_day(who.tenant_id, first, last))
