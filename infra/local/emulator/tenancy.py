"""Tenant isolation of functions: a process belongs to one tenant, and an invocation names its tenant.

Texts of refusals are AWS's own where AWS documents or returns them:
https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-troubleshooting.html
"""

import re
import time
from contextvars import ContextVar
from typing import Any

from .patching import PatchError, replace, rewrite

HEADER = "x-amz-tenant-id"
TENANT_ID = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")  # the shape of TenantId in botocore's description of Lambda
MISSING = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
UNEXPECTED = (
    "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again."
)
NO_EVENT_SOURCES = "Event source mappings are not supported for functions enabled with tenancy configuration."
FIXED = "The tenancy configuration of a function cannot be modified after its creation."
# The worker learns its tenant beside the variables of durable executions, the one mapping that travels with each invocation.
CARRIED = "candlecast_tenant"

_tenant: ContextVar[str | None] = ContextVar("candlecast_tenant", default=None)


def named_tenants() -> None:
    """Refuse an invocation without a tenant on a function with TenancyConfig, and one with a tenant on any other.

    The emulator keeps the property and ignores both it and the tenant.
    """
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    async def invoke(name: str, event: Any, headers: Any, *rest: Any) -> Any:
        tenant = headers.get(HEADER)
        if name in lambda_svc._functions and (refusal := _refusal(lambda_svc._functions[name]["config"], tenant)):
            return error_response_json(*refusal, 400)
        token = _tenant.set(tenant)
        try:
            return await invoke_before(name, event, headers, *rest)
        finally:
            _tenant.reset(token)

    def execute(function: Any, event: Any) -> Any:
        if is_isolated(function.get("config") or function) and _tenant.get() is None:  # a rule or a topic names no tenant
            return {"error": True, "body": {"errorType": "InvalidParameterValueException", "errorMessage": MISSING}}
        return execute_before(function, event)

    invoke_before = replace(lambda_svc, "_invoke", invoke)
    execute_before = replace(lambda_svc, "_execute_function", execute)


def tenants_apart() -> None:
    """Give each tenant of such a function processes of its own, which know their tenant.

    Without it any process serves any tenant. At the limit of processes the longest idle process is ended, of any tenant, as AWS
    reclaims environments.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    def acquire(name: str, config: Any, code: bytes, qualifier: str = "$LATEST", max_concurrency: int | None = None) -> Any:
        if not is_isolated(config):
            return acquire_before(name, config, code, qualifier=qualifier, max_concurrency=max_concurrency)
        tenant = _tenant.get()
        with lambda_runtime._lock:
            pool = lambda_runtime._workers.setdefault(lambda_runtime._worker_key(name, config, qualifier), [])
            idle = [worker for worker in pool if not worker.in_use]
            own = next((worker for worker in idle if worker.tenant == tenant), None)
            if own is not None:
                own.in_use, own.last_used = True, time.time()
                return own, "reused"
            full = max_concurrency is not None and len(pool) >= max_concurrency
            if full and not idle:
                return None, "func_cap"
            ended = min(idle, key=lambda worker: worker.last_used) if full else None
            if ended is not None:
                pool.remove(ended)
            worker = lambda_runtime._worker_class_for(config)(name, config, code)
            worker.tenant, worker.in_use, worker.last_used = tenant, True, time.time()
            pool.append(worker)
        lambda_runtime.kill_workers([ended])
        return worker, "spawn"

    def run(worker: Any, event: Any, request_id: str, *, durable: Any = None, **rest: Any) -> Any:
        carried = {**(durable or {}), CARRIED: getattr(worker, "tenant", None)}
        return run_before(worker, event, request_id, durable=carried, **rest)

    acquire_before = replace(lambda_svc, "acquire_worker", acquire)
    run_before = replace(lambda_runtime.Worker, "invoke", run)
    place = '"identity": None,\n'
    context = f'{place}            "tenant_id": _ms_durable.get("{CARRIED}"),\n'
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", rewrite(lambda_runtime._PYTHON_WORKER_SCRIPT, place, context))


def fixed_tenancy() -> None:
    """Refuse another TenancyConfig for an existing function, and event source mappings of functions that have one."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc
    from ministack.services.cloudformation import provisioners

    def update(name: str, data: Any) -> Any:
        function = lambda_svc._functions.get(name)
        if function and "TenancyConfig" in data and data["TenancyConfig"] != function["config"].get("TenancyConfig"):
            return error_response_json("InvalidParameterValueException", FIXED, 400)
        return update_before(name, data)

    def mapped(function: str) -> Any:
        name, qualifier, error = mapped_before(function)
        if error is None and is_isolated(lambda_svc._functions[name]["config"]):
            return None, None, error_response_json("InvalidParameterValueException", NO_EVENT_SOURCES, 400)
        return name, qualifier, error

    def create(logical_id: str, properties: Any, stack: Any) -> Any:
        function = provisioners._lambda_function_for_cfn_ref(properties.get("FunctionName", ""))[0]
        if function and is_isolated(function["config"]):
            raise ValueError(NO_EVENT_SOURCES)
        return create_before(logical_id, properties, stack)

    update_before = replace(lambda_svc, "_update_config", update)
    mapped_before = replace(lambda_svc, "_resolve_existing_esm_function", mapped)
    handler = provisioners._RESOURCE_HANDLERS.get("AWS::Lambda::EventSourceMapping")
    if handler is None:
        raise PatchError("AWS::Lambda::EventSourceMapping is not provisioned any more")
    create_before, handler["create"] = handler["create"], create


def is_isolated(config: Any) -> bool:
    """Whether a function with this configuration keeps its tenants apart."""
    return (config.get("TenancyConfig") or {}).get("TenantIsolationMode") == "PER_TENANT"


def _refusal(config: Any, tenant: str | None) -> tuple[str, str] | None:
    """Code and message of AWS's refusal of an invocation with this tenant id, or without one."""
    if tenant is not None and not TENANT_ID.fullmatch(tenant):
        constraint = f"Member must satisfy regular expression pattern: {TENANT_ID.pattern}"
        text = f"1 validation error detected: Value '{tenant}' at 'tenantId' failed to satisfy constraint: {constraint}"
        return "ValidationException", text
    if is_isolated(config) != (tenant is not None):
        return "InvalidParameterValueException", MISSING if tenant is None else UNEXPECTED
    return None
