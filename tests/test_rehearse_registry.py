"""The front that stands before the rehearsal's registry: what it passes on of a client's request."""

from __future__ import annotations

import http.client
import io
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfngen.rehearse import registry
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.registry import Registry
from cfngen.rehearse.room import loopback, room

KINDS = [f"application/vnd.docker.distribution.manifest.{each}+json" for each in ("v2", "list.v2")]


class Behind(Registry):
    """Notes with which headers the registry behind the front is asked."""

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Any:
        self.asked = method, path, headers
        said = io.BytesIO(b"{}")
        return SimpleNamespace(
            status=200, getheaders=lambda: [("Content-Length", "2")], getheader=lambda _: "2", read=said.read,
            close=said.close,
        )  # fmt: skip


def test_every_kind_of_manifest_that_a_client_takes_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the registry would answer in the oldest form, without the platform and without what a build's cache needs."""
    monkeypatch.setattr(registry, "where", lambda _: "true")
    address, port = loopback([4443]), 4443
    with room(tmp_path / "logs", print) as here:
        monkeypatch.setattr(here, "start", lambda *_, **__: None)
        authority = Authority(here.path("certificates"))
        made = Behind(here, "ours", SimpleNamespace())
        made.open(address, authority.certificate("registry", [address])[0], port)
        client = http.client.HTTPSConnection(
            address, port, context=ssl.create_default_context(cafile=str(authority.file))
        )
        client.putrequest("GET", "/v2/node/manifests/24-alpine")
        for kind in KINDS:
            client.putheader("Accept", kind)
        client.endheaders()
        assert client.getresponse().read() == b"{}"
        client.close()
    assert made.asked[2]["Accept"] == ", ".join(KINDS)
