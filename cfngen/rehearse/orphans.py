"""What a rehearsal left that was killed and could not clear up itself: the next one finds it, ends it and says so."""

from __future__ import annotations

from collections.abc import Callable

from cfngen.local import background
from cfngen.rehearse import engines, folder, processes


def end(say: Callable[[str], None]) -> None:
    """End the containers, networks, processes and folders of rehearsals whose own process is no more."""
    for place, pid in folder.killed():
        running = background.find(f"rehearsal-{pid}")
        if running:
            background.stop(running)
        background.forget(f"rehearsal-{pid}")
        count = len(set(processes.of(place))) + bool(running)
        engines.clear(place)
        processes.end(place)
        folder.remove(place)
        say(f"a rehearsal that was killed (pid {pid}) left {count} processes and {place}: they are gone now")
