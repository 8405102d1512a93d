"""The generated files of one stage, as the checks look at them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as File
from typing import Any

from cfngen.artifacts import APPSPEC, BUILDSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.errors import DescriptionError, Problem
from cfngen.placeholders import PATTERN
from cfngen.semantics.document import Document, Path, UnreadableError, read_json, read_yaml
from cfngen.sources import S3, TWO_ZONES, WITHOUT_BUDGETS, CodeCommit, Connection

_SERVICE_FILES = (APPSPEC, BUILDSPEC, MIGRATION_TASKDEF, TASKDEF)
_EMPTY = Document({})
_TEMPLATE = re.compile(r"(cell-\d+/)?[^/]+\.yaml")


@dataclass(frozen=True)
class Behind:
    """How the files of a stage on disk differ from what its description says."""

    files: tuple[str, ...]
    command: str
    is_missing: bool = False


@dataclass(frozen=True)
class Stage:
    """Every file of a stage: `texts` by name below `folder`, where they lie, shown to the user as `name`.

    `unread` are files that are no text, `behind` says what a command would change, `tell` hears of each
    template that is done, because the linter takes its time.
    """

    name: str
    folder: File
    texts: Mapping[str, str]
    unread: Mapping[str, str]
    behind: Behind | None = None
    tell: Callable[[str], None] = lambda _: None

    def shown(self, file: str) -> str:
        """A file's name as the user knows it."""
        return f"{self.name}/{file}" if file else self.name

    def line(self, file: str, path: Path) -> int:
        """Where something stands."""
        document = self.documents.get(file)
        return document.line(path) if document else 1

    @cached_property
    def _read(self) -> tuple[dict[str, Document], dict[str, UnreadableError]]:
        documents: dict[str, Document] = {}
        broken = {file: UnreadableError(reason, 1) for file, reason in self.unread.items()}
        for file, text in sorted(self.texts.items()):
            read = {"json": read_json, "yaml": read_yaml, "yml": read_yaml}.get(file.rpartition(".")[2])
            try:
                if read:
                    documents[file] = read(_filled_in(file, text))
            except UnreadableError as error:
                broken[file] = error
        return documents, broken

    @property
    def documents(self) -> Mapping[str, Document]:
        """Every file that could be read as data."""
        return self._read[0]

    @property
    def broken(self) -> Mapping[str, UnreadableError]:
        """Every file that could not."""
        return self._read[1]

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The templates of all roots, by file; those of further cells lie in folders of their own."""
        return {
            file: Template(file, document.data)
            for file, document in self.documents.items()
            if _TEMPLATE.fullmatch(file) and isinstance(document.data, dict)
        }

    @cached_property
    def named(self) -> Mapping[str, Template]:
        """The templates by their name alone; of two with the same, such as roots, that of the first cell."""
        return {
            template.name: template
            for _, template in sorted(self.templates.items(), key=lambda each: "/" not in each[0])
        }

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The services that any file speaks of."""
        names = {
            file.partition("/")[0]
            for file in (*self.texts, *self.unread)
            if file.count("/") == 1 and file.rpartition("/")[2] in _SERVICE_FILES
        }
        for template in self.templates.values():
            kind, _, name = template.name.removesuffix(".yaml").partition("-")
            if name and any(template.of_type(_OWN_TYPES.get(kind, "none"))):
                names.add(name)
        return tuple(Service(self, name) for name in sorted(names))

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Where such a stage may be deployed, which its pipelines' source decides."""
        providers = {action.provider for service in self.services for action in service.actions}
        known = [regions for provider, regions in _REGIONS.items() if provider in providers] or [Connection.regions]
        lacking = {*(TWO_ZONES if self._has_third_zone else ()), *(WITHOUT_BUDGETS if self._has_budget else ())}
        return tuple(
            region for region in known[0] if region not in lacking and all(region in regions for regions in known)
        )

    @property
    def _has_budget(self) -> bool:
        return any(any(template.of_type("AWS::Budgets::Budget")) for template in self.templates.values())

    @property
    def _has_third_zone(self) -> bool:
        subnets = (subnet for template in self.templates.values() for subnet in template.of_type("AWS::EC2::Subnet"))
        return any(str(subnet.get("AvailabilityZone", "Fn::Select", 0)) == "2" for subnet in subnets)


_REGIONS = {
    "CodeCommit": CodeCommit.regions,
    "CodeStarSourceConnection": Connection.regions,
    "S3": S3.regions,
}
_OWN_TYPES = {"service": "AWS::ECS::Service", "pipeline": "AWS::CodePipeline::Pipeline"}


@dataclass(frozen=True)
class Template:
    """One template; what it lacks or says in a wrong form is empty."""

    file: str
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The file's name without the folder of its cell."""
        return self.file.rpartition("/")[2]

    def section(self, name: str) -> Mapping[str, Any]:
        """A section's definitions by name."""
        return mapping(self.data.get(name))

    @property
    def resources(self) -> Iterator[Resource]:
        """Every resource."""
        for name, body in self.section("Resources").items():
            yield Resource(self.file, str(name), mapping(body))

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (resource for resource in self.resources if resource.type in types)

    def resource(self, value: Any) -> Resource | None:
        """The resource that a ``Ref`` or ``GetAtt`` names, if this template has it."""
        name = _named(value)
        return Resource(self.file, name, mapping(self.section("Resources")[name])) if name in self.section("Resources") else None  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """A resource of a template."""

    file: str
    name: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """As in ``AWS::ECS::Service``; empty when it has none."""
        found = self.body.get("Type")
        return found if isinstance(found, str) else ""

    def get(self, *path: str | int) -> Any:
        """What is below its properties; `None` when there is nothing."""
        return dig(self.body.get("Properties"), *path)

    def items(self, *path: str | int) -> Iterator[tuple[Path, Any]]:
        """Each entry of a list below its properties, with its path in the file."""
        for index, item in enumerate(sequence(self.get(*path))):
            yield self.path(*path, index), item

    def path(self, *path: str | int) -> Path:
        """The path in the file of what is below its properties."""
        return ("Resources", self.name, "Properties", *path)


@dataclass(frozen=True)
class Action:
    """One action of a pipeline. `path` is its place in the file."""

    path: Path
    body: Any

    @property
    def provider(self) -> str:
        """As in ``CodeBuild``."""
        return str(dig(self.body, "ActionTypeId", "Provider") or "")

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What it is told."""
        return mapping(dig(self.body, "Configuration"))

    def artifacts(self, side: str) -> list[tuple[Path, Any]]:
        """The names under ``InputArtifacts`` or ``OutputArtifacts``, each with its place in the file."""
        return [
            ((*self.path, side, index, "Name"), dig(item, "Name"))
            for index, item in enumerate(sequence(dig(self.body, side)))
        ]


@dataclass(frozen=True)
class Service:
    """The files of one service, in which the same names have to stand."""

    stage: Stage
    name: str

    def file(self, name: str) -> str:
        """The name below the stage's folder."""
        return f"{self.name}/{name}"

    def has(self, name: str) -> bool:
        """Whether the service has a file of that name, in whatever state."""
        return self.file(name) in self.stage.texts or self.file(name) in self.stage.unread

    def reads(self, name: str) -> bool:
        """Whether that file could be read as data."""
        return self.file(name) in self.stage.documents

    def data(self, name: str) -> Any:
        """What the file says; empty when it could not be read."""
        return self.stage.documents.get(self.file(name), _EMPTY).data

    def text(self, name: str) -> str:
        """The file's text; empty when it is not there."""
        return self.stage.texts.get(self.file(name), "")

    @property
    def kind(self) -> str:
        """What it is, as its stack is called: service, worker or scheduled."""
        kinds = ("worker", "scheduled")
        return next((kind for kind in kinds if f"{kind}-{self.name}.yaml" in self.stage.named), "service")

    @property
    def template(self) -> Template:
        """The service's stack."""
        return self._template(self.kind)

    @property
    def taskdefs(self) -> list[str]:
        """The task definitions in its folder: its own, that of its migration, those of scheduled tasks with its image."""
        names = (name.removeprefix(f"{self.name}/") for name in self.stage.texts)
        return [name for name in names if name == TASKDEF or (name.endswith(f".{TASKDEF}") and "/" not in name)]

    @property
    def pipeline_template(self) -> Template:
        """The stack of the service's pipeline."""
        return self._template("pipeline")

    def _template(self, kind: str) -> Template:
        file = f"{kind}-{self.name}.yaml"
        return self.stage.named.get(file, Template(file, {}))

    @property
    def ecs_service(self) -> Resource | None:
        """The one ECS service."""
        return next(self.template.of_type("AWS::ECS::Service"), None)

    @property
    def bootstrap(self) -> Resource | None:
        """The revision that the ECS service is born with."""
        made = self.ecs_service
        return self.template.resource(made.get("TaskDefinition")) if made else None

    @property
    def target_groups(self) -> list[Resource]:
        """Blue and green."""
        return list(self.template.of_type("AWS::ElasticLoadBalancingV2::TargetGroup"))

    @property
    def actions(self) -> list[Action]:
        """The actions of its pipeline, in their order."""
        return [
            Action((*path, "Actions", index), body)
            for pipeline in self.pipeline_template.of_type("AWS::CodePipeline::Pipeline")
            for path, stage in pipeline.items("Stages")
            for index, body in enumerate(sequence(dig(stage, "Actions")))
        ]

    def actions_of(self, *providers: str) -> list[Action]:
        """Those of these providers."""
        return [action for action in self.actions if action.provider in providers]

    @property
    def migrations(self) -> list[Action]:
        """Those that run the migration."""
        return [each for each in self.actions_of("StepFunctions") if each.configuration.get("InputType") != "FilePath"]

    @property
    def releases(self) -> list[Action]:
        """Those that hand what the build filled in to a machine."""
        return [each for each in self.actions_of("StepFunctions") if each.configuration.get("InputType") == "FilePath"]

    @property
    def project(self) -> Resource | None:
        """The build project of its pipeline."""
        return next(self.pipeline_template.of_type("AWS::CodeBuild::Project"), None)

    @property
    def build_variables(self) -> frozenset[str]:
        """What the build project puts into the environment of the build."""
        project = self.project
        given = project.items("Environment", "EnvironmentVariables") if project else ()
        return frozenset(str(dig(variable, "Name")) for _, variable in given)

    @property
    def commands(self) -> list[tuple[Path, Any]]:
        """Every command of the buildspec, with its place."""
        found: list[tuple[Path, Any]] = []
        for phase, body in mapping(dig(self.data(BUILDSPEC), "phases")).items():
            for key in ("commands", "finally"):
                given = sequence(dig(body, key))
                found += [(("phases", str(phase), key, index), command) for index, command in enumerate(given)]
        return found

    @property
    def script(self) -> str:
        """The commands of the buildspec as one text."""
        return "\n".join(command for _, command in self.commands if isinstance(command, str))


def read_folder(folder: File, shown: str = "") -> Stage:
    """The stage that lies in a folder. Raises `DescriptionError` when a file cannot be opened."""
    texts, unread = {}, {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or hidden(name):
            continue
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            unread[name] = f"it is no UTF-8 text ({error.reason})"
        except OSError as error:
            raise DescriptionError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    return Stage(shown or folder.as_posix(), folder, texts, unread)


def _filled_in(file: str, text: str) -> str:
    """An AppSpec becomes YAML when the build fills in its placeholders; a bare word stands for each until then."""
    return PATTERN.sub(r"\1", text) if file.endswith(f"/{APPSPEC}") else text


def hidden(name: str) -> bool:
    """Whether a file is none of ours, such as what an interrupted command left."""
    return re.search(r"(^|/)\.", name) is not None


def dig(data: Any, *path: str | int) -> Any:
    """What is at the path, or `None`."""
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in the data, each with its path, in the order in which it stands there."""
    left = [(path, value)]
    while left:
        path, value = left.pop()
        yield path, value
        if isinstance(value, dict):
            left += [((*path, str(key)), item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            left += [((*path, index), value[index]) for index in range(len(value) - 1, -1, -1)]


def is_function(value: Any) -> bool:
    """Whether only the deployment knows the value."""
    return isinstance(value, Mapping) and len(value) == 1 and str(next(iter(value))).startswith(("Ref", "Fn::"))


def _named(value: Any) -> str:
    name = dig(value, "Ref") or dig(value, "Fn::GetAtt", 0)
    return name if isinstance(name, str) else ""
