"""The terms of a backtest from the words of its command."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candlecast_cli.failures import CommandFailed, ExitCode

if TYPE_CHECKING:
    from candlecast.backtest.candle_table import CandleTable
    from candlecast.backtest.exact_path import Terms
    from candlecast.backtest.fills import FillAt
    from candlecast.backtest.plain import PlainTerms
    from candlecast.domain.subscriptions.subscription import Settings

HIGHEST_SPREAD = 0.2  # of the lowest price: half of it is the highest slippage, and more is a mistake of units
FEE = 0.0005  # a taker's ordinary fee at Binance's USD-M futures: a backtest without a fee flatters
VENUE = "binanceusdm"  # whose rules the live code follows, such as those of trailing stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of a backtest, as they were typed; files are read by `terms`. None: the option was not given."""

    quantity: float | None
    settings: Path | None
    levels: bool
    fill: FillAt
    cash: float
    market: Path | None
    fee: float | None
    maker_fee: float | None
    slippage_bps: float
    spread: float
    range_slippage: float
    funding: Path | None
    leverage: int | None
    brackets: Path | None
    begin: int | None
    end: int | None

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files that `terms` reads."""
        return self.settings, self.market, self.funding, self.brackets

    @property
    def taker_fee(self) -> float:
        return FEE if self.fee is None else self.fee

    @property
    def resting_fee(self) -> float:
        """Of limit orders that have rested."""
        return self.taker_fee if self.maker_fee is None else self.maker_fee

    def terms(self, table: CandleTable) -> PlainTerms | Terms:
        """Plain terms where they can say all of this, and the terms of the live code elsewhere.

        Raises `InvalidValue`: CASH_INVALID, QUANTITY_INVALID, COSTS_INVALID, the codes of the files (`inputs`) and of `Terms`.
        """
        from candlecast.backtest.fills import Costs
        from candlecast.backtest.plain import PlainTerms

        costs = Costs(taker_fee=self.taker_fee, slippage_bps=self.slippage_bps)
        plain = PlainTerms(
            quantity=1.0 if self.quantity is None else self.quantity,
            cash=self.cash,
            fill_at=self.fill,
            costs=costs,
            levels=self.levels or self.quantity is None,
        )
        beyond = (self.market, self.funding, self.brackets, self.spread or None, self.range_slippage or None)
        if self.quantity is not None and all(each is None for each in beyond):
            return plain
        return self._live(plain, table)

    def described(self, terms: PlainTerms | Terms) -> dict[str, Any]:
        """The options as JSON has them, with the settings that the live code has followed."""
        words = {"begin": "from", "end": "to"}
        shown = {words.get(name, name): value.name if isinstance(value, Path) else value for name, value in asdict(self).items()}
        shown |= {"fee": self.taker_fee, "maker_fee": self.resting_fee}
        settings = getattr(terms, "settings", None)
        return {**shown, "settings": None if settings is None or self.quantity is not None else _plainly(asdict(settings))}

    def _live(self, plain: PlainTerms, table: CandleTable) -> Terms:
        from candlecast.backtest.candle_venue import Fees
        from candlecast.backtest.exact_path import Terms, decimal_of
        from candlecast.backtest.inputs import read_funding, read_margin, read_market
        from candlecast.backtest.run import fine_market, settings_of_plain
        from candlecast.domain.backtests.market_fill import Slippage

        _require_spread(self.spread, float(table.candles.low.min()))
        market = fine_market() if self.market is None else read_market(self.market, fine_market())
        settings = self._settings() if self.quantity is None else settings_of_plain(plain)
        if self.leverage is not None:
            settings = _leveraged(settings, self.leverage)
        return Terms(
            market=market,
            timeframe=table.notes.timeframe,
            venue=VENUE,
            settings=settings,
            cash=decimal_of(self.cash),
            fill_at=plain.fill_at,
            fees=Fees(maker=decimal_of(self.resting_fee), taker=decimal_of(self.taker_fee)),
            slippage=Slippage(
                bps=decimal_of(self.slippage_bps),
                half_spread=decimal_of(self.spread) / 2,
                range_share=decimal_of(self.range_slippage),
            ),
            funding=() if self.funding is None else read_funding(self.funding),
            margin=None if self.brackets is None else read_margin(self.brackets),
            levels=plain.levels,
        )

    def settings_of_file(self) -> dict[str, Any]:
        """The settings of the option's file, as the API takes them. Raises as `settings_body`."""
        from candlecast.backtest.exact_path import decimal_of
        from candlecast.backtest.inputs import settings_body

        assert self.settings is not None  # noqa: S101 - the caller has a file
        return settings_body(self.settings, decimal_of(self.cash))

    def _settings(self) -> Settings:
        from candlecast.backtest.exact_path import decimal_of
        from candlecast.backtest.inputs import read_settings
        from candlecast.domain.subscriptions.subscription import Settings

        cash = decimal_of(self.cash)
        return Settings(capital=cash) if self.settings is None else read_settings(self.settings, cash)


def _require_spread(spread: float, lowest: float) -> None:
    from candlecast.domain.values.errors import InvalidValue

    if spread > HIGHEST_SPREAD * lowest:
        raise InvalidValue(f"a spread is at most a fifth of the lowest price, which is {lowest:g}", code="COSTS_INVALID")


def _leveraged(settings: Settings, leverage: int) -> Settings:
    """The settings at the leverage of the option, or a refusal of that word."""
    from candlecast.domain.values.errors import InvalidValue

    try:
        return replace(settings, leverage=Decimal(leverage))
    except InvalidValue as error:
        raise CommandFailed("USAGE", f"--leverage {leverage}: {error.message}", ExitCode.USAGE) from error


def _plainly(value: Any) -> Any:
    """Settings without the fields that are None, in types that JSON has."""
    if isinstance(value, dict):
        return {name: _plainly(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_plainly(each) for each in value]
    return value if isinstance(value, (bool, int)) else str(value)
