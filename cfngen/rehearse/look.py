"""Somebody looks at the pages. Run as a program of its own, so that a browser never outlives a rehearsal.

``python -m cfngen.rehearse.look SITE FOLDER RESULTS [FILE]`` takes the looks of the user's own file, then opens every page that
visitors can reach by links, on a desktop and on a phone; results are lines of JSON, screenshots go into the folder.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page

from cfngen.rehearse.browser import SIZES, Watched, accessibility, answered_by, browser, open_page, sideways
from cfngen.rehearse.site import Site
from cfngen.rehearse.visitor import Look, Visitor, looks

_MOST_PAGES = 8
"""Of each service: a shop with a thousand products has few kinds of pages."""
_MOST_TOLD = 600


class Results:
    """Writes results as they come, and screenshots."""

    def __init__(self, out: TextIO, folder: Path) -> None:
        self.out, self.folder = out, folder
        self.count = 0

    def check(self, what: str, wrong: list[str] | str, told: str = "") -> None:
        """Something had to be so; it is when nothing is wrong."""
        said = "; ".join(wrong) if isinstance(wrong, list) else wrong
        self._write(kind="check", what=what, passed=not wrong, told=(said or told)[:_MOST_TOLD])

    def note(self, text: str) -> None:
        self._write(kind="note", text=text[:_MOST_TOLD])

    def unplayed(self, text: str) -> None:
        self._write(kind="unplayed", text=text)

    def keep(self, page: Page, caption: str, size: str) -> None:
        self.count += 1
        name = f"{self.count:02d}-{re.sub(r'[^a-z0-9]+', '-', caption.lower()).strip('-')[:60]}-{size}.png"
        page.screenshot(path=self.folder / name, animations="disabled")
        self._write(kind="shot", caption=caption, size=size, file=name, url=page.url)

    def _write(self, **values: Any) -> None:
        self.out.write(json.dumps(values) + "\n")
        self.out.flush()


def own(started: Browser, site: Site, file: Path, results: Results) -> None:
    """Take each look of the user's file."""
    try:
        found = list(looks(file))
    except Exception:  # noqa: BLE001  (the user's code may fail in any way)
        results.check(f"{file.name} can be read", traceback.format_exc(limit=-1).strip().splitlines()[-1])
        return
    if not found:
        results.check(f"{file.name} has looks", "it has no function whose name begins with look_")
    for what, look in found:
        _take(Visitor(started, site, results.keep), what, look, file, results)


def _take(visitor: Visitor, what: str, look: Look, file: Path, results: Results) -> None:
    wrong: list[str] = []
    try:
        look(visitor)
    except Exception as error:  # noqa: BLE001  (the user's code may fail in any way)
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(file)]
        first = " ".join(str(error).split()) or type(error).__name__
        wrong.append(f"{file.name}:{lines[-1] if lines else '?'}: {first}")
        if visitor.last:
            visitor.keep(visitor.last, f"failed: {what}")
    results.check(what, wrong + visitor.wrong)
    visitor.leave()


def everything(started: Browser, site: Site, results: Results) -> None:
    """Open the pages of every service, on a desktop and on a phone."""
    watched = {size: open_page(started, site, size) for size in SIZES}
    for service, urls in site.services.items():
        found = False
        for url in _reachable(watched["desktop"].page, site, service, results):
            found = True
            for size, each in watched.items():
                _look_at(each, url, size, f"{service} {url.removeprefix(site.origin)}", results)
        if not found:
            results.unplayed(f"pages of {service}: it shows none at {', '.join(urls) or 'any path'}")
    for each in watched.values():
        each.page.context.close()


def _reachable(page: Page, site: Site, service: str, results: Results) -> Iterator[str]:
    """The URLs of a service's pages: those with which one begins, and those to which links lead, one of each kind."""
    first = site.services[service]
    waiting = list(first)
    kinds = {_kind(url) for url in first}
    shown = 0
    while waiting and shown < _MOST_PAGES:
        url = waiting.pop(0)
        try:
            answer = page.goto(url)
        except Error as error:
            results.check(f"{url} opens", " ".join(str(error).split()))
            continue
        if answer is None or answered_by(answer, site) not in (service, ""):
            continue
        if url in first and 400 <= answer.status < 500:
            continue
        if not answer.headers.get("content-type", "").startswith("text/html"):
            results.check(f"{url} opens", f"HTTP {answer.status}" if answer.status >= 400 else "", "it is no page")
            continue
        shown += 1
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href.split('#')[0])"):
            if "/".join(link.split("/")[:3]) in site.origins and _kind(link) not in kinds:
                kinds.add(_kind(link))
                waiting.append(link)
        yield url


def _kind(url: str) -> str:
    """What pages of one kind have in common: /supplier/1 and /supplier/2 are shown alike."""
    return re.sub(r"\d+", "1", urlsplit(url)._replace(scheme="", query="").geturl())


def _look_at(watched: Watched, url: str, size: str, caption: str, results: Results) -> None:
    page = watched.page
    watched.wrong.clear()
    try:
        answer = page.goto(url, wait_until="load")
        status = answer.status if answer else 0
        wrong = [f"HTTP {status}"] if status >= 400 or not status else []
        violations, advice = accessibility(page)
        if over := sideways(page):
            wrong.append(f"{over} pixels wider than its window")
        results.keep(page, caption, size)
    except Error as error:
        wrong, violations, advice = [" ".join(str(error).split())], [], []
    results.check(f"{caption} on a {size}", wrong + watched.wrong + violations)
    for line in advice:
        results.note(f"axe advises for {caption} on a {size}: {line}")


def _interrupted(_: int, __: FrameType | None) -> None:
    sys.exit(130)


def main(site_file: str, folder: str, results_file: str, file: str = "") -> None:
    signal.signal(signal.SIGTERM, _interrupted)
    site = Site.read(Path(site_file))
    with Path(results_file).open("a", encoding="utf-8") as out:
        results = Results(out, Path(folder))
        with browser(site) as started:
            results.note(f"Chromium {started.version}")
            if file:
                own(started, site, Path(file), results)
            everything(started, site, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
