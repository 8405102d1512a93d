"""Where a browser begins, whom it trusts, and how a file of one's own looks is read; no browser is started here."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfngen.rehearse import looking, parts
from cfngen.rehearse.certificates import Authority, pin
from cfngen.rehearse.deployed import Listener, TargetGroup
from cfngen.rehearse.errors import MissingPartsError, RehearsalError
from cfngen.rehearse.relay import relay
from cfngen.rehearse.room import room
from cfngen.rehearse.rules import TELLER
from cfngen.rehearse.site import Site, site_of, visitor_of
from cfngen.rehearse.story import Story
from cfngen.rehearse.visitor import looks


def rule(group: str, **conditions: list[str]) -> dict[str, Any]:
    kinds = {"path": ("path-pattern", "PathPatternConfig"), "host": ("host-header", "HostHeaderConfig"),
             "method": ("http-request-method", "HttpRequestMethodConfig"), "client": ("source-ip", "SourceIpConfig")}  # fmt: skip
    told = [{"Field": kinds[name][0], kinds[name][1]: {"Values": values}} for name, values in conditions.items()]
    return {
        "RuleArn": "r",
        "IsDefault": not told,
        "Conditions": told,
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }


def stage(tmp_path: Path, protocol: str, port: int, *rules: dict[str, Any]) -> Any:
    services = [
        SimpleNamespace(short=name, pair=(f"{name}-1", f"{name}-2"), production="l", test="t")
        for name in ("shop", "back")
    ]
    groups = {arn: TargetGroup(arn, {"TargetGroupName": arn}, {}) for each in services for arn in each.pair}
    certificate, _ = Authority(tmp_path).certificate("balancer", ["127.64.0.9"])
    return SimpleNamespace(
        services=services, listeners=[Listener("l", port, protocol, rules, ()), Listener("t", 8080, "HTTP", rules, ())],
        proxy=SimpleNamespace(address="127.64.0.9", groups=groups, certificate=certificate),
        wanted=SimpleNamespace(stack="app-dev"),
    )  # fmt: skip


def test_a_visitor_begins_where_the_production_rules_lead_to_a_service(tmp_path: Path) -> None:
    site = site_of(
        stage(tmp_path, "HTTP", 80, rule("back-1", path=["/admin", "/admin/*"]), rule("back-1", path=["/in"], method=["POST"]),
              rule("shop-2"))
    )  # fmt: skip
    assert site.services == {"shop": ["http://127.64.0.9/"], "back": ["http://127.64.0.9/admin"]}
    assert site.origin == "http://127.64.0.9"
    assert site.owners["tg-back-2"] == "back"
    assert not site.pins


def test_hosts_lead_to_the_balancer_whose_key_is_trusted(tmp_path: Path) -> None:
    given = stage(
        tmp_path,
        "HTTPS",
        8443,
        rule("back-1", host=["*.example.com"], path=["/a/*"]),
        rule("shop-1", host=["example.com"]),
    )
    site = site_of(given)
    assert site.services["back"] == ["https://x.example.com:8443/a/"]
    assert site.hosts == ("example.com", "x.example.com")
    assert site.origins == {"https://x.example.com:8443", "https://example.com:8443"}
    assert site.pins == (pin(given.proxy.certificate),)
    site.write(tmp_path / "site.json")
    assert Site.read(tmp_path / "site.json") == site


def test_a_visitor_comes_from_an_address_that_a_rule_asks_for(tmp_path: Path) -> None:
    given = stage(tmp_path, "HTTP", 80, rule("back-1", path=["/admin"], client=["203.0.113.0/24"]), rule("shop-1"))
    assert visitor_of(given) == "203.0.113.1"
    assert site_of(given).services == {"shop": ["http://127.64.0.9/"], "back": []}
    site = site_of(given, "127.64.0.77", "203.0.113.1")
    assert site.services == {"shop": ["http://127.64.0.77/"], "back": ["http://127.64.0.77/admin"]}
    assert visitor_of(stage(tmp_path, "HTTP", 80, rule("shop-1"))) == ""


def test_a_relay_tells_whose_connection_it_is_and_passes_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as balancer:
        port = balancer.getsockname()[1]
        with (
            relay("127.0.0.1", [port], "203.0.113.7") as address,
            socket.create_connection((address, port), 10) as browser,
        ):
            browser.sendall(b"question")
            connection, (client, _) = balancer.accept()
            with connection:
                assert client == TELLER
                told = b""
                while not told.endswith(b"question"):
                    told += connection.recv(1000)
                assert told == f"PROXY TCP4 203.0.113.7 127.0.0.1 50000 {port}\r\nquestion".encode()
                connection.sendall(b"answer")
                assert browser.recv(1000) == b"answer"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, port), 10)


def test_a_pin_is_the_digest_of_the_public_key(tmp_path: Path) -> None:
    file, _ = Authority(tmp_path).certificate("server", ["example.com"])
    key = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    told = base64.b64decode(b"".join(key.splitlines()[1:-1]))
    assert pin(file) == base64.b64encode(hashlib.sha256(told).digest()).decode()


def test_looks_are_read_in_their_order_with_what_they_say(tmp_path: Path) -> None:
    file = tmp_path / "shop_look.py"
    file.write_text(
        'def look_z(v):\n    """People buy.\n\n    More."""\n\ndef look_at_it(v): pass\n\ndef other(v): pass\n',
        encoding="utf-8",
    )
    assert [what for what, _ in looks(file)] == ["People buy", "at it"]


def test_the_looks_of_the_coffee_shop_can_be_read() -> None:
    project = Path(__file__).parents[1]
    assert len(list(looks(project / "services" / "coffee_look.py"))) == 7


def test_any_browser_of_the_family_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_SYSTEM", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MissingPartsError, match=r"chromium: not installed; looks at the pages(.|\n)*install .*chromium"
    ):
        parts.check(parts.LOOK)
    program = tmp_path / "google-chrome"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert parts.LOOK[0].is_there


def test_a_browser_that_does_not_start_ends_the_rehearsal_with_what_it_said(tmp_path: Path) -> None:
    broken = SimpleNamespace(write=lambda file: file.write_text("no JSON", encoding="utf-8"))
    story = Story(lambda _: None)
    with room(tmp_path, print) as here, pytest.raises(RehearsalError, match="browser"):
        looking.look_at(broken, here, story, None)  # type: ignore[arg-type]
    assert not story.checks
