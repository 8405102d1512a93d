"""``cfngen local``: a local AWS in the background.

Exit status: 0 done, 1 it cannot be started or ended, or (``status``) nothing runs, 2 wrong input.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import shlex
import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from cfngen.extras import missing, parts_of

_FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
_NAME = click.option("--name", default="default", show_default=True, help="Which one, of several at once.")
_LIMITS = "It checks what CloudFormation does; not IAM, quotas, times or what services refuse. No task, build or \
deployment runs."


@click.group()
def local() -> None:
    """A local AWS, on this machine alone: its CloudFormation does as AWS's does, and its services keep records of what they would run.

    The AWS command line and every SDK use it by the variables that `up` prints. docs/local.md tells more.
    """


@local.command(short_help="Start it, and print what a shell needs to use it.")
@_NAME
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on loopback.  [default: a free one]")
@click.option("--region", default="eu-west-1", show_default=True, help="What AWS_DEFAULT_REGION will say.")
@click.option("--seed", default="", help="Draw other names and ids; the same seed and calls give the same ones.")
@click.option("--foreground", is_flag=True, help="Stay, log to stderr, and end by Ctrl-C.")
@_FORMAT
def up(name: str, port: int, region: str, seed: str, form: str, *, foreground: bool) -> None:
    """Start a local AWS; what a shell needs goes to stdout: eval "$(cfngen local up)".

    One that runs already is told again.
    """
    background = _background()
    background.check_name(name)
    if absent := background.missing():
        raise missing("local", absent[0], "local")
    with parts_of("local", "local"):
        background.check_region(region)
    if foreground:
        _serve(name, port, region, seed, form)
        return
    running = background.find(name)
    if running is None:
        running = background.start(name, port, region, seed)
        click.echo(f"{name}: pid {running.pid}, log {running.log}\n{_LIMITS}", err=True)
    else:
        _refuse_other(running, {"port": port, "region": region, "seed": seed})
        click.echo(f"{name}: runs already, pid {running.pid}, log {running.log or 'on its terminal'}", err=True)
    _show(running, form)


@local.command(short_help="End it.")
@_NAME
@click.option("--all", "of_all", is_flag=True, help="All that run.")
@_FORMAT
def down(name: str, form: str, *, of_all: bool) -> None:
    """End a local AWS; everything in it is gone."""
    background = _background()
    found = background.every() if of_all else [each for each in [background.find(name)] if each]
    for each in found:
        background.stop(each)
        click.echo(f"{each.name}: pid {each.pid} has ended", err=True)
    if not found:
        click.echo("nothing runs" if of_all else f"{name}: does not run", err=True)
    if form == "json":
        click.echo(json.dumps([each.name for each in found]))


@local.command(short_help="What runs, and which stacks it holds.")
@click.option("--name", help="This one alone.  [default: all that run]")
@_FORMAT
def status(name: str | None, form: str) -> None:
    """What runs, and which stacks it holds. Exit status 1 when nothing runs."""
    background = _background()
    wanted = background.every() if name is None else [each for each in [background.find(name)] if each]
    found = [(each, each.stacks()) for each in wanted]
    if form == "json":
        click.echo(json.dumps([_data(each) | {"stacks": stacks} for each, stacks in found], indent=2))
    else:
        for each, stacks in found:
            click.echo(f"{each.name}: {each.url}, pid {each.pid}, since {each.started}, log {each.log or '-'}")
            for stack in stacks:
                inside = "    " if stack["parent"] else "  "
                place = "" if stack["region"] == each.region else f" ({stack['region']})"
                click.echo(f"{inside}{stack['name']}: {stack['status']}{place}")
    if not found:
        other = "" if name in (None, "default") else f" --name {name}"
        told = "nothing runs" if name is None else f"{name}: does not run"
        click.echo(f"{told}; start it by: cfngen local up{other}", err=True)
        sys.exit(1)


def _serve(name: str, port: int, region: str, seed: str, form: str) -> None:
    """Be the target until SIGTERM or Ctrl-C."""
    # A fifth of the time went to looking for circles that nobody refers to, among all that is loaded and stays.
    gc.set_threshold(50_000, 20, 50)
    background = _background()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with background.alone(name), parts_of("local", "local"):
        from cfngen.local.server import listening
        from cfngen.local.target import Target, take_process

        take_process()
        with listening(port) as (url, serve):
            serve(Target(url, region, seed, _log))
            started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
            running = background.Running(name, os.getpid(), int(url.rpartition(":")[2]), region, seed, started)
            background.tell(running)
            _log(f"{name}: pid {running.pid} listens on {running.url}; {_LIMITS}")
            _show(running, form)
            sys.stdout.flush()
            over.wait()
            _log(f"{name}: ends")


def _log(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def _refuse_other(running: Any, asked: dict[str, Any]) -> None:
    """A target that runs keeps what it was started with; what nobody asks for is as it is."""
    source = click.get_current_context().get_parameter_source
    given = {option: value for option, value in asked.items() if source(option) is not ParameterSource.DEFAULT}
    other = {
        f"--{option}": getattr(running, option) for option, value in given.items()
        if value != getattr(running, option) and (option != "port" or value)
    }  # fmt: skip
    if other:
        told = ", ".join(f"{option} {had!r}" for option, had in other.items())
        end = f"cfngen local down --name {running.name}"
        raise _background().LocalError(f"{running.name}: runs already, with {told}; end it first by: {end}")


def _show(running: Any, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(_data(running), indent=2))
        return
    for key, value in running.environment.items():
        click.echo(f"export {key}={shlex.quote(value)}")


def _data(running: Any) -> dict[str, Any]:
    return asdict(running) | {"url": running.url, "environment": running.environment}


def _background() -> Any:
    """Where targets run: loaded late, as everything that only this command needs."""
    from cfngen.local import background

    return background
