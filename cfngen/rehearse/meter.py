"""How many requests a second a load makes while it lasts, read from the files to which loads write."""

from __future__ import annotations

import collections
import json
import threading
import time
from pathlib import Path

from cfngen.rehearse.story import Story


class Meter:
    """Counts the requests of a story's loads, those that are still running among them."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.total = 0
        self.failed = 0
        self._rates: collections.Counter[int] = collections.Counter()
        self._read: dict[Path, int] = {}
        # A terminal draws its picture from more than one thread.
        self._lock = threading.Lock()

    def look(self) -> None:
        """Read what was written since the last look."""
        with self._lock:
            for file in list(self.story.loads):
                self._follow(file)

    def _follow(self, file: Path) -> None:
        start = self._read.get(file, 0)
        try:
            with file.open("rb") as lines:
                lines.seek(start)
                # A line that is half written is read the next time.
                whole, end, _ = lines.read().rpartition(b"\n")
        except OSError:
            return
        self._read[file] = start + len(whole) + len(end)
        for line in whole.splitlines():
            at, _, _, status, *_ = json.loads(line)
            self.total += 1
            self.failed += status == 0 or status >= 500
            self._rates[int(at)] += 1

    def rates(self, seconds: int, now: float | None = None) -> list[int]:
        """Requests in each of the last whole seconds, the newest last."""
        last = int(time.time() if now is None else now)
        return [self._rates[at] for at in range(last - seconds, last)]
