"""The look can fail: pages that are wrong in one way each, in a real Chromium. `make test-browser` runs it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse.certificates import Authority, pin
from cfngen.rehearse.site import Site

HEAD = '<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width">{}</head>'
PAGES = {
    "/": HEAD.format('<link rel="icon" href="data:,">')
    + '<body><main><h1>Shop</h1><a href="/item/1">One</a> <a href="/item/2">Two</a> <a href="/other">Other</a></main></body></html>',
    "/item/1": HEAD.format('<link rel="icon" href="data:,">') + "<body><main><h1>Item</h1></main></body></html>",
    "/plain": HEAD.format("") + "<body><main><h1>No icon</h1></main></body></html>",
    "/console": '<script>console.error("oh no")</script>',
    "/exception": "<script>nothing()</script>",
    "/missing": '<img src="/gone.png" alt="a picture">',
    "/contrast": '<p style="color:#ccc;background:#fff">pale</p>',
    "/label": "<input>",
    "/wide": '<div style="width:2000px">wide</div>',
    "/down": "",
}


class Shop(BaseHTTPRequestHandler):
    """Answers pages; what other paths say is one of two services."""

    def do_GET(self) -> None:
        found = PAGES.get(self.path)
        status = 500 if self.path == "/down" else 200 if found is not None else 404
        text = found or ""
        if not text.startswith("<!doctype"):
            text = (
                HEAD.format('<link rel="icon" href="data:,">') + f"<body><main><h1>Shop</h1>{text}</main></body></html>"
            )
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("x-rehearsal-target", "tg-other/s1" if self.path == "/other" else "tg-shop/s1")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as made:
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def look(tmp_path: Path, site: Site, *more: str) -> list[dict[str, Any]]:
    """What the look says of a site."""
    site.write(tmp_path / "site.json")
    words = [str(tmp_path / "site.json"), str(tmp_path), str(tmp_path / "results.jsonl"), *more]
    # The path of a socket has to be short: pytest's own folders are too deep for Chromium.
    with tempfile.TemporaryDirectory() as home:
        own = os.environ | {"HOME": home, "TMPDIR": home}
        done = subprocess.run(
            [sys.executable, "-m", "cfngen.rehearse.look", *words], env=own, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def site_of(origin: str, *paths: str, **more: Any) -> Site:
    return Site(
        "app",
        "127.0.0.1",
        origin,
        {"shop": [origin + path for path in paths]},
        {"tg-shop": "shop", "tg-other": "other"},
        **more,
    )


def checks(told: list[dict[str, Any]]) -> dict[str, str]:
    """Each check, with what was wrong or nothing."""
    return {each["what"]: "" if each["passed"] else each["told"] for each in told if each["kind"] == "check"}


def test_each_kind_of_page_that_a_service_answers_is_seen_on_both_sizes(
    tmp_path: Path, server: ThreadingHTTPServer
) -> None:
    told = look(tmp_path, site_of(f"http://127.0.0.1:{server.server_port}", "/"))
    sizes = [f"shop {path} on a {size}" for path in ("/", "/item/1") for size in ("desktop", "phone")]
    assert checks(told) == dict.fromkeys(sizes, "")
    shots = [each["file"] for each in told if each["kind"] == "shot"]
    assert len(shots) == 4
    assert all((tmp_path / file).read_bytes().startswith(b"\x89PNG") for file in shots)


def test_what_is_wrong_with_a_page_fails_its_check(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    wrong = {
        "/console": "console: oh no",
        "/exception": "exception: nothing is not defined",
        "/missing": "/gone.png: HTTP 404",
        "/contrast": "color-contrast",
        "/label": "label: Form elements must have labels",
        "/wide": "pixels wider than its window",
        "/down": "HTTP 500",
    }
    found = checks(look(tmp_path, site_of(f"http://127.0.0.1:{server.server_port}", *wrong)))
    assert [what for what, said in found.items() if not said] == []
    for path, said in wrong.items():
        assert said in found[f"shop {path} on a phone"]


def test_a_look_of_ones_own_fails_with_its_line_and_is_watched(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    file = tmp_path / "shop_look.py"
    file.write_text(
        "def look_good(visitor):\n"
        '    """All is well."""\n'
        '    page = visitor.open("/plain", javascript=False)\n'
        '    visitor.keep(page, "The shop")\n'
        "\n\ndef look_bad(visitor):\n"
        '    """There are three items."""\n'
        '    assert visitor.open("/").locator("a").count() == 4, "there are three"\n'
        "\n\ndef look_watched(visitor):\n"
        '    """It says nothing wrong."""\n'
        '    visitor.open("/console")\n',
        encoding="utf-8",
    )
    told = look(tmp_path, site_of(f"http://127.0.0.1:{server.server_port}"), str(file))
    found = checks(told)
    assert found["All is well"] == ""
    assert found["There are three items"] == "shop_look.py:9: there are three"
    assert found["It says nothing wrong"] == "console: oh no"
    assert {"The shop", "failed: There are three items"} <= {each.get("caption") for each in told}


def test_a_certificate_is_trusted_by_its_key_alone(tmp_path: Path, server: ThreadingHTTPServer) -> None:
    authority = Authority(tmp_path)
    file, _ = authority.certificate("balancer", ["127.0.0.1"])
    other, _ = authority.certificate("other", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    origin = f"https://www.shop.example.com:{server.server_port}"
    named = {"hosts": ("www.shop.example.com",)}
    assert checks(look(tmp_path, site_of(origin, "/", pins=(pin(file),), **named)))["shop / on a phone"] == ""
    (tmp_path / "results.jsonl").unlink()
    refused = checks(look(tmp_path, site_of(origin, "/", pins=(pin(other),), **named)))
    assert "ERR_CERT" in refused[f"{origin}/ opens"]
