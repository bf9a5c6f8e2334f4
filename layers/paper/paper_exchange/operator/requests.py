"""Bodies of an operator's requests: checked models, numbers exact, nothing unknown accepted."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from paper_exchange.accounts.account import USUAL_RIGHTS, KeyRight, PositionSide
from paper_exchange.errors import OperatorError
from paper_exchange.markets.candles import WHOLE_DIGITS
from paper_exchange.markets.clock import MAX_TIME_MS, ClockMode
from paper_exchange.markets.markets import MAX_LEVERAGE, MarketSpec
from paper_exchange.markets.rates import DEFAULT_RATE, MAX_MARK_OFFSET_BPS, MAX_RATE
from paper_exchange.requests.requests import NUMBER
from paper_exchange.traffic.faults import MAX_PATH_LENGTH, FaultKind, FaultRule
from paper_exchange.traffic.rate_limits import RateLimits

AssetCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,15}$")]
PLACES = 12  # behind the point, of a tick, a rate or an amount
MOST = Decimal(10) ** WHOLE_DIGITS
MAX_LIMIT = 1_000_000_000  # as good as none


def _plain(value: object) -> object:
    """Text that is a number must be plain digits: Python reads underscores and other alphabets' digits as well."""
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise ValueError("not a plain number")
    return value


Number = Annotated[
    Decimal, Field(strict=False, allow_inf_nan=False, decimal_places=PLACES, gt=-MOST, lt=MOST), BeforeValidator(_plain)
]
Amount = Annotated[Number, Field(ge=0)]
HalfSpread = Annotated[Number, Field(ge=0, lt=5_000)]
WholeNumber = Annotated[int, BeforeValidator(_plain)]  # in a path or a query, where every number is text


class OperatorRequest(BaseModel):
    """Base of the bodies."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse a body; raises `OperatorError` BODY_INVALID, which names fields and never repeats their values."""
        try:
            return cls.model_validate_json(body or b"{}")
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            text = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5])
            raise OperatorError("BODY_INVALID", text) from None


class NewMarket(OperatorRequest):
    """A perpetual; a missing field is as at the venue's largest perpetual."""

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9]{4,30}$")]
    base: AssetCode
    quote: AssetCode
    tick_size: Amount
    step_size: Amount
    min_quantity: Amount | None = None
    max_quantity: Amount = Decimal(1_000_000)
    max_market_quantity: Amount = Decimal(100_000)
    min_price: Amount | None = None
    max_price: Amount = Decimal(10_000_000)
    min_notional: Amount = Decimal(5)
    multiplier_up: Amount = Decimal("1.05")
    multiplier_down: Amount = Decimal("0.95")
    max_orders: int = Field(default=200, ge=1, le=200)
    max_algo_orders: int = Field(default=100, ge=1, le=200)
    taker_fee: Amount = Decimal("0.0005")
    maker_fee: Amount = Decimal("0.0002")
    half_spread_bps: HalfSpread = Decimal(1)
    max_leverage: int = Field(default=MAX_LEVERAGE, ge=1, le=MAX_LEVERAGE)
    volume_share: Annotated[Number, Field(ge=0, le=1)] = Decimal(0)

    def spec(self) -> MarketSpec:
        """The market; the smallest quantity and price are one step and one tick unless given."""
        values: dict[str, Any] = self.model_dump()
        values["min_quantity"] = self.step_size if self.min_quantity is None else self.min_quantity
        values["min_price"] = self.tick_size if self.min_price is None else self.min_price
        return MarketSpec(**values)


class NewMarkets(OperatorRequest):
    markets: list[NewMarket] = Field(min_length=1, max_length=100)


class NewClock(OperatorRequest):
    """`now_ms` for a stepped clock; `anchor_ms` for one that runs, when the first recorded candle opens (default: now)."""

    mode: ClockMode = ClockMode.STEPPED
    now_ms: int | None = None
    rewind: bool = False
    anchor_ms: int | None = Field(default=None, ge=0, le=MAX_TIME_MS)
    live_host: Annotated[str, Field(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""


class ClockStep(OperatorRequest):
    milliseconds: int = Field(ge=0, le=MAX_TIME_MS)


class NewKey(OperatorRequest):
    """A key to accept as given; an empty field is made up. With a `public_key` (Ed25519, PEM) there is no secret."""

    api_key: str = Field(default="", repr=False)
    api_secret: SecretStr = SecretStr("")
    public_key: str = Field(default="", max_length=200)
    rights: frozenset[KeyRight] = frozenset(USUAL_RIGHTS)


class NewRights(OperatorRequest):
    """All rights that a key has from now on."""

    rights: frozenset[KeyRight]


class NewAccount(NewKey):
    account_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,64})?$")] = ""
    balances: dict[AssetCode, Amount] = Field(default={"USDT": Decimal(10_000)}, min_length=1, max_length=20)


class NewFault(OperatorRequest):
    """See `faults.FaultRule`."""

    kind: FaultKind
    path: str = Field(max_length=MAX_PATH_LENGTH)
    method: str = Field(default="", max_length=10)
    account_id: str = Field(default="", max_length=64)
    count: int = Field(default=1, le=MAX_LIMIT)
    executed: bool = False
    delay_ms: int = 0
    retry_after_seconds: int = Field(default=1, ge=0, le=86_400)
    ratio: Annotated[Number, Field(ge=0, lt=1)] = Decimal(0)
    code: int = 0
    message: str = ""
    status: int = 0

    def rule(self, rule_id: str) -> FaultRule:
        return FaultRule(rule_id=rule_id, **self.model_dump())


class NewFunding(OperatorRequest):
    """A funding rate from now on (market time), of the named markets or of all; zero ends it."""

    rate: Annotated[Number, Field(ge=-MAX_RATE, le=MAX_RATE)] = DEFAULT_RATE
    symbols: list[str] = Field(default=[], max_length=100)


class NewMark(OperatorRequest):
    """How far the mark price lies above the last price, in basis points of it, from now on (market time)."""

    offset_bps: Annotated[Number, Field(ge=-MAX_MARK_OFFSET_BPS, le=MAX_MARK_OFFSET_BPS)]
    symbols: list[str] = Field(default=[], max_length=100)


class NewSpread(OperatorRequest):
    half_spread_bps: HalfSpread


class NewDelivery(OperatorRequest):
    """The market time at which a market ends; null takes the announcement back."""

    at_ms: int | None = Field(ge=1, le=MAX_TIME_MS)


class SettledMarket(OperatorRequest):
    symbol: str


class Liquidating(OperatorRequest):
    liquidating: bool


class NewLimits(OperatorRequest):
    """See `rate_limits.RateLimits`; a missing field is as documented."""

    weight_per_minute: int = Field(default=2_400, ge=1, le=MAX_LIMIT)
    orders_per_ten_seconds: int = Field(default=300, ge=0, le=MAX_LIMIT)
    orders_per_minute: int = Field(default=1_200, ge=0, le=MAX_LIMIT)
    warnings: int = Field(default=10, ge=0, le=MAX_LIMIT)
    ban_seconds: int = Field(default=120, ge=1, le=86_400)
    buckets: dict[str, Annotated[str, Field(min_length=1, max_length=64)]] = Field(default={}, max_length=1_000)

    def limits(self) -> RateLimits:
        return RateLimits(**self.model_dump())


class ByHand(OperatorRequest):
    """A person's action in the venue's own app: parameters as the dialect names them (`symbol`, `side`, `type` ...)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)
    __pydantic_extra__: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.__pydantic_extra__)


class HeldPosition(OperatorRequest):
    symbol: str
    position_side: PositionSide = PositionSide.BOTH


class Counting(OperatorRequest):
    counting: bool


class Reset(OperatorRequest):
    markets: bool = False
