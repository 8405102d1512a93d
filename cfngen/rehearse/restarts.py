"""Restart policies of containers: one that ends is started again in its task (ECS guide, container restart policy)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

_PERIOD_SECONDS = 300
"""How long a container has to have run to be started again, where the policy does not say so."""
_LOOK_SECONDS = 0.5


class Restart:
    """Starts a container again by its policy until its task is `over`; `count` is how often it did.

    `state` asks for the container's state, `start` starts it again, `speed` is by how much the policy's period is shorter than on
    AWS. Whoever asks whether the container runs asks by `runs`, which starts it again in the same breath.
    """

    def __init__(
        self, policy: Mapping[str, Any], state: Callable[[], Mapping[str, Any]], start: Callable[[], object],
        speed: float, over: threading.Event,
    ) -> None:  # fmt: skip
        self.ignored = {int(code) for code in policy.get("ignoredExitCodes") or ()}
        self.period = float(policy.get("restartAttemptPeriod") or _PERIOD_SECONDS) / speed
        self.state, self.start, self.over = state, start, over
        self.count = 0
        self._since = time.monotonic()
        self._has_ended = False
        self._lock = threading.Lock()

    def runs(self) -> bool:
        """Whether the container runs, which it does again where it ended and the policy takes it back."""
        with self._lock:
            if self._has_ended or (state := self.state())["Running"]:
                return not self._has_ended
            ran = time.monotonic() - self._since
            if self.over.is_set() or int(state["ExitCode"]) in self.ignored or ran < self.period:
                self._has_ended = True
                return False
            self.start()
            self.count, self._since = self.count + 1, time.monotonic()
            return True

    @property
    def may(self) -> bool:
        """Whether it has run so long that it would be started again if it ended now."""
        return not self._has_ended and time.monotonic() - self._since >= self.period

    def end(self) -> None:
        """From now on it is started no more; the task is `over`."""
        with self._lock:
            self._has_ended = True

    def watch(self) -> None:
        """Look after the container in the background, as long as the policy may start it again."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.over.wait(_LOOK_SECONDS):
            try:
                if not self.runs():
                    return
            except Exception:  # noqa: BLE001  (the engine is gone, or whoever asks next is told)
                return


def policy_of(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The restart policy of a container of a task definition; `None` where it has none that is enabled."""
    told: Mapping[str, Any] = container.get("restartPolicy") or {}
    return told if told.get("enabled") else None
