"""A YAML file into the stages that it describes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cfngen.errors import DescriptionError, Problem, relative
from cfngen.manifest.build import Builder
from cfngen.manifest.overlay import is_null, merge
from cfngen.manifest.reader import Fields, Reader, shown_node
from cfngen.manifest.shapes import One
from cfngen.plan import circles
from cfngen.spec import App

STAGES = "stages"


def load_yaml(path: Path) -> tuple[App, ...]:
    """The stages that a file describes: each the shared part with its own entry under `stages` merged over it, or
    the one application where there is no such key. Keys that begin with ``x-`` are the user's, for anchors.

    Raises `DescriptionError` with every problem of every stage, in the order of the file.
    """
    reader = Reader(relative(str(path)))
    root = reader.read(path)
    overlays = _overlays(reader, root)
    shared = _without(root)
    found: dict[Problem, list[str]] = {problem: list(overlays) for problem in reader.problems}
    stages = []
    for stage, overlay in overlays.items():
        builder = Builder(reader.file)
        given = {"stage": stage} if stage else {}
        stages.append(builder.build(App, _merged(shared, overlay, stage), **given))
        for problem in dict.fromkeys(builder.problems):
            found.setdefault(problem, []).append(stage)
    if found:
        for app in stages:
            for problem in circles(app):
                found.setdefault(problem, []).append(app.stage)
        told = (_with_stages(problem, names, len(overlays)) for problem, names in found.items())
        raise DescriptionError(sorted(told, key=lambda problem: (problem.line, problem.column)))
    return tuple(stages)


def _overlays(reader: Reader, root: Fields) -> dict[str, Fields | None]:
    """What each stage says; one without a name where there are no stages."""
    entry = root.entries.get(STAGES)
    if entry is None:
        return {"": None}
    if not isinstance(entry.value, Fields) or not entry.value.entries:
        fits = "a mapping of the stages' names, each to what differs from the shared part: stages: {dev: {}, prod: {}}"
        reader.tell(STAGES, "", fits, entry.key)
        return {"": None}
    overlays: dict[str, Fields | None] = {}
    for name, each in entry.value.entries.items():
        overlays[name] = each.value if isinstance(each.value, Fields) else None
        if overlays[name] is None and not is_null(each.value):
            fits = "a mapping of what differs in this stage; {} means nothing does"
            reader.tell(f"{STAGES}.{name}", shown_node(each.value), fits, each.value)
    return overlays


def _without(root: Fields) -> Fields:
    """The shared part alone."""
    kept = {name: entry for name, entry in root.entries.items() if name != STAGES and not name.startswith("x-")}
    return Fields(root.line, root.column, entries=kept)


def _merged(shared: Fields, overlay: Fields | None, stage: str) -> Fields:
    if overlay is None:
        return shared
    merged = merge(shared, overlay, One(App), f"{STAGES}.{stage}")
    assert isinstance(merged, Fields)  # of two mappings
    return merged


def _with_stages(problem: Problem, stages: list[str], every: int) -> Problem:
    """Where only some stages have a problem with what all share, it says which."""
    if len(stages) == every or problem.option.startswith(f"{STAGES}."):
        return problem
    return replace(problem, fits=f"{problem.fits} (in stage {', '.join(stages)})")
