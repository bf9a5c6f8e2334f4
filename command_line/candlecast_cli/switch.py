"""`candlecast switch`: kill switches, in an operator's hands.

The command writes the stack's table with the operator's own AWS credentials, by the use case of the API. An incident may have
taken the API, the gateway or the user pool along, and a switch must still be within reach. Event, version and author are written
as by the API. One operator stops; a change that lets go waits for a second one, who types `approve`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from candlecast.domain.account.kill_switch import PLATFORM_ID, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast_cli import stacks
from candlecast_cli.account import IDENTIFIER
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals, unknown
from candlecast_cli.printing import AsJson, examples, put_json, put_table, warn

if TYPE_CHECKING:
    from candlecast.adapters.dynamodb.single_table.table import Table
    from candlecast.services.people.change_switch import ChangeSwitch
    from candlecast.services.people.decide_approval import DecideApproval

COLUMNS = ("scope", "id", "grade", "reason", "changed by", "changed at", "by operations", "version")
APPROVAL_COLUMNS = ("id", "act", "target", "terms", "asked by", "asked at", "expires at", "state", "decided by", "digest")
OPERATORS_TO_LIFT = "OperatorsToLift"  # parameter of the stack; a stack from before it has none
DEFAULT_OPERATORS = 2
SCOPES = tuple(scope.value.lower() for scope in SwitchScope)
GRADES = tuple(grade.value for grade in Grade)

app = typer.Typer(
    help="Kill switches: stop orders of everybody, an organisation, a strategy or a user. Nothing is lifted by itself.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast switch show --stack candlecast-prod",
        'candlecast switch set platform --grade PAUSE_ENTRIES --reason "venue answers late" --stack candlecast-prod',
        "candlecast switch lift platform --stack candlecast-prod",
        "candlecast switch approve APPROVAL_ID DIGEST --stack candlecast-prod",
    ),
)


def _scope(name: str) -> str:
    if name.lower() not in SCOPES:
        raise unknown("SCOPE", name, list(SCOPES))
    return name.lower()


def _grade(name: str) -> str:
    if name.upper() not in GRADES:
        raise unknown("GRADE", name, list(GRADES))
    return name.upper()


Scope = Annotated[str, typer.Argument(callback=_scope, metavar="SCOPE", help=f"One of {', '.join(SCOPES)}.")]
ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL_ID", help="Of the request, as `requests` shows it.")]
ScopeId = Annotated[str | None, typer.Argument(metavar="ID", help="Of the organisation, strategy or tenant.")]


@app.command(epilog=examples("candlecast switch show", "candlecast switch show --json --stack candlecast-prod"))
@stacks.options
def show(where: stacks.Where, as_json: AsJson = False) -> None:
    """List the switches that are on, with who set them, when and why."""
    connection = stacks.connect(where)
    from candlecast.adapters.dynamodb.gate import DynamoGate

    with aws_refusals():
        found = list(DynamoGate(connection.table()).list_switches())
    if as_json:
        put_json([_as_dict(switch) for switch in found])
    elif found:
        put_table(COLUMNS, map(_row, found))
    else:
        warn("no switch is on")


@app.command(
    "set",
    epilog=examples(
        'candlecast switch set platform --grade HALT_ALL --reason "keys leaked"',
        'candlecast switch set strategy sma-cross-btc-usdt-1m --grade FLATTEN --reason "wrong candles"',
    ),
)
@stacks.options
def set_switch(
    where: stacks.Where,
    scope: Scope,
    grade: Annotated[
        str,
        typer.Option(
            callback=_grade,
            metavar="GRADE",
            help="PAUSE_ENTRIES: no new entry. REDUCE_ONLY: resting entries are cancelled too. FLATTEN: positions are closed at "
            "market as well. HALT_ALL: nothing is sent, exits wait.",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; users and audits see it.")],
    scope_id: ScopeId = None,
    as_json: AsJson = False,
) -> None:
    """Turn a switch on, or to another grade; in force for every order that leaves from now on.

    A grade that stops less, and FLATTEN of the platform, wait for a second operator.
    """
    if not reason.strip():
        raise CommandFailed("USAGE", "a reason says something", ExitCode.USAGE)
    place = _place(scope, scope_id)
    connection = stacks.connect(where)
    use_case, table = _use_case(connection)
    from candlecast.services.account.set_kill_switch import Setter

    with aws_refusals():
        _require_known(place, table)
        changed = use_case.set(place, Grade(grade), reason, Setter(connection.identity, is_operations=True))
    _put(changed, where, as_json)


@app.command(epilog=examples("candlecast switch lift platform", "candlecast switch lift user TENANT_ID --stack candlecast-prod"))
@stacks.options
def lift(where: stacks.Where, scope: Scope, scope_id: ScopeId = None, as_json: AsJson = False) -> None:
    """Turn a switch off: orders go again, and so do exits that waited.

    It waits for a second operator, but for the switch of a user.
    """
    place = _place(scope, scope_id)
    connection = stacks.connect(where)
    use_case, _ = _use_case(connection)
    from candlecast.services.account.set_kill_switch import Setter

    with aws_refusals():
        changed = use_case.clear(place, Setter(connection.identity, is_operations=True))
    _put(changed, where, as_json)


@app.command(epilog=examples("candlecast switch requests --stack candlecast-prod"))
@stacks.options
def requests(where: stacks.Where, as_json: AsJson = False) -> None:
    """List the newest changes that wait for a second operator, and those that were decided."""
    connection = stacks.connect(where)
    use_case, _ = _use_case(connection)
    with aws_refusals():
        found, now = use_case.ask.approvals.list_approvals().items, use_case.ask.clock.now()
    if as_json:
        put_json([_approval_as_dict(each, each.state_at(now)) for each in found])
    elif found:
        put_table(APPROVAL_COLUMNS, [_approval_row(each, each.state_at(now)) for each in found])
    else:
        warn("nobody has asked for anything")


@app.command(epilog=examples("candlecast switch approve 3f0c... 9a41... --stack candlecast-prod"))
@stacks.options
def approve(
    where: stacks.Where,
    approval_id: ApprovalId,
    digest: Annotated[
        str, typer.Argument(metavar="DIGEST", help="Of the request, as `requests` shows it: exactly that is done.")
    ],
    as_json: AsJson = False,
) -> None:
    """Agree to a change of a switch that another operator has asked for by this command, and make it."""
    connection = stacks.connect(where)
    use_case, _ = _use_case(connection)
    with aws_refusals():
        approval = _deciding(use_case).approve(approval_id, digest, connection.identity)
    _put(approval, where, as_json)


@app.command(epilog=examples("candlecast switch reject 3f0c... --stack candlecast-prod"))
@stacks.options
def reject(where: stacks.Where, approval_id: ApprovalId, as_json: AsJson = False) -> None:
    """Refuse what another operator has asked for, or withdraw what you have asked for."""
    connection = stacks.connect(where)
    use_case, _ = _use_case(connection)
    with aws_refusals():
        approval = _deciding(use_case).reject(approval_id, connection.identity)
    _put(approval, where, as_json)


class _Unmeasured:
    """`ports.clock.Metrics` of a command, whose acts are in its stack's events and records."""

    def count(self, name: str, value: float = 1) -> None: ...

    def milliseconds(self, name: str, value: float) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...

    def basis_points(self, name: str, value: float) -> None: ...


def _use_case(connection: stacks.Stack) -> tuple[ChangeSwitch, Table]:
    from candlecast.adapters.dynamodb.approvals import DynamoApprovalStore
    from candlecast.adapters.dynamodb.gate import DynamoGate
    from candlecast.adapters.system import RandomIdentifiers, SystemClock
    from candlecast.services.account.set_kill_switch import SetKillSwitch
    from candlecast.services.people.ask_approval import AskApproval
    from candlecast.services.people.change_switch import ChangeSwitch

    table, clock, metrics = connection.table(), SystemClock(), _Unmeasured()
    operators = int(connection.parameters.get(OPERATORS_TO_LIFT) or DEFAULT_OPERATORS)
    ask = AskApproval(DynamoApprovalStore(table), clock, RandomIdentifiers(), operators, metrics)
    return ChangeSwitch(SetKillSwitch(DynamoGate(table), clock), ask), table


def _deciding(use_case: ChangeSwitch) -> DecideApproval:
    from candlecast.services.people.decide_approval import DecideApproval

    acts = {Act.LIFT_SWITCH: use_case.perform, Act.FLATTEN_PLATFORM: use_case.perform}
    return DecideApproval(use_case.ask.approvals, acts, use_case.ask.clock, use_case.ask.metrics)


def _place(scope: str, scope_id: str | None) -> SwitchPlace:
    """The place that is meant, if one could be called so."""
    kind = SwitchScope(scope.upper())
    if kind is SwitchScope.PLATFORM:
        if scope_id not in (None, PLATFORM_ID):
            raise CommandFailed("USAGE", "the platform's switch has no id", ExitCode.USAGE)
        return SwitchPlace(kind, PLATFORM_ID)
    if scope_id is None or not IDENTIFIER.fullmatch(scope_id):
        raise CommandFailed("USAGE", f"a switch of a {scope} needs its id", ExitCode.USAGE)
    return SwitchPlace(kind, scope_id)


def _require_known(place: SwitchPlace, table: Table) -> None:
    """Refuse a name that nothing has: a misspelt one must not look like a switch that is on."""
    if place.scope is SwitchScope.STRATEGY:
        from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
        from candlecast.domain.values.errors import NotFound

        try:
            DynamoStrategyStore(table).get_strategy(place.scope_id)
        except NotFound:
            raise CommandFailed("UNKNOWN_STRATEGY", f"there is no strategy called {place.scope_id!r}", ExitCode.USAGE) from None
    if place.scope is SwitchScope.USER:
        from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
        from candlecast.adapters.system import SystemClock

        if not DynamoAccountStore(table, SystemClock()).list_accounts(place.scope_id):
            raise CommandFailed("UNKNOWN_USER", f"no tenant called {place.scope_id!r} has an account", ExitCode.USAGE)
    if place.scope is SwitchScope.ORGANISATION and not _has_trace(place.scope_id, table):
        warn(f"{place.scope_id} has neither limits nor a pool: make sure that it is spelt as its members' tokens name it")


def _has_trace(organisation_id: str, table: Table) -> bool:
    from candlecast.adapters.dynamodb.limits import DynamoLimitStore
    from candlecast.domain.limits.limits import Scope as LimitScope
    from candlecast.domain.limits.record import LimitPlace

    return bool(DynamoLimitStore(table).read([LimitPlace(LimitScope.ORGANISATION, organisation_id)]))


def _put(changed: KillSwitch | Approval, where: stacks.Where, as_json: bool) -> None:
    if isinstance(changed, Approval):
        _put_approval(changed, where, as_json)
    elif as_json:
        put_json(_as_dict(changed))
    else:
        put_table(COLUMNS, [_row(changed)])


def _put_approval(approval: Approval, where: stacks.Where, as_json: bool) -> None:
    if approval.state is ApprovalState.PENDING:
        warn(
            "nothing has changed yet: this needs a second operator, who types within an hour\n"
            f"  {where.command('switch', 'approve', approval.approval_id, approval.digest)}"
        )
    if as_json:
        put_json(_approval_as_dict(approval, approval.state))
    else:
        put_table(APPROVAL_COLUMNS, [_approval_row(approval, approval.state)])


def _approval_as_dict(approval: Approval, state: ApprovalState) -> dict[str, object]:
    return {**asdict(approval), "digest": approval.digest, "state": state}


def _approval_row(approval: Approval, state: ApprovalState) -> tuple[object, ...]:
    terms = " ".join(f"{name}={value}" for name, value in approval.terms.items() if value)
    asked = (approval.asked_by, approval.asked_at, approval.expires_at)
    decided = (state.value, approval.decided_by or "-", approval.digest)
    return (approval.approval_id, approval.act.value, approval.target, terms, *asked, *decided)


def _as_dict(switch: KillSwitch) -> dict[str, object]:
    fields = asdict(switch)
    place = fields.pop("place")
    return {**place, **fields}


def _row(switch: KillSwitch) -> tuple[object, ...]:
    grade = switch.grade.value if switch.grade else "off"
    changed = (switch.changed_by, switch.changed_at, "yes" if switch.by_operations else "no", switch.version)
    return (switch.place.scope.value, switch.place.scope_id, grade, switch.reason, *changed)
