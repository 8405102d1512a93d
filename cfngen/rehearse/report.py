"""What is left of a rehearsal: `rehearsal.json` for programs, and a page for people that needs nothing but itself."""

from __future__ import annotations

import base64
import collections
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from cfngen.rehearse import charts
from cfngen.rehearse.story import Request, Shot, Story, percentile

_ALWAYS = (
    "IAM, quotas and the times that AWS takes; the local AWS checks none of them",
    "scans of images: nothing looks for findings, so the scan ends without any",
    "another processor than this machine's: runtimePlatform is not looked at",
    "AWS's own certificates: the database's is the rehearsal's, and tasks get its authority as DB_CA",
)
_CONTROL = "negative control"
_LOG_LINES, _LOG_LETTERS = 40, 400


def write(story: Story, folder: Path, name: str) -> Path:
    """Write both files; returns the page's. Screenshots and logs are read from the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for line in _ALWAYS:
        story.not_played(line)
    (folder / "rehearsal.json").write_text(json.dumps(story.data(), indent=2) + "\n", encoding="utf-8")
    environment = Environment(loader=PackageLoader("cfngen.rehearse", ""), autoescape=True, trim_blocks=True)
    page = environment.get_template("report.html.j2").render(_values(story, folder, name))
    file = folder / "rehearsal.html"
    file.write_text(page, encoding="utf-8")
    return file


def _values(story: Story, folder: Path, name: str) -> Mapping[str, Any]:
    times = {f"p{percent}": percentile(story.requests, percent) for percent in (50, 95, 99)}
    failed = sum(not check.passed for check in story.checks)
    last = max((event.at for event in story.events), default=story.began)
    alone, pairs = _shots(story, folder)
    return times | {
        "name": name,
        "passed": story.passed,
        "error": story.error,
        "began": dt.datetime.fromtimestamp(story.began, dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": last - story.began,
        "acts": [{"name": act.name, "seconds": (act.end or last) - act.begin} for act in story.acts],
        "checks_passed": len(story.checks) - failed,
        "checks_failed": failed,
        "requests": len(story.requests),
        "failures": story.failed,
        "wanted": story.wanted,
        "peak": max(collections.Counter(int(each.at) for each in story.requests).values(), default=0),
        "timeline": Markup(charts.timeline(story)),  # noqa: S704  (drawn by us; names are escaped)
        "legend": _legend(story, story.requests),
        "answers": list(_answers(story.requests)),
        "releases": list(_releases(story)),
        "by_act": [(act, list(checks)) for act, checks in groupby(story.checks, lambda check: check.act)],
        "shots": alone,
        "pairs": pairs,
        "logs": list(_logs(folder)),
        "unplayed": story.unplayed,
        "events": [{"at": each.at - story.began, "part": each.part, "text": each.text} for each in story.events],
    }


def _legend(story: Story, requests: Iterable[Request]) -> list[Mapping[str, Any]]:
    counts = collections.Counter(story.who(each) for each in requests)
    return [
        {"name": name, "style": charts.style_of(name, story), "count": counts[name]}
        for name in charts.names(story)
        if counts[name]
    ]


def _answers(requests: Iterable[Request]) -> Iterator[Mapping[str, Any]]:
    """What each path answered, and how fast."""
    paths: dict[str, list[Request]] = collections.defaultdict(list)
    for each in requests:
        paths[each.path].append(each)
    for path, own in sorted(paths.items()):
        statuses = collections.Counter(each.status for each in own)
        yield {
            "path": path,
            "count": len(own),
            "statuses": ", ".join(f"{status or 'none'}: {count:,}" for status, count in sorted(statuses.items())),
            "longest": max(each.milliseconds for each in own),
        } | {f"p{percent}": percentile(own, percent) for percent in (50, 95, 99)}


def _releases(story: Story) -> Iterator[Mapping[str, Any]]:
    """Each load with the steps of the shift in it."""
    for requests in charts.loads(story.requests):
        begin, end = requests[0].at, requests[-1].at
        act = next((each.name for each in reversed(story.acts) if each.begin <= begin), "")
        shifts = [each for each in story.shifts if begin <= each.at <= end]
        services = ", ".join(dict.fromkeys(each.service for each in shifts))
        yield {
            "title": f"{act}: {services}" if services else act,
            "is_control": act == _CONTROL,
            "count": len(requests),
            "failures": sum(each.failed for each in requests),
            "p50": percentile(requests, 50),
            "p99": percentile(requests, 99),
            "chart": Markup(charts.release(story, requests, shifts)),  # noqa: S704  (as above)
            "legend": _legend(story, requests),
        }


def _shots(story: Story, folder: Path) -> tuple[list[Mapping[str, Any]], list[tuple[str, list[Mapping[str, Any]]]]]:
    """The screenshots of the user's own looks; and those of each page, side by side."""
    sizes: dict[str, list[Shot]] = collections.defaultdict(list)
    for each in story.shots:
        sizes[each.caption].append(each)
    alone = [_inline(shots[0], folder) for shots in sizes.values() if len(shots) == 1]
    pairs = [(caption, [_inline(each, folder) for each in shots]) for caption, shots in sizes.items() if len(shots) > 1]
    return alone, pairs


def _inline(shot: Shot, folder: Path) -> Mapping[str, Any]:
    told = base64.b64encode((folder / shot.file).read_bytes()).decode()
    return asdict(shot) | {"data": f"data:image/png;base64,{told}", "id": Path(shot.file).stem}


def _logs(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The last lines of each log; tasks first, since people know them best."""
    for file in sorted(
        folder.glob("*.log"), key=lambda file: (not file.name.startswith(("task-", "build-")), file.name)
    ):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines:
            shown = "\n".join(line[:_LOG_LETTERS] for line in lines[-_LOG_LINES:])
            yield {"name": file.stem, "lines": len(lines), "text": shown}
