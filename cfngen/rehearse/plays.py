"""Which acts are played: all of them, or one alone with what it needs; and a system that is kept afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cfngen.rehearse import acts, deployed
from cfngen.rehearse.callers import callers
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.looking import look, look_at, visited
from cfngen.rehearse.rehearsal import Act, Deployment, Wanted, Workshop, deploy, stage, workshop
from cfngen.rehearse.room import Room
from cfngen.rehearse.site import Site
from cfngen.rehearse.story import Story

KEPT = "kept.json"
_RUNNING: Mapping[str, tuple[Act, ...]] = {
    "": acts.ACTS,
    "run": (acts.births, callers),
    "release": tuple(act for act in acts.ACTS if act is not look),
    "look": (acts.births, acts.first_releases, look),
}


def play(
    wanted: Wanted, room: Room, story: Story, only: str = "", *, keep: Callable[[Site], None] | None = None
) -> None:
    """Play everything, or one act with those that it needs; `keep` is called at the end with the system still running.

    Raises `RehearsalError` when a part fails or a check did not pass, after `keep`.
    """
    if only in _RUNNING:
        with stage(wanted, room, story) as running:
            failed = None
            try:
                acts.play(running, _RUNNING[only])
            except RehearsalError as error:
                failed, story.error = error, str(error)
            if keep:
                where = " ".join(f"{key}={value}" for key, value in sorted(running.account.environment.items()))
                story.tell("kept", f"for the AWS command line: export {where}")
                keep(visited(running))
            if failed:
                raise failed
        return
    there = deploy(wanted, room, story)
    if only == "deploy":
        read_back(there, story)
    else:
        build(there, workshop(wanted, room, story, there), story)
    story.judge()


def read_back(there: Deployment, story: Story) -> None:
    """What is deployed is a system: each service has listeners with rules, a pipeline, a task definition."""
    listeners = {each.arn: each for each in deployed.listeners(there.account)}
    for service in there.services:
        found = listeners.get(service.production)
        pipeline = deployed.pipeline_of(there.account, service)
        told = f"port {found.port if found else '?'}, pipeline {pipeline['name']}, {service.desired} tasks"
        story.check("deploy", f"{service.short} can be read back from the account", told, passed=found is not None)


def build(there: Deployment, shop: Workshop, story: Story) -> None:
    """Run each service's pipeline from its source to its last build; nothing is released."""
    with story.timed("build"):
        for service in there.services:
            pipeline = deployed.pipeline_of(there.account, service)
            last = [
                stage["name"]
                for stage in pipeline["stages"]
                if any(action["actionTypeId"]["category"] == "Build" for action in stage["actions"])
            ]
            if not last:
                raise RehearsalError(f"{pipeline['name']}: no stage of it builds")
            shop.runner.build(pipeline["name"], until=last[-1])
            story.check("build", f"{service.short} is built by its own buildspec", passed=True)


@contextmanager
def kept(site: Site, file: Path) -> Iterator[None]:
    """While the block lasts, another rehearsal can look at this system: a file tells where it is."""
    file.write_text(json.dumps({"pid": os.getpid(), "site": asdict(site)}, indent=2) + "\n", encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def wait() -> None:
    """Wait until somebody ends the rehearsal: Ctrl-C, or SIGTERM to this process."""
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def running(file: Path) -> Site | None:
    """The system that a rehearsal keeps, if its process lives and its balancer answers."""
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        os.kill(told["pid"], 0)
        site = Site.of(told["site"])
        with socket.create_connection((site.address, _port(site.origin)), timeout=2):
            return site
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _port(origin: str) -> int:
    parts = urlsplit(origin)
    return parts.port or (443 if parts.scheme == "https" else 80)


def look_again(site: Site, room: Room, story: Story, file: Path | None) -> None:
    """Look at a system that is kept."""
    with story.timed("look"):
        look_at(site, room, story, file)
    story.judge()
