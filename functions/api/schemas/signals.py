"""Bodies of quarantined signals."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import Verdict
from candlecast.domain.values.reasons import Reason
from functions.api.schemas.values import Money, View


class SignalReleaseView(View):
    """Who has let a signal be judged anew."""

    signal_id: str = Field(description="The signal that was published instead.")
    released_by: str = Field(description="Operator who has released the signal.")
    released_at: datetime = Field(description="When the signal was released.")


class VerdictView(View):
    """A signal that reached nobody, with the rule that held it back; prices in quote units."""

    signal_id: str
    strategy_id: str
    venue: str
    market: str
    action: Action = Field(description="Act that the signal asked for.")
    judged_at: datetime = Field(description="When the signal was judged.")
    reason: Reason = Field(description="The rule that the signal broke.")
    value: Money | None = Field(description="The value found; null where the rule compares nothing.")
    bound: Money | None = Field(description="The bound of the rule.")
    mark_price: Money | None = Field(description="The venue's mark at the verdict; null without a quote.")
    release: SignalReleaseView | None = Field(description="Null before the signal was released.")

    @staticmethod
    def of(verdict: Verdict) -> VerdictView:
        denial = verdict.denial
        if denial is None:
            raise ValueError("only a quarantined signal is shown")
        return VerdictView(
            signal_id=verdict.signal_id,
            strategy_id=verdict.strategy_id,
            venue=verdict.venue,
            market=verdict.market,
            action=verdict.action,
            judged_at=verdict.judged_at,
            reason=denial.reason,
            value=denial.value,
            bound=denial.bound,
            mark_price=verdict.mark_price,
            release=None if verdict.release is None else SignalReleaseView.model_validate(verdict.release),
        )
