"""Bodies of accounts. Keys come in and never go out; no answer has a field that could hold one."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field, SecretStr

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.exchange_keys import MAX_PEM_CHARACTERS, MAX_PLAIN_CHARACTERS
from candlecast.domain.account.vetting import shown_status
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionMode, Side
from candlecast.ports.venue import Credentials
from functions.api.schemas.limits import ShownLimits, shown
from functions.api.schemas.values import Body, Label, Money, View


class NewAccount(Body):
    """An account at a venue, without keys yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "main", "venue": "paper"}]})

    label: Label = Field(description="A name for people.")
    venue: str = Field(min_length=1, max_length=32, description="Name of a venue of this deployment.")


class NewLabel(Body):
    """Another label of an account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "long term"}]})

    label: Label = Field(description="A name for people.")


class NewCredentials(Body):
    """Exchange keys, without the right to withdraw or transfer. They are written to the vault and cannot be read back.

    Each is printable ASCII without a blank. The secret may be the PEM of an Ed25519 or RSA key, with its line breaks.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"api_key": "key-from-the-venue", "api_secret": "secret-from-the-venue"}]}
    )

    # Only described here: the domain checks both lengths, with a code for each.
    api_key: SecretStr = Field(
        description="The key's name at the venue.", json_schema_extra={"minLength": 1, "maxLength": MAX_PLAIN_CHARACTERS}
    )
    api_secret: SecretStr = Field(
        description="Secret that signs requests.", json_schema_extra={"minLength": 1, "maxLength": MAX_PEM_CHARACTERS}
    )

    def to_domain(self) -> Credentials:
        """The keys; raises `InvalidValue`, whose text never repeats them."""
        return Credentials(self.api_key.get_secret_value(), self.api_secret.get_secret_value())


class PositionModeInput(Body):
    """How the venue keeps the account's positions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "HEDGE"}]})

    mode: PositionMode = Field(description="ONE_WAY keeps one net position in a market, HEDGE a long and a short side by side.")


class BalanceView(View):
    """Margin balance as the venue told it at `as_of`."""

    equity: Money = Field(description="The venue's total of margin balances, unrealised profit included.")
    assets: dict[str, Money] = Field(
        description="Margin balance of each asset in its own units. A market is sized from its quote asset."
    )
    available: Money = Field(description="Quote units free for new positions.")
    as_of: datetime = Field(description="When the venue was asked.")


class ExternalOrderView(View):
    """An open order at the venue that none of ours explains; it is left alone."""

    client_order_id: str = Field(description="Id that its sender gave the order.")
    market: str
    side: Side = Field(description="BUY or SELL.")
    quantity: Money = Field(description="Base units.")
    seen_at: datetime = Field(description="When a look saw the order first.")


class SuspensionView(View):
    """Why entries of an account are denied. Stops, targets and exits go on."""

    cause: Reason = Field(description="The reason that denied entries carry.")
    since: datetime = Field(description="When the cause was found.")
    until: datetime | None = Field(description="When entries are taken again; null until the cause is gone.")


class AccountView(View):
    """An account, without its keys."""

    account_id: str
    label: str = Field(description="Name for people.")
    venue: str = Field(description="Name of the venue; it never changes.")
    status: AccountStatus = Field(
        description="VERIFYING takes no entries: its keys are not vetted, or have wrong rights. `suspensions` says which."
    )
    disabled_reason: str | None = Field(description="Why the account is disabled; null while it is not.")
    credentials_set: bool = Field(description="Whether the account has keys. Nothing else of the keys is shown.")
    created_at: datetime = Field(description="When the account was opened.")
    balance: BalanceView | None = Field(description="As the venue told it last; null before the first look.")
    reconciled_at: datetime | None = Field(description="Last full look at the venue.")
    external_orders: list[ExternalOrderView] = Field(
        description="Open orders at the venue that are not ours; they are left alone."
    )
    foreign_markets: list[str] = Field(description="Markets in which the venue holds more than ours: no entry is taken there.")
    position_mode: PositionMode = Field(description="Whether longs and shorts of a market net to one position.")
    suspensions: list[SuspensionView] = Field(
        description="Causes for which entries are denied while stops, targets and exits go on; oldest first."
    )
    keys_vetted_at: datetime | None = Field(description="When the venue last told the rights of the keys; null before that.")
    keys_bound: bool | None = Field(
        description="Whether the keys work from named addresses only; null if the venue has not told. Bind them at the venue."
    )
    limits: ShownLimits = Field(description="Limits that the account sets.")
    retired_at: datetime | None = Field(description="When you have retired the account; null while it is in service.")

    @staticmethod
    def of(account: Account) -> AccountView:
        return AccountView(
            account_id=account.account_id,
            label=account.label,
            venue=account.venue,
            status=shown_status(account),
            disabled_reason=account.disabled_reason,
            credentials_set=account.credential_version is not None,
            created_at=account.created_at,
            balance=None if account.balance is None else BalanceView.model_validate(account.balance),
            reconciled_at=account.reconciled_at,
            external_orders=[ExternalOrderView.model_validate(order) for order in account.external_orders],
            foreign_markets=sorted(market for market in account.drifts if account.holds_foreign(market)),
            position_mode=account.position_mode,
            suspensions=[SuspensionView.model_validate(each) for each in account.suspensions],
            keys_vetted_at=account.vetted_at,
            keys_bound=account.key_is_bound,
            limits=shown(account.limits),
            retired_at=account.retired_at,
        )
