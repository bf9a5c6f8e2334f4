"""Which actions of AWS a function's own code calls, read from the code: the other side of the function's role.

A function's modules are those that its handler and its composition import. Its composition puts adapters together. Their methods
count if a use case calls the name, with everything that such a method reaches in the adapters. Names are compared and not types:
a name of two adapters counts for both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"candlecast": ROOT / "layers" / "core", "paper_exchange": ROOT / "layers" / "paper"}
ADAPTERS = "candlecast.adapters."
ENGINE = "candlecast.backtest."  # may import no adapter, and calls none

# Calls of the SDK, by their names.
SDK_CALLS = {
    "batch_get_item": "dynamodb:BatchGetItem",
    "batch_write_item": "dynamodb:BatchWriteItem",
    "delete_item": "dynamodb:DeleteItem",
    "get_item": "dynamodb:GetItem",
    "put_item": "dynamodb:PutItem",
    "query": "dynamodb:Query",
    "update_item": "dynamodb:UpdateItem",
    "get_records": "dynamodb:GetRecords",
    "get_shard_iterator": "dynamodb:GetShardIterator",
    "describe_event_bus": "events:DescribeEventBus",
    "put_events": "events:PutEvents",
    "delete_connection": "execute-api:ManageConnections",
    "post_to_connection": "execute-api:ManageConnections",
    "invoke": "lambda:InvokeFunction",
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "create_secret": "secretsmanager:CreateSecret",
    "delete_secret": "secretsmanager:DeleteSecret",
    "describe_secret": "secretsmanager:DescribeSecret",
    "get_secret_value": "secretsmanager:GetSecretValue",
    "put_secret_value": "secretsmanager:PutSecretValue",
    "update_secret": "secretsmanager:UpdateSecret",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
    "change_message_visibility_batch": "sqs:ChangeMessageVisibility",
    "delete_message": "sqs:DeleteMessage",
    "delete_message_batch": "sqs:DeleteMessage",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "receive_message": "sqs:ReceiveMessage",
    "send_message": "sqs:SendMessage",
    "send_message_batch": "sqs:SendMessage",
}
# Members of a transaction's actions, as the paper exchange writes them.
TRANSACTION_MEMBERS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
READS = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem"}
ACCOUNT = "TENANT#ACCOUNT"  # an account's partition among those of its tenant
# Calls of PynamoDB's rows and transactions, in adapters/dynamodb alone.
ROW_CALLS = {
    "batch_write": "dynamodb:BatchWriteItem",
    "condition_check": "dynamodb:ConditionCheckItem",
    "delete": "dynamodb:DeleteItem",
    "get": "dynamodb:GetItem",
    "save": "dynamodb:PutItem",
    "update": "dynamodb:UpdateItem",
}


@dataclass(frozen=True)
class Part:
    """A function or a method of an adapter: its place, its own calls of AWS, and the names in its body."""

    module: str
    owner: str | None
    actions: frozenset[str]
    names: frozenset[str]
    partitions: frozenset[str]


@dataclass
class Module:
    imports: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    functions: dict[str, Part] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    classes: dict[str, dict[str, Part]] = field(default_factory=dict)


def called_by(function: str) -> frozenset[str]:
    """Actions of AWS that the code of a function calls, as roles name them."""
    return frozenset(action for part in _called_parts(function) for action in part.actions)


def keyed_by(function: str) -> frozenset[tuple[str, str]]:
    """The first part of each key that a function's code builds, with "read", "write" or "any": how the same part uses it."""
    found = set()
    for part in _called_parts(function):
        reads, writes = part.actions & READS, part.actions & WRITES
        use = "any" if bool(reads) == bool(writes) else "read" if reads else "write"
        builders = (each for each in _reached(part) if not each.actions)
        built = part.partitions.union(*(each.partitions for each in builders if each.owner is None))
        found |= {(use, partition) for partition in built}
    return frozenset(found)


def _called_parts(function: str) -> set[Part]:
    reached = _closure([f"candlecast.runtime.compose.{function}", *_modules_under(f"functions.{function}")])
    if function == "paper_exchange":  # it has no composition, and no use case of the product
        return {part for name in reached for part in _parts(_module(name))}
    adapters = {name: _module(name) for name in reached if name.startswith(ADAPTERS)}
    wanted = {used for name in reached if not name.startswith((ADAPTERS, ENGINE)) for used in _module(name).names}
    pending = [
        part
        for module in adapters.values()
        for kind, methods in module.classes.items()
        if kind in wanted
        for method, part in methods.items()
        if method in wanted or method.startswith("__")
    ]
    pending += [part for module in adapters.values() for name, part in module.functions.items() if name in wanted]
    seen: set[Part] = set()
    while pending:
        part = pending.pop()
        if part not in seen:
            seen.add(part)
            pending += _reached(part)
    return seen


def _parts(module: Module) -> Iterator[Part]:
    yield from module.functions.values()
    for methods in module.classes.values():
        yield from methods.values()


def _reached(part: Part) -> Iterator[Part]:
    """The parts behind these names: methods of the same class, functions and classes of this module and of imported ones.

    A class that an adapter's constructor takes counts as named by each of its methods.
    """
    here = _module(part.module)
    kinds = part.names if part.owner is None else part.names.union(_constructor(here, part.owner))
    near = {part.module, *(name for name in here.imports if name.startswith(ADAPTERS) and _path(name) is not None)}
    if part.owner is not None:
        yield from (each for method, each in here.classes[part.owner].items() if method in part.names)
    for module in map(_module, near):
        yield from (each for name, each in module.functions.items() if name in part.names)
        for kind, methods in module.classes.items():
            if kind in kinds or module is here:
                yield from (each for method, each in methods.items() if method in part.names or method.startswith("__"))


def _constructor(module: Module, kind: str) -> frozenset[str]:
    made = module.classes[kind].get("__init__")
    return frozenset() if made is None else made.names


def _closure(start: Iterable[str]) -> set[str]:
    found: set[str] = set()
    pending = list(start)
    while pending:
        name = pending.pop()
        if name not in found and _path(name) is not None:
            found.add(name)
            pending += _module(name).imports
    return found


def _modules_under(package: str) -> list[str]:
    folder = ROOT / package.replace(".", "/")
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]


def _path(name: str) -> Path | None:
    path = PACKAGES.get(name.partition(".")[0], ROOT) / (name.replace(".", "/") + ".py")
    return path if path.is_file() else None


@cache
def _module(name: str) -> Module:
    path = _path(name)
    assert path is not None, name
    module, tree = Module(), ast.parse(path.read_text(encoding="utf-8"))
    for node in _at_run_time(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module.imports |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Attribute):
            module.names.add(node.attr)
        elif isinstance(node, ast.Name):
            module.names.add(node.id)
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            module.constants |= _constants(statement)
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            methods = {
                each.name: _part(each, name, statement.name, module)
                for each in statement.body
                if isinstance(each, ast.FunctionDef)
            }
            module.classes[statement.name] = methods
        elif isinstance(statement, ast.FunctionDef):
            module.functions[statement.name] = _part(statement, name, None, module)
    return module


def _at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            yield from _at_run_time(node)


def _constants(statement: ast.Assign) -> dict[str, str]:
    """Texts that a module gives names to: `STATE = "STATE"`, or several in one line."""
    (target,), value = statement.targets, statement.value
    pairs: Iterable[tuple[ast.expr, ast.expr]] = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
    return {
        name.id: text.value
        for name, text in pairs
        if isinstance(name, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str)
    }


def _partition(call: ast.Call, found_in: Module) -> str | None:
    """The first part of the key that `key(...)` builds; None for another call, or if only the run time knows it."""
    if not (isinstance(call.func, ast.Name) and call.func.id == "key" and call.args):
        return None

    def text(node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if not isinstance(node, ast.Name):
            return None
        known = [found_in, *(_module(name) for name in found_in.imports if name.startswith(ADAPTERS) and _path(name))]
        return next((module.constants[node.id] for module in known if node.id in module.constants), None)

    first = text(call.args[0])
    return ACCOUNT if first == "TENANT" and len(call.args) > 2 and text(call.args[2]) == "ACCOUNT" else first


def _part(tree: ast.FunctionDef, module: str, owner: str | None, found_in: Module) -> Part:
    actions, names = set(), set()
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    partitions = frozenset(found for call in calls if (found := _partition(call, found_in)) is not None)
    rows = ".dynamodb." in module
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
            if node.attr in SDK_CALLS:
                actions.add(SDK_CALLS[node.attr])
        elif isinstance(node, ast.Dict):
            actions |= {TRANSACTION_MEMBERS[str(each.value)] for each in node.keys if _is_member(each)}
        if rows and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_of_a_row(node, node.func):
            actions.add(ROW_CALLS[node.func.attr])
    return Part(module, owner, frozenset(actions), frozenset(names), partitions)


def _is_member(key: ast.expr | None) -> TypeGuard[ast.Constant]:
    return isinstance(key, ast.Constant) and str(key.value) in TRANSACTION_MEMBERS


def _is_of_a_row(call: ast.Call, method: ast.Attribute) -> bool:
    """Whether a call is one of `ROW_CALLS`, and no dictionary's and no part of a batch that is counted already."""
    if method.attr not in ROW_CALLS or (isinstance(method.value, ast.Name) and method.value.id == "batch"):
        return False
    if method.attr == "update":
        return any(each.arg == "actions" for each in call.keywords)
    if method.attr == "get":  # a row's has a partition and a place
        return (len(call.args) > 1 and not isinstance(call.args[0], ast.Constant)) or isinstance(call.args[0], ast.Starred)
    return True
