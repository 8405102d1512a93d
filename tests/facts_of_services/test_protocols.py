"""Services that the balancer talks to by HTTP/2 or gRPC: their groups, and the bootstrap revision that answers them (H2, C2.3)."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfngen import App, DescriptionError, LedgerError, Service

from .conftest import SMALL, Generated, Render, changed
from .test_tasks import free_port, running, status

HEALTH, NOBODYS = "/grpc.health.v1.Health/Check", "/AWS.ALB/healthcheck"
# One call of each path by HTTP/2 without TLS; prints what came back.
CLIENT = """
const [port, type, ...paths] = process.argv.slice(1), c = require('http2').connect(`http://127.0.0.1:${port}`);
Promise.all(paths.map(path => new Promise((done, fail) => {
  const grpc = type === 'application/grpc', parts = [], all = {path};
  const s = c.request(grpc ? {':method': 'POST', ':path': path, 'content-type': type, te: 'trailers'} : {':path': path});
  s.on('response', h => { all.status = h[':status']; all.type = h['content-type'] ?? null });
  s.on('trailers', t => { all.grpc = t['grpc-status'] });
  s.on('data', d => parts.push(d)).on('error', fail);
  s.on('end', () => { all.body = Buffer.concat(parts).toString('hex'); done(all) });
  s.end(grpc ? Buffer.alloc(5) : undefined);
}))).then(all => { console.log(JSON.stringify(all)); c.close() });
"""


def talk(port: int, kind: str, *paths: str) -> list[dict[str, Any]]:
    node = shutil.which("node")
    assert node
    command = [node, "-e", CLIENT, str(port), kind, *paths]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    answers: list[dict[str, Any]] = json.loads(told)
    return answers


def plain(rendered: Render, **options: Any) -> Generated:
    return rendered(changed(SMALL, "plain", **options))


def groups(made: Generated) -> list[dict[str, Any]]:
    return [
        each["Properties"] for each in made.resolved("service-plain", "ElasticLoadBalancingV2::TargetGroup").values()
    ]


@pytest.mark.parametrize(("path", "code", "answer"), [(HEALTH, "0", "00000000020801"), (NOBODYS, "12", "")])
def test_c2_3_a_bootstrap_of_grpc_answers_what_its_groups_ask(
    path: str, code: str, answer: str, rendered: Render, tmp_path: Path
) -> None:
    port = free_port()
    made = plain(rendered, port=port, protocol_version="GRPC", health_path=path)
    one, other = groups(made)
    assert one == other
    assert (one["Protocol"], one["ProtocolVersion"], one["HealthCheckPath"]) == ("HTTP", "GRPC", path)
    assert one["Matcher"] == {"GrpcCode": code}
    with running(made.bootstrap("plain")["Command"], port, tmp_path):
        asked, elsewhere = talk(port, "application/grpc", path, "/acme.Orders/List")
        assert (asked["status"], asked["type"], asked["grpc"], asked["body"]) == (200, "application/grpc", code, answer)
        assert (elsewhere["status"], elsewhere["grpc"], elsewhere["body"]) == (200, "12", "")


def test_c2_3_a_bootstrap_of_http2_answers_whichever_protocol_the_check_comes_by(
    rendered: Render, tmp_path: Path
) -> None:
    port = free_port()
    made = plain(rendered, port=port, protocol_version="HTTP2", health_path="/alive")
    one, other = groups(made)
    assert one == other
    assert (one["ProtocolVersion"], one["Matcher"]) == ("HTTP2", {"HttpCode": "200-299"})
    with running(made.bootstrap("plain")["Command"], port, tmp_path):
        answers = talk(port, "text/plain", "/alive", "/alive?deep=1", "/", "/alive/")
        assert [each["status"] for each in answers] == [200, 200, 404, 404]
        assert [status(port, path) for path in ("/alive", "/elsewhere")] == [200, 404]


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_h2_a_protocol_version_is_one_of_birth(version: str, rendered: Render) -> None:
    options = {"protocol_version": version, "health_path": HEALTH}
    before = plain(rendered, **options)
    assert before.ledger.births["service plain"]["protocol_version"] == version
    with pytest.raises(LedgerError) as refused:
        rendered(changed(SMALL, "plain", protocol_version="HTTP1", health_path=HEALTH), before.ledger)
    (problem,) = refused.value.problems
    assert problem.option.endswith("protocol_version")
    assert f"born with {version!r}" in problem.fits
    assert "add a second service of the new form" in problem.fits


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_http2_needs_a_listener_that_speaks_it(version: str) -> None:
    app = changed(SMALL, "plain", protocol_version=version, health_path=HEALTH)
    with pytest.raises(DescriptionError, match=r"protocol_version.*HTTPS"):
        replace(app, balancer=replace(app.balancer, https=False))


@pytest.mark.parametrize("path", ["/health", "/a/b/c", "/", "/grpc.health.v1.Health/", "/acme.Orders/List?x"])
def test_a_health_path_of_grpc_is_a_method(path: str) -> None:
    with pytest.raises(DescriptionError, match=r"health_path.*grpc\.health\.v1\.Health/Check"):
        Service(name="orders", protocol_version="GRPC", health_path=path)


def test_services_of_grpc_share_a_health_method_behind_one_host(rendered: Render) -> None:
    """The balancer asks each target for it, past all rules."""
    names = ("billing", "orders", "stock")
    app = App(
        name="mesh",
        services=tuple(
            Service(name=name, protocol_version="GRPC", paths=(f"/acme.{name}.v1.*",), health_path=HEALTH)
            for name in names
        ),
    )
    assert len(rendered(app).every("ElasticLoadBalancingV2::TargetGroup")) == 6
