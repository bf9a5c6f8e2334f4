"""`candlecast account`: the stored item of an account, decoded."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals
from candlecast_cli.printing import AsJson, examples, put_json, put_table, warn

if TYPE_CHECKING:
    from candlecast.adapters.dynamodb.account_inspection import StoredAccount
    from candlecast.domain.account.account import Account

IDENTIFIER = re.compile(r"[A-Za-z0-9_.:@|=-]{1,128}")  # of a tenant or an account: nothing that separates the parts of a key
OWN_CLAIM = "sub"

app = typer.Typer(
    help="Exchange accounts as the platform stores them: their state, orders, positions and limits. Keys are not among it.",
    no_args_is_help=True,
    epilog=examples("candlecast account list --email you@example.com", "candlecast account show ACCOUNT_ID --tenant TENANT_ID"),
)

Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT_ID", help="Whose account, as dead letters and events name it.")
]
Email = Annotated[str | None, typer.Option("--email", help="Whose account, by the address in the stack's own user pool.")]


@app.command(
    epilog=examples(
        "candlecast account show ACCOUNT_ID --email you@example.com",
        "candlecast account show ACCOUNT_ID --tenant TENANT_ID --stack candlecast-prod --profile operator --json",
    )
)
@stacks.options
def show(
    where: stacks.Where,
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT_ID", help="As `list`, dead letters and events name it.")],
    tenant: Tenant = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Show an account's item, decoded; one strongly consistent read, and nothing is changed."""
    require_id("ACCOUNT_ID", account_id)
    _require_one(tenant, email)
    connection = stacks.connect(where)
    tenant_id = _tenant(connection, tenant, email)
    from candlecast.adapters.dynamodb.account_inspection import inspect_account

    with aws_refusals():
        stored = inspect_account(connection.table(), tenant_id, account_id)
    if as_json:
        put_json(as_dict(stored))
    else:
        _put(stored, connection.generation)


@app.command(
    "list", epilog=examples("candlecast account list --email you@example.com", "candlecast account list --tenant T --json")
)
@stacks.options
def list_accounts(where: stacks.Where, tenant: Tenant = None, email: Email = None, as_json: AsJson = False) -> None:
    """List a user's accounts."""
    _require_one(tenant, email)
    connection = stacks.connect(where)
    tenant_id = _tenant(connection, tenant, email)
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.system import SystemClock

    with aws_refusals():
        found = DynamoAccountStore(connection.table(), SystemClock()).list_accounts(tenant_id)
    rows = [_summary(account) for account in found]
    if as_json:
        put_json(rows)
    elif not rows:
        warn("no account")
    else:
        put_table(tuple(_COLUMNS), [tuple(row.values()) for row in rows])


_COLUMNS = ("tenant_id", "account_id", "label", "venue", "status", "orders", "positions", "subscriptions")


def _summary(account: Account) -> dict[str, Any]:
    cells = (account.tenant_id, account.account_id, account.label, account.venue, account.status.value)
    return dict(zip(_COLUMNS, (*cells, len(account.intents), len(account.positions), len(account.subscriptions)), strict=True))


def as_dict(stored: StoredAccount) -> dict[str, Any]:
    """Everything of the item as JSON values; money as text."""
    from candlecast.adapters.codec import list_to_json, to_json
    from candlecast.domain.account.events import Event

    return {
        "item": {
            "version": stored.account.version,
            "schema_version": stored.schema_version,
            "size_bytes": stored.size_bytes,
            "look_in_turn": stored.look_in_turn,
            "look_soon": stored.look_soon,
        },
        "account": json.loads(to_json(stored.account)),
        "last_events": json.loads(list_to_json(Event, stored.events)),
    }


def _put(stored: StoredAccount, generation: int) -> None:
    """Print the account. One of an earlier `generation` than the stack's table takes no entry, before a look has said so."""
    from candlecast.domain.account.vetting import shown_status
    from candlecast.domain.values.reasons import Reason

    account = stored.account
    causes = [each.cause.value for each in account.suspensions]
    if account.generation < generation and Reason.TABLE_RESTORED.value not in causes:
        causes.insert(0, Reason.TABLE_RESTORED.value)
    facts = {
        "tenant": account.tenant_id,
        "account": account.account_id,
        "label": account.label,
        "venue": account.venue,
        "status": shown_status(account).value + (f" ({account.disabled_reason})" if account.disabled_reason else ""),
        "keys": "set" if account.credential_version else "none",
        "keys vetted at": account.vetted_at,
        "entries suspended for": ", ".join(causes) or None,
        "organisation": account.organisation_id,
        "equity": account.balance.equity if account.balance else None,
        "available": account.balance.available if account.balance else None,
        "position mode": account.position_mode.value,
        "reconciled at": account.reconciled_at,
        "next look": stored.look_soon or stored.look_in_turn,
        "item": f"version {account.version}, {stored.size_bytes} bytes",
        "settled orders": len(account.settled),
        "last events": ", ".join(event.type.value for event in stored.events),
    }
    put_table(("", ""), facts.items())
    _put_part("Subscriptions", ("subscription", "status"), [(name, it.value) for name, it in account.subscriptions.items()])
    orders = [
        (
            it.intent_id,
            it.leg,
            it.market,
            it.state.value,
            it.order_type.value,
            it.quantity,
            it.trigger_price or it.price,
            it.issued_at,
        )
        for it in account.intents.values()
    ]
    _put_part("Open orders", ("order", "leg", "market", "state", "type", "quantity", "price", "signal of"), orders)
    positions = [
        (it.market, it.side.value, it.quantity, it.entry_price, it.stop_price, it.opened_at) for it in account.positions.values()
    ]
    _put_part("Positions", ("market", "side", "quantity", "entry", "stop", "opened at"), positions)
    _put_part("Drifts", ("place", "what"), list(account.drifts.items()))
    _put_part("Without a stop since", ("position", "since"), list(account.naked_since.items()))


def _put_part(title: str, head: tuple[str, ...], rows: list[Any]) -> None:
    if rows:
        put_table(head, rows, title=f"\n{title}")


def _require_one(tenant: str | None, email: str | None) -> None:
    if (tenant is None) == (email is None):
        raise CommandFailed("USAGE", "say whose account: --tenant TENANT_ID or --email ADDRESS", ExitCode.USAGE)
    if tenant is not None:
        require_id("TENANT_ID", tenant)


def _tenant(stack: stacks.Stack, tenant: str | None, email: str | None) -> str:
    """The tenant that is meant: given, or looked up in the stack's own user pool."""
    if tenant is not None:
        return tenant
    if stack.parameters.get("TenantClaim", OWN_CLAIM) != OWN_CLAIM:
        claim = stack.parameters["TenantClaim"]
        raise CommandFailed("USAGE", f"tenants of this stack are named by the claim {claim}: use --tenant", ExitCode.USAGE)
    client = stack.client("cognito-idp")
    with aws_refusals():
        try:
            found = client.admin_get_user(UserPoolId=stack.output("UserPoolId"), Username=email)
        except client.exceptions.UserNotFoundException:
            raise CommandFailed("UNKNOWN_USER", f"nobody in the user pool is called {email!r}", ExitCode.USAGE) from None
    return next(str(it["Value"]) for it in found["UserAttributes"] if it["Name"] == OWN_CLAIM)


def require_id(what: str, value: str) -> None:
    """Refuse a text that can be no id."""
    if not IDENTIFIER.fullmatch(value):
        raise CommandFailed("USAGE", f"{what} {value!r} cannot be one", ExitCode.USAGE)
