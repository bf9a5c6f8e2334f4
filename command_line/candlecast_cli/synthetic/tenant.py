"""The synthetic tenant: an account, a strategy with its source, and a subscription that remain between runs.

The strategy is reserved for the tenant, so nobody else sees or follows it, and its record is its own. The paper account's keys
are in the vault during a run only. So a stack that waits vets no such keys and pays for no such secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.market.market import Market
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode, Subscription, SubscriptionStatus
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.domain.values.ids import SYNTHETIC_TENANT
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.queue import VettingQueue
from candlecast.ports.store import AccountStore, History, SignalStore, StrategyStore, SubscriptionStore
from candlecast.ports.strategies import StrategyCode
from candlecast.ports.turns import Turns
from candlecast.ports.vault import CredentialWriter, SourceSecrets, SourceSecretWriter
from candlecast.ports.venue import CatalogueStore, Markets
from candlecast.services.account.change_credentials import ChangeCredentials
from candlecast.services.account.open_account import OpenAccount
from candlecast.services.strategies.create_strategy import CreateStrategy
from candlecast.services.strategies.rotate_source_secret import RotateSourceSecret
from candlecast.services.subscriptions.change_subscription import ChangeSubscription
from candlecast.services.subscriptions.subscribe import Subscribe
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.synthetic.doors import BALANCES, OWN_SYMBOL, PaperDoor, Webhook

TENANT = SYNTHETIC_TENANT
STRATEGY = "candlecast-synthetic"
ACCOUNT_KEY = "synthetic"  # names the one account, so that a repeat finds it
VENUE = "paper"
CAPITAL = Decimal(10_000)
LEAST_NOTIONAL = Decimal(100)  # quote units of an order where the market takes so small ones
MOST_NOTIONAL = Decimal(5_000)
ABOVE_SMALLEST = 3  # times the market's smallest order: rounding and a falling price leave enough
MAX_MARKETS_ASKED = 20  # for a price, one request each; a market without one is a mistake of its operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The stack as a run sees it."""

    accounts: AccountStore
    strategies: StrategyStore
    subscriptions: SubscriptionStore
    signals: SignalStore
    history: History
    turns: Turns
    catalogue: CatalogueStore
    markets: Markets
    code: StrategyCode
    source_secrets: SourceSecrets
    source_writer: SourceSecretWriter
    vault: CredentialWriter
    vettings: VettingQueue
    refresh_catalogue: Callable[[], None]
    webhook: Webhook
    paper: PaperDoor
    clock: Clock
    identifiers: Identifiers


@dataclass(frozen=True, slots=True)
class Trader:
    """Account, subscription, market and secret of a run."""

    account_id: str
    subscription_id: str
    market: Market
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Makes what is missing of the synthetic tenant, by the use cases of the API, and finds what is there."""

    ports: Ports

    def prepare(self) -> Trader:
        """The tenant, ready but for keys. Raises `CommandFailed` (NO_MARKET) and the use cases' own errors."""
        market, price = self._market()
        secret = self._source_secret()
        account = self._account()
        subscription = self._subscription(account.account_id, self._settings(market, price))
        trader = Trader(account.account_id, subscription.subscription_id, market, secret)
        self.require_paper(trader)
        return trader

    def require_paper(self, trader: Trader) -> None:
        """Refuse unless strategy, account and every follower are the synthetic tenant's own on paper.

        Raises `CommandFailed` (NOT_ON_PAPER). So no signal of a run reaches a real venue, even after somebody has changed the
        tenant.
        """
        strategy = self.ports.strategies.get_strategy(STRATEGY)
        account = self.ports.accounts.load(TENANT, trader.account_id)
        followers = {it.subscription_id for it in self.ports.subscriptions.followers(STRATEGY, "0000", "g")}
        if (strategy.venue, account.venue, strategy.reserved_for) != (VENUE, VENUE, TENANT):
            raise CommandFailed("NOT_ON_PAPER", f"strategy or account of {TENANT} is not on {VENUE}", ExitCode.MISSING)
        if followers - {trader.subscription_id}:
            raise CommandFailed("NOT_ON_PAPER", f"others follow {STRATEGY}: {', '.join(sorted(followers))}", ExitCode.MISSING)

    def keys(self) -> ChangeCredentials:
        """The use case that gives the account its keys, and takes them away."""
        it = self.ports
        return ChangeCredentials(it.accounts, it.vault, it.vettings, it.clock, it.identifiers)

    def _account(self) -> Account:
        open_account = OpenAccount(self.ports.accounts, self.ports.clock, self.ports.identifiers, frozenset({VENUE}))
        return open_account(TENANT, "synthetic", VENUE, ACCOUNT_KEY)

    def _source_secret(self) -> str:
        """The secret of the strategy's webhook; a new one where the vault has lost it."""
        it = self.ports
        try:
            strategy = it.strategies.get_strategy(STRATEGY)
        except NotFound:
            return self._create()
        source = it.strategies.get_source(strategy.source_id or STRATEGY)
        known = it.source_secrets.secrets(source.source_id, source.accepted_versions(it.clock.now()))
        if known:
            return known[0]
        return RotateSourceSecret(it.strategies, it.source_writer, it.clock, it.identifiers)(STRATEGY).secret

    def _create(self) -> str:
        it = self.ports
        create = CreateStrategy(
            it.strategies, it.code, it.markets, it.source_writer, it.clock, it.identifiers, frozenset({VENUE})
        )
        issued = create(
            StrategyDefinition(
                strategy_id=STRATEGY,
                name="Synthetic runs",
                kind=StrategyKind.EXTERNAL,
                venue=VENUE,
                created_at=it.clock.now(),
                source_id=STRATEGY,
                description="Orders of `candlecast synthetic`.",
                reserved_for=TENANT,
            )
        )
        if issued is None:
            raise CommandFailed("NO_SOURCE", "the strategy of synthetic runs has no source of signals")
        return issued.secret

    def _subscription(self, account_id: str, settings: Settings) -> Subscription:
        it = self.ports
        change = ChangeSubscription(it.subscriptions, it.accounts, it.clock)
        for known in it.subscriptions.list_subscriptions(TENANT):
            if (known.strategy_id, known.account_id) == (
                STRATEGY,
                account_id,
            ) and known.status is not SubscriptionStatus.CANCELLED:
                change.resume(TENANT, known.subscription_id)
                return change.update(TENANT, known.subscription_id, lambda _held: settings)
        subscribe = Subscribe(it.subscriptions, it.strategies, it.accounts, it.clock, it.identifiers)
        return subscribe(TENANT, STRATEGY, account_id, settings)

    def _settings(self, market: Market, price: Decimal) -> Settings:
        sizing = Sizing(SizingMode.FIXED_NOTIONAL, _notional(market, price))
        return Settings(capital=CAPITAL, sizing=sizing, leverage=Decimal(1))

    def _market(self) -> tuple[Market, Decimal]:
        """A market with a price, and that price; an empty exchange gets a market of the run's own."""
        listed = self.ports.paper.symbols()
        if not listed:
            self.ports.paper.open_market()
            listed = self.ports.paper.symbols()
        found = self._priced(listed)
        if found is None:  # the catalogue is written hourly, and may be older than the market
            self.ports.refresh_catalogue()
            found = self._priced(listed)
        if found is None:
            message = "no market of the paper exchange has a price and an order that is small enough: set its clock, load candles"
            raise CommandFailed("NO_MARKET", message, ExitCode.MISSING)
        return found

    def _priced(self, listed: frozenset[str]) -> tuple[Market, Decimal] | None:
        try:
            known = self.ports.catalogue.read(VENUE)
        except RetryLater as error:
            raise CommandFailed(error.code, "the catalogue of markets does not answer", ExitCode.MISSING) from error
        fitting = [it for it in known if it.takes_entries and it.venue_symbol in listed and it.quote in BALANCES]
        own_first = sorted(fitting, key=lambda it: (it.venue_symbol != OWN_SYMBOL, it.symbol))
        for market in own_first[:MAX_MARKETS_ASKED]:
            price = self.ports.paper.price(market.venue_symbol)
            if price is not None and price > 0 and _notional(market, price) <= MOST_NOTIONAL:
                return market, price
        return None


def _notional(market: Market, price: Decimal) -> Decimal:
    """Quote units of an order that the market takes."""
    smallest = max(market.min_notional, max(market.min_quantity, market.quantity_step) * price)
    return max(LEAST_NOTIONAL, (ABOVE_SMALLEST * smallest).quantize(Decimal("0.01")))
