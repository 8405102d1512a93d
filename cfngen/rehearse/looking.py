"""The act in which a browser looks at the pages: it is started, and what it sees becomes checks and screenshots."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cfngen.rehearse import processes
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.rehearsal import Stage
from cfngen.rehearse.relay import relay
from cfngen.rehearse.room import Room, environment, stop
from cfngen.rehearse.site import Site, site_of, visible, visitor_of
from cfngen.rehearse.story import Shot, Story

_LONGEST_SECONDS = 300.0
_PAUSE_SECONDS = 0.1
SCREENSHOTS = "screenshots"


def look(stage: Stage) -> None:
    """Look at a stage that runs, as far as people see it."""
    hidden = [each.short for each in stage.services if each not in visible(stage)]
    if hidden:
        stage.story.not_played(
            f"a look at {', '.join(hidden)}: behind the internal balancer or of gRPC, where no visitor comes"
        )
    if len(hidden) == len(stage.services):
        return
    look_at(visited(stage), stage.room, stage.story, stage.wanted.look)


def visited(stage: Stage) -> Site:
    """The site of a stage, for a visitor to whom most is shown; a browser comes through a relay where an address is asked for."""
    visitor = visitor_of(stage)
    if not visitor:
        return site_of(stage)
    stage.story.tell("look", f"the visitor comes from {visitor}, since a rule asks for it")
    ports = [each.port for each in stage.listeners if each.arn in {service.production for service in visible(stage)}]
    return site_of(stage, stage.room.end.enter_context(relay(stage.proxy.address, ports, visitor)), visitor)


def look_at(site: Site, room: Room, story: Story, file: Path | None) -> None:
    """Take the looks of a file, if there is one, and open every page that links lead to.

    Raises `RehearsalError` when the browser itself fails; what it sees becomes checks of the story.
    """
    place = room.path("browser")
    results, folder = place / "results.jsonl", room.logs / SCREENSHOTS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    site.write(place / "site.json")
    words = [sys.executable, "-m", "cfngen.rehearse.look", str(place / "site.json"), str(folder), str(results)]
    own = environment(TMPDIR=str(room.path("browser/tmp")), HOME=str(room.path("browser/home")))
    if file:
        words.append(str(file))
        story.tell("look", f"the looks of {file.name}, then every page by its links")
    process = room.start("browser", words, results.exists, own)
    try:
        _follow(process, results, story)
    finally:
        stop(process)
        processes.end(place)  # a browser whose driver did not end it in time
    if process.returncode:
        last = room.log("browser").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:]
        raise RehearsalError("\n".join(["the browser failed:", *last]))


def _follow(process: subprocess.Popen[bytes], results: Path, story: Story) -> None:
    until = time.monotonic() + _LONGEST_SECONDS
    with results.open(encoding="utf-8") as lines:
        part = ""
        while True:
            is_over = process.poll() is not None
            while line := lines.readline():
                part += line
                if part.endswith("\n"):
                    _note(json.loads(part), story)
                    part = ""
            if is_over:
                return
            if time.monotonic() > until:
                raise RehearsalError(f"the look takes longer than {_LONGEST_SECONDS:.0f} s")
            time.sleep(_PAUSE_SECONDS)


def _note(told: dict[str, Any], story: Story) -> None:
    match told["kind"]:
        case "check":
            story.check("look", told["what"], told["told"], passed=told["passed"])
        case "shot":
            story.shots.append(Shot(told["caption"], told["size"], told["url"], f"{SCREENSHOTS}/{told['file']}"))
        case "unplayed":
            story.not_played(told["text"])
        case _:
            story.tell("look", told["text"])
