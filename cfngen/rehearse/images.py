"""Which image a service's pipeline builds, and from what: read off the buildspec that its deployed build project names."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from cfngen.rehearse import background, deployed
from cfngen.rehearse.account import Account
from cfngen.rehearse.base import images_of
from cfngen.rehearse.buildspec import PHASES
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.errors import RehearsalError


@dataclass(frozen=True)
class Image:
    """A Dockerfile and the folder that its build sees, from the source's root."""

    dockerfile: str
    context: str


def image_of(account: Account, service: Service, source: Path) -> Image:
    """The image of a service whose source is in a folder; raises `RehearsalError` for a build that makes none."""
    return images_in(account, service, source)[0]


def images_in(account: Account, service: Service, source: Path) -> list[Image]:
    """Every image that a service's pipeline builds, its own first, those of further containers after it."""
    spec, name = buildspec_of(_project(account, deployed.pipeline_of(account, service), service.short), source)
    found = built_by(spec)
    if not found:
        raise RehearsalError(f"{service.short}: {name} has no docker build, so nobody knows what its image is made of")
    return found


def bases(account: Account, services: Iterable[Service], source: Path) -> set[str]:
    """The images on which the services' own are built, and those that stand ready-made beside them; none where no pipeline is deployed that would build them.

    Raises `RehearsalError` for a Dockerfile that a buildspec builds and that is not there.
    """
    if not list(account.all("codepipeline", "list_pipelines", "pipelines")):
        return set()
    found: set[str] = set()
    for service in services:
        for image in images_in(account, service, source):
            file = source / image.dockerfile
            if not file.is_file():
                raise RehearsalError(f"{service.short}: {file} is not there, and its buildspec builds it")
            found |= images_of(file.read_text(encoding="utf-8"))
        found |= _pinned(_project(account, deployed.pipeline_of(account, service), service.short), source)
    return found


def foreseen(folder: Path, project: Path) -> set[str]:
    """The images on which a generated folder's builds and stacks build, as far as its files tell before anything is deployed."""
    found: set[str] = set()
    for file in folder.rglob("*.yaml"):
        found |= set(re.findall(r"(?m)^\s*Image: ([\w./-]+:[\w.-]+)$", file.read_text(encoding="utf-8")))
    for file in folder.rglob("buildspec.yml"):
        for image in filter(None, map(built, _commands(yaml.safe_load(file.read_text(encoding="utf-8"))))):
            if (dockerfile := project / image.dockerfile).is_file():
                found |= images_of(dockerfile.read_text(encoding="utf-8"))
    return found


def background_bases(account: Account, source: Path) -> set[str]:
    """The same of the pipelines of workers and scheduled tasks."""
    found: set[str] = set()
    for name in [each["name"] for each in account.all("codepipeline", "list_pipelines", "pipelines")]:
        pipeline = account.client("codepipeline").get_pipeline(name=name)["pipeline"]
        for image in own_images(account, pipeline, source):
            found |= images_of((source / image.dockerfile).read_text(encoding="utf-8"))
    return found


def own_images(account: Account, pipeline: Mapping[str, Any], source: Path) -> list[Image]:
    """Every image that the pipeline of a worker or of a scheduled task builds, its own first; none for any other pipeline."""
    if not background.machines(pipeline):
        return []
    spec, _ = buildspec_of(_project(account, pipeline, str(pipeline["name"])), source)
    return built_by(spec)


def built_by(spec: Mapping[str, Any]) -> list[Image]:
    """Every image that a buildspec builds, in its order."""
    return [image for image in map(built, _commands(spec)) if image is not None]


def buildspec_of(project: Mapping[str, Any], source: Path) -> tuple[Mapping[str, Any], str]:
    """The buildspec of a build project, and how it is called: a file of the source, or a text of the project's own."""
    told = str(project["source"].get("buildspec") or "buildspec.yml")
    if "\n" in told:
        return yaml.safe_load(told), f"the buildspec of {project['name']}"
    file = source / told
    if not file.is_file():
        raise RehearsalError(f"{told}: the build project {project['name']} wants it, and the source has no such file")
    return yaml.safe_load(file.read_text(encoding="utf-8")), told


def built(command: str) -> Image | None:
    """What a command of a buildspec builds, where it is ``docker build`` with a folder at its end."""
    for line in command.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quote that goes on in the next line
            continue
        if words[:2] == ["docker", "build"] or words[:3] == ["docker", "buildx", "build"]:
            context = words[-1]
            given = {key: value for key, value in pairwise(words) if key in ("--file", "-f")}
            joined = (word.partition("=")[2] for word in words if word.startswith("--file="))
            file = next(iter(given.values()), next(joined, f"{context}/Dockerfile"))
            return Image(str(Path(file)), str(Path(context)))
    return None


def told_by(account: Account, pipeline: Mapping[str, Any], source: Path) -> set[str]:
    """The values of all environment variables in the task definition beside the buildspec of a pipeline's build; none without one."""
    try:
        containers = _containers(_project(account, pipeline, pipeline["name"]), source)
    except RehearsalError:
        return set()
    return {str(one["value"]) for each in containers for one in each.get("environment") or ()}


def _pinned(project: Mapping[str, Any], source: Path) -> set[str]:
    """Images that the task definition beside a buildspec names itself, since no pipeline builds them."""
    return {each["image"] for each in _containers(project, source) if not set(each["image"]) & set("<$")}


def _containers(project: Mapping[str, Any], source: Path) -> list[Mapping[str, Any]]:
    """The containers of the task definition beside a buildspec; none where there is no such file."""
    told = str(project["source"].get("buildspec") or "buildspec.yml")
    file = (source / told).with_name("taskdef.json") if "\n" not in told else source
    found = json.loads(file.read_text(encoding="utf-8"))["containerDefinitions"] if file.is_file() else []
    return list(found)


def _commands(spec: Mapping[str, Any]) -> Iterator[str]:
    for phase in PHASES:
        yield from map(str, (spec["phases"].get(phase) or {}).get("commands") or ())


def _project(account: Account, pipeline: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    for action in (action for stage in pipeline["stages"] for action in stage["actions"]):
        if action["actionTypeId"]["provider"] == "CodeBuild":
            names = [action["configuration"]["ProjectName"]]
            found: Mapping[str, Any] = account.client("codebuild").batch_get_projects(names=names)["projects"][0]
            return found
    raise RehearsalError(f"{name}: its pipeline builds nothing")
