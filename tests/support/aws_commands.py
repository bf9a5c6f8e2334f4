"""`aws ...` as documents print it, held against botocore's own description of each service: names, types, what is required."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from tests.support.shell_blocks import SUBSTITUTED

SERVICES = {"s3api": "s3"}  # the command line's own names
OF_EVERY_COMMAND = {"query": 1, "output": 1, "region": 1, "profile": 1, "cli-binary-format": 1, "no-cli-pager": 0}
OF_PAGED_COMMANDS = {"max-items": 1, "page-size": 1, "starting-token": 1}
ENABLED = {("lambda", "update-event-source-mapping"): "Enabled"}
OUTFILES = {("lambda", "invoke"): 1}  # positional: where the answer is written
# Commands that are not operations but the command line's own, with their options and how many words each takes.
OWN_COMMANDS: Mapping[tuple[str, str], tuple[int, Mapping[str, int]]] = {
    ("logs", "tail"): (1, {"since": 1, "filter-pattern": 1, "follow": 0, "format": 1, "log-stream-names": 1}),
}
GIVEN = "given-by-the-reader-" + "x" * 16  # as long as the longest id that is asked for
STACK = "candlecast-prod"


class WrongCommand(Exception):
    """A command that the AWS command line would refuse."""


@dataclass
class Parsed:
    """A command: its operation (None for one of the command line's own) and its parameters as botocore takes them."""

    service: str
    operation: str
    model: OperationModel | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    query: str | None = None


def parse(words: Sequence[str]) -> Parsed:
    """Read `aws SERVICE COMMAND ...`; raises `WrongCommand` for anything that does not fit the service."""
    if len(words) < 3:
        raise WrongCommand("needs a service and a command")
    _, service, command, *rest = words
    options, positionals = _read(rest, _arities(service, command))
    if (service, command) in OWN_COMMANDS:
        if len(positionals) != OWN_COMMANDS[service, command][0]:
            raise WrongCommand(f"{service} {command}: {positionals}")
        return Parsed(service, command)
    model = _operation(service, command)
    if len(positionals) != OUTFILES.get((service, command), 0):
        raise WrongCommand(f"{service} {command}: unexpected {positionals}")
    parsed = Parsed(service, command, model)
    for name, values in options.items():
        if name in OF_EVERY_COMMAND or (name in OF_PAGED_COMMANDS and name not in _members(model)):
            parsed.query = values[0] if name == "query" else parsed.query
            continue
        member, is_negated = _member(model, name)
        shape = _shape(model).members[member]
        parsed.parameters[member] = not is_negated if shape.type_name == "boolean" else _value(shape, values)
    _validate(parsed)
    return parsed


@cache
def _model(service: str) -> ServiceModel:
    name = SERVICES.get(service, service)
    loader = Loader()
    if name not in loader.list_available_services("service-2"):
        raise WrongCommand(f"there is no service {service}")
    return ServiceModel(loader.load_service_model(name, "service-2"), name)


def _operation(service: str, command: str) -> OperationModel:
    model = _model(service)
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    if command not in by_name:
        raise WrongCommand(f"{service} has no command {command}")
    return model.operation_model(by_name[command])


def _shape(model: OperationModel) -> StructureShape:
    shape = model.input_shape
    return shape if isinstance(shape, StructureShape) else StructureShape("Nothing", {"type": "structure", "members": {}})


def _members(model: OperationModel) -> dict[str, str]:
    return {xform_name(name, "-"): name for name in _shape(model).members}


def _member(model: OperationModel, option: str) -> tuple[str, bool]:
    """The parameter that an option means, and whether `--no-` turns it off."""
    members = _members(model)
    if option in members:
        return members[option], False
    if option.startswith("no-") and option[3:] in members:
        return members[option[3:]], True
    raise WrongCommand(f"{model.name} has no option --{option}")


def _arities(service: str, command: str) -> Mapping[str, int]:
    """How many words each option takes; -1 for as many as follow."""
    if (service, command) in OWN_COMMANDS:
        return {**OF_EVERY_COMMAND, **OWN_COMMANDS[service, command][1]}
    model = _operation(service, command)
    kinds: dict[str, int] = {}
    for option, member in _members(model).items():
        shape = _shape(model).members[member]
        kinds[option] = {"boolean": 0, "list": -1}.get(shape.type_name, 1)
        if shape.type_name == "boolean":
            kinds[f"no-{option}"] = 0
    return {**OF_EVERY_COMMAND, **OF_PAGED_COMMANDS, **kinds}


def _read(words: Sequence[str], arities: Mapping[str, int]) -> tuple[dict[str, list[str]], list[str]]:
    options: dict[str, list[str]] = {}
    positionals: list[str] = []
    waiting = iter(words)
    pending: list[str] | None = None
    for word in waiting:
        if not word.startswith("--"):
            (positionals if pending is None else pending).append(word)
            continue
        name = word[2:]
        if name not in arities:
            raise WrongCommand(f"unknown option {word}")
        options[name] = []
        pending = options[name] if arities[name] == -1 else None
        for _ in range(max(arities[name], 0)):
            options[name].append(next(waiting, GIVEN))
    return options, positionals


def _value(shape: Shape, words: list[str]) -> Any:
    """The words as botocore takes them: JSON, the command line's shorthand, or plain text."""
    text = _given(words[0] if words else "")
    if shape.type_name == "blob":
        return text.encode()
    if text.startswith("file://"):
        return [] if isinstance(shape, ListShape) else {}
    if text.startswith(("{", "[")):
        return json.loads(text)
    if isinstance(shape, ListShape):
        return [_value(shape.member, [word]) for word in words]
    if isinstance(shape, StructureShape):
        pairs = dict(pair.split("=", 1) for pair in re.split(r",(?=\w+=)", text))
        unknown = set(pairs) - set(shape.members)
        if unknown:
            raise WrongCommand(f"{shape.name} has no {sorted(unknown)}")
        return {name: _value(shape.members[name], value.split(",")) for name, value in pairs.items()}
    if isinstance(shape, MapShape):
        return dict(pair.split("=", 1) for pair in text.split(","))
    if shape.type_name in ("integer", "long"):
        return int(text) if text.isdigit() else 1
    return text


def _given(text: str) -> str:
    """The word with a value in place of each variable of the reader's shell."""
    if text in ("...", SUBSTITUTED):
        return GIVEN
    return re.sub(r"\$\w+", GIVEN, text.replace("$STACK", STACK))


def _validate(parsed: Parsed) -> None:
    if parsed.model is None:
        return
    given = {name: value for name, value in parsed.parameters.items() if value not in ([], {})}
    empty = set(parsed.parameters) - set(given)  # read from a file: only its presence is known
    shape = _shape(parsed.model)
    missing = set(shape.required_members) - set(parsed.parameters)
    if missing:
        raise WrongCommand(f"{parsed.service} {parsed.operation} needs {sorted(missing)}")
    of_a_file = [member for member in shape.required_members if member in empty]
    report = ParamValidator().validate(given, _without(shape, of_a_file))
    if report.has_errors():
        raise WrongCommand(f"{parsed.service} {parsed.operation}: {report.generate_report()}")
    for path in _first_names(parsed.query):
        answer = parsed.model.output_shape
        if isinstance(answer, StructureShape) and path not in answer.members:
            raise WrongCommand(f"{parsed.service} {parsed.operation} answers no {path}")


def _without(shape: StructureShape, members: Sequence[str]) -> StructureShape:
    """The shape as if it had no such members and wanted none of them."""
    if not members:
        return shape
    model = {**shape._shape_model, "required": [it for it in shape.required_members if it not in members]}  # type: ignore[attr-defined]
    return StructureShape(shape.name, model, shape._shape_resolver)  # type: ignore[attr-defined]


def _first_names(query: str | None) -> Iterator[str]:
    """The first name of each path of a --query, where the answer itself is meant."""
    if query is None:
        return
    wanted = [jmespath.compile(query).parsed]
    while wanted:
        node = wanted.pop()
        if node["type"] == "field":
            yield node["value"]
        elif node["type"] in ("multi_select_list", "multi_select_dict", "key_val_pair"):
            wanted += node["children"]
        elif node["children"]:
            wanted.append(node["children"][0])
