"""``cfngen rehearse``: a stage acted out on this machine.

Exit status: 0 every check passed; 1 one did not, or a part failed; 2 wrong input; 3 a program is missing, with the
command that installs it; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfngen.cli.common import PathType, described
from cfngen.errors import CfngenError, DescriptionError, Problem
from cfngen.extras import parts_of
from cfngen.rehearse.parts import ENGINES, ONLY, check, engine_of, missing, needed
from cfngen.words import pairs

if TYPE_CHECKING:
    from cfngen.rehearse.rehearsal import Wanted
    from cfngen.rehearse.site import Site
    from cfngen.rehearse.story import Event, Story


@click.command()
@click.argument("app", required=False, type=PathType(path_type=Path))
@click.option("--stage", help="Which stage of APP.  [default: the first]")
@click.option(
    "--only",
    type=click.Choice(ONLY),
    help="This act alone, with what it needs; `look` looks at a system that is kept.",
)
@click.option(
    "--engine",
    type=click.Choice(tuple(ENGINES)),
    help="What builds and runs images.  [default: docker where its daemon is in use, else podman]",
)
@click.option("--keep", is_flag=True, help="Leave the system running at the end, until Ctrl-C.")
@click.option(
    "--out", type=PathType(path_type=Path), default="templates", show_default=True, help="Where APP's files are."
)
@click.option(
    "--logs", type=PathType(path_type=Path), default="rehearsal", show_default=True, help="Where logs and report go."
)
@click.option(
    "--load", "connections", default=4, show_default=True, metavar="CONNECTIONS", type=click.IntRange(1, 64),
    help="How many connections are kept for each path under load; half as many ask anew each time.",
)  # fmt: skip
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
@click.option(
    "--missing", "only_missing", is_flag=True, help="Only print the Debian packages that bring what is missing."
)
def rehearse(
    app: Path | None,
    stage: str | None,
    only: str | None,
    engine: str | None,
    keep: bool,
    out: Path,
    logs: Path,
    connections: int,
    speed: float,
    region: str,
    words: tuple[str, ...],
    form: str,
    only_missing: bool,
) -> None:
    """Build, deploy, run and release a stage of APP on this machine, and look at its pages.

    All by the files that generate wrote: images are built as the pipeline would, the stacks deployed into a local AWS,
    containers, database and balancer started as is deployed there, releases played with real traffic, failing ones
    among them, and pages opened in a browser. No account is needed.
    docs/rehearsal.md tells more.
    """
    from cfngen.load import project_of

    path, (chosen, *_) = described(app, stage)
    playing = engine_of(engine)
    parts = needed(only or "", playing, chosen.database.engine if chosen.database else "")
    if only_missing:
        click.echo(missing(parts))
        return
    folder = out / chosen.name / chosen.stage
    if not folder.is_dir():
        raise DescriptionError([Problem("--out", str(out), f"no {folder} is there; run: cfngen generate {path}")])
    if keep and only in ("build", "deploy"):
        raise DescriptionError([Problem("--keep", "", f"with --only {only} nothing runs that could be kept")])
    given = pairs("--parameter", words)
    check(parts)
    with parts_of("rehearse", "rehearse"):
        from cfngen.rehearse.rehearsal import Wanted
    name = f"{chosen.name}-{chosen.stage}"
    wanted = Wanted(
        folder.resolve(), f"{chosen.name}.yaml", name, project_of(path).resolve(), region, speed,
        given, look=_look(path), connections=connections, engine=playing,
    )  # fmt: skip
    _rehearse(wanted, logs / name, only or "", form, keep=keep)


def _rehearse(wanted: Wanted, place: Path, only: str, form: str, *, keep: bool) -> None:
    from cfngen.rehearse import orphans, plays
    from cfngen.rehearse.report import write
    from cfngen.rehearse.room import room

    there = plays.running(place / plays.KEPT)
    if there and only != "look":
        raise CfngenError(
            f"a rehearsal keeps {wanted.stack} running ({place / plays.KEPT}); end it first, or --only look"
        )
    if there:
        place /= "look"
    _empty(place)
    with _shown() as story:
        try:
            orphans.end(lambda line: story.tell("parts", line))
            with room(place.resolve(), lambda line: story.tell("parts", line), is_large=only != "deploy") as here:
                if there:
                    plays.look_again(there, here, story, wanted.look)
                else:
                    plays.play(wanted, here, story, only, keep=_keeper(story, place, wanted.stack) if keep else None)
        except BaseException as failed:
            # Whatever ended it, its report may not say that it passed.
            story.error = (
                "interrupted" if isinstance(failed, KeyboardInterrupt) else str(failed) or type(failed).__name__
            )
            raise
        finally:
            report = write(story, place, wanted.stack)
            if form == "json":
                click.echo(json.dumps(story.data() | {"report": str(report)}, indent=2))
    if form == "text":
        _tell(story, report)


def _keeper(story: Story, place: Path, name: str) -> Any:
    from cfngen.rehearse import plays
    from cfngen.rehearse.report import write

    def keep(site: Site) -> None:
        report = write(story, place, name)
        for service, urls in site.services.items():
            story.tell("kept", f"{service}: {' '.join(urls) or 'no address of its own'}")
        for host in site.hosts:
            story.tell("kept", f"{host} is {site.address}; as in: curl --resolve '{host}:PORT:{site.address}'")
        story.tell("kept", f"report: {report}")
        story.tell("kept", f"it runs until Ctrl-C, or: kill {os.getpid()}")
        with plays.kept(site, place / plays.KEPT):
            plays.wait()

    return keep


@contextmanager
def _shown() -> Iterator[Story]:
    """A story that is shown live on a terminal, and in plain lines elsewhere."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from cfngen.rehearse.live import Screen

        with Screen() as story:
            yield story
        return
    from cfngen.rehearse.story import Story

    def say(event: Event) -> None:
        click.echo(f"{event.at - story.began:7.1f} s  {event.part:12} {event.text}", err=True)

    story = Story(say)
    yield story


def _empty(place: Path) -> None:
    """Nothing of an earlier rehearsal may be taken for this one's."""
    for file in (*place.glob("*.log"), *place.glob("rehearsal.*"), place / "haproxy.cfg"):
        file.unlink(missing_ok=True)
    shutil.rmtree(place / "screenshots", ignore_errors=True)


def _look(path: Path) -> Path | None:
    """The user's own looks, beside the description: services/coffee_look.py for services/coffee.py."""
    file = path.with_name(f"{path.stem}_look.py")
    return file.resolve() if file.is_file() else None


def _tell(story: Story, report: Path) -> None:
    told = f"{len(story.requests)} requests, {story.failed} failed"
    if story.wanted:
        told += f", and {story.wanted} in the negative control, as they had to"
    click.echo(f"passed: {len(story.checks)} checks; {told}; report: {report}")
    for line in story.unplayed:
        click.echo(f"not played: {line}")
