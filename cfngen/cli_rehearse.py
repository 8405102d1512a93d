"""``cfngen rehearse``: a stage acted out on this machine.

Exit status: 0 every check passed; 1 one did not, or a part failed; 2 wrong input; 3 a program is missing, with the
command that installs it; 130 interrupted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cfngen.cli_common import PathType
from cfngen.errors import DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.load import find, load, project_of, select
from cfngen.words import pairs


@click.command(short_help="Act a stage out: build, deploy, run, release, with real parts.")
@click.argument("app", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Which stage of APP.  [default: the first]")
@click.option(
    "--out", type=PathType(path_type=Path), default="templates", show_default=True, help="Where APP's files are."
)
@click.option(
    "--logs", type=PathType(path_type=Path), default="rehearsal", show_default=True, help="Where logs and report go."
)
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1),
    help="By how much waits are shorter than on AWS.",
)
@click.option("--region", default="eu-west-1", show_default=True, help="The region of the local AWS.")
@click.option(
    "--parameter", "words", multiple=True, metavar="KEY=VALUE", help="A parameter of the root; several times."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rehearse(
    app: Path | None,
    stage: str | None,
    out: Path,
    logs: Path,
    speed: float,
    region: str,
    words: tuple[str, ...],
    form: str,
) -> None:
    """Act a stage of APP out on this machine, by the files that generate wrote: images are built as the pipeline would,
    the stacks deployed into a local AWS, containers, database and balancer started as is deployed there, and releases
    played with real traffic, also such that fail. No account is needed. docs/rehearsal.md tells more.
    """
    with parts_of("rehearse", "rehearse"):
        from cfngen.rehearse import parts
    path = app or find()
    chosen = select(load(path), stage)[0]
    folder = out / chosen.name / chosen.stage
    if not folder.is_dir():
        raise DescriptionError([Problem("--out", str(out), f"no {folder} is there; run: cfngen generate {path}")])
    given = pairs("--parameter", words)
    parts.check((*parts.BUILD, *parts.RUN, *parts.ROUTE, *parts.LOOK))
    with parts_of("rehearse", "rehearse"):
        from cfngen.rehearse.acts import play
        from cfngen.rehearse.rehearsal import Wanted
        from cfngen.rehearse.rehearsal import stage as started
        from cfngen.rehearse.report import write
        from cfngen.rehearse.room import room
        from cfngen.rehearse.story import Story
    story = Story(lambda event: click.echo(f"{event.at - story.began:7.1f} s  {event.part:12} {event.text}", err=True))
    name = f"{chosen.name}-{chosen.stage}"
    wanted = Wanted(
        folder.resolve(), f"{chosen.name}.yaml", name, _project(path, project_of(path)), region, speed, given,
        look=_look(path),
    )  # fmt: skip
    place = logs / name
    try:
        with (
            room(place.resolve(), lambda line: story.tell("parts", line)) as here,
            started(wanted, here, story) as running,
        ):
            play(running)
    finally:
        written = write(story, place, name)
    _end(story, written, form)


def _project(path: Path, project: Any) -> Path:
    return Path(project or path.parent).resolve()


def _look(path: Path) -> Path | None:
    """The user's own looks, beside the description: services/coffee_look.py for services/coffee.py."""
    file = path.with_name(f"{path.stem}_look.py")
    return file.resolve() if file.is_file() else None


def _end(story: Any, report: Path, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(story.data() | {"report": str(report)}, indent=2))
        return
    told = f"{len(story.requests)} requests, {story.failed} failed, and {story.wanted} in the negative control, as they had to"
    click.echo(f"passed: {len(story.checks)} checks; {told}; report: {report}")
    for line in story.unplayed:
        click.echo(f"not played: {line}")
