"""The paper exchange as its operator sees it: markets, clock, accounts, and the whole book."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from candlecast.domain.market.candle import Candle
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.terms import Side
from infra.local.candle_files import CandleFile
from infra.local.cloud import Cloud
from infra.local.demo.scenario import STABLE_QUOTES, quote_of
from infra.local.project import CommandError

REQUEST_SECONDS = 300.0  # ends a request that hangs; many cold starts at once take a minute on a busy machine
PAGE = 1_000
MAX_PRICE_DECIMALS = 8  # recorded floats carry noise behind them
SMALLEST_STABLE = Decimal(5)  # worth of the smallest order, in the quote currency
SMALLEST_COIN = Decimal("0.0005")

# Fifty users behind one address replay an hour of candles in a minute, and no real address is asked that much. The demo shows
# subscribers, not a venue's limits. The venue's operator sets those limits.
WIDE_LIMITS = {"weight_per_minute": 1_000_000, "orders_per_ten_seconds": 1_000_000, "orders_per_minute": 1_000_000}

_STATE_OF_ORDER = {
    "FILLED": IntentState.FILLED,
    "NEW": IntentState.OPEN,
    "CANCELED": IntentState.CANCELLED,
    "EXPIRED": IntentState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class PaperKeys:
    """Keys of a paper account."""

    account_id: str
    key_id: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookOrder:
    """An order in the venue's book, in our terms; a triggered stop or target has the fills of the order that it became."""

    client_order_id: str
    account_id: str
    signed_by: str
    market_id: str
    side: str
    state: str
    filled_quantity: Decimal
    average_price: Decimal | None
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFill:
    """A fill in the venue's book: base and quote units, the fee in quote units; `market_ms` is the market clock's time."""

    account_id: str
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    market_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMarket:
    """A market as the demo lists it at the exchange. Fees are shares of the notional."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal
    min_notional: Decimal
    max_market_quantity: Decimal = Decimal(100_000)
    taker_fee: Decimal = Decimal("0.0005")
    maker_fee: Decimal = Decimal("0.0002")
    half_spread_bps: Decimal = Decimal(1)

    @property
    def body(self) -> dict[str, str]:
        """The market in a request of the operator."""
        return {name: value if isinstance(value, str) else format(value, "f") for name, value in asdict(self).items()}


class Operator:
    """The operator's door of a deployed paper exchange."""

    def __init__(self, cloud: Cloud) -> None:
        outputs = cloud.outputs
        key = cloud.client("secretsmanager").get_secret_value(SecretId=outputs["OperatorSecretId"])["SecretString"]
        self._http = httpx.Client(
            base_url=f"{outputs['PaperExchangeUrl']}/operator", headers={"X-Operator-Key": key}, timeout=REQUEST_SECONDS
        )
        self._symbols: dict[str, str] = {}

    def close(self) -> None:
        """Give back the connections; not needed by a process that ends anyway."""
        self._http.close()

    def load(self, files: Sequence[CandleFile], rows: int) -> None:
        """List the files' markets, load the last `rows` candles of each, and let an address ask as much as a replay needs."""
        self.call("PUT", "/limits", WIDE_LIMITS)
        self.call("PUT", "/markets", {"markets": [listed(file).body for file in files]})
        for file in files:
            symbol = venue_symbol(file.market)
            self._symbols[symbol] = file.market
            candles = [_row(candle) for candle in as_loaded(file, rows)]
            self.call("POST", f"/markets/{symbol}/candles?interval={file.timeframe.value}&restart=true", candles)

    def set_clock(self, at: datetime) -> None:
        """Set the market clock, back again if need be."""
        self.call("PUT", "/clock", {"mode": "stepped", "now_ms": round(at.timestamp() * 1000), "rewind": True})

    def run_clock(self) -> None:
        """Let the recorded candles run along with real time, again and again; history counts as past already."""
        self.call("PUT", "/clock", {"mode": "wall"})

    def open_account(self, asset: str, balance: Decimal) -> PaperKeys:
        answer = self.call("POST", "/accounts", {"balances": {asset: format(balance, "f")}})
        return PaperKeys(answer["account_id"], answer["key_id"], answer["api_key"], answer["api_secret"])

    def revoke(self, keys: PaperKeys) -> None:
        self.call("DELETE", f"/accounts/{keys.account_id}/keys/{keys.key_id}")

    def open_triggers(self) -> dict[str, tuple[Decimal, ...]]:
        """Trigger prices of open stops and targets by unified market."""
        found: dict[str, list[Decimal]] = {}
        for row in self.rows("algo-orders"):
            if row["status"] == "NEW":
                found.setdefault(self._symbols[row["symbol"]], []).append(Decimal(row["trigger_price"]))
        return {market: tuple(prices) for market, prices in found.items()}

    def book(self) -> list[BookOrder]:
        """Every order of every account; the orders that triggered stops and targets became count as these."""
        placed = {(row["account_id"], row["order_id"]): row for row in self.rows("orders")}
        conditional = list(self.rows("algo-orders"))
        became = {(row["account_id"], row["order_id"]) for row in conditional if row["order_id"]}
        orders = [_order(row) for key, row in placed.items() if key not in became]
        return orders + [_conditional(row, placed.get((row["account_id"], row["order_id"]))) for row in conditional]

    def fills(self) -> list[BookFill]:
        """Every fill of every account, by account and in the order of time."""
        return [
            BookFill(
                account_id=row["account_id"],
                client_order_id=row["client_order_id"],
                side=Side(row["side"]),
                quantity=Decimal(row["quantity"]),
                price=Decimal(row["price"]),
                fee=Decimal(row["fee"]),
                market_ms=row["market_ms"],
            )
            for row in self.rows("fills")
        ]

    def rows(self, kind: str) -> Iterator[dict[str, Any]]:
        """All rows of one kind of the book: orders, algo-orders, fills, positions."""
        cursor = ""
        while True:
            page = self.call("GET", f"/book/{kind}?limit={PAGE}&cursor={cursor}")
            yield from page["rows"]
            if page["next_cursor"] is None:
                return
            cursor = page["next_cursor"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises CommandError with the exchange's own words, or if no answer comes."""
        content = None if body is None else json.dumps(body)
        try:
            answer = self._http.request(method, path, content=content)
        except httpx.TransportError as error:
            raise CommandError(f"paper exchange: {method} {path}: no answer ({type(error).__name__})") from error
        if answer.status_code >= 400:
            raise CommandError(f"paper exchange: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


def venue_symbol(market: str) -> str:
    """The venue's own symbol of a unified one."""
    return market.partition(":")[0].replace("/", "")


def _order(row: dict[str, Any]) -> BookOrder:
    executed = Decimal(row["executed"])
    return BookOrder(
        client_order_id=row["client_order_id"],
        account_id=row["account_id"],
        signed_by=row["signed_by"],
        market_id=row["symbol"],
        side=row["side"],
        state=_STATE_OF_ORDER.get(row["status"], row["status"]),
        filled_quantity=executed,
        average_price=Decimal(row["quote"]) / executed if executed else None,
    )


def _conditional(row: dict[str, Any], became: dict[str, Any] | None) -> BookOrder:
    outcome = _order(became) if became is not None else None
    return BookOrder(
        client_order_id=row["client_algo_id"],
        account_id=row["account_id"],
        signed_by=row["signed_by"],
        market_id=row["symbol"],
        side=row["side"],
        state=outcome.state if outcome is not None else _STATE_OF_ORDER.get(row["status"], row["status"]),
        filled_quantity=outcome.filled_quantity if outcome is not None else Decimal(0),
        average_price=outcome.average_price if outcome is not None else None,
        trigger_price=Decimal(row["trigger_price"]),
    )


def _tick(file: CandleFile) -> Decimal:
    """The finest price step that the file's closes use."""
    finest = min(int(candle.close.normalize().as_tuple().exponent) for candle in file.candles)
    return Decimal(1).scaleb(max(-MAX_PRICE_DECIMALS, min(0, finest)))


def as_loaded(file: CandleFile, rows: int) -> tuple[Candle, ...]:
    """The last `rows` candles of a file as the exchange has them: prices on the market's tick."""
    tick, prices = _tick(file), ("open", "high", "low", "close")
    return tuple(
        replace(candle, **{name: getattr(candle, name).quantize(tick) for name in prices}) for candle in file.candles[-rows:]
    )


def listed(file: CandleFile) -> ListedMarket:
    """A file's market, whose smallest order is worth little at any price."""
    quote = quote_of(file.market)
    smallest = SMALLEST_STABLE if quote in STABLE_QUOTES else SMALLEST_COIN
    return ListedMarket(
        symbol=venue_symbol(file.market),
        base=file.market.partition("/")[0],
        quote=quote,
        tick_size=_tick(file),
        step_size=Decimal(1).scaleb((smallest / file.candles[-1].close).adjusted()),
        min_notional=smallest,
    )


def _row(candle: Candle) -> list[Any]:
    prices = [format(price, "f") for price in (candle.open, candle.high, candle.low, candle.close)]
    return [round(candle.open_time.timestamp() * 1000), *prices, format(candle.volume, "f")]
