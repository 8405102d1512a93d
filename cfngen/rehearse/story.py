"""What happened, as it happened: for the terminal, for the checks, and for the report afterwards."""

from __future__ import annotations

import collections
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse.errors import RehearsalError


@dataclass(frozen=True)
class Event:
    """Something happened at a time (seconds since 1970)."""

    at: float
    part: str
    text: str


@dataclass(frozen=True)
class Request:
    """A request of the load; status 0 is no answer, `target` then says why.

    Of its milliseconds the machine let the load itself wait for `late` at once.
    """

    at: float
    path: str
    kind: str
    status: int
    target: str
    milliseconds: float
    late: float = 0.0

    @property
    def failed(self) -> bool:
        return self.status == 0 or self.status >= 500


@dataclass
class Check:
    """Something that had to be so, and whether it was. `act` is the act in which it was looked at."""

    part: str
    what: str
    passed: bool
    told: str = ""
    act: str = ""


@dataclass
class Act:
    """An act from its beginning to its end (seconds since 1970); `end` is 0 while it lasts."""

    name: str
    begin: float
    end: float = 0.0


@dataclass(frozen=True)
class Shot:
    """A picture of a page; `file` is relative to the folder of the report."""

    caption: str
    size: str
    url: str
    file: str


@dataclass(frozen=True)
class Shift:
    """From a time on, a service's colours get these parts of its traffic, in percent."""

    at: float
    service: str
    weights: Mapping[str, int]


@dataclass
class Story:
    """Events, checks and requests of a rehearsal. `say` gets each event, for the terminal.

    `wanted` is how many requests failed because the negative control made them fail; `called` is what people call a
    backend of the balancer, such as `customer blue`; `loads` are the files to which loads write while they last.
    """

    say: Callable[[Event], None]
    began: float = field(default_factory=time.time)
    events: list[Event] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    wanted: int = 0
    unplayed: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    called: dict[str, str] = field(default_factory=dict)
    loads: list[Path] = field(default_factory=list)
    error: str = ""
    names: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, part: str, text: str) -> None:
        """Note an event, and say it."""
        event = Event(time.time(), part, _line(text))
        with self._lock:
            self.events.append(event)
        self.say(event)

    def check(self, part: str, what: str, told: str = "", *, passed: bool) -> None:
        """Note what had to be so."""
        told = _line(told)
        self.checks.append(Check(part, what, passed, told, self.acts[-1].name if self.acts else ""))
        self.tell(part, f"{'ok' if passed else 'FAILED'}: {what}{f' ({told})' if told else ''}")

    def not_played(self, text: str) -> None:
        """Note what this rehearsal does not show."""
        if text not in self.unplayed:
            self.unplayed.append(text)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note how long a part takes, in seconds."""
        act = Act(part, time.time())
        self.acts.append(act)
        self.tell(part, "begins")
        try:
            yield
        finally:
            act.end = time.time()
            self.times[part] = round(self.times.get(part, 0) + act.end - act.begin, 1)

    def weigh(self, service: str, weights: Mapping[str, int]) -> None:
        """Note which parts of its traffic a service's colours get from now on, in percent."""
        self.shifts.append(Shift(time.time(), service, dict(weights)))

    @property
    def passed(self) -> bool:
        return not self.error and bool(self.checks) and all(check.passed for check in self.checks)

    def judge(self) -> None:
        """Raise `RehearsalError` with every check that did not pass."""
        failed = [check.what for check in self.checks if not check.passed]
        if failed:
            raise RehearsalError(f"{len(failed)} of {len(self.checks)} checks failed: {'; '.join(failed)}")

    def who(self, request: Request) -> str:
        """Who answered a request, as people call it; `failed` where it failed."""
        backend = request.target.partition("/")[0]
        return "failed" if request.failed else self.called.get(backend, backend or "the balancer")

    @property
    def failed(self) -> int:
        """The requests that failed though nobody wanted it."""
        return sum(each.failed for each in self.requests) - self.wanted

    def read(self, file: Path) -> list[Request]:
        """Add the requests that a load wrote."""
        found = [Request(*json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
        self.requests += found
        return found

    def data(self) -> dict[str, Any]:
        """Everything but the single requests, for programs."""
        return {
            "passed": self.passed,
            "error": self.error,
            "seconds": self.times,
            "checks": [asdict(each) for each in self.checks],
            "not played": self.unplayed,
            "screenshots": [asdict(each) for each in self.shots],
            "shifts": [asdict(each) for each in self.shifts],
            "requests": len(self.requests),
            "failed requests": self.failed,
            "failed in the negative control": self.wanted,
            "events": [asdict(each) for each in self.events],
        }


def _line(text: str) -> str:
    """What logs say in several lines, in one."""
    return "; ".join(filter(None, map(str.strip, text.splitlines())))


def shares(requests: Iterable[Request], name: Callable[[str], str]) -> dict[str, float]:
    """Which part of the requests each target group answered, in percent, by the name that is given to it."""
    counts = collections.Counter(name(each.target) for each in requests if each.status)
    total = sum(counts.values())
    return {key: round(100 * count / total, 1) for key, count in sorted(counts.items())}


def percentile(requests: Iterable[Request], percent: float) -> float:
    """The time within which so many of a hundred requests were answered, in milliseconds; 0 without any."""
    times = sorted(each.milliseconds for each in requests)
    return times[min(len(times) - 1, int(len(times) * percent / 100))] if times else 0.0
