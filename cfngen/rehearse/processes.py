"""The processes that were started for a folder, found by what the kernel tells of them, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_END_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


def end(place: Path) -> int:
    """SIGTERM, then SIGKILL, to every process of a folder; returns how many there were."""
    seen: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _END_SECONDS
        while (found := set(of(place))) and time.monotonic() < until:
            for pid in found - seen if number == signal.SIGTERM else found:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            seen |= found
            time.sleep(_PAUSE_SECONDS)
    return len(seen)


def of(place: Path) -> Iterator[int]:
    """Processes that were started for a folder: their words name it, it is their home, or their root lies in it."""
    name = os.fsencode(place)
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            pid = int(each.name)
            told = (read(pid, "cmdline"), _places(pid), _root(pid))
            if any(name + end in text for text in told for end in (b"/", b"\0")):
                yield pid


def read(pid: int, name: str) -> bytes:
    """A file of a process in /proc; nothing of one that is no more."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _places(pid: int) -> bytes:
    """Where builds and the engine are at home; a person's shell may know a socket of theirs and is not one of them."""
    told = read(pid, "environ").split(b"\0")
    return b"".join(each + b"\0" for each in told if each.startswith((b"HOME=", b"TMPDIR=")))


def _root(pid: int) -> bytes:
    """How the root of a process is mounted, which for one in a container tells where its layers lie."""
    lines = read(pid, "mountinfo").splitlines()
    return b"\n".join(line for line in lines if line.split()[4:5] == [b"/"])
