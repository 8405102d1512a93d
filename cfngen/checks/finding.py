"""What a check is and what it finds: data, so that a command can print it and a page can list it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

from cfngen.checks.stage import Stage
from cfngen.semantics.document import Path

Level = Literal["error", "warning", "info"]


@total_ordering
@dataclass(frozen=True)
class Finding:
    """One thing that a check found. `check` is the check's id, or the rule's of cfn-lint that found it.

    Findings sort as a reader meets them: by file, then by line.
    """

    check: str
    level: Level
    file: str
    line: int
    path: str
    message: str

    def __lt__(self, other: Finding) -> bool:
        return self._place() < other._place()

    def _place(self) -> tuple[str, int, str, str, str]:
        return self.file, self.line, self.check, self.path, self.message

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level} {self.check} {self.message}"


@dataclass(frozen=True)
class Place:
    """Where in a file of the stage something is wrong, and what; the check adds its id and level.

    `file` is the name below the stage's folder, or empty for the folder itself.
    """

    file: str
    path: Path
    message: str
    line: int = 0


@dataclass(frozen=True)
class Check:
    """One thing that must hold: what it says, where that is known from, and how bad it is when it does not."""

    id: str
    sentence: str
    source: str
    level: Level
    find: Callable[[Stage], Iterable[Place | Finding]]

    def findings(self, stage: Stage) -> Iterable[Finding]:
        """What is wrong in a stage."""
        for found in self.find(stage):
            yield found if isinstance(found, Finding) else self._finding(stage, found)

    def _finding(self, stage: Stage, place: Place) -> Finding:
        line = place.line or stage.line(place.file, place.path)
        path = "/".join(map(str, place.path))
        return Finding(self.id, self.level, stage.shown(place.file), line, path, place.message)
