"""The generated smoke test: its code asks a real server and tells the local AWS; what stands around it in a stage."""

from __future__ import annotations

import http.server
import importlib.util
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cfngen import (
    App,
    Balancer,
    CodeCommit,
    DescriptionError,
    FunctionArn,
    Network,
    Pipeline,
    Release,
    Service,
    SmokeTest,
    plan,
)
from cfngen.rehearse.certificates import Authority
from cfngen.render import stage_files
from cfngen.semantics.template import read_template

PAGE = b"<h1>Items</h1>"


@dataclass
class Answers:
    """What a server answers with, one after the other, and what it was asked."""

    statuses: list[int] = field(default_factory=lambda: [200])
    asked: list[tuple[str, str]] = field(default_factory=list)

    def next(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(answers: Answers) -> Iterator[http.server.ThreadingHTTPServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.asked.append((self.headers["Host"], self.path))
            self.send_response(answers.next())
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What CodeDeploy hears through boto3."""
    heard: list[dict[str, str]] = []

    class Client:
        def put_lifecycle_event_hook_execution_status(self, **arguments: str) -> None:
            heard.append(arguments)

    monkeypatch.setattr("boto3.client", {"codedeploy": Client()}.__getitem__)
    return heard


def stage(**options: Any) -> dict[str, str]:
    """The files of a stage with a smoke test of the service `web`."""
    service = {"name": "web", "release": Release(smoke_test=SmokeTest(path="/items?page=1", **options))}
    app = App(name="shop", balancer=Balancer(domain="shop.example.com"), services=(Service(**service),),
              pipeline=Pipeline(source=CodeCommit(create=True)))  # fmt: skip
    return stage_files(app)


def resources(files: Mapping[str, str], file: str) -> dict[str, Any]:
    return dict(read_template(files[file]).section("Resources"))


def as_deployed(
    folder: Path, server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> ModuleType:
    """The function's code out of the template, with the variables that it has there, but for the address."""
    properties = resources(stage(**options), "service-web.yaml")["SmokeTest"]["Properties"]
    host, port = server.server_address[:2]
    own = {"ADDRESS": str(host), "PORT": str(port), "SCHEME": "http"}
    for name, value in (properties["Environment"]["Variables"] | own).items():
        monkeypatch.setenv(name, value)
    module, name = properties["Handler"].split(".")
    file = folder / f"{module}.py"
    file.write_text(properties["Code"]["ZipFile"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(module, file)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.PAUSE_SECONDS = 0  # type: ignore[attr-defined]
    assert callable(getattr(made, name))
    return made


EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}


def said(status: str) -> dict[str, str]:
    return {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": status}


def test_a_right_answer_lets_the_release_go_on(
    tmp_path: Path, server: Any, answers: Answers, told: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_deployed(tmp_path, server, monkeypatch, contains="Items").handler(EVENT, None)
    assert told == [said("Succeeded")]
    assert answers.asked == [(f"shop.example.com:{server.server_port}", "/items?page=1")]


def test_it_asks_again_until_the_answer_is_right(
    tmp_path: Path, server: Any, answers: Answers, told: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.statuses = [503, 503, 200]
    as_deployed(tmp_path, server, monkeypatch).handler(EVENT, None)
    assert told == [said("Succeeded")]
    assert len(answers.asked) == 3


@pytest.mark.parametrize(("options", "why"), [
    ({"status": 204}, "status 200, not 204"),
    ({"contains": "Prices"}, "no 'Prices' in the body"),
])  # fmt: skip
def test_a_wrong_answer_fails_the_release(
    tmp_path: Path, server: Any, told: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], options: dict[str, Any], why: str,
) -> None:  # fmt: skip
    function = as_deployed(tmp_path, server, monkeypatch, **options)
    monkeypatch.setenv("SECONDS", "0")
    function.handler(EVENT, None)
    assert told == [said("Failed")]
    assert capsys.readouterr().out == f"GET /items?page=1: {why}\n"


def test_codedeploy_hears_at_once_of_a_function_that_breaks(
    tmp_path: Path, server: Any, told: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = as_deployed(tmp_path, server, monkeypatch)
    monkeypatch.setenv("SECONDS", "soon")
    with pytest.raises(ValueError, match="soon"):
        function.handler(EVENT, None)
    assert told == [said("Failed")]


@pytest.mark.parametrize(("host", "status"), [("shop.example.com", "Succeeded"), ("other.example.com", "Failed")])
def test_the_certificate_must_be_for_the_name(
    tmp_path: Path, server: Any, told: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, host: str, status: str
) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("balancer", ["shop.example.com"]))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    function = as_deployed(tmp_path, server, monkeypatch, host=host)
    for name, value in {"SCHEME": "https", "SECONDS": "0", "SSL_CERT_FILE": str(authority.file)}.items():
        monkeypatch.setenv(name, value)
    function.handler(EVENT, None)
    assert told == [said(status)]


def test_it_comes_to_the_test_listener_and_the_release_calls_it() -> None:
    files = stage()
    (ingress,) = (
        each for name, each in resources(files, "cluster.yaml").items() if name.startswith("SmokeTestIngress1")
    )
    assert ingress["Properties"]["FromPort"] == 8080
    network = read_template(files["network.yaml"]).section("Outputs")
    assert network["Addresses1"]["Value"] == {"Ref": "NatAddress1"}
    service = resources(files, "service-web.yaml")
    rights = service["DeployRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    invoke = [each["Resource"] for each in rights if each["Action"] == ["lambda:InvokeFunction"]]
    assert invoke == [[{"Fn::GetAtt": ["SmokeTest", "Arn"]}]]
    assert "  - AfterAllowTestTraffic: ${STACK_HOOK_AfterAllowTestTraffic}\n" in files["web/appspec.yaml"]
    build = resources(files, "pipeline-web.yaml")["BuildProject"]["Properties"]["Environment"]["EnvironmentVariables"]
    assert {
        "Name": "STACK_HOOK_AfterAllowTestTraffic",
        "Type": "PLAINTEXT",
        "Value": {"Ref": "ServiceWebHooksAfterAllowTestTraffic"},
    } in build


def test_without_it_nothing_of_it_is_there() -> None:
    app = App(name="shop", services=(Service(name="web"),), pipeline=Pipeline(source=CodeCommit(create=True)))
    for text in stage_files(app).values():
        assert "SmokeTest" not in text
        assert "HOOK" not in text
        assert "lambda:" not in text


def test_functions_of_ones_own_are_called_at_their_events() -> None:
    hooks = {
        "BeforeInstall": FunctionArn.parameter("BeforeArn"),
        "AfterAllowTraffic": FunctionArn.parameter("AfterArn"),
    }
    service = Service(name="web", release=Release(hooks=hooks, smoke_test=SmokeTest(path="/")))
    app = App(name="shop", balancer=Balancer(domain="shop.example.com"), services=(service,),
              pipeline=Pipeline(source=CodeCommit(create=True)))  # fmt: skip
    files = stage_files(app)
    events = [
        line.split(":")[0].strip(" -") for line in files["web/appspec.yaml"].partition("Hooks:\n")[2].splitlines()
    ]
    assert events == ["BeforeInstall", "AfterAllowTestTraffic", "AfterAllowTraffic"]
    statement = resources(files, "service-web.yaml")["DeployRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    assert statement["Statement"][-1]["Resource"] == [
        {"Fn::GetAtt": ["SmokeTest", "Arn"]}, {"Ref": "AfterArn"}, {"Ref": "BeforeArn"},
    ]  # fmt: skip


def test_without_addresses_to_come_by_it_is_refused() -> None:
    service = Service(name="web", release=Release(smoke_test=SmokeTest(path="/", host="a.example.com")))
    for network in (Network(existing=True), Network(nat="none", bootstrap_image="bootstrap:node-22")):
        with pytest.raises(DescriptionError, match="by the addresses of NAT gateways, and this network tells of none"):
            App(name="shop", services=(service,), network=network)


@pytest.mark.parametrize(("service", "balancer", "told"), [
    ({"protocol_version": "HTTP2", "release": Release(smoke_test=SmokeTest(path="/", host="a.example.com"))}, {},
     "speaks HTTP/1.1"),
    ({"headers": {"X-Version": ("beta",)}, "release": Release(smoke_test=SmokeTest(path="/", host="a.example.com"))}, {},
     "asks by GET and sends no header of its own; give a hook of your own by hooks"),
    ({"methods": ("POST",), "release": Release(smoke_test=SmokeTest(path="/", host="a.example.com"))}, {},
     "asks by GET and sends no header of its own; give a hook of your own by hooks"),
    ({"query": {"v": ("2",)}, "release": Release(smoke_test=SmokeTest(path="/", host="a.example.com"))}, {},
     "this one reaches nobody"),
    ({"release": Release(smoke_test=SmokeTest(path="/items"))}, {}, "one with a host that the certificate is for, because it checks"),
    ({"allowed_addresses": ("203.0.113.0/24",), "release": Release(smoke_test=SmokeTest(path="/items", host="a.example.com"))}, {},
     "comes from none of the service's allowed_addresses"),
    ({"hosts": ("*.example.com",), "release": Release(smoke_test=SmokeTest(path="/items"))}, {"domain": "example.com"},
     "a path that reaches 'web' by its own rules; at example.com this one reaches nobody"),
    ({"paths": ("/shop/*",), "health_path": "/shop/health", "release": Release(smoke_test=SmokeTest(path="/items"))},
     {"https": False}, "this one reaches nobody"),
])  # fmt: skip
def test_what_could_never_be_right_is_refused(service: dict[str, Any], balancer: dict[str, Any], told: str) -> None:
    with pytest.raises(DescriptionError, match=told.replace("(", r"\(")):
        plan(App(name="shop", balancer=Balancer(**balancer), services=(Service(name="web", **service),)))
