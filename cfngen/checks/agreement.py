"""Checks across the files of a service: one name, in every file that has to know it.

Most of them take a vote: what stands in most places is meant, and every other place is told so.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from cfngen.artifacts import APPSPEC, BUILDSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.checks.finding import Check, Place
from cfngen.checks.stage import Action, Service, Stage, dig, is_function, mapping, sequence, walk
from cfngen.checks.uploads import uploads
from cfngen.errors import did_you_mean
from cfngen.placeholders import PATTERN, PREFIX
from cfngen.semantics.document import Path

_BALANCER = "Resources", 0, "TargetService", "Properties", "LoadBalancerInfo"
_MIGRATE = "_migrate"
_PATH = "HealthCheckPath"


@dataclass(frozen=True)
class _Said:
    """What one place says; several values when any of them would do."""

    file: str
    path: Path
    values: tuple[Any, ...]


def container_names(service: Service) -> Iterator[Place]:
    """The service's container has one name."""
    yield from _vote(
        "container name",
        [
            *_in_service(service, "ContainerName"),
            *_in_appspec(service, "ContainerName"),
            *_containers(service, lambda path, name, _ports: (path, (name,))),
        ],
    )


def ports(service: Service) -> Iterator[Place]:
    """The container's port is one, from the balancer to the task."""
    yield from _vote(
        "container port",
        [
            *_in_service(service, "ContainerPort"),
            *_in_appspec(service, "ContainerPort"),
            *_containers(service, lambda path, _name, found: (path, found)),
            *(_Said(group.file, group.path("Port"), (group.get("Port"),)) for group in service.target_groups),
            *_listening(service),
            *_between(service),
        ],
    )


def _in_service(service: Service, key: str) -> Iterator[_Said]:
    if made := service.ecs_service:
        for path, balancer in made.items("LoadBalancers"):
            yield _Said(made.file, (*path, key), (dig(balancer, key),))


def _in_appspec(service: Service, key: str) -> Iterator[_Said]:
    if service.reads(APPSPEC):
        yield _Said(service.file(APPSPEC), (*_BALANCER, key), (dig(service.data(APPSPEC), *_BALANCER, key),))


def _containers(
    service: Service, said: Callable[[Path, Any, tuple[Any, ...]], tuple[Path, tuple[Any, ...]]]
) -> Iterator[_Said]:
    """What the main containers of the bootstrap revision and of taskdef.json say."""
    if made := service.bootstrap:
        for path, body in list(made.items("ContainerDefinitions"))[:1]:
            mapped = tuple(dig(each, "ContainerPort") for each in sequence(dig(body, "PortMappings")))
            yield _Said(made.file, *said(path, dig(body, "Name"), mapped))
    if service.reads(TASKDEF):
        index, body = _main(service)
        mapped = tuple(dig(each, "containerPort") for each in sequence(dig(body, "portMappings")))
        yield _Said(service.file(TASKDEF), *said(("containerDefinitions", index), dig(body, "name"), mapped))


def _main(service: Service) -> tuple[int, Any]:
    """The container of taskdef.json that a release brings, and its place among any others."""
    bodies = sequence(dig(service.data(TASKDEF), "containerDefinitions"))
    marked = [each for each in enumerate(bodies) if _marks(dig(each[1], "image"))]
    return (marked or list(enumerate(bodies)) or [(0, None)])[0]


def _listening(service: Service) -> Iterator[_Said]:
    """The port that the bootstrap revision's command opens, where it is cfngen's own command."""
    for file, path, command in _command(service):
        if found := re.search(r"\.listen\((\d+)", command):
            yield _Said(file, path, (int(found[1]),))


def _between(service: Service) -> Iterator[_Said]:
    """The ports of the rules between the balancer's group and that of the tasks."""
    for name in ("BalancerEgress", "BalancerIngress"):
        if rule := service.template.resource({"Ref": name}):
            for end in ("FromPort", "ToPort"):
                yield _Said(rule.file, rule.path(end), (rule.get(end),))


def _command(service: Service) -> Iterator[tuple[str, Path, str]]:
    if made := service.bootstrap:
        for path, body in list(made.items("ContainerDefinitions"))[:1]:
            words = [word for word in sequence(dig(body, "Command")) if isinstance(word, str)]
            yield made.file, (*path, "Command"), " ".join(words)


def families(service: Service) -> Iterator[Place]:
    """The task definitions of a service are one family, the migration's another, by a fixed suffix."""
    said = []
    if made := service.bootstrap:
        said.append(_Said(made.file, made.path("Family"), (made.get("Family"),)))
    if service.reads(TASKDEF):
        said.append(_Said(service.file(TASKDEF), ("family",), (dig(service.data(TASKDEF), "family"),)))
    if service.reads(MIGRATION_TASKDEF):
        given = dig(service.data(MIGRATION_TASKDEF), "family")
        said.append(_Said(service.file(MIGRATION_TASKDEF), ("family",), (_before(given, _MIGRATE),)))
    yield from _vote("family (of a migration: without _migrate)", [*said, *_may_run(service)])


def _may_run(service: Service) -> Iterator[_Said]:
    """The family that the migration's role may run."""
    for role in service.pipeline_template.of_type("AWS::IAM::Role"):
        for path, statement in walk(role.get("Policies")):
            if "ecs:RunTask" in sequence(dig(statement, "Action")):
                for inside, text in walk(dig(statement, "Resource")):
                    found = re.search(r":task-definition/(.+):\*$", text) if isinstance(text, str) else None
                    if found:
                        place = role.path("Policies", *path, "Resource", *inside)
                        yield _Said(role.file, place, (_before(found[1], _MIGRATE),))


def _before(text: Any, suffix: str) -> Any:
    return text.removesuffix(suffix) if isinstance(text, str) and text.endswith(suffix) else f"{text} without {suffix}"


def health_paths(service: Service) -> Iterator[Place]:
    """Both target groups ask for one path, and the bootstrap revision answers it."""
    asked = [_Said(each.file, each.path(_PATH), (each.get(_PATH),)) for each in service.target_groups]
    yield from _vote("health path", [*asked, *_answering(service, [each.values[0] for each in asked])])


def _answering(service: Service, asked: list[Any]) -> Iterator[_Said]:
    """The paths that stand in the bootstrap revision's command: in quotes, as cfngen writes them, or anyhow."""
    for file, path, command in _command(service):
        quoted = [found for _, found in re.findall(r"""(["'])(/[^"'\\]*)\1""", command)]
        yield _Said(file, path, tuple(quoted or [each for each in asked if str(each) in command]))


def port_variables(service: Service) -> Iterator[Place]:
    """The container hears of its port by the variable PORT."""
    if service.reads(TASKDEF):
        index, body = _main(service)
        mapped = [str(dig(each, "containerPort")) for each in sequence(dig(body, "portMappings"))]
        for number, variable in enumerate(sequence(dig(body, "environment"))):
            value = dig(variable, "value")
            if dig(variable, "name") == "PORT" and mapped and value not in mapped:
                path = ("containerDefinitions", index, "environment", number, "value")
                message = f"PORT is {value!r}, but traffic comes to port {mapped[0]}"
                yield Place(service.file(TASKDEF), path, message)


def artifacts(service: Service) -> Iterator[Place]:
    """What the build hands on is what the deploy action takes."""
    file = service.pipeline_template.file
    made: set[Any] = set()
    for action in service.actions:
        for path, name in action.artifacts("InputArtifacts"):
            if name not in made:
                yield Place(file, path, f"no action before makes the artifact {name!r}; {_known(name, made)}")
        made |= {name for _, name in action.artifacts("OutputArtifacts") if isinstance(name, str)}
    for action in service.actions_of("CodeBuild") if service.reads(BUILDSPEC) else ():
        yield from _handed_on(service, action)
    for action in service.actions_of("CodeDeployToECS"):
        yield from _taken(service, action)
    for action in service.releases if service.reads(BUILDSPEC) else ():
        yield from _released(service, action)


def _handed_on(service: Service, build: Action) -> Iterator[Place]:
    second = ("artifacts", "secondary-artifacts")
    outputs = [name for _, name in build.artifacts("OutputArtifacts")]
    identifiers = mapping(dig(service.data(BUILDSPEC), *second))
    for name in outputs:
        if len(outputs) > 1 and name not in identifiers:
            message = f"lacks {name!r}, which the pipeline's build action hands on; {_known(name, identifiers)}"
            yield Place(service.file(BUILDSPEC), second, message)
    for name in identifiers:
        if name not in outputs:
            message = f"the pipeline's build action has no output {name!r}; {_known(name, outputs)}"
            yield Place(service.file(BUILDSPEC), (*second, str(name)), message)


def _taken(service: Service, deploy: Action) -> Iterator[Place]:
    file, told = service.pipeline_template.file, deploy.configuration
    inputs = [name for _, name in deploy.artifacts("InputArtifacts")]
    wanted = {
        "TaskDefinitionTemplateArtifact": told.get("TaskDefinitionTemplatePath", "taskdef.json"),
        "AppSpecTemplateArtifact": told.get("AppSpecTemplatePath", "appspec.yaml"),
        **{key: "imageDetail.json" for key in told if re.fullmatch(r"Image\dArtifactName", key)},  # D3.4
    }
    for key, inside in wanted.items():
        name = told.get(key)
        if name not in inputs:
            message = f"{key} is {name!r}, which is no input of the action; {_known(name, inputs)}"
            yield Place(file, (*deploy.path, "Configuration", key), message)
            continue
        place = ("artifacts", "secondary-artifacts", str(name), "files")
        files = sequence(dig(service.data(BUILDSPEC), *place))
        if service.reads(BUILDSPEC) and not any(fnmatchcase(str(inside), str(each)) for each in files):
            message = f"the artifact {name!r} is without {inside!r}, which the deploy action looks for in it"
            yield Place(service.file(BUILDSPEC), place, message)


def _released(service: Service, release: Action) -> Iterator[Place]:
    """The file that a release hands to its machine is in the artifact that it takes."""
    inside = release.configuration.get("Input")
    second = mapping(dig(service.data(BUILDSPEC), "artifacts", "secondary-artifacts"))
    for _, name in release.artifacts("InputArtifacts"):
        place: Path = ("artifacts", "secondary-artifacts", str(name)) if name in second else ("artifacts",)
        given = sequence(dig(service.data(BUILDSPEC), *place, "files"))
        if not any(fnmatchcase(str(inside), str(each)) for each in given):
            message = f"the artifact {name!r} is without {inside!r}, which the action {dig(release.body, 'Name')!r} looks for in it"
            yield Place(service.file(BUILDSPEC), (*place, "files"), message)


def image_placeholders(service: Service) -> Iterator[Place]:
    """The deploy action fills in the images of taskdef.json, by their placeholders."""
    if not service.reads(TASKDEF):
        return
    bodies = sequence(dig(service.data(TASKDEF), "containerDefinitions"))
    marks = {
        mark: ("containerDefinitions", index, "image")
        for index, body in enumerate(bodies)
        if (mark := _marks(dig(body, "image")))
    }
    filled = set()
    for action in service.actions_of("CodeDeployToECS"):
        for key, name in action.configuration.items():
            if re.fullmatch(r"Image\dContainerName", key):
                filled.add(name)
                if name not in marks:
                    message = f"{key} is {name!r}, but no image in {TASKDEF} is <{name}>; {_known(name, marks)}"
                    yield Place(service.pipeline_template.file, (*action.path, "Configuration", key), message)
    for mark, path in marks.items():
        if service.actions and mark not in filled:
            message = f"no deploy action fills in the image <{mark}>; {_known(mark, filled)}"
            yield Place(service.file(TASKDEF), path, message)


def _marks(image: Any) -> str:
    found = re.fullmatch(r"<(\w+)>", image) if isinstance(image, str) else None
    return found[1] if found else ""


def stack_placeholders(service: Service) -> Iterator[Place]:
    """The build can fill in every placeholder."""
    if not service.reads(BUILDSPEC) or service.project is None:
        return
    known = service.build_variables | set(re.findall(rf"\bexport ({PREFIX}\w+)=", service.script))
    for name in (APPSPEC, *service.taskdefs):
        for number, line in enumerate(service.text(name).splitlines(), 1):
            for placeholder in sorted(set(PATTERN.findall(line)) - known):
                hint = did_you_mean(placeholder, [each for each in known if each.startswith(PREFIX)])
                message = f"neither the build project nor the buildspec knows {placeholder}; {hint}"
                yield Place(service.file(name), (), message, number)


def buildspec_paths(service: Service) -> Iterator[Place]:
    """The build project runs this service's buildspec, and that takes the files beside it."""
    project = service.project
    if project is None:
        return
    given = project.get("Source", "BuildSpec")
    if not isinstance(given, str) or "\n" in given:
        return  # an own buildspec, written into the template
    path = project.path("Source", "BuildSpec")
    folder, file = posixpath.split(given)
    beside = posixpath.join(posixpath.basename(folder), file)
    if beside not in service.stage.texts:
        hint = did_you_mean(beside, [each for each in service.stage.texts if each.endswith(BUILDSPEC)])
        yield Place(project.file, path, f"BuildSpec is {given!r}, and there is no {beside} in this folder; {hint}")
    elif beside != service.file(BUILDSPEC):
        message = f"BuildSpec is {given!r}, which is another service's; that of {service.name!r} is wanted"
        yield Place(project.file, path, message)
    for place, taken, _ in _filled_in(service):
        if taken != folder:
            message = f"takes the files of {taken!r}; the build project's buildspec lies in {folder!r}"
            yield Place(service.file(BUILDSPEC), place, message)
    watched = _watched(service)
    if watched and not any(each in ("", folder) or folder.startswith(f"{each}/") for each in watched):
        hint = did_you_mean(folder, watched)
        yield Place(project.file, path, f"the pipeline is not started by a change of {folder!r}, where BuildSpec lies; {hint}")  # fmt: skip


def _filled_in(service: Service) -> Iterator[tuple[Path, str, str]]:
    """The commands that fill in placeholders: the folder whose files they take, and these files' names."""
    for path, command in service.commands:
        if isinstance(command, str):
            for folder, names in re.findall(rf"python3 - ([\w./-]+) +({re.escape(TASKDEF)}[\w. -]*)", command):
                yield path, folder, names


def _watched(service: Service) -> list[str]:
    """The folders whose change starts the pipeline: of its Git trigger, or of the machine that compares commits. An empty
    one stands for all.
    """
    found = []
    for pipeline in service.pipeline_template.of_type("AWS::CodePipeline::Pipeline"):
        for path, text in walk(pipeline.get("Triggers")):
            if "FilePaths" in path and isinstance(text, str):
                found.append("" if text == "**" else text.removesuffix("/**"))
    for machine in service.pipeline_template.of_type("AWS::StepFunctions::StateMachine"):
        for _, text in walk(machine.get("Definition")):
            if isinstance(text, str) and "$contains(" in text:
                inner = text.partition("$contains(")[2].replace("\\", "")
                found += re.findall(r"[\w.-]+(?:/[\w.-]+)+", inner)
    return found


def exported_variables(service: Service) -> Iterator[Place]:
    """A variable that a later action takes from the build is set and exported by it."""
    if not service.reads(BUILDSPEC):
        return
    exported = sequence(dig(service.data(BUILDSPEC), "env", "exported-variables"))
    namespaces: dict[str, Action] = {}
    for action in service.actions:
        for key, text in action.configuration.items():
            for namespace, name in re.findall(r"#\{(\w+)\.(\w+)\}", text) if isinstance(text, str) else ():
                path = (*action.path, "Configuration", key)
                source = namespaces.get(namespace)
                if namespace not in ("variables", "codepipeline") and source is None:
                    message = f"no action before has the namespace {namespace!r}; {_known(namespace, namespaces)}"
                    yield Place(service.pipeline_template.file, path, message)
                elif source and source.provider == "CodeBuild" and name not in exported:
                    message = f"the buildspec does not export {name!r}; {_known(name, exported)}"
                    yield Place(service.pipeline_template.file, path, message)
        namespaces[str(dig(action.body, "Namespace"))] = action
    for index, name in enumerate(exported):
        if not re.search(rf"(?m)(^|[\s;&(]){re.escape(str(name))}=", service.script):
            path = ("env", "exported-variables", index)
            yield Place(service.file(BUILDSPEC), path, f"exports {name!r}, which no command sets")


def filled_files(service: Service) -> Iterator[Place]:
    """The build fills in every file that has placeholders, and registers the migration that the pipeline runs."""
    file = service.file(BUILDSPEC)
    for path, _, names in _filled_in(service):
        for name in (APPSPEC, *service.taskdefs):
            if service.reads(name) and name not in names.split():
                yield Place(file, path, f"fills in {names!r}, and not {name!r}")
    registers = [text for _, text in service.commands if isinstance(text, str) and " register-task-definition " in text]
    for action in service.migrations if service.reads(BUILDSPEC) else ():
        if not any(f"/{MIGRATION_TASKDEF}" in text for text in registers):
            name = dig(action.body, "Name")
            yield Place(file, ("phases",), f"no command registers {MIGRATION_TASKDEF}, which the action {name!r} runs")


def build_variables(service: Service) -> Iterator[Place]:
    """A variable of the build project that cfngen's buildspec uses is there."""
    used = set(re.findall(r"\$\{?(REPOSITORY_\w+)", service.script))
    known = service.build_variables | set(re.findall(r"(?m)(?:^|[\s;&(])(\w+)=", service.script))
    for name in sorted(used - known) if service.project else ():
        message = f"the commands use ${name}, which neither they nor the build project set; {did_you_mean(name, known)}"
        yield Place(service.file(BUILDSPEC), ("phases",), message)


def _vote(what: str, said: Iterable[_Said]) -> Iterator[Place]:
    """Tell every place that says something else than most do."""
    told = [
        (each, [json.dumps(value) for value in each.values]) for each in said if not any(map(is_function, each.values))
    ]
    votes = Counter(value for _, values in told for value in dict.fromkeys(values))
    if not votes:
        return
    meant = votes.most_common(1)[0][0]
    right = next(each for each, values in told if meant in values)
    for each, values in told:
        if meant not in values:
            given = " or ".join(values) or "missing"
            yield Place(each.file, each.path, f"{what} is {given}; {right.file} says {meant}")


def _known(name: Any, known: Iterable[Any]) -> str:
    return did_you_mean(str(name), [str(each) for each in known])


def _each(find: Callable[[Service], Iterable[Place]], stage: Stage) -> Iterator[Place]:
    for service in stage.services:
        yield from find(service)


_TABLE: tuple[tuple[str, str, str, Callable[[Service], Iterable[Place]]], ...] = (
    ("C301", "The container has one name in template, taskdef and appspec", "statement 25", container_names),
    ("C302", "Its port is one, from target group to bootstrap revision and taskdef", "statement 25", ports),
    ("C303", "Its task definitions are one family, the migration's with _migrate", "statement 25", families),
    ("C304", "What the build hands on is what the deploy action takes", "E1.3, D3.3, D3.4", artifacts),
    ("C305", "The deploy action fills in the image of taskdef.json", "D3", image_placeholders),
    ("C306", "The build knows every ${STACK_...} placeholder", "D3.6, statement 25", stack_placeholders),
    ("C307", "The build project names the service's own buildspec, beside its files", "E2.12", buildspec_paths),
    ("C308", "What an action takes from the build is set and exported there", "D1.6", exported_variables),
    ("C309", "Both target groups ask for the path that the bootstrap answers", "statement 21", health_paths),
    ("C310", "The container hears of its port by PORT", "statement 15", port_variables),
    ("C311", "The build fills in all files and registers the migration", "D3.6, statement 12", filled_files),
    ("C312", "The build project gives what the buildspec uses", "D3.6", build_variables),
    ("C313", "A new object starts the pipeline that takes it", "D2.1", uploads),
)
AGREEMENT = tuple(
    Check(name, sentence, source, "warning" if name == "C310" else "error", partial(_each, find))
    for name, sentence, source, find in _TABLE
)
