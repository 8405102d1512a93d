"""buildspec.yml, from a Jinja2 template in ``buildspecs/``."""

from __future__ import annotations

import json
import shlex
from typing import Any

from cfngen import placeholders
from cfngen.spec import App, Pipeline, Service
from cfngen.stacks.migration import TASK_DEFINITION
from cfngen.stacks.service_pipeline import DEFINITIONS, IMAGE

_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


def buildspec(app: App, service: Service, pipeline: Pipeline, source: str, folder: str | None = None) -> str:
    """Render ``<service>.yml.j2`` of the user's own folder if there is one, else ``buildspec.yml.j2``."""
    template = _environment(folder).select_template([f"{service.name}.yml.j2", "buildspec.yml.j2"])
    stops = (
        _SEVERITIES[: _SEVERITIES.index(pipeline.scan_threshold) + 1] if pipeline.scan_threshold in _SEVERITIES else ()
    )
    text: str = template.render(
        app=app,
        service=service,
        pipeline=pipeline,
        source=" ".join(source.splitlines()),
        files=f"{app.files}/{service.name}",
        test_command=service.test_command if service.test_command is not None else pipeline.test_command,
        stops=stops,
        image_artifact=IMAGE,
        definitions_artifact=DEFINITIONS,
        image_variable=placeholders.IMAGE,
        pattern=placeholders.PATTERN.pattern,
        migration_variable=TASK_DEFINITION,
    )
    return text


_environments: dict[str | None, Any] = {}  # of Jinja2, which is imported where it is needed


def _environment(folder: str | None) -> Any:
    if folder not in _environments:
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
        made.filters["quoted"] = shlex.quote
        made.filters["yaml_string"] = lambda text: json.dumps(text, ensure_ascii=False)
        _environments[folder] = made
    return _environments[folder]
