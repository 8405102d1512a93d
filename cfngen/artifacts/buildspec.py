"""buildspec.yml, from a Jinja2 template in ``buildspecs/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from cfngen import placeholders
from cfngen.artifacts import filters, packaged
from cfngen.errors import CfngenError, DescriptionError, Problem, did_you_mean
from cfngen.sources import S3, Promotion
from cfngen.spec import App, Pipeline, Service
from cfngen.spec.task import Task
from cfngen.stacks.migration import TASK_DEFINITION
from cfngen.stacks.pipeline_actions import DEFINITIONS, IMAGE, PROMOTED, RELEASE_FILE, image_artifact
from cfngen.stacks.release import key

_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_PLATFORMS = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}
_FOLDER = "cfngen-release"  # where a build collects what it hands on
_IMAGES_FILE = "cfngen-images.json"  # in what is promoted: each image by the variable that it fills in


def buildspec(
    app: App,
    service: Task,
    pipeline: Pipeline,
    source: str,
    folder: str | None = None,
    command: str = "make templates",
) -> str:
    """Render ``<service>.yml.j2`` of the user's own folder if there is one, else ``buildspec.yml.j2``.

    Raises `DescriptionError` for a template of the user's that cannot be rendered.
    """
    values = values_of(app, service, pipeline, source, command)
    try:
        text = _rendered(folder, service, values)
        text.encode()
    except Exception as error:  # the user's template may fail in any way
        raise DescriptionError([_problem(error, values, folder)]) from error
    return text


def values_of(
    app: App, service: Task, pipeline: Pipeline, source: str, command: str = "make templates"
) -> dict[str, Any]:
    """What a template of a buildspec knows, by name: docs/buildspecs.md says what each is."""
    stops = (
        _SEVERITIES[: _SEVERITIES.index(pipeline.scan_threshold) + 1] if pipeline.scan_threshold in _SEVERITIES else ()
    )
    return {
        "app": app,
        "service": service,
        "pipeline": pipeline,
        "source": source,
        "command": command,
        "files": f"{app.files}/{service.name}",
        "folder": _FOLDER,
        "test_command": service.test_command if service.test_command is not None else pipeline.test_command,
        "beside": [
            {
                "name": each.name,
                "word": each.name.replace("-", "_"),
                "source": each.source,
                "artifact": image_artifact(each.name),
                "variable": placeholders.built(each.name),
                "placeholder": placeholders.of(placeholders.built(each.name)),
            }
            for each in service.built_containers
        ],
        "source_is_object": isinstance(pipeline.source, S3 | Promotion),
        "copies": isinstance(pipeline.source, Promotion),
        "promoted_files": _promoted_files(app, service, pipeline),
        "promoted_artifact": PROMOTED,
        "images_file": _IMAGES_FILE,
        "is_service": isinstance(service, Service),
        "migrates": isinstance(service, Service) and bool(service.migrate),
        "released": _released(app, service),
        "release_file": RELEASE_FILE,
        "placed": {
            placeholders.of(name): name
            for name in (placeholders.IMAGE, *(placeholders.built(each.name) for each in service.built_containers))
        },
        "platform": _PLATFORMS[service.architecture],
        "stops": stops,
        "image_artifact": IMAGE,
        "definitions_artifact": DEFINITIONS,
        "image_variable": placeholders.IMAGE,
        "image_placeholder": placeholders.of(placeholders.IMAGE),
        "pattern": placeholders.PATTERN.pattern,
        "migration_variable": TASK_DEFINITION,
    }


def _promoted_files(app: App, service: Task, pipeline: Pipeline) -> str:
    """The folder of this service's files for the stage that this one promotes to; empty where there is none."""
    target = pipeline.promotes_to
    return f"{target.files or f'templates/{app.name}/{target.stage}'}/{service.name}" if target else ""


def _released(app: App, service: Task) -> dict[str, str]:
    """The task definitions that a machine registers, by what it calls them: a worker's, and those of scheduled tasks."""
    own = {} if isinstance(service, Service) else {key(service.name): "taskdef.json"}
    return own | {key(each.name): f"{each.name}.taskdef.json" for each in app.borrowers(service.name)}


def _rendered(folder: str | None, service: Task, values: dict[str, Any]) -> str:
    """Without templates of the user's, what `make buildspecs` made of the packaged one says the same, without Jinja2."""
    if folder is None:
        return packaged.render(values)
    template = environment(folder).select_template([f"{service.name}.yml.j2", "buildspec.yml.j2"])
    return str(template.render(values))


_environments: dict[Any, Any] = {}  # of Jinja2, which is imported where it is needed


def environment(folder: str | None) -> Any:
    """Jinja2's: the templates in a folder of the user's, if any, and the packaged one."""
    place = Path(folder).resolve() if folder else None
    # Its templates are part of the key: Jinja2 keeps the packaged one and would not see that one of them came to win.
    key = (folder, place, *sorted(str(path) for path in place.rglob("*.j2"))) if place else None
    if key not in _environments:
        from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

        own = [FileSystemLoader(folder)] if folder else []
        made = Environment(
            loader=ChoiceLoader([*own, PackageLoader("cfngen.buildspecs", ".")]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        made.filters |= {"quoted": filters.quoted, "path": filters.path, "yaml_string": filters.yaml_string}
        _environments[key] = made
    return _environments[key]


def _problem(error: Exception, values: Mapping[str, Any], folder: str | None) -> Problem:
    from traceback import extract_tb

    from jinja2 import TemplateError, UndefinedError

    lines = [(frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)]
    here = [(file, line or 0) for file, line in lines if file.endswith(".j2")]
    name, line = getattr(error, "filename", None), getattr(error, "lineno", None)  # a syntax error's own
    file, at = (name, line or 0) if name else here[-1] if here else (folder or "", 0)
    plain = isinstance(error, TemplateError | CfngenError)
    said = " ".join((str(error) if plain else f"{type(error).__name__}: {error}").split())
    fits = _lesson(said, values) if isinstance(error, UndefinedError) else ""
    place = f"buildspec of {values['service'].name!r}"
    return Problem(place, said, fits or "mend the template, or remove it", file, at)


def _lesson(said: str, values: Mapping[str, Any]) -> str:
    """What a template could say instead of a name that is not there."""
    if unknown := re.fullmatch(r"'(\w+)' is undefined", said):
        return f"{did_you_mean(unknown[1], values)}; docs/buildspecs.md says what each is"
    missing = re.fullmatch(r"'[\w.]*?(\w+) object' has no attribute '(\w+)'", said)
    whole = next((each for each in values.values() if missing and type(each).__name__ == missing[1]), None)
    if missing is None or not is_dataclass(whole):
        return ""
    name = missing[2]
    if isinstance(whole, Task) and any(each.name == name for each in fields(Service)):
        instead = "migrates" if name == "migrate" else "is_service"
        return f"only services have {name}, and this template is for a {type(whole).__name__} too; ask {{% if {instead} %}} first"
    return did_you_mean(name, [each.name for each in fields(whole)])
