"""Stages that promote, each with the one that gets what it built: what both of their descriptions have to say."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.describe import problem
from cfngen.errors import Problem, did_you_mean
from cfngen.sources import Promotion
from cfngen.spec import App
from cfngen.spec.task import Task


def wrong_promotions(stages: tuple[App, ...]) -> Iterator[Problem]:
    """What does not fit between two stages of an application, of which one promotes to the other."""
    for app in stages:
        beside = {each.stage: each for each in stages if each.name == app.name and each.stage != app.stage}
        yield from _wrong_target(app, beside)
        yield from _wrong_source(app, beside)


def _wrong_target(app: App, beside: dict[str, App]) -> Iterator[Problem]:
    target = app.pipeline.promotes_to if app.pipeline else None
    if target is None:
        return
    place = "pipeline.promotes_to"
    other = beside.get(target.stage)
    if other is None:
        yield problem(app, f"{place}.stage", f"another stage of {app.name!r}; {did_you_mean(target.stage, [*beside])}")
    elif other.pipeline is None or not _is_promotion(other, app.stage):
        fits = f"a stage whose pipeline has a Promotion of {app.stage!r} as its source, and {target.stage!r} has not"
        yield problem(app, f"{place}.stage", fits)
    else:
        wanted = target.files or f"templates/{app.name}/{target.stage}"
        source = other.pipeline.source
        if isinstance(source, Promotion) and source.other_account != target.other_account:
            yield problem(
                app, f"{place}.other_account", f"{source.other_account}, as {target.stage!r} says of its source"
            )
        if wanted != other.files:
            yield problem(app, f"{place}.files", f"{other.files!r}, where {target.stage!r} has its own")
        yield from _wrong_tasks(app, other)


def _wrong_source(app: App, beside: dict[str, App]) -> Iterator[Problem]:
    source = app.pipeline.source if app.pipeline else None
    if not isinstance(source, Promotion):
        return
    place = "pipeline.source.stage"
    other = beside.get(source.stage)
    if other is None:
        yield problem(app, place, f"another stage of {app.name!r}; {did_you_mean(source.stage, [*beside])}")
    elif other.pipeline is None or other.pipeline.promotes_to is None:
        yield problem(app, place, f"a stage that promotes_to {app.stage!r}, and {source.stage!r} promotes to none")
    elif other.pipeline.promotes_to.stage != app.stage:
        fits = f"a stage that promotes_to {app.stage!r}; {source.stage!r} does to {other.pipeline.promotes_to.stage!r}"
        yield problem(app, place, fits)


def _is_promotion(app: App, stage: str) -> bool:
    source = app.pipeline.source if app.pipeline else None
    return isinstance(source, Promotion) and source.stage == stage


def _wrong_tasks(app: App, other: App) -> Iterator[Problem]:
    """What is built for one stage has to fit the other, task by task."""
    for kind in ("services", "workers", "scheduled_tasks"):
        built: dict[str, Task] = {each.name: each for each in getattr(app, kind)}
        wanted: dict[str, Task] = {each.name: each for each in getattr(other, kind)}
        if built.keys() != wanted.keys():
            names = ", ".join(sorted(built.keys() ^ wanted.keys()))
            fits = f"the same as {other.stage!r} has, which it promotes to; only one of them has {names}"
            yield problem(app, kind, fits)
        for index, name in enumerate(each.name for each in getattr(app, kind)):
            if name in wanted:
                for what, here in _image(built[name]).items():
                    there = _image(wanted[name])[what]
                    if there != here:
                        fits = f"{there!r} as in {other.stage!r}, which runs the same image"
                        yield problem(app, f"{kind}[{index}].{what}", fits)


def _image(task: Task) -> dict[str, object]:
    """What decides which images a pipeline makes."""
    return {
        "architecture": task.architecture,
        "containers": tuple(each.name for each in task.built_containers),
        "image_of": getattr(task, "image_of", None),
    }
