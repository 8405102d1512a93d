"""What a template says once its parameters are resolved: equal bytes can hide a changed parameter.

`Tree` reads rendered templates as CloudFormation would: a parameter of a nested stack is what its parent passes,
an output is what the child returns, down to the real resources and up to the parameters of the root, which stay
symbols. Two trees can then be compared resource by resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped,unused-ignore]

from cfngen import App, Ledger, Plan, Stack, application_stack, cell_roots, plan, tree_files

STACK = "AWS::CloudFormation::Stack"
BY_STACK = ("AWS::StackName", "AWS::StackId")


@dataclass(frozen=True)
class Symbol:
    """What only the deployment knows, such as ``Symbol("ref", "network.yaml", "Vpc")``."""

    kind: str
    parts: tuple[Any, ...]

    @classmethod
    def of(cls, kind: str, *parts: Any) -> Symbol:
        return cls(kind, parts)

    def __repr__(self) -> str:
        return f"<{self.kind} {' '.join(map(str, self.parts))}>"


class Tree:
    """The templates of one rendering, by file name; `root` is the one that is deployed."""

    def __init__(self, bodies: Mapping[str, Mapping[str, Any]], root: str) -> None:
        self.bodies = bodies
        self.root = root
        self._resolved: dict[tuple[str, str], Any] = {}

    @cached_property
    def parents(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Of each nested template, the file that nests it and the parameters that it is given there."""
        return {
            resource["Properties"]["TemplateURL"]: (file, resource["Properties"].get("Parameters", {}))
            for file, body in self.bodies.items()
            for resource in body["Resources"].values()
            if resource["Type"] == STACK
        }

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Every resource but the nested stacks, resolved, by ``file/LogicalId``, without what it waits for."""
        return {
            f"{file}/{name}": {
                key: self.resolve(file, part) for key, part in resource.items() if key not in ("DependsOn", "Type")
            }
            | {"Type": resource["Type"]}
            for file, body in self.bodies.items()
            for name, resource in body["Resources"].items()
            if resource["Type"] != STACK
        }

    def of_type(self, kind: str, file: str = "") -> dict[str, dict[str, Any]]:
        """The resolved resources of a type, in one file or in all."""
        return {
            place: resource
            for place, resource in self.resources.items()
            if resource["Type"] == kind and place.startswith(f"{file}/" if file else "")
        }

    def outputs(self, file: str) -> dict[str, Any]:
        """A template's outputs, resolved."""
        return {name: self.resolve(file, each["Value"]) for name, each in self.bodies[file].get("Outputs", {}).items()}

    def resolve(self, file: str, node: Any) -> Any:  # noqa: C901, PLR0911, PLR0912  (one line a function)
        """A part of a template, with all that it refers to followed through the tree."""
        match node:
            case {"Ref": str(name)} if len(node) == 1:
                return self._ref(file, name)
            case {"Fn::GetAtt": str(dotted)}:
                return self._attribute(file, *dotted.split(".", 1))
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(file, name, attribute)
            case {"Fn::Sub": str(text)}:
                return self._sub(file, text, {})
            case {"Fn::Sub": [str(text), dict(own)]}:
                return self._sub(file, text, {name: self.resolve(file, value) for name, value in own.items()})
            case {"Fn::Join": [str(separator), items]}:
                return _join(separator, self.resolve(file, items))
            case {"Fn::Split": [str(separator), source]}:
                return _split(separator, self.resolve(file, source))
            case {"Fn::Select": [index, items]}:
                return _select(int(index), self.resolve(file, items))
            case {"Fn::FindInMap": [str(name), key, second]}:
                return _find(self.bodies[file]["Mappings"][name], self.resolve(file, key), self.resolve(file, second))
            case {"Fn::GetAZs": region}:
                return Symbol.of("zones", self.resolve(file, region))
            case dict():
                if unknown := [key for key in node if str(key).startswith("Fn::")]:
                    raise NotImplementedError(unknown)
                return {key: self.resolve(file, part) for key, part in node.items()}
            case list():
                return [self.resolve(file, part) for part in node]
        return node

    def _ref(self, file: str, name: str) -> Any:
        if name.startswith("AWS::"):
            return Symbol.of("pseudo", name, *([file] if name in BY_STACK else []))
        if name in self.bodies[file].get("Parameters", {}):
            return self._parameter(file, name)
        if name not in self.bodies[file]["Resources"]:
            raise KeyError(f"{file}: {name}")
        return Symbol.of("ref", file, name)

    def _parameter(self, file: str, name: str) -> Any:
        if (file, name) not in self._resolved:
            declared = self.bodies[file]["Parameters"][name]
            if file == self.root:
                value: Any = Symbol.of("parameter", name)
            else:
                parent, passed = self.parents[file]
                value = self.resolve(parent, passed[name]) if name in passed else declared["Default"]
            is_list = declared["Type"] == "CommaDelimitedList" or declared["Type"].startswith("List<")
            self._resolved[file, name] = _split(",", value) if is_list else value
        return self._resolved[file, name]

    def _attribute(self, file: str, name: str, attribute: str) -> Any:
        resource = self.bodies[file]["Resources"][name]
        if resource["Type"] == STACK and attribute.startswith("Outputs."):
            child, output = resource["Properties"]["TemplateURL"], attribute.removeprefix("Outputs.")
            return self.resolve(child, self.bodies[child]["Outputs"][output]["Value"])
        return Symbol.of("ref", file, name, attribute)

    def _sub(self, file: str, text: str, own: Mapping[str, Any]) -> Any:
        """The pieces of a text, so that what its variables are called makes no difference."""
        pieces: list[Any] = []
        for index, part in enumerate(re.split(r"\$\{([^!}][^}]*)\}", text)):
            if index % 2 == 0:
                piece: Any = part.replace("${!", "${")
            elif part in own:
                piece = own[part]
            elif "." in part:
                piece = self._attribute(file, *part.split(".", 1))
            else:
                piece = self._ref(file, part)
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            elif piece != "":
                pieces.append(piece)
        return "".join(pieces) if all(isinstance(each, str) for each in pieces) else Symbol.of("text", *pieces)


def _join(separator: str, items: Any) -> Any:
    if isinstance(items, list):
        plain = all(isinstance(each, str) for each in items)
        return separator.join(items) if plain else Symbol.of("join", separator, *items)
    return Symbol.of("join", separator, items)


def _split(separator: str, source: Any) -> Any:
    match source:
        case list():
            return source
        case str():
            return source.split(separator)
        case Symbol(kind="join", parts=(first, *items)) if first == separator:
            return items
    return Symbol.of("split", separator, source)


def _select(index: int, items: Any) -> Any:
    return items[index] if isinstance(items, list) else Symbol.of("select", index, items)


def _find(mapping: Mapping[str, Any], key: Any, second: Any) -> Any:
    if isinstance(key, str) and isinstance(second, str):
        return mapping[key][second]
    choices = tuple(sorted((name, values[second]) for name, values in mapping.items()))
    return Symbol.of("find", key, choices)


class Rendering:
    """One step in the life of a stage: what was asked for, and every file that came of it."""

    def __init__(self, app: App, settled: Plan) -> None:
        self.app = app
        self.settled = settled
        self.cells: dict[int, Tree] = {}
        self._root = _Once(app.name)
        self._shared = application_stack(self._root, settled)
        if settled.further_cells:  # the first root tells what they ask for
            self.files  # noqa: B018
        self.tree = Tree(self._root.templates(), self._root.file)

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The texts, which take long and which few ask for."""
        return tree_files(self._root, self.settled, cells=self._further())

    @property
    def ledger(self) -> str:
        """The ledger's text, as the next step will read it."""
        return self.files["ledger.json"]

    def _further(self) -> Iterator[tuple[int, Stack]]:
        for cell, stack in cell_roots(self._root, self.settled, self._shared):
            yield cell, stack
            self.cells[cell] = Tree(stack.templates(), stack.file)


class _Once(Stack):
    """A root that is turned into data once: the texts and the tree are of the same rendering."""

    def bodies_below(self, *, for_good: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        if "_below" not in self.__dict__:
            self._below = list(super().bodies_below(for_good=for_good))
        yield from self._below

    def body(self) -> dict[str, Any]:
        if "_body" not in self.__dict__:
            self._body = super().body()
        return self._body


def rendered(app: App, ledger: str | None = None) -> Rendering:
    """Render a stage against the text of the ledger of the step before."""
    made = Rendering(app, plan(app, Ledger.read(ledger) if ledger else None))
    made.ledger  # noqa: B018  (what would be refused when it is written is refused here)
    return made


def differing(before: Tree, after: Tree) -> set[str]:
    """Places of the resources that are on one side only, or differ between the two."""
    old, new = before.resources, after.resources
    return {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}


# Properties whose change replaces the resource in some cases only, taken for create-only where data hang on them.
FROZEN_BESIDES = {
    "AWS::RDS::DBInstance": ("Engine", "AvailabilityZone", "DBSnapshotIdentifier", "SourceDBInstanceIdentifier"),
}


@cache
def create_only(kind: str) -> tuple[str, ...]:
    """The properties of a type that cannot change without replacing the resource (I2.1, appendix 1), as paths."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    told = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())]
    return tuple(sorted({*told, *FROZEN_BESIDES.get(kind, ())}))


def _inside(properties: Any, path: str) -> Any:
    """What is at a path; where a list is on the way, the whole of it."""
    for step in path.split("/"):
        if step == "*" or not isinstance(properties, dict):
            break
        properties = properties.get(step)
    return properties


def replaced(before: Tree, after: Tree) -> Iterator[tuple[str, str, str]]:
    """Place, type and property wherever CloudFormation would have to replace a resource that is on both sides."""
    for place, old in before.resources.items():
        new = after.resources.get(place)
        if new is None:
            continue
        if old["Type"] != new["Type"]:
            yield place, old["Type"], "Type"
        for name in create_only(old["Type"]):
            if _inside(old.get("Properties", {}), name) != _inside(new.get("Properties", {}), name):
                yield place, old["Type"], name
