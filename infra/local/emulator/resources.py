"""CloudFormation resources whose properties the emulator leaves out."""

import os
import re
from collections.abc import Callable
from typing import Any

from .http_apis import Port, endpoint_of, import_body
from .patching import PatchError, replace
from .web_sockets import live_endpoint

ISSUER = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com/")  # in no local DNS
# Accepted and without effect: they change nothing that a function or a test can see.
WITHOUT_EFFECT = (
    "AWS::ApplicationInsights::Application",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::SubnetNetworkAclAssociation",
    "AWS::Logs::QueryDefinition",
    "AWS::ResourceGroups::Group",
    "AWS::SecretsManager::ResourcePolicy",
)


def resources(ports: tuple[Port, ...]) -> None:
    """Honour TTL, recovery, properties of schedules and functions (concurrency, dead letters, tenancy), and HTTP API bodies."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS

    def http_api(api_id: str, properties: Any, attributes: dict[str, Any]) -> None:
        if properties.get("ProtocolType") == "WEBSOCKET":
            attributes["ApiEndpoint"] = live_endpoint(api_id)
            return
        name = import_body(api_id, properties, ports)
        if endpoint := endpoint_of(name, ports):
            attributes["ApiEndpoint"] = endpoint  # functions can reach it: execute-api's host is in no local DNS

    for kind, effect in (
        ("AWS::DynamoDB::Table", _table),
        ("AWS::Lambda::Function", _function),
        ("AWS::Scheduler::Schedule", _schedule),
        ("AWS::ApiGatewayV2::Api", http_api),
    ):
        _also(handlers, kind, effect)
    for kind in WITHOUT_EFFECT:
        handlers.setdefault(kind, {"create": _create_nothing, "delete": lambda _physical, _properties: None})


def nested_updates() -> None:
    """Keep the attributes of unchanged resources when a nested stack is updated.

    The emulator forgets them, so every `GetAtt` on such a resource fails and with it the second deployment of a stack.
    """
    from ministack.services import cloudformation
    from ministack.services.cloudformation import provisioners

    def update(
        kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str | None = None, known: Any = None
    ) -> Any:
        if known is None:
            resources = (cloudformation._stacks.get(stack) or {}).get("_resources") or {}
            known = (resources.get(logical_id) or {}).get("Attributes")
        return original(kind, physical_id, old, new, stack, logical_id, known)

    original = replace(provisioners, "_update_resource", update)


def _also(handlers: Any, kind: str, effect: Callable[[str, Any, dict[str, Any]], None]) -> None:
    """Run `effect` after the emulator has created or updated a resource of this kind."""
    if kind not in handlers:
        raise PatchError(f"{kind} is not provisioned any more")
    handler = handlers[kind]
    create, update = handler["create"], handler.get("update")

    def created(logical_id: str, properties: Any, stack: Any) -> Any:
        outcome = create(logical_id, properties, stack)
        effect(outcome[0], properties, outcome[1] if len(outcome) > 1 else {})
        return outcome

    def updated(physical_id: str, old: Any, new: Any, stack: Any, logical_id: Any = None) -> Any:
        named = {"logical_id": logical_id} if handler.get("update_with_logical_id") else {}
        outcome = update(physical_id, old, new, stack, **named)
        effect(outcome[0], new, outcome[1] if len(outcome) > 1 else {})
        return outcome

    handler["create"] = created
    if update:
        handler["update"] = updated


def _table(name: str, properties: Any, _attributes: dict[str, Any]) -> None:
    from ministack.services.cloudformation import provisioners

    if properties.get("TimeToLiveSpecification"):
        settings = {"TableName": name, "TimeToLiveSpecification": properties["TimeToLiveSpecification"]}
        provisioners._dynamodb._update_ttl(settings)
    if properties.get("PointInTimeRecoverySpecification"):
        recovery = {"TableName": name, "PointInTimeRecoverySpecification": properties["PointInTimeRecoverySpecification"]}
        provisioners._dynamodb._update_continuous_backups(recovery)


def _function(name: str, properties: Any, _attributes: dict[str, Any]) -> None:
    from ministack.services import lambda_svc

    record = lambda_svc._functions[name]
    reserved = properties.get("ReservedConcurrentExecutions")
    record["concurrency"] = None if reserved is None else int(reserved)
    if properties.get("DeadLetterConfig"):
        record["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]
    if properties.get("TenancyConfig"):
        record["config"]["TenancyConfig"] = properties["TenancyConfig"]


def _schedule(name: str, properties: Any, _attributes: dict[str, Any]) -> None:
    """Keep all properties. An input that names a user pool's issuer gets the local address of the issuer's document."""
    from ministack.services import scheduler

    schedule = scheduler._schedules.get(f"{properties.get('GroupName', 'default')}/{name}")
    if schedule is None:
        raise PatchError(f"schedule {name} was not found under its group")
    for key in ("ScheduleExpressionTimezone", "StartDate", "EndDate", "ActionAfterCompletion"):
        if properties.get(key):
            schedule[key] = properties[key]
    target = schedule["Target"]
    target["Input"] = ISSUER.sub(f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/", target.get("Input") or "")


def _create_nothing(logical_id: str, _properties: Any, stack: Any) -> Any:
    name = f"{stack}-{logical_id}"
    return name, {"Arn": f"arn:aws:candlecast:::{name}"}
