"""A strategy as people subscribe to it: code with parameters on a market, or an outside source of signals."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hmac import compare_digest
from ipaddress import ip_address, ip_network

from candlecast.domain.signals.audience import Audience
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc
from candlecast.domain.values.timeframe import Timeframe

MAX_LOOKBACK = 1_500  # the most candles that Binance serves in one request
SECRET_OVERLAP = timedelta(hours=24)  # after a rotation the secret before is accepted this long: a working day of any sender
MAX_MESSAGES_PER_MINUTE = 600  # ten a second: more is a feed, no sender of decisions
MAX_MESSAGES_PER_HOUR = 20_000
MAX_ALLOWED_ADDRESSES = 50  # TradingView sends from four; the list stands in the source's one item
MAX_NOTIONAL = Decimal(10) ** 12  # in quote units: no book is that deep, and the sums keep their digits
MAX_TAGS = 10  # more would say nothing about a strategy; each card of the marketplace carries them
MAX_COLLABORATORS = 20  # a team; they stand in the definition's one item
TAG_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class StrategyKind(StrEnum):
    """Origin of the signals: BUILT_IN code of ours, UPLOADED code of its owner, or EXTERNAL, by webhook and without code."""

    BUILT_IN = "BUILT_IN"
    EXTERNAL = "EXTERNAL"
    UPLOADED = "UPLOADED"


class Visibility(StrEnum):
    """Who may find and follow a strategy: its owner's side alone, those who have its link as well, or everybody."""

    PRIVATE = "PRIVATE"
    LINK = "LINK"
    PUBLIC = "PUBLIC"


@dataclass(frozen=True, kw_only=True)
class StrategyDefinition:
    """One strategy that can be followed. Raises `InvalidValue` (TAGS_INVALID, TOO_MANY_COLLABORATORS; INVALID_VALUE).

    A BUILT_IN strategy names its `code` (a module of `strategies/`), the `venue` of its candles, its `market` and `timeframe`.
    An EXTERNAL strategy names its `source_id` (the webhook that feeds it) and the `venue` of its tickers. An UPLOADED strategy
    names its `owner`, `venue`, `market`, `timeframe` and `release`; its code and parameters stand in its versions.
    """

    strategy_id: str
    name: str
    kind: StrategyKind
    venue: str
    created_at: datetime
    market: str | None = None
    timeframe: Timeframe | None = None
    code: str | None = None
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    source_id: str | None = None
    description: str = ""
    subscriber_count: int = 0
    reserved_for: str | None = None
    """The only tenant that may follow the strategy, which then stands in no listing; None: everybody may."""
    owner: str | None = None
    """The tenant whose strategy it is; None: the platform's own."""
    collaborators: tuple[str, ...] = ()
    """Tenants that may do what the owner may, but for choosing collaborators; at most `MAX_COLLABORATORS`."""
    visibility: Visibility = Visibility.PUBLIC
    """Who may find and follow the strategy; who follows already goes on."""
    link_key: str | None = None
    """Secret part of the link to a strategy of visibility LINK; None with another visibility."""
    tags: tuple[str, ...] = ()
    """Words to find the strategy by, as `TAG_PATTERN` has them; at most `MAX_TAGS`."""
    retired_at: datetime | None = None
    """Since when the strategy takes no more followers and gives no more entries; None while it lives."""
    release: Release | None = None
    """Which versions its followers get; None: the definition's own code and parameters, its only version."""
    latest_version: int = 0
    """The highest number that a version has; 0 without versions."""
    pinned_count: int = 0
    """Subscriptions that have pinned a version, cancelled ones not included."""
    catches_up: bool = False
    """Whether a candle that no firing announced in its time is decided afterwards, for the record alone: nothing is published."""
    revision: int = 0
    """Number of the definition's changes; a change is written only over the revision that it was made from."""

    def audiences(self, pinned: Collection[int]) -> list[Audience]:
        """The versions that run on a candle, each with whom its signal goes to; empty without a release.

        `pinned` are the versions that subscriptions have pinned. A version that nobody gets is not among them.
        """
        if self.release is None:
            return []
        if self.subscriber_count <= self.pinned_count:  # nobody follows the latest
            return [Audience(number=number) for number in sorted(pinned)]
        return self.release.audiences(pinned)

    def may_follow(self, tenant_id: str, link_key: str | None = None) -> bool:
        """Whether the tenant may begin to follow; to everybody else the strategy does not exist."""
        if self.retired_at is not None or self.reserved_for not in (None, tenant_id):
            return False
        return self.may_find(tenant_id, link_key)

    def may_find(self, tenant_id: str, link_key: str | None = None) -> bool:
        """Whether the tenant may see that the strategy exists. Who follows it may in any case, which is not known here."""
        if self.reserved_for not in (None, tenant_id):
            return False
        if self.visibility is Visibility.PUBLIC or self.may_change(tenant_id):
            return True
        return (
            self.visibility is Visibility.LINK
            and self.link_key is not None
            and link_key is not None
            and compare_digest(self.link_key.encode(), link_key.encode())
        )

    def may_change(self, tenant_id: str) -> bool:
        """Whether the tenant is the owner or a collaborator; nobody is for a strategy of the platform."""
        return self.owner is not None and (tenant_id == self.owner or tenant_id in self.collaborators)

    @property
    def released(self) -> tuple[int | None, ...]:
        """The versions that others than its authors may name: so nobody else gets a draft."""
        return () if self.release is None else (self.release.stable, self.release.candidate, self.release.previous)

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
        if self.kind is StrategyKind.BUILT_IN and not (self.code and self.market and self.timeframe):
            raise InvalidValue("a built-in strategy needs code, market and timeframe")
        if self.kind is StrategyKind.EXTERNAL and not self.source_id:
            raise InvalidValue("an external strategy needs a source")
        if self.kind is StrategyKind.UPLOADED and not (self.owner and self.market and self.timeframe and self.release):
            raise InvalidValue("an uploaded strategy needs owner, market, timeframe and release")
        if len(set(self.tags)) != len(self.tags) or len(self.tags) > MAX_TAGS or not all(map(TAG_PATTERN.fullmatch, self.tags)):
            message = f"at most {MAX_TAGS} different tags of small letters, digits and hyphens, 32 characters at most"
            raise InvalidValue(message, code="TAGS_INVALID")
        if len(self.collaborators) > MAX_COLLABORATORS:
            raise InvalidValue(f"at most {MAX_COLLABORATORS} collaborators", code="TOO_MANY_COLLABORATORS")


def _require_between(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidValue(f"{name} must lie between 1 and {most}", code="SOURCE_SETTINGS_INVALID")


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise InvalidValue(
            "allowed_addresses: IPv4 or IPv6 addresses, or networks with zeros after the prefix, such as 203.0.113.0/24",
            code="SOURCE_SETTINGS_INVALID",
        ) from None


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Bounds on a source's entries, and the addresses that it may send from. Raises `InvalidValue` (SOURCE_SETTINGS_INVALID)."""

    messages_per_minute: int = 60
    """Entries of a calendar minute (UTC) that are taken, 1 to `MAX_MESSAGES_PER_MINUTE`."""
    messages_per_hour: int = 500
    """Entries of a calendar hour (UTC) that are taken, 1 to `MAX_MESSAGES_PER_HOUR`."""
    max_daily_notional: Decimal = Decimal(100_000_000)
    """Quote units that the entries of a day (UTC) may fill over all followers; the next entry is refused."""
    max_signal_notional: Decimal = Decimal(10_000_000)
    """Quote units that one signal may order over all followers; each tenant with an account has an equal share of it."""
    allowed_addresses: tuple[str, ...] = ()
    """Addresses and networks (CIDR) that the source may send from; empty is any."""

    def __post_init__(self) -> None:
        _require_between("messages_per_minute", self.messages_per_minute, MAX_MESSAGES_PER_MINUTE)
        _require_between("messages_per_hour", self.messages_per_hour, MAX_MESSAGES_PER_HOUR)
        for name, notional in (
            ("max_daily_notional", self.max_daily_notional),
            ("max_signal_notional", self.max_signal_notional),
        ):
            require_decimal(name, notional, positive=True)
            if not 1 <= notional <= MAX_NOTIONAL:
                raise InvalidValue(f"{name} must lie between 1 and {MAX_NOTIONAL}", code="SOURCE_SETTINGS_INVALID")
        if len(self.allowed_addresses) > MAX_ALLOWED_ADDRESSES:
            raise InvalidValue(f"at most {MAX_ALLOWED_ADDRESSES} addresses", code="SOURCE_SETTINGS_INVALID")
        object.__setattr__(self, "allowed_addresses", tuple(map(_network, self.allowed_addresses)))

    def allows(self, address: str) -> bool:
        """Whether a message may come from the address, which the gateway has seen."""
        if not self.allowed_addresses:
            return True
        try:
            sender = ip_address(address)
        except ValueError:
            return False
        return any(sender in ip_network(network) for network in self.allowed_addresses)


@dataclass(frozen=True, kw_only=True)
class SignalSource:
    """Where signals come from outside: which strategy they belong to and which version of the shared secret is in force."""

    source_id: str
    strategy_id: str
    venue: str
    secret_version: str
    created_at: datetime
    enabled: bool = True
    """Whether messages are taken; a disabled source is answered as one that does not exist."""
    settings: SourceSettings = SourceSettings()
    """Bounds of the source's messages."""
    previous_version: str | None = None
    """The secret's version before the one in force; None if there is none, or if it was revoked."""
    previous_until: datetime | None = None
    """When the version before ends to be accepted."""
    revision: int = 0
    """Number of the source's changes; a change is written only over the revision that it was made from."""

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
        if self.previous_until is not None:
            require_utc("previous_until", self.previous_until)

    def accepted_versions(self, now: datetime) -> tuple[str, ...]:
        """Versions of the secret that prove a sender: the one in force, and after a rotation the one before for 24 hours."""
        if self.previous_version is None or self.previous_until is None or now >= self.previous_until:
            return (self.secret_version,)
        return (self.secret_version, self.previous_version)

    def rotate(self, version: str, now: datetime) -> SignalSource:
        """The source with a new secret in force; the one before is accepted until the overlap ends."""
        return replace(self, secret_version=version, previous_version=self.secret_version, previous_until=now + SECRET_OVERLAP)

    def revoke_previous(self) -> SignalSource:
        """The source with the secret in force alone."""
        return replace(self, previous_version=None, previous_until=None)
