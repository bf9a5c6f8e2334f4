"""Body of parity as one number: on cards, on the page of a strategy, and above its days."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.strategies.parity_share import ParityShare
from functions.api.schemas.values import Money, View


class ParityShareView(View):
    """How many runs decided as a backtest does, over several days."""

    days: int = Field(description="Days that were compared.")
    checked: int = Field(description="Runs that were compared, and candles without a run.")
    equal: int = Field(description="Runs with the same decision on the same candles.")
    otherwise: int = Field(description="Runs whose decision is another one, or is missing.")
    percent: Money | None = Field(description="Runs in a hundred that decided as the backtest, rounded down; null without runs.")
    compared_at: datetime | None = Field(description="The newest comparison; null without runs.")

    @staticmethod
    def compared(share: ParityShare | None) -> ParityShareView | None:
        """None if no run was compared."""
        return None if share is None or not share.checked else ParityShareView.model_validate(share)
