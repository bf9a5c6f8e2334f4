"""The use case of kill switches, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.account.set_kill_switch import SetKillSwitch
from functions.api.ports import ClockDep, KillSwitchesDep


async def set_kill_switch(kill_switches: KillSwitchesDep, clock: ClockDep) -> SetKillSwitch:
    return SetKillSwitch(kill_switches, clock)


SetKillSwitchDep = Annotated[SetKillSwitch, Depends(set_kill_switch)]
