"""Which engine plays, and what is left of one whose rehearsal was killed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cfngen.rehearse import dockerd, podman, processes
from cfngen.rehearse.dockerd import Docker
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.podman import Podman

ENGINES: Mapping[str, type[Engine]] = {"docker": Docker, "podman": Podman}


def clear(place: Path) -> None:
    """Remove what a rehearsal that is no more left of its engine, whichever it was."""
    words = {pid: processes.read(pid, "cmdline") for pid in processes.of(place)}
    if service := next((pid for pid, told in words.items() if podman.is_service(told)), 0):
        podman.clear(place / "engine", service)
    if (place / "engine" / dockerd.SETTINGS).is_file():
        dockerd.clear(place, runs=any(map(dockerd.is_service, words.values())))
