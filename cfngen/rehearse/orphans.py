"""What a rehearsal left that was killed and could not clear up itself: the next one finds it, ends it and says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cfngen.local import background
from cfngen.rehearse import engine, folder

_END_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


def end(say: Callable[[str], None]) -> None:
    """End the containers, networks, processes and folders of rehearsals whose own process is no more."""
    for place, pid in folder.killed():
        running = background.find(f"rehearsal-{pid}")
        if running:
            background.stop(running)
        service = next((each for each in _of(place) if b"podman\0system\0service" in _read(each, "cmdline")), 0)
        if service:
            engine.clear(place / "engine", service)
        count = _end_processes(place) + bool(running)
        folder.remove(place)
        say(f"a rehearsal that was killed (pid {pid}) left {count} processes and {place}: they are gone now")


def _end_processes(place: Path) -> int:
    """SIGTERM, then SIGKILL, to every process of a folder; returns how many there were."""
    seen: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _END_SECONDS
        while (found := set(_of(place))) and time.monotonic() < until:
            for pid in found - seen if number == signal.SIGTERM else found:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            seen |= found
            time.sleep(_PAUSE_SECONDS)
    return len(seen)


def _of(place: Path) -> Iterator[int]:
    """Processes that were started for a folder: their words name it, it is their home, or their root lies in it."""
    name = os.fsencode(place)
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            pid = int(each.name)
            told = (_read(pid, "cmdline"), _places(pid), _root(pid))
            if any(name + end in text for text in told for end in (b"/", b"\0")):
                yield pid


def _places(pid: int) -> bytes:
    """Where builds and the engine are at home; a person's shell may know a socket of theirs and is not one of them."""
    told = _read(pid, "environ").split(b"\0")
    return b"".join(each + b"\0" for each in told if each.startswith((b"HOME=", b"TMPDIR=")))


def _root(pid: int) -> bytes:
    """How the root of a process is mounted, which for one in a container tells where its layers lie."""
    lines = _read(pid, "mountinfo").splitlines()
    return b"\n".join(line for line in lines if line.split()[4:5] == [b"/"])


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
