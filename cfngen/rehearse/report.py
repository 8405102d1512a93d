"""What is left of a rehearsal: `rehearsal.json` for programs, and a page of its own for people."""

from __future__ import annotations

import collections
import html
import json
from collections.abc import Iterator
from pathlib import Path

from cfngen.rehearse.rules import TARGET_HEADER
from cfngen.rehearse.story import Request, Story, percentile

_COLOURS = ("#2563eb", "#16a34a", "#7c3aed", "#d97706", "#0891b2", "#be185d", "#4d7c0f", "#9333ea")
_FAILED = "#dc2626"
_WIDTH, _HEIGHT, _BINS = 1000, 180, 200
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rehearsal of {name}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ border-bottom: 1px solid #ddd; padding: .25rem .5rem; text-align: left; vertical-align: top; }}
svg {{ width: 100%; height: auto; }}
.bad {{ color: {failed}; font-weight: bold; }}
.key {{ display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }}
</style>
</head>
<body>
<h1>Rehearsal of {name}: {outcome}</h1>
<p>{requests} requests, {failures} failed, and {wanted} in the negative control; p50 {p50:.0f} ms, p99 {p99:.0f} ms. {times}</p>
{charts}
<h2>Checks</h2>
<table><tr><th>part</th><th>what has to be so</th><th>seen</th><th></th></tr>
{checks}
</table>
<h2>What this does not show</h2>
<ul>
{unplayed}
</ul>
<h2>What happened</h2>
<table><tr><th>s</th><th>part</th><th></th></tr>
{events}
</table>
</body>
</html>
"""
_ALWAYS = (
    "IAM, quotas and the times that AWS takes; the local AWS checks none of them",
    "scans of images: nothing looks for findings, so the scan ends without any",
    "another processor than this machine's: runtimePlatform is not looked at",
    "AWS's own certificates: the database's is the rehearsal's, and tasks get its authority as DB_CA",
    "the browser: nobody looks at the pages yet but by HTTP",
)


def write(story: Story, folder: Path, name: str) -> Path:
    """Write both files; returns the page's."""
    folder.mkdir(parents=True, exist_ok=True)
    for line in _ALWAYS:
        story.not_played(line)
    (folder / "rehearsal.json").write_text(json.dumps(story.data(), indent=2) + "\n", encoding="utf-8")
    page = _PAGE.format(
        name=html.escape(name),
        outcome="passed" if story.passed else "failed",
        failed=_FAILED,
        requests=len(story.requests),
        failures=story.failed,
        wanted=story.wanted,
        p50=percentile(story.requests, 50),
        p99=percentile(story.requests, 99),
        times=html.escape(", ".join(f"{part} {seconds} s" for part, seconds in story.times.items())),
        charts="\n".join(_charts(story)),
        checks="\n".join(
            _row(each.part, each.what, each.told, "ok" if each.passed else "FAILED", bad=not each.passed)
            for each in story.checks
        ),
        unplayed="\n".join(f"<li>{html.escape(each)}</li>" for each in story.unplayed),
        events="\n".join(_row(f"{each.at - story.began:.1f}", each.part, each.text) for each in story.events),
    )
    file = folder / "rehearsal.html"
    file.write_text(page, encoding="utf-8")
    return file


def _row(*cells: str, bad: bool = False) -> str:
    kind = ' class="bad"' if bad else ""
    return f"<tr{kind}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _charts(story: Story) -> Iterator[str]:
    """A chart for each load: requests by who answered them, over time."""
    for number, part in enumerate(_loads(story.requests), 1):
        counts = collections.Counter(_who(each) for each in part)
        colours = {who: _COLOURS[at % len(_COLOURS)] for at, who in enumerate(sorted(counts))} | {"failed": _FAILED}
        key = "".join(
            f'<span class="key" style="background:{colours[who]}"></span>{html.escape(who)} ({counts[who]})'
            for who in sorted(counts)
        )
        start = part[0].at - story.began
        yield f"<h2>Traffic {number}, from {start:.0f} s</h2>\n{_chart(part, colours)}\n<p>{key}</p>"


def _loads(requests: list[Request]) -> Iterator[list[Request]]:
    """Requests in the order of time, parted where nobody asked for a while."""
    part: list[Request] = []
    for each in sorted(requests, key=lambda request: request.at):
        if part and each.at - part[-1].at > 2:
            yield part
            part = []
        part.append(each)
    if part:
        yield part


def _who(request: Request) -> str:
    return "failed" if request.failed else request.target.partition("/")[0].removeprefix("tg-") or f"no {TARGET_HEADER}"


def _chart(requests: list[Request], colours: dict[str, str]) -> str:
    begin, end = requests[0].at, requests[-1].at
    width = max(end - begin, 0.001) / _BINS
    bins = [collections.Counter[str]() for _ in range(_BINS + 1)]
    for each in requests:
        bins[int((each.at - begin) / width)][_who(each)] += 1
    most = max(sum(counts.values()) for counts in bins)
    bars = []
    for number, counts in enumerate(bins):
        base = float(_HEIGHT)
        for who in sorted(counts):
            height = counts[who] / most * _HEIGHT
            base -= height
            place = (
                f'x="{number * _WIDTH / _BINS:.1f}" y="{base:.1f}" width="{_WIDTH / _BINS:.1f}" height="{height:.1f}"'
            )
            bars.append(f'<rect {place} fill="{colours[who]}"/>')
    label = f"requests by who answered, over {end - begin:.1f} s, at most {most / width:.0f} a second"
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(bars)}</svg>'
