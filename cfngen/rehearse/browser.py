"""Headless Chromium, and what a page does wrong while somebody looks at it.

The machine's own Chromium is driven by Playwright, which brings no browser here. Nothing of the user's is read or
written: profile and home are folders of the rehearsal's, which TMPDIR and HOME name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from cfngen.rehearse.parts import BROWSERS, find
from cfngen.rehearse.rules import TARGET_HEADER
from cfngen.rehearse.site import Site

SIZES: Mapping[str, Mapping[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}
"""A desktop in light colours and a phone in dark ones: both sizes and both schemes are seen in two looks."""
TIMEOUT_MILLISECONDS = 15_000.0
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_SIDEWAYS = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def browser(site: Site) -> Iterator[Browser]:
    """A Chromium that finds the site's hosts and trusts its certificates, and nothing else."""
    program = next(found for name in BROWSERS if (found := find(name)))
    flags = [*_FLAGS]
    if site.pins:
        flags.append(f"--ignore-certificate-errors-spki-list={','.join(site.pins)}")
    if site.hosts:
        mapped = (f"MAP {host} {site.elsewhere.get(host, site.address)}" for host in site.hosts)
        flags.append(f"--host-resolver-rules={','.join(mapped)}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=flags, chromium_sandbox=os.geteuid() != 0, timeout=60_000
        )
        try:
            yield started
        finally:
            started.close()


@dataclass
class Watched:
    """A page, and what went wrong in it so far: exceptions, errors of its console, parts that did not load."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    _visited: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium also reports pages that answer 4xx, and the icon that it looks for where no page names one: what a page
        # should answer is said by who asks for it, and nobody asked for that icon.
        url = message.location["url"]
        is_answer = message.text.startswith("Failed to load resource") and (
            url in self._visited or urlsplit(url).path == "/favicon.ico"
        )
        if message.type == "error" and not is_answer:
            self.wrong.append(f"console: {message.text[:300]}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"{request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if is_page:
            self._visited.add(response.url)
        if response.status >= (500 if is_page else 400):
            self.wrong.append(f"{response.request.method} {response.url}: HTTP {response.status}")


def open_page(started: Browser, site: Site, size: str = "desktop", *, javascript: bool = True) -> Watched:
    """A page in a profile of its own, without cookies."""
    context = started.new_context(base_url=site.origin, java_script_enabled=javascript, **SIZES[size])
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    return Watched(context.new_page())


def sideways(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(page.evaluate(_SIDEWAYS))


def accessibility(page: Page) -> tuple[list[str], list[str]]:
    """What axe finds: violations of WCAG 2.2 AA, and of its own best practices; each with the first place."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    against: tuple[list[str], list[str]] = ([], [])
    for each in found:
        places = [" ".join(str(part) for part in node["target"]) for node in each["nodes"]]
        told = f"{each['id']}: {each['help']}, at {places[0]}" + (f" and {len(places) - 1} more" if places[1:] else "")
        against[not set(_STANDARD) & set(each["tags"])].append(told)
    return against


def answered_by(response: Response | None, site: Site) -> str:
    """The service that gave an answer; empty when none of them did."""
    header = response.headers.get(TARGET_HEADER, "") if response else ""
    return site.owners.get(header.partition("/")[0], "")
