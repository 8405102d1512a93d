"""``cfngen simulate``: releases, rollbacks and updates played, and every request watched.

Exit status: 0 nothing hurts, 1 something does, 2 wrong input or templates that cannot be played, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfngen.cli.common import PathType, colour, described, progress
from cfngen.errors import DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.words import pairs

if TYPE_CHECKING:
    from cfngen.simulate.files import Files
    from cfngen.simulate.judge import Verdict
    from cfngen.simulate.scenario import Surroundings
    from cfngen.spec import App

_Tell = Callable[[str], None]


@click.command()
@click.argument("place", metavar="[APP|DIR]", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Only this stage.")
@click.option("--story", is_flag=True, help="Print the table of rules, groups and tasks of each service over time.")
@click.option(
    "--update",
    nargs=2,
    metavar="OLD NEW",
    type=PathType(path_type=Path, exists=True),
    help="What an update from one folder of templates to another does to live traffic.",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the root; the others have their defaults, or a made-up value.",
)
@click.option(
    "--new-parameter",
    "new_parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="One that only the NEW templates of --update get, or with another value.",
)
@click.option(
    "--ssm",
    multiple=True,
    metavar="NAME=VALUE",
    help="What an SSM parameter says that the templates resolve. With --update a colour follows the releases.",
)
@click.option("--every-reading", is_flag=True, help="Play all combinations of what AWS leaves open, not each alone.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def simulate(
    place: Path | None,
    stage: str | None,
    story: bool,
    update: tuple[Path, Path] | None,
    parameters: tuple[str, ...],
    new_parameters: tuple[str, ...],
    ssm: tuple[str, ...],
    every_reading: bool,
    form: str,
) -> None:
    """Play releases, rollbacks and updates on what APP generates, or on the templates in DIR, and watch every request.

    In place of a DIR the root template's file may be given. With APP, every request has to reach the service that the
    description gives it to; else whoever gets it first. Nothing is deployed. Results go to stdout. Exit status 1 when
    something hurts live traffic, 2 for templates that cannot be played.
    """
    with parts_of("simulate", "check"):
        from cfngen.simulate import show
    from cfngen.simulate.scenario import Surroundings

    around = Surroundings(
        pairs("--parameter", parameters),
        pairs("--ssm", ssm),
        given_new=pairs("--new-parameter", new_parameters),
    )
    if new_parameters and not update:
        raise DescriptionError([Problem("--new-parameter", new_parameters[0], "belongs to --update OLD NEW")])
    if update and (place or stage):
        fits = "names both folders; give no APP, DIR or --stage"
        raise DescriptionError([Problem("--update", str(place or stage), fits)])
    with progress(0) as tell:
        if update:
            verdicts = list(_judge_update(update, around, tell, every_reading=every_reading))
        else:
            verdicts = _judge(place, stage, around, tell, every_reading=every_reading)
    if form == "json":
        click.echo(json.dumps([show.as_data(each) for each in verdicts], indent=2))
    else:
        shaded = sys.stdout.isatty() and colour() is None
        for each in verdicts:
            for line in show.verdict(each, with_story=story, colour=shaded):
                click.echo(line)
    for each in verdicts:
        click.echo(each.summary, err=True)
    if any(each.hurts for each in verdicts):
        sys.exit(1)


def _judge_update(
    update: tuple[Path, Path], around: Surroundings, tell: _Tell, *, every_reading: bool
) -> Iterator[Verdict]:
    """Each root apart; a cell that is new lives its whole life, and one that goes is deleted, which nobody plays."""
    from cfngen.simulate import judge

    old, new = _read(update)
    judge.check_given("--parameter", around.given, (*old.values(), *new.values()))
    judge.check_given("--new-parameter", around.given_new, new.values())
    readings = judge.readings_of(every=every_reading)
    for cell, files in new.items():
        name = f"{update[0]} -> {update[1]}" + (f", {cell}" if cell else "")
        with _refused(name):
            if cell in old:
                yield judge.judge_update(name, old[cell], files, around, readings, tell)
            else:
                yield judge.judge(name, files, around.of_new, readings, tell)


def _judge(
    place: Path | None, stage: str | None, around: Surroundings, tell: _Tell, *, every_reading: bool
) -> list[Verdict]:
    from cfngen.simulate import judge

    played, verdicts = _to_play(place, stage), []
    judge.check_given("--parameter", around.given, [files for _, files, _ in played])
    for name, files, owners in played:
        with _refused(name):
            readings = judge.readings_of(every=every_reading)
            verdicts.append(judge.judge(name, files, replace(around, **owners), readings, tell))
    return verdicts


def _to_play(place: Path | None, stage: str | None) -> list[tuple[str, Files, dict[str, Any]]]:
    """What is played, each with who answers a request at which balancer, where a description says so."""
    from cfngen.generated import files_of
    from cfngen.load import is_description
    from cfngen.simulate.files import Files
    from cfngen.simulate.judge import stage_folders

    if place and (place.is_dir() or not is_description(place)):
        folders = stage_folders(place, stage) if place.is_dir() else [place]
        read = zip(folders, _read(folders), strict=True)
        return [(f"{folder}/{cell}".rstrip("/"), files, {}) for folder, each in read for cell, files in each.items()]
    path, stages = described(place, stage)
    written = files_of(path, stages, Path("templates")).items()
    return [
        (f"{folder}/{cell}".rstrip("/"), files, _owners(app, files, is_first=not cell))
        for app, (folder, texts) in zip(stages, written, strict=True)
        for cell, files in Files(texts).apart().items()
    ]


def _read(places: Iterable[Path]) -> list[dict[str, Files]]:
    """The files of folders, or of root templates, those of each root by the folder of its cell; raises `DescriptionError`
    for all that CloudFormation would refuse.
    """
    found: list[dict[str, Files]] = []
    problems: list[Problem] = []
    for place in places:
        try:
            found.append(_files(place))
        except DescriptionError as error:
            problems += error.problems
    if problems:
        raise DescriptionError(dict.fromkeys(problems))
    return found


def _files(place: Path) -> dict[str, Files]:
    from cfngen.simulate.files import Files

    if not place.exists():
        fits = "there is no such file or folder; name a description, a folder of templates, or the root's file"
        raise DescriptionError([Problem(str(place), "", fits)])
    with _refused(str(place if place.is_dir() else place.parent)):
        found = Files.of(place).apart()
        for files in found.values():
            files.check()
        return found


@contextmanager
def _refused(place: str) -> Iterator[None]:
    """Templates that are refused meanwhile are told with the place where they stand."""
    from cfngen.semantics.template import TemplateError

    try:
        yield
    except TemplateError as error:
        raise DescriptionError([Problem(place, "", str(error))]) from None


def _owners(app: App, files: Files, *, is_first: bool) -> dict[str, Callable[[Any], str | None]]:
    """Who answers at the balancers of these files."""
    from cfngen.routing import claimants, owner

    services = [each for each in app.services if each.name in files.services]
    who = claimants(app, services, app.balancer.redirects if is_first else ())

    def at(*, internal: bool) -> Callable[[Any], str | None]:
        return lambda request: owner(app, request, internal=internal, who=who)

    inside = {"owner_inside": at(internal=True)} if any(each.internal for each in services) else {}
    return {"owner": at(internal=False), **inside}
