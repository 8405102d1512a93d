"""What a task of the press says of itself: it is as it was described."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from cfngen.rehearse.visitor import Visitor


def look_desk(visitor: Visitor) -> None:
    """The desk has its variables and secrets, runs as its user on a read-only root, and writes to its volume."""
    page = visitor.open("https://desk.example.com/about")
    about = json.loads(page.locator("pre").inner_text())
    assert about.pop("visits") > 0
    # A whole secret has each key that some task of the press wants of one, those of the database's logins too.
    assert json.loads(about.pop("seal"))["token"] == "rehearsal of SealArn token"
    assert about == {
        "greeting": 'say "hello" to $HOME',
        "site": "paper & ink",
        "token": "rehearsal of DeskTokenArn token",
        "user": 2000,
        "isReadOnly": True,
    }


def look_office(visitor: Visitor) -> None:
    """Somebody from the office's addresses sees the office, also at paths with a wildcard."""
    for path in ("/office", "/ledger-26/november"):
        page = visitor.open(f"https://desk.example.com{path}")
        expect(page.get_by_role("heading", name="Office")).to_be_visible()
        visitor.is_accessible(page)
    visitor.keep(page, "The office")


def look_ink(visitor: Visitor) -> None:
    """The api's containers talk to each other on localhost."""
    page = visitor.open("/v1/ink")
    assert page.locator("pre").inner_text() == "42"


def look_binder(visitor: Visitor) -> None:
    """A job that the api takes is a message, which the binder takes from its queue, and a row, which the api reads."""
    page = visitor.open("/v1/books")
    job = "{method: 'POST', body: JSON.stringify({title: 'Typesetting'})}"
    assert page.evaluate(f"async () => (await fetch('/v1/jobs', {job})).status") == 202
    for _ in range(60):
        if "Typesetting" in page.locator("pre").inner_text():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("the book was never bound")
