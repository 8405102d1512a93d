"""What people and programs see of a rehearsal: the page, the JSON, and the terminal while it runs."""

from __future__ import annotations

import html.parser
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from cfngen.rehearse import charts
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.live import Screen
from cfngen.rehearse.meter import Meter
from cfngen.rehearse.report import write
from cfngen.rehearse.story import Act, Request, Shift, Shot, Story

BEGAN = 1_800_000_000.0
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8ffff3f0005fe02fea7566a8d0000000049454e44ae426082"
)


def request(after: float, path: str, target: str, status: int = 200, milliseconds: float = 5) -> Request:
    return Request(BEGAN + after, path, "kept", status, target, milliseconds)


def played() -> Story:
    """A release in two steps and a negative control."""
    story = Story(lambda _: None, began=BEGAN)
    story.called = {"tg-1": "shop blue", "tg-2": "shop green"}
    story.acts = [
        Act("deploy", BEGAN, BEGAN + 5),
        Act("first releases", BEGAN + 5, BEGAN + 15),
        Act("negative control", BEGAN + 15, BEGAN + 20),
    ]
    story.requests = [request(6 + n / 10, "/", "tg-2/s1" if n >= 30 else "tg-1/s1", milliseconds=n) for n in range(60)]
    story.requests += [request(16 + n / 10, "/<b>", "", 503) for n in range(10)]
    story.shifts = [Shift(BEGAN + 9, "shop", {"shop blue": 0, "shop green": 100})]
    story.wanted = 10
    story.check("release", "zero failed requests", "0 of 60 <failed>", passed=True)
    return story


class Page(html.parser.HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.places += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " "


def test_the_page_needs_nothing_but_itself_and_shows_what_was_seen(tmp_path: Path) -> None:
    story = played()
    (tmp_path / "screenshots").mkdir()
    for size in ("desktop", "phone"):
        (tmp_path / f"screenshots/{size}.png").write_bytes(PIXEL)
        story.shots.append(Shot("shop /", size, "http://127.0.0.1/", f"screenshots/{size}.png"))
    (tmp_path / "task-shop-1.log").write_text("first\n" * 50 + "<script>alert(1)</script>\n", encoding="utf-8")
    text = write(story, tmp_path, "app-dev").read_text(encoding="utf-8")
    page = Page(text)
    assert page.places
    assert all(place.startswith(("#", "data:")) for place in page.places)
    assert "url(" not in text
    assert "@import" not in text
    assert "script" not in page.tags
    assert text.count("data:image/png;base64,iVBOR") == 2
    assert "zero failed requests 0 of 60 <failed>" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "51 lines" in page.text
    assert "10 more requests failed in the negative control" in page.text
    assert "first releases: shop" in page.text
    assert "prefers-color-scheme: dark" in text


def test_the_verdict_is_that_of_the_checks_and_of_the_error(tmp_path: Path) -> None:
    story = played()
    assert "app-dev passed" in Page(write(story, tmp_path, "app-dev").read_text(encoding="utf-8")).text
    assert json.loads((tmp_path / "rehearsal.json").read_text(encoding="utf-8"))["passed"] is True
    story.error = "the proxy ended at once"
    page = Page(write(story, tmp_path, "app-dev").read_text(encoding="utf-8"))
    assert "app-dev failed" in page.text
    assert "the proxy ended at once" in page.text
    told = json.loads((tmp_path / "rehearsal.json").read_text(encoding="utf-8"))
    assert (told["passed"], told["failed requests"], told["failed in the negative control"]) == (False, 0, 10)


def test_a_rehearsal_that_ended_before_it_began_has_a_page_too(tmp_path: Path) -> None:
    assert "failed" in Page(write(Story(lambda _: None), tmp_path, "app-dev").read_text(encoding="utf-8")).text


def test_without_a_request_the_page_has_the_acts_and_no_empty_chart(tmp_path: Path) -> None:
    story = Story(lambda _: None)
    with story.timed("deploy"):
        pass
    page = Page(write(story, tmp_path, "app-dev").read_text(encoding="utf-8"))
    assert "1 deploy" in page.text
    assert [word for word in ("requests a second", "milliseconds", "latency", "Traffic") if word in page.text] == []


def test_checks_that_failed_are_all_told() -> None:
    story = played()
    story.judge()
    story.check("look", "shop / on a phone", "HTTP 500", passed=False)
    story.check("look", "shop / on a desktop", passed=False)
    with pytest.raises(RehearsalError, match="2 of 3 checks failed: shop / on a phone; shop / on a desktop"):
        story.judge()


def test_a_chart_stacks_who_answered_over_time_with_failures_on_top() -> None:
    story = played()
    svg = charts.timeline(story)
    titles = re.findall(r'<path class="(\w+)" d="[^"]+"><title>([^<]+)</title>', svg)
    assert titles == [
        ("blue0", "shop blue: 30 requests"),
        ("green0", "shop green: 30 requests"),
        ("failed", "failed: 10 requests"),
    ]
    assert [name for name in ("1 deploy", "2 first releases", "3 negative control") if name not in svg] == []
    parts = list(charts.loads(story.requests))
    assert [len(part) for part in parts] == [60, 10]
    assert ">green 100 %</text>" in charts.release(story, parts[0], story.shifts)


def test_steps_that_follow_each_other_closely_have_labels_that_can_be_read() -> None:
    story = played()
    last = story.requests[59].at
    shifts = [
        Shift(last - 0.1 * n, name, {f"{name} green": 100}) for n, name in ((3, "shop"), (2, "till"), (1, "shop"))
    ]
    svg = charts.release(story, story.requests[:60], shifts)
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)">(\w+ green 100 %)</text>', svg)
    assert [label for _, _, label in labels] == ["shop green 100 %", "till green 100 %", "shop green 100 %"]
    assert len({y for _, y, _ in labels}) == 3


def test_what_logs_say_in_several_lines_is_told_in_one() -> None:
    story = Story(lambda _: None)
    story.check("release", "it fails", "MigrationFailed\n\n  null\n", passed=True)
    assert [each.text for each in story.events] == ["ok: it fails (MigrationFailed; null)"]
    assert story.checks[0].told == "MigrationFailed; null"


def test_nothing_of_a_chart_leaves_it() -> None:
    story = played()
    for svg in (charts.timeline(story), charts.release(story, story.requests[:60], story.shifts)):
        width, height = map(float, re.findall(r'viewBox="0 0 (\S+) (\S+)"', svg)[0])
        for path in re.findall(r' d="([^"]+)"', svg):
            for x, y in re.findall(r"([\d.]+),(-?[\d.]+)", path):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height


def test_a_meter_reads_a_load_while_it_is_written(tmp_path: Path) -> None:
    story = Story(lambda _: None)
    file = tmp_path / "load.jsonl"
    story.loads += [tmp_path / "not-yet.jsonl", file]
    meter = Meter(story)
    file.write_text('[100.2, "/", "kept", 200, "t", 1]\n[100.9, "/", "kept", 503, "t", 1]\n[101', encoding="utf-8")
    meter.look()
    assert (meter.total, meter.failed, meter.rates(2, now=102)) == (2, 1, [2, 0])
    with file.open("a", encoding="utf-8") as more:
        more.write('.5, "/", "kept", 200, "t", 1]\n')
    meter.look()
    meter.look()
    assert (meter.total, meter.rates(2, now=102)) == (3, [2, 1])


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_shows_acts_colours_and_requests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, colour: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    (tmp_path / "load.jsonl").write_text('[1, "/", "kept", 200, "t", 1]\n', encoding="utf-8")
    with Screen(Console(file=out, force_terminal=True, width=100, legacy_windows=False)) as story:
        story.called = {"tg-1": "shop blue", "tg-2": "shop green"}
        story.loads.append(tmp_path / "load.jsonl")
        with story.timed("deploy"):
            story.tell("deploy", "app-dev: shop")
        with story.timed("first releases"):
            story.weigh("shop", {"shop blue": 90, "shop green": 10})
            story.check("weights", "shop green gets 10 %", "9.4 %", passed=True)
            story.check("weights", "shop green gets 100 %", "[bold]", passed=False)
            story.tell("shop", f"{'a word ' * 20}end")
    shown = out.getvalue()
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    assert "✓ shop green gets 10 % (9.4 %)" in plain
    assert "✗ shop green gets 100 % ([bold])" in plain
    assert "✓ deploy" in plain
    assert re.search(r"s    shop  a word [a-z ]+\n {11}\w[a-z ]+end *\n", plain)  # beneath itself, not beneath the time
    assert "blue 90 %, green 10 %" in plain
    assert "1 in all, 0 failed" in plain
    assert ("\x1b[32m" in shown) is colour
