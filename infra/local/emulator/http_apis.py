"""HTTP APIs: their OpenAPI body, as SAM writes it, and a port of its own for each."""

import json
from dataclasses import dataclass
from typing import Any

from .patching import replace

METHODS = {"x-amazon-apigateway-any-method": "ANY"}


@dataclass(frozen=True)
class Port:
    """The HTTP API whose name contains `name` answers at the root of 127.0.0.1:`number`."""

    number: int
    name: str


def api_of(port: Port) -> str | None:
    """Id of the API that `port` stands for, or None as long as it is not deployed."""
    from ministack.services import apigateway

    for key, api in list(apigateway._apis._data.items()):
        if api.get("protocolType") == "HTTP" and port.name in str(api.get("name", "")):
            return str(key[-1])
    return None


def endpoint_of(name: str, ports: tuple[Port, ...]) -> str | None:
    """URL at which an API of that name answers here, or None if it has no port."""
    return next((f"http://127.0.0.1:{port.number}" for port in ports if port.name in name), None)


def addresses_of_callers() -> None:
    """Tell functions from which address a request was sent.

    The emulator says 127.0.0.1 of everybody. As on AWS it is the connection's address: a header like X-Forwarded-For is only what
    the sender claims. A test appears as somebody else by connecting from another address of the loopback network, like 127.0.0.7.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    from ministack.core.responses import get_request_client_ip
    from ministack.services import apigateway

    async def run(function: Any, record: Any, event: Any, *rest: Any, **named: Any) -> Any:
        context = event.get("requestContext", {}).get("http") if isinstance(event, dict) else None
        if context and "sourceIp" in context:
            context["sourceIp"] = get_request_client_ip()
        return await run_before(function, record, event, *rest, **named)

    run_before = replace(apigateway, "run_reentrant", run)


def import_body(api_id: str, properties: Any, ports: tuple[Port, ...]) -> str:
    """Make routes, integrations, authorizers and CORS from the API's Body, which the emulator ignores.

    Returns the API's name. Routes of an earlier body are replaced.
    """
    from ministack.services import apigateway

    api, body = apigateway._apis[api_id], properties.get("Body") or {}
    cors = properties.get("CorsConfiguration") or body.get("x-amazon-apigateway-cors")
    if cors:
        api["corsConfiguration"] = _camel(cors)
    api["name"] = properties.get("Name") or (body.get("info") or {}).get("title") or api["name"]
    if endpoint := endpoint_of(str(api["name"]), ports):
        api["apiEndpoint"] = endpoint
    if not body:
        return str(api["name"])
    for store in (apigateway._routes, apigateway._integrations, apigateway._authorizers):
        store[api_id] = {}
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    authorizers = {name: made for name, scheme in schemes.items() if (made := _authorizer(api_id, name, scheme))}
    integrations: dict[str, str] = {}
    for path, operations in (body.get("paths") or {}).items():
        for verb, operation in (operations or {}).items():
            if isinstance(operation, dict) and operation.get("x-amazon-apigateway-integration"):
                route = _route(api_id, path, verb, operation, integrations)
                route |= _authorization(operation.get("security", body.get("security")) or [], authorizers)
                apigateway._create_route(api_id, route)
    return str(api["name"])


def _authorizer(api_id: str, name: str, scheme: Any) -> Any:
    from ministack.services import apigateway

    definition = scheme.get("x-amazon-apigateway-authorizer") or {}
    if definition.get("type") != "jwt":
        return None
    source = definition.get("identitySource") or "$request.header.Authorization"
    settings = {
        "name": name,
        "authorizerType": "JWT",
        "identitySource": source if isinstance(source, list) else [part.strip() for part in source.split(",")],
        "jwtConfiguration": _camel(definition.get("jwtConfiguration") or {}),
    }
    return json.loads(apigateway._create_authorizer(api_id, settings)[2])


def _route(api_id: str, path: str, verb: str, operation: Any, integrations: dict[str, str]) -> dict[str, Any]:
    from ministack.services import apigateway

    definition = operation["x-amazon-apigateway-integration"]
    key = json.dumps(definition, sort_keys=True, default=str)
    if key not in integrations:
        settings = {
            "integrationType": str(definition.get("type", "aws_proxy")).upper(),
            "integrationUri": definition.get("uri", ""),
            "integrationMethod": definition.get("httpMethod", "POST"),
            "payloadFormatVersion": str(definition.get("payloadFormatVersion", "2.0")),
        }
        integrations[key] = json.loads(apigateway._create_integration(api_id, settings)[2])["integrationId"]
    everything = path in ("/$default", "$default")
    route_key = "$default" if everything else f"{METHODS.get(verb, verb.upper())} {path}"
    return {"routeKey": route_key, "target": f"integrations/{integrations[key]}"}


def _authorization(security: Any, authorizers: dict[str, Any]) -> dict[str, Any]:
    for requirement in security:
        for name, scopes in requirement.items():
            if name in authorizers:
                return {
                    "authorizerId": authorizers[name]["authorizerId"],
                    "authorizationScopes": scopes or None,
                    "authorizationType": "JWT",
                }
    return {}


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
