"""The stages of services/coffee.py as CloudFormation reads them, and variants of them."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

from cfngen import AllAtOnce, App, CodeCommit, Connection, Ledger, Network, Pipeline, Release, Service, stage_files

PROJECT = next(folder for folder in Path(__file__).parents if (folder / "setup.cfg").is_file())
STACK = "AWS::CloudFormation::Stack"
SERVICES = ("customer", "employee")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's loader, with the short tags turned back into mappings."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if suffix == "GetAtt" else text}


Loader.add_multi_constructor("!", _function)


@lru_cache(maxsize=512)  # most templates of a stage stay as they were when one option changes
def _parsed(text: str) -> Any:
    return Loader(text).get_single_data()


@dataclass(frozen=True)
class Resource:
    """One resource of a rendered template."""

    file: str
    name: str
    body: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def place(self) -> str:
        return f"{self.file}/{self.name}"

    @property
    def properties(self) -> Mapping[str, Any]:
        return self.body.get("Properties", {})  # type: ignore[no-any-return]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """What a role may do."""
        return [
            statement
            for policy in self.properties.get("Policies", ())
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    @property
    def actions(self) -> set[str]:
        return {action for statement in self.statements for action in statement["Action"]}

    def allowing(self, action: str) -> dict[str, Any]:
        """The one statement that allows an action."""
        found = [each for each in self.statements if any(fnmatchcase(action, one) for one in each["Action"])]
        assert len(found) == 1, f"{self.place}: {len(found)} statements allow {action}"
        return found[0]


@dataclass(frozen=True)
class Rendered:
    """Every file of one stage."""

    app: App = field(repr=False)
    files: Mapping[str, str] = field(repr=False)

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        return {name: _parsed(text) for name, text in self.files.items() if name.endswith(".yaml") and "/" not in name}

    @cached_property
    def resources(self) -> dict[str, Resource]:
        return {
            f"{file}/{name}": Resource(file, name, body)
            for file, template in self.templates.items()
            for name, body in template["Resources"].items()
        }

    @cached_property
    def parents(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        return {each["TemplateURL"]: (each.file, each.properties.get("Parameters", {})) for each in self.each(STACK)}

    @property
    def ledger(self) -> Ledger:
        return Ledger.read(self.files["ledger.json"])

    def each(self, kind: str, file: str = "*") -> list[Resource]:
        """Resources of a type, such as ``AWS::IAM::*``, in the templates of a name."""
        return [one for one in self.resources.values() if fnmatchcase(one.type, kind) and fnmatchcase(one.file, file)]

    def one(self, place: str) -> Resource:
        return self.resources[place]

    def real(self, file: str, value: Any) -> tuple[str, Any]:
        """What a value is once parameters and outputs of nested stacks are followed, and in which template."""
        match value:
            case {"Ref": str(name)} if name in self.templates[file].get("Parameters", {}) and file in self.parents:
                parent, given = self.parents[file]
                return self.real(parent, given[name])
            case {"Fn::GetAtt": [str(name), str(attribute)]} if attribute.startswith("Outputs."):
                child = self.one(f"{file}/{name}")["TemplateURL"]
                output = self.templates[child]["Outputs"][attribute.removeprefix("Outputs.")]
                return self.real(child, output["Value"])
            case {"Fn::Select": [index, list(values)]}:
                return self.real(file, values[int(index)])
            case {"Fn::Split": [",", inner]}:
                return self.real(file, inner)
            case {"Fn::Join": [",", [*values]]}:
                return file, [self.real(file, each)[1] for each in values]
        return file, value

    def names(self, file: str, value: Any) -> str:
        """The place of the resource that a value stands for."""
        at, found = self.real(file, value)
        match found:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
                return f"{at}/{name}"
        raise AssertionError(found)

    def pipeline(self, service: str) -> Resource:
        return self.one(f"pipeline-{service}.yaml/Pipeline")

    def action(self, service: str, name: str) -> dict[str, Any]:
        """The one action of that name of a service's pipeline."""
        found = [
            action
            for stage in self.pipeline(service)["Stages"]
            for action in stage["Actions"]
            if action["Name"] == name
        ]
        assert len(found) == 1, f"{len(found)} actions {name}"
        return found[0]

    def buildspec(self, service: str) -> dict[str, Any]:
        return yaml.safe_load(self.files[f"{service}/buildspec.yml"])  # type: ignore[no-any-return]


Render = Callable[..., Rendered]


def render(app: App, ledger: Ledger | None = None) -> Rendered:
    return Rendered(app, stage_files(app, ledger))


def walk(node: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield node
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from walk(part)


def text(value: Any) -> str:
    """A Sub's text, or any other value as JSON."""
    match value:
        case str():
            return value
        case {"Fn::Sub": str(template)} | {"Fn::Sub": [str(template), _]}:
            return template
    return json.dumps(value)


MINUTES = 24 * 60
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def fires(expression: str, weeks: int = 2) -> list[int]:
    """The minutes, counted from a Sunday's midnight, at which a cron expression fires."""
    fields = re.fullmatch(r"cron\((.+)\)", expression)
    assert fields, expression
    minute, hour, _day, month, weekday, *year = fields[1].split()
    assert month == "*", expression
    assert year in ([], ["*"]), expression
    days = DAYS if weekday == "*" else weekday.split(",")
    return [day * MINUTES + int(hour) * 60 + int(minute) for day in range(weeks * 7) if DAYS[day % 7] in days]


@pytest.fixture(scope="session")
def rendered() -> Render:
    """Render an application: ``rendered(app, ledger=None)``."""
    return render


@pytest.fixture(scope="session")
def apps() -> dict[str, App]:
    """The stages of services/coffee.py as objects, by name."""
    return {app.stage: app for app in runpy.run_path(str(PROJECT / "services" / "coffee.py"))["stages"]}


def smallest(**service: Any) -> App:
    """One service and its pipeline."""
    quick = Release(strategy=AllAtOnce(), continue_within_minutes=60)
    return App(
        name="shop",
        stage="dev",
        services=(Service(**{"name": "web", "release": quick, **service}),),
        network=Network(nat="one"),
        pipeline=Pipeline(source=CodeCommit(branch="main")),
    )


def connect(app: App) -> App:
    assert app.pipeline
    source = Connection(repository="acme/coffee", branch="main")
    return replace(app, pipeline=replace(app.pipeline, source=source))


@pytest.fixture(scope="session")
def stages(apps: Mapping[str, App]) -> dict[str, Rendered]:
    """What the stages render to, and prod with a Git provider as ``connected``."""
    every = {**apps, "connected": connect(apps["prod"])}
    return {name: render(app) for name, app in every.items()}


@pytest.fixture(scope="session")
def dev(stages: Mapping[str, Rendered]) -> Rendered:
    return stages["dev"]


@pytest.fixture(scope="session")
def prod(stages: Mapping[str, Rendered]) -> Rendered:
    return stages["prod"]


@pytest.fixture(scope="session")
def connected(stages: Mapping[str, Rendered]) -> Rendered:
    return stages["connected"]


@pytest.fixture(scope="session", params=["dev", "prod", "connected"])
def stage(request: pytest.FixtureRequest, stages: Mapping[str, Rendered]) -> Rendered:
    """Each of them in turn."""
    return stages[request.param]


@pytest.fixture(scope="session")
def files(stages: Mapping[str, Rendered]) -> dict[str, Mapping[str, str]]:
    """Every file, by stage."""
    return {name: each.files for name, each in stages.items()}


@pytest.fixture(scope="session")
def parsed(stages: Mapping[str, Rendered]) -> dict[str, dict[str, dict[str, Any]]]:
    """Every template, by stage."""
    return {name: each.templates for name, each in stages.items()}
