"""Checks of the folder as a whole: is it what the description says, is everything there, can it be read."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.artifacts import APPSPEC, BUILDSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.checks.finding import Check, Place
from cfngen.checks.stage import Service, Stage
from cfngen.checks.tree import STACK, local_template, url_path

_SHOWN = 3


def stale(stage: Stage) -> Iterator[Place]:
    """The folder is missing, or it holds something else than `generate` would write."""
    if stage.behind is None:
        return
    names = ", ".join(stage.behind.files[:_SHOWN])
    more = f" and {len(stage.behind.files) - _SHOWN} more" if len(stage.behind.files) > _SHOWN else ""
    state = "is not there" if stage.behind.is_missing else f"is not what the description says ({names}{more})"
    yield Place("", (), f"the folder {state}; run: {stage.behind.command}")


def unreadable(stage: Stage) -> Iterator[Place]:
    """A file is no YAML or JSON."""
    for file, error in stage.broken.items():
        yield Place(file, (), f"cannot be read: {error}", error.line)


def missing_templates(stage: Stage) -> Iterator[Place]:
    """A nested stack's template is not in the folder."""
    for template in stage.templates.values():
        for resource in template.of_type(STACK):
            file = local_template(template.file, resource)
            if file and file not in stage.texts:
                yield Place(template.file, url_path(resource), f"there is no {file} beside it for {resource.name}")


def missing_files(stage: Stage) -> Iterator[Place]:
    """A service lacks one of its files."""
    for service in stage.services:
        for file in _needed(service):
            if file not in stage.texts and file not in stage.unread:
                yield Place("", (), f"service {service.name!r} has no {file}")


def _needed(service: Service) -> Iterator[str]:
    yield service.template.file
    yield service.file(TASKDEF)
    if service.kind == "service":
        yield service.file(APPSPEC)
    if service.actions or service.has(BUILDSPEC):
        yield service.pipeline_template.file
        yield service.file(BUILDSPEC)
    if service.migrations:
        yield service.file(MIGRATION_TASKDEF)


COMPLETE = (
    Check("C001", "The files on disk are what the description says", "design: promise 1, folders", "error", stale),
    Check("C002", "Every file can be read, and no key stands twice in it", "D3.2, P13", "error", unreadable),
    Check("C003", "The template of every nested stack is there", "K1.2, K1.4", "error", missing_templates),
    Check("C004", "Every service has all of its files", "statement 1", "error", missing_files),
)
