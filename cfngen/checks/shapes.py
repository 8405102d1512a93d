"""Checks of a service's own files, each against what the service that reads it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import botocore.session

from cfngen.artifacts import APPSPEC, BUILDSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.checks.finding import Check, Place
from cfngen.checks.stage import Stage, dig, mapping, sequence
from cfngen.errors import did_you_mean
from cfngen.placeholders import PATTERN, PREFIX
from cfngen.semantics.document import Path

Kind = Literal["key", "type", "required", "value"]


@dataclass(frozen=True)
class Fault:
    """Something about a value that its shape does not allow."""

    kind: Kind
    path: Path
    message: str


def faults(value: Any, shape: Any, path: Path = ()) -> Iterator[Fault]:
    """All that is wrong with a value as an argument of an API call, by botocore's model of it.

    A text with a placeholder may become anything when the build fills it in, but a text it stays.
    """
    kinds: dict[str, Callable[[Any, Any, Path], Iterator[Fault]]] = {
        "structure": _structure,
        "list": _list,
        "map": _map,
        "string": _string,
        "boolean": partial(_plain, bool, "true or false"),
        "integer": _number,
        "long": _number,
        "float": _number,
        "double": _number,
    }
    yield from kinds.get(shape.type_name, _anything)(value, shape, path)


def _anything(_value: Any, _shape: Any, _path: Path) -> Iterator[Fault]:
    yield from ()


def _structure(value: Any, shape: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield _wrong_type(value, "an object", path)
        return
    for key, item in value.items():
        if key in shape.members:
            yield from faults(item, shape.members[key], (*path, key))
        else:
            yield Fault("key", (*path, key), f"unknown key {key!r}; {did_you_mean(str(key), shape.members)}")
    for key in shape.required_members:
        if key not in value:
            yield Fault("required", path, f"{_name(path)} lacks {key!r}")
    if shape.metadata.get("union") and len(value) != 1:
        yield Fault("required", path, f"{_name(path)} takes just one of {', '.join(sorted(shape.members))}")


def _list(value: Any, shape: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield _wrong_type(value, "a list", path)
        return
    yield from _range(len(value), shape, path, "entries")
    for index, item in enumerate(value):
        yield from faults(item, shape.member, (*path, index))


def _map(value: Any, shape: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield _wrong_type(value, "an object", path)
        return
    yield from _range(len(value), shape, path, "entries")
    for key, item in value.items():
        yield from faults(key, shape.key, (*path, key))
        yield from faults(item, shape.value, (*path, key))


def _string(value: Any, shape: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield _wrong_type(value, "a string", path)
        return
    if PATTERN.search(value):
        return
    if shape.enum and value not in shape.enum:
        yield Fault("value", path, f"{_name(path)} is {value!r}; {did_you_mean(value, shape.enum)}")
    yield from _range(len(value), shape, path, "characters")
    pattern = _compiled(shape.metadata.get("pattern", ""))
    if pattern and not pattern.fullmatch(value):
        yield Fault("value", path, f"{_name(path)} is {value!r}, which does not match {shape.metadata['pattern']}")


def _number(value: Any, shape: Any, path: Path) -> Iterator[Fault]:
    allowed = (int, float) if shape.type_name in ("float", "double") else (int,)
    if isinstance(value, bool) or not isinstance(value, allowed):
        yield _wrong_type(value, "a number" if len(allowed) > 1 else "a whole number", path)
    else:
        yield from _range(value, shape, path, "")


def _plain(allowed: type, said: str, value: Any, _shape: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, allowed):
        yield _wrong_type(value, said, path)


def _range(size: float, shape: Any, path: Path, unit: str) -> Iterator[Fault]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        limits = " and ".join(
            f"at {word} {limit}" for word, limit in (("least", least), ("most", most)) if limit is not None
        )
        yield Fault("value", path, f"{_name(path)} has {size} {unit}, {limits}" if unit else f"{_name(path)} is {size}, {limits}")  # fmt: skip


def _wrong_type(value: Any, wanted: str, path: Path) -> Fault:
    return Fault("type", path, f"{_name(path)} is {value!r}; {wanted} is wanted")


def _name(path: Path) -> str:
    return str(path[-1]) if path and isinstance(path[-1], str) else f"{path[-2]}[{path[-1]}]" if path else "the file"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the model, which is written for Java; `None` when it cannot be said in Python."""
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


@cache
def task_definition_shape() -> Any:
    """What `ecs:RegisterTaskDefinition` takes."""
    return botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape


def task_definitions(kind: Kind, stage: Stage) -> Iterator[Place]:
    """What is wrong with taskdef.json and migrate.taskdef.json, of one kind."""
    for service in stage.services:
        for name in (TASKDEF, MIGRATION_TASKDEF):
            if service.file(name) in stage.documents:
                for fault in faults(service.data(name), task_definition_shape()):
                    if fault.kind == kind:
                        yield Place(service.file(name), fault.path, fault.message)


_PROPERTIES = "Resources", 0, "TargetService", "Properties"
_APPSPEC_KEYS: dict[Path, tuple[str, ...]] = {
    (): ("version", "Resources", "Hooks"),
    ("Resources", 0): ("TargetService",),
    ("Resources", 0, "TargetService"): ("Type", "Properties"),
    _PROPERTIES: (
        "TaskDefinition",
        "LoadBalancerInfo",
        "PlatformVersion",
        "NetworkConfiguration",
        "CapacityProviderStrategy",
    ),
    (*_PROPERTIES, "LoadBalancerInfo"): ("ContainerName", "ContainerPort"),
    (*_PROPERTIES, "NetworkConfiguration"): ("AwsvpcConfiguration",),
    (*_PROPERTIES, "NetworkConfiguration", "AwsvpcConfiguration"): ("Subnets", "SecurityGroups", "AssignPublicIp"),
}
_HOOKS = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")


def appspec_structure(stage: Stage) -> Iterator[Place]:
    """The AppSpec is not one of an ECS service."""
    for file, data in _files(stage, APPSPEC):
        yield from _unknown_keys(file, data, _APPSPEC_KEYS)
        if str(dig(data, "version")) != "0.0":
            yield Place(file, ("version",), f"version is {dig(data, 'version')!r}; 0.0 is the only one")
        if len(sequence(dig(data, "Resources"))) != 1:
            yield Place(file, ("Resources",), "Resources is not a list of one TargetService")
        if (kind := dig(data, "Resources", 0, "TargetService", "Type")) != "AWS::ECS::Service":
            yield Place(file, (*_PROPERTIES[:3], "Type"), f"Type is {kind!r}; it has to be AWS::ECS::Service")
        balancer = (*_PROPERTIES, "LoadBalancerInfo")
        if not isinstance(name := dig(data, *balancer, "ContainerName"), str):
            yield Place(file, (*balancer, "ContainerName"), f"ContainerName is {name!r}; a string is wanted")
        if type(port := dig(data, *balancer, "ContainerPort")) is not int:
            yield Place(file, (*balancer, "ContainerPort"), f"ContainerPort is {port!r}; a number is wanted")
        yield from _hooks(file, data)


def _hooks(file: str, data: Any) -> Iterator[Place]:
    given = dig(data, "Hooks")
    if given is not None and not isinstance(given, list):
        yield Place(file, ("Hooks",), "Hooks is not a list")
    for index, hook in enumerate(sequence(given)):
        for name in mapping(hook):
            if name not in _HOOKS:
                yield Place(file, ("Hooks", index, name), f"unknown hook {name!r}; {did_you_mean(str(name), _HOOKS)}")


def appspec_task_definition(stage: Stage) -> Iterator[Place]:
    """The AppSpec names a revision, where the deploy action looks for its placeholder."""
    for file, data in _files(stage, APPSPEC):
        if (given := dig(data, *_PROPERTIES, "TaskDefinition")) != "<TASK_DEFINITION>":
            message = f"TaskDefinition is {given!r}; it has to be <TASK_DEFINITION>, which the deploy action replaces"
            yield Place(file, (*_PROPERTIES, "TaskDefinition"), message)


def appspec_capacity(stage: Stage) -> Iterator[Place]:
    """The AppSpec does not say on what capacity the tasks run."""
    for file, data in _files(stage, APPSPEC):
        path = (*_PROPERTIES, "CapacityProviderStrategy")
        given = dig(data, *path)
        if not isinstance(given, list) or not given:
            yield Place(file, path, "no CapacityProviderStrategy: tasks would move to plain FARGATE without a word")
        for index, item in enumerate(sequence(given)):
            yield from _provider(file, (*path, index), mapping(item))


def _provider(file: str, path: Path, item: Any) -> Iterator[Place]:
    known = ("Base", "CapacityProvider", "Weight")
    for key in item:
        if key not in known:
            yield Place(file, (*path, key), f"unknown key {key!r}; {did_you_mean(str(key), known)}")
    if not isinstance(item.get("CapacityProvider"), str):
        yield Place(file, path, "CapacityProvider is missing")
    for key in ("Base", "Weight"):
        if type(item.get(key, 0)) is not int:
            yield Place(file, (*path, key), f"{key} is {item[key]!r}; a whole number is wanted")


def appspec_network(stage: Stage) -> Iterator[Place]:
    """The AppSpec gives some, but not all, of where the tasks run."""
    for file, data in _files(stage, APPSPEC):
        path = (*_PROPERTIES, "NetworkConfiguration", "AwsvpcConfiguration")
        for key in ("Subnets", "SecurityGroups"):
            given = dig(data, *path, key)
            if not given or not isinstance(given, list) or not all(isinstance(each, str) for each in given):
                yield Place(file, (*path, key), f"{key} is {given!r}; a list of ids is wanted")
        public = dig(data, *path, "AssignPublicIp")
        if public not in ("ENABLED", "DISABLED") and not str(public).startswith(PREFIX):
            yield Place(file, (*path, "AssignPublicIp"), f"AssignPublicIp is {public!r}; ENABLED or DISABLED is wanted")


_PHASES = ("install", "pre_build", "build", "post_build")
_PHASE_KEYS = ("run-as", "on-failure", "commands", "finally")
_ENV_KEYS = (
    "shell",
    "variables",
    "parameter-store",
    "secrets-manager",
    "exported-variables",
    "git-credential-helper",
)
_ARTIFACT_KEYS = (
    "files",
    "name",
    "discard-paths",
    "base-directory",
    "exclude-paths",
    "enable-symlinks",
    "s3-prefix",
    "secondary-artifacts",
)
_BUILDSPEC_KEYS: dict[Path, tuple[str, ...]] = {
    (): ("version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"),
    ("env",): _ENV_KEYS,
    ("phases",): _PHASES,
    **{("phases", phase): _PHASE_KEYS for phase in _PHASES[1:]},
    ("phases", "install"): (*_PHASE_KEYS, "runtime-versions"),
    ("artifacts",): _ARTIFACT_KEYS,
}


def buildspec_version(stage: Stage) -> Iterator[Place]:
    """Another version runs each command in a shell of its own."""
    for file, data in _files(stage, BUILDSPEC):
        if str(dig(data, "version")) != "0.2":
            given = dig(data, "version")
            yield Place(file, ("version",), f"version is {given!r}; 0.2 keeps one shell for all commands")


def buildspec_keys(stage: Stage) -> Iterator[Place]:
    """CodeBuild passes over a key that it does not know, or refuses the file."""
    for file, data in _files(stage, BUILDSPEC):
        yield from _unknown_keys(file, data, _BUILDSPEC_KEYS)
        if not mapping(dig(data, "phases")):
            yield Place(file, ("phases",), "there are no phases")
        for name in mapping(dig(data, "artifacts", "secondary-artifacts")):
            yield from _unknown_keys(file, data, {("artifacts", "secondary-artifacts", name): _ARTIFACT_KEYS[:-1]})


def buildspec_commands(stage: Stage) -> Iterator[Place]:
    """A command is no text: most often ``echo a: b``, which YAML reads as a mapping."""
    for service in stage.services:
        file = service.file(BUILDSPEC)
        for phase, body in mapping(dig(service.data(BUILDSPEC), "phases")).items():
            for key in ("commands", "finally"):
                if not isinstance(dig(body, key), list | None):
                    yield Place(file, ("phases", str(phase), key), f"{key} is not a list")
        for path, command in service.commands:
            if isinstance(command, dict):
                said = ": ".join(map(str, next(iter(command.items()), ("",))))
                message = f"the colon makes a mapping of the command {said!r}; put it in quotes, or after a |"
                yield Place(file, path, message)
            elif not isinstance(command, str):
                yield Place(file, path, f"the command {command!r} is no text; put it in quotes")


def buildspec_artifacts(stage: Stage) -> Iterator[Place]:
    """What the build hands on is not said in full."""
    for file, data in _files(stage, BUILDSPEC):
        second = ("artifacts", "secondary-artifacts")
        places = [("artifacts",), *((*second, name) for name in mapping(dig(data, *second)))]
        for path in places:
            files = dig(data, *path, "files")
            if not isinstance(files, list) or not files or not all(isinstance(name, str) for name in files):
                yield Place(file, (*path, "files"), f"{path[-1]} has no list of files")


def _files(stage: Stage, name: str) -> Iterable[tuple[str, Any]]:
    for service in stage.services:
        if service.file(name) in stage.documents:
            yield service.file(name), service.data(name)


def _unknown_keys(file: str, data: Any, known: dict[Path, tuple[str, ...]]) -> Iterator[Place]:
    for path, keys in known.items():
        for key in mapping(dig(data, *path)):
            if key not in keys:
                yield Place(file, (*path, str(key)), f"unknown key {key!r}; {did_you_mean(str(key), keys)}")


_ECS, _APP, _BUILD = "botocore: ecs:RegisterTaskDefinition, D3.2", "A5.1", "E1"

SHAPES = (
    Check("C201", "A task definition has keys that ECS knows", _ECS, "error", partial(task_definitions, "key")),
    Check("C202", "Its values have the types that ECS takes", _ECS, "error", partial(task_definitions, "type")),
    Check("C203", "It has all that ECS requires", _ECS, "error", partial(task_definitions, "required")),
    Check("C204", "Its values are among those that ECS takes", _ECS, "error", partial(task_definitions, "value")),
    Check("C211", "An AppSpec has the structure of one for ECS", f"{_APP}, A5.5", "error", appspec_structure),
    Check("C212", "Its task definition is <TASK_DEFINITION>", "A5.2", "error", appspec_task_definition),
    Check("C213", "It says which capacity providers the tasks run on", "A5.3", "error", appspec_capacity),
    Check("C214", "It gives subnets, groups and public address, all three", _APP, "error", appspec_network),
    Check("C221", "A buildspec has version 0.2", _BUILD, "error", buildspec_version),
    Check("C222", "It has keys that CodeBuild knows", _BUILD, "error", buildspec_keys),
    Check("C223", "Its commands are texts", f"{_BUILD}, P13", "error", buildspec_commands),
    Check("C224", "Its artifacts, secondary ones too, list their files", "E1.3, E1.4", "error", buildspec_artifacts),
)
