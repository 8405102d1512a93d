"""Health checks of containers: the command of the definition, run in the container, as often as it says (G2.15)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

_SHORTEST_SECONDS = 1.0


class Watch:
    """Asks a container whether it is well until `over` is set; `status` is what ECS calls it.

    `ask` runs a command in the container with a time limit in seconds, and returns whether it succeeded. `speed` is by how
    much intervals are shorter than on AWS; the time that a check may take is not shortened.
    """

    def __init__(
        self, told: Mapping[str, Any], ask: Callable[[list[str], float], bool], speed: float, over: threading.Event
    ) -> None:
        kind, *words = told["command"]
        self.command = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words if kind == "CMD" else [kind, *words]
        self.retries = int(told.get("retries") or 3)
        self.limit = float(told.get("timeout") or 5)
        self.interval = max(float(told.get("interval") or 30) / speed, _SHORTEST_SECONDS)
        self.grace = float(told.get("startPeriod") or 0) / speed
        self.ask, self.over = ask, over
        self.status = "UNKNOWN"
        self._known = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def wait(self) -> str:
        """What it is, as soon as it is HEALTHY or UNHEALTHY; UNKNOWN where the task is over before."""
        while not (self._known.wait(0.1) or self.over.is_set()):
            pass
        return self.status

    def _watch(self) -> None:
        begin, failures = time.monotonic(), 0
        while True:
            is_well = self.ask(self.command, self.limit)
            is_early = self.status == "UNKNOWN" and time.monotonic() - begin < self.grace
            failures = 0 if is_well else failures + (0 if is_early else 1)
            if is_well or failures >= self.retries:
                self.status = "HEALTHY" if is_well else "UNHEALTHY"
                self._known.set()
            if self.over.wait(self.interval):
                return
