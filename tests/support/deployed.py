"""The templates as CloudFormation carries them out with given parameters: the values of functions, and the version with them.

The translator runs with the parameters, then references, conditions and functions are worked out. Some values exist only once
their resource exists, such as an ARN or a generated name. Such a value is written as `<Table.Arn {...}>` with the properties that
cannot change in place. CloudFormation's own schemas name these properties: a change of one replaces the resource, and so the
value.
"""

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint

from tests.support.transformed import PSEUDO, ROOT, Resource, Template, nested, source, translated

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
# Properties of a function that a version of it does not copy.
# (docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html, the functions' API of each)
NOT_OF_A_VERSION = {"RecursiveLoop", "ReservedConcurrentExecutions", "Tags"}


class Deployment:
    """One template with one choice of parameters, as CloudFormation would carry it out."""

    def __init__(self, template: Template, parameters: Mapping[str, str], name: str = "root") -> None:
        declared = template.get("Parameters", {})
        unknown = parameters.keys() - declared.keys()
        assert not unknown, f"{name} has no parameter {unknown}"
        self.name = name
        self.template = template
        self.parameters = {key: str(it["Default"]) for key, it in declared.items() if "Default" in it} | dict(parameters)
        assert self.parameters.keys() == declared.keys(), declared.keys() - self.parameters.keys()

    def functions(self) -> dict[str, Resource]:
        """The properties that a version of each function copies, by logical id. Functions that are not deployed are left out."""
        return {
            key: {name: value for name, value in self.properties(key).items() if name not in NOT_OF_A_VERSION}
            for key in self._deployed("AWS::Lambda::Function")
        }

    def versions(self) -> dict[str, tuple[str, Resource]]:
        """The version of each function's alias: its logical id, and the properties whose change replaces it."""
        found = {}
        for alias in self._deployed("AWS::Lambda::Alias"):
            properties = self.template["Resources"][alias]["Properties"]
            version = properties["FunctionVersion"]["Fn::GetAtt"][0]
            found[properties["FunctionName"]["Ref"]] = (version, self.fixed_properties(version))
        return found

    def properties(self, logical_id: str) -> Resource:
        """The properties of a resource with everything worked out."""
        resolved: Resource = self.value(self.template["Resources"][logical_id].get("Properties", {}))
        return resolved

    def fixed_properties(self, logical_id: str) -> Resource:
        """Those properties whose change replaces the resource."""
        resource = self.template["Resources"][logical_id]
        written = resource.get("Properties", {})
        return {name: self.value(written[name]) for name in fixed_names(resource["Type"]) if name in written}

    def value(self, written: Any) -> Any:
        """A value of the template, worked out."""
        if isinstance(written, list):
            return [it for it in map(self.value, written) if it is not NO_VALUE]
        if not isinstance(written, Mapping):
            return written
        if len(written) == 1:
            ((function, argument),) = written.items()
            if function == "Ref":
                return self._reference(argument)
            if function.startswith("Fn::"):
                return self._function(function, argument)
        return {key: it for key, it in ((key, self.value(it)) for key, it in written.items()) if it is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        return self._holds(self.template["Conditions"][name])

    def _function(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "Fn::If", [condition, yes, no]:
                return self.value(yes if self.condition(condition) else no)
            case "Fn::GetAtt", [logical_id, *attribute]:
                return self._attribute(logical_id, ".".join(attribute))
            case "Fn::GetAtt", str():
                return self._attribute(*argument.split(".", 1))
            case "Fn::Sub", [text, names]:
                return self._substitute(text, {key: self.value(it) for key, it in names.items()})
            case "Fn::Sub", str():
                return self._substitute(argument, {})
            case "Fn::Join", [separator, parts]:
                return separator.join(map(str, self.value(parts)))
            case "Fn::Select", [index, several]:
                return self.value(several)[index]
            case "Fn::GetAZs", _:
                return ["zone-a", "zone-b"]
        raise AssertionError(f"not known how {function} works: {argument!r}")

    def _substitute(self, text: str, names: Mapping[str, Any]) -> str:
        def replacement(match: re.Match[str]) -> str:
            name = match[1]
            if name in names:
                return str(names[name])
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._reference(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", replacement, text)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        return PSEUDO.get(name) or self._attribute(name, "Ref")

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource = self.template["Resources"][logical_id]
        assert self._is_deployed(resource), f"{logical_id} is not deployed with {self.parameters}"
        if resource["Type"] == "AWS::CloudFormation::Stack":
            inner = self._nested(logical_id)
            value: str = inner.value(inner.template["Outputs"][attribute.removeprefix("Outputs.")]["Value"])
            return value
        fixed = json.dumps(self.fixed_properties(logical_id), sort_keys=True)
        fixed = re.sub(r"<([\w.]+) \{.*?\}>", r"(\1)", fixed)  # of a resource that this one names, the name is enough
        return f"<{self.name}.{logical_id}.{attribute} {fixed}>"

    def _nested(self, logical_id: str) -> "Deployment":
        passed = self.template["Resources"][logical_id]["Properties"].get("Parameters", {})
        return Deployment(nested(logical_id), {key: str(self.value(it)) for key, it in passed.items()}, logical_id)

    def _deployed(self, kind: str) -> list[str]:
        resources = self.template["Resources"].items()
        return sorted(key for key, it in resources if it["Type"] == kind and self._is_deployed(it))

    def _is_deployed(self, resource: Resource) -> bool:
        return "Condition" not in resource or self.condition(resource["Condition"])

    def _holds(self, written: Any) -> bool:
        ((function, argument),) = written.items()
        match function:
            case "Condition":
                return self.condition(argument)
            case "Fn::Equals":
                return bool(self.value(argument[0]) == self.value(argument[1]))
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::Or":
                return any(map(self._holds, argument))
            case "Fn::And":
                return all(map(self._holds, argument))
        raise AssertionError(f"not known how the condition {function} works")


class _NoValue:
    """AWS::NoValue: a property with this value counts as not written."""


NO_VALUE = _NoValue()


@cache
def written_root() -> Template:
    """The root template as it is written. Shared: take a copy."""
    return source(ROOT / "template.yaml")


def deployment(parameters: Mapping[str, str], template: Template | None = None) -> Deployment:
    """The root template, or another one like it, deployed with these parameters."""
    written = copy.deepcopy(template or written_root())
    return Deployment(translated(written, parameters), parameters)


@cache
def fixed_names(kind: str) -> tuple[str, ...]:
    """The properties of a resource type whose change makes CloudFormation replace the resource."""
    schema = json.loads((SCHEMAS / "resources" / f"{_schema_files()[kind]}.json").read_text(encoding="utf-8"))
    paths = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
    return tuple(sorted({path.split("/")[2] for path in paths}))


@cache
def _schema_files() -> dict[str, str]:
    found: dict[str, str] = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    return found
