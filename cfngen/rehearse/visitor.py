"""What a look of one's own gets: a visitor with a browser.

A file beside the description, named as it with `_look` at its end (``services/coffee.py``, ``services/coffee_look.py``),
has functions whose names begin with `look_`. Each is called with a `Visitor` of its own and is a check of the
rehearsal: it fails with whatever it raises, and when a page that it opened logs an error. The first line of its
docstring says what has to be so.
"""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from cfngen.rehearse.browser import Watched, accessibility, open_page, sideways
from cfngen.rehearse.site import Site

Keep = Callable[[Page, str, str], None]
"""Keeps a screenshot of a page: the page, its caption, its size."""


class Visitor:
    """Opens pages of a site as somebody who was never there before."""

    def __init__(self, browser: Browser, site: Site, keep: Keep) -> None:
        self.site = site
        self._browser = browser
        self._keep = keep
        self._opened: list[tuple[Watched, str]] = []

    def open(self, path: str, *, size: str = "desktop", javascript: bool = True) -> Page:
        """A page of the site in a profile of its own; `size` is `desktop` or `phone`. Returns Playwright's page."""
        watched = open_page(self._browser, self.site, size, javascript=javascript)
        self._opened.append((watched, size))
        watched.page.goto(path)
        return watched.page

    def keep(self, page: Page, caption: str) -> None:
        """Keep a screenshot for the report."""
        size = next((size for watched, size in self._opened if watched.page is page), "desktop")
        self._keep(page, caption, size)

    def is_accessible(self, page: Page) -> None:
        """Raise `AssertionError` where a page is wider than its window, or violates WCAG 2.2 AA as far as axe sees."""
        wrong, _ = accessibility(page)
        if over := sideways(page):
            wrong.append(f"{over} pixels wider than its window")
        assert not wrong, f"{page.url}: {'; '.join(wrong)}"

    @property
    def wrong(self) -> list[str]:
        """What went wrong in the pages that were opened."""
        return [told for watched, _ in self._opened for told in watched.wrong]

    @property
    def last(self) -> Page | None:
        return self._opened[-1][0].page if self._opened else None

    def leave(self) -> None:
        """Close every page."""
        for watched, _ in self._opened:
            watched.page.context.close()


Look = Callable[[Visitor], None]


def looks(file: Path) -> Iterator[tuple[str, Look]]:
    """The looks of a file in their order, each with what it says has to be so."""
    for name, found in runpy.run_path(str(file)).items():
        if name.startswith("look_") and callable(found):
            told = (inspect.getdoc(found) or "").partition("\n")[0].rstrip(".")
            yield told or name.removeprefix("look_").replace("_", " "), found
