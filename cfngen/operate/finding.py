"""What a preflight finds: data, so that a command can print it and a program can read it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "info"]

MEANINGS: Mapping[str, str] = {
    "P1": "the rules of a service disagree about the colour that they show, so its next deployment fails (A6.3)",
    "P2": "users do not reach tasks that answer: production leads to none, to sick ones, or by a rule of nobody's",
    "P3": "the tasks that serve are not behind production, so the next deployment fails (A6.6)",
    "P4": "a target group of the pair hangs on no listener or rule (A6.10)",
    "P5": "a deployment is in flight: do not update the stack, and release nothing more, until it is over",
    "P6": "a release would be stopped by an alarm that rings, or would not be stopped or taken back when it should (A4.9, A4.10)",
    "P7": "the update touches what live traffic stands on, or gives new rules a colour that does not serve (A2, A6.12)",
    "P8": "tags of the stack reach rules and ECS services, and an update of those moves traffic or fails (K1.10)",
    "P9": "the change set reverts drift: it would write old weights back into live rules (A6.13)",
    "P10": "the ledger in the folder does not know what is deployed: the next update may write old colours",
    "P11": "the stack is in a state in which it cannot be updated",
    "P12": "something could not be seen, so this answer is not the whole one",
    "P13": "the deployment group does not fit its service, so the next deployment fails or leaves rules behind (A4.4)",
}
"""Every finding's id with what it means; `docs/preflight.md` says more."""


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way of an update or a release.

    `place` is the stack or resource, `seen` what was seen there, `mend` the commands that mend it, in their order.
    """

    id: str
    level: Level
    place: str
    seen: str
    mend: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What it means."""
        return MEANINGS[self.id]


def command(*words: str) -> str:
    """A command line for a POSIX shell, with quotes where they are needed."""
    return " ".join(map(shlex.quote, words))


def some(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
