"""Listener rules in a real haproxy answer as the simulator's oracle says. Run by ``make test-integration``, since it needs haproxy.

Not collected by `make test`, which wants Python, Node and pip alone: ``pytest -n0 tests/rules_in_haproxy.py``.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cfngen import App, Balancer, Service, plan
from cfngen.rehearse import grpc, rules
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployed import Listener, TargetGroup
from cfngen.rehearse.parts import ROUTE, find
from cfngen.rehearse.places import Connection, Place
from cfngen.rehearse.room import answers, loopback, stop, wait
from cfngen.request import Request
from cfngen.routing import Rule, owner
from cfngen.simulate.requests import holds

GROUPS = ("one", "two", "three", "four", "five", "six")
_NUMBERS = count()
# A process for each example: a smaller one that fails as well would cost as many again.
BOUNDED = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


@pytest.fixture(scope="module", autouse=True)
def haproxy() -> str:
    """Its path; a machine without it is told how to get it."""
    part = ROUTE[0]
    found = find(part.program)
    assert found, f"haproxy is not installed; on Debian: apt-get install --no-install-recommends {part.package}"
    return found


class _Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_PURGE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


class _Targets(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A connection that ended with its haproxy."""


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    """The port of a server that answers everything; it stands in each target group."""
    server = _Targets(("127.0.0.1", 0), _Target)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def group(name: str, version: str = "HTTP1") -> TargetGroup:
    told = {
        "ProtocolVersion": version,
        "TargetGroupName": name,
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 15,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 3,
    }
    return TargetGroup(name, told, {})


@contextmanager
def running(
    place: Path, target: int, found: Sequence[Mapping[str, Any]], protocol: str = "HTTP", version: str = "HTTP1"
) -> Iterator[tuple[str, int]]:
    """haproxy with one listener of these rules; yields its address and port, and ends it by its pid."""
    folder = place / str(next(_NUMBERS))
    folder.mkdir()
    host, port = loopback([8080]), 8080
    certificate, _ = (
        Authority(folder).certificate("balancer", [host]) if protocol == "HTTPS" else (folder / "none", None)
    )
    listener = Listener("l", port, protocol, tuple(found), ("0.0.0.0/0", "::/0"))
    text = rules.configuration(
        [listener], {name: group(name, version) for name in GROUPS}, host, folder / "s", certificate, 60
    )
    (folder / "cfg").write_text(text, encoding="utf-8")
    program = find("haproxy")
    assert program
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-db", "-f", str(folder / "cfg")], stdout=log, stderr=log)
    try:
        wait(lambda: (folder / "s").exists() and answers(host, port), "haproxy", 20, process, folder / "log")
        for name in GROUPS:
            server = f"tg-{name}/s1"
            for command in (f"{server} addr 127.0.0.1 port {target}", f"{server} state ready", f"{server} health up"):
                tell(folder / "s", f"set server {command}")
        yield host, port
    finally:
        stop(process)


def tell(admin: Path, command: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(admin))
        connection.sendall(f"{command}\n".encode())
        return connection.recv(1 << 16).decode()


def asked(host: str, port: int, request: Request, authority: Any = None) -> tuple[int, str, str, str]:
    """Status, who answered, where it leads and the body."""
    query = f"?{'&'.join(f'{key}={value}' for key, value in request.query)}" if request.query else ""
    connection = Connection(host, port, Place(request.path, request.host, request.address), authority)
    try:
        connection.putrequest(request.method, request.path + query, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", request.host), *request.headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read().decode()
        who = (answer.getheader(rules.TARGET_HEADER) or "").partition("/")[0].removeprefix("tg-")
        return answer.status, who, answer.getheader("Location") or "", body
    finally:
        connection.close()


PATHS = ("/", "/*", "/admin", "/admin/*", "/Admin", "/a?min", "/a.b/*", "/a+b", "/*/x", "/it's", "/$a~b&c", '/"q"')
HOSTS = ("shop.example.com", "*.example.com", "SHOP.Example.com", "s?op.example.com", "other.example.org")
QUERIES = (
    {"Key": "v", "Value": "2"},
    {"Value": "be*"},
    {"Key": "k*", "Value": "?"},
    {"Key": "v", "Value": ""},
    {"Value": "a\\*?"},
)
HEADERS = (
    ("X-Version", ("2", "beta*")),
    ("x-version", ("BETA, 2",)),
    ("User-Agent", ("*Mobile*", "curl/?.*")),
    ("X-Empty", ("?*",)),
)


def some(values: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique_by=str)


CONDITIONS = st.one_of(
    some(PATHS).map(lambda each: {"Field": "path-pattern", "PathPatternConfig": {"Values": each}}),
    some(PATHS).map(lambda each: {"Field": "path-pattern", "Values": each}),
    some(HOSTS).map(lambda each: {"Field": "host-header", "HostHeaderConfig": {"Values": each}}),
    some(("GET", "POST", "PURGE")).map(
        lambda each: {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": each}}
    ),
    some(("203.0.113.0/24", "203.0.113.7/32", "2001:db8::/32", "10.0.0.0/8")).map(
        lambda each: {"Field": "source-ip", "SourceIpConfig": {"Values": each}}
    ),
    some(QUERIES).map(lambda each: {"Field": "query-string", "QueryStringConfig": {"Values": each}}),
    st.sampled_from(HEADERS).map(
        lambda each: {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": each[0], "Values": list(each[1])}}
    ),
)
ACTIONS = st.one_of(
    st.sampled_from(GROUPS).map(lambda name: {"Type": "forward", "TargetGroupArn": name}),
    st.sampled_from(GROUPS).map(lambda name: weighted({each: int(each == name) for each in GROUPS})),
    st.sampled_from(("403", "404", "503")).map(
        lambda code: {
            "Type": "fixed-response",
            "FixedResponseConfig": {"StatusCode": code, "MessageBody": 'no "$x" \\ \n'},
        }
    ),
)
REQUESTS = st.builds(
    Request,
    path=st.sampled_from(
        (
            "/",
            "/admin",
            "/admin/",
            "/admin/x",
            "/administrator",
            "/Admin",
            "/armin",
            "/a.b/c",
            "/aXb/c",
            "/a+b",
            "/q/x",
            "/it's",
            "/$a~b&c",
            '/"q"',
        )
    ),
    host=st.sampled_from(
        ("shop.example.com", "Shop.EXAMPLE.com", "www.example.com", "example.com", "other.example.org")
    ),
    address=st.sampled_from(("203.0.113.7", "203.0.113.8", "192.0.2.1", "10.1.2.3", "2001:db8::5")),
    method=st.sampled_from(("GET", "POST", "PUT", "PURGE")),
    headers=st.lists(
        st.sampled_from(
            (
                ("X-Version", "2"),
                ("X-Version", "Beta 7"),
                ("X-Version", "beta, 2"),
                ("User-Agent", "A Mobile, B"),
                ("User-Agent", "curl/8.1"),
                ("X-Empty", ""),
            )
        )
    ).map(lambda each: tuple(each[:3])),
    query=st.lists(
        st.sampled_from(
            (
                ("v", "2"),
                ("v", "3"),
                ("V", "2"),
                ("xv", "2"),
                ("k1", "x"),
                ("k", ""),
                ("name", "beta"),
                ("name", "BETA"),
                ("w", "A*b"),
                ("w", "acb"),
                ("v", ""),
            )
        )
    ).map(lambda each: tuple(each[:3])),
)


def weighted(weights: Mapping[str, int]) -> dict[str, Any]:
    groups = [{"TargetGroupArn": name, "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def rule(number: int, action: Mapping[str, Any], conditions: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"RuleArn": f"r/{number}", "IsDefault": not conditions, "Conditions": list(conditions), "Actions": [action]}


NOTHING = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "nothing"}}


def expected(found: Sequence[Mapping[str, Any]], request: Request) -> tuple[int, str]:
    """Status and target group, by the simulator's conditions."""
    action = next(each for each in found if all(holds(one, request) for one in each["Conditions"]))["Actions"][0]
    if action["Type"] == "fixed-response":
        return int(action["FixedResponseConfig"]["StatusCode"]), ""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    return 200, next((each["TargetGroupArn"] for each in groups if each["Weight"]), action.get("TargetGroupArn"))


@given(
    found=st.lists(st.tuples(ACTIONS, st.lists(CONDITIONS, min_size=1, max_size=3)), min_size=1, max_size=6),
    requests=st.lists(REQUESTS, min_size=25, max_size=40),
)
@settings(BOUNDED, max_examples=40)
def test_every_kind_of_rule_takes_the_requests_that_the_simulator_says(
    tmp_path_factory: pytest.TempPathFactory, target: int, found: Any, requests: list[Request]
) -> None:
    listed = [rule(number, action, conditions) for number, (action, conditions) in enumerate(found)] + [
        rule(99, NOTHING)
    ]
    with running(tmp_path_factory.getbasetemp(), target, listed) as (host, port):
        seen = {str(each): asked(host, port, each)[:2] for each in requests}
    wanted = {str(each): expected(listed, each) for each in requests}
    wrong = {text: (seen[text], want) for text, want in wanted.items() if seen[text] != want}
    assert not wrong, listed


@given(requests=st.lists(REQUESTS, min_size=40, max_size=60))
@settings(BOUNDED, max_examples=4)
def test_generated_rules_give_a_request_to_the_service_that_owns_it(
    tmp_path_factory: pytest.TempPathFactory, target: int, requests: list[Request]
) -> None:
    """The service that a description gives a request to (`cfngen.routing.owner`) answers it."""
    app = App(
        name="shop",
        services=(
            Service(name="one", paths=("/*",)),
            Service(name="two", paths=("/admin", "/admin/*"), health_path="/admin/health"),
            Service(
                name="three",
                paths=("/a?min", "/a.b/*"),
                hosts=("shop.example.com",),
                health_path="/a.b/up",
                allowed_addresses=("203.0.113.0/24", "2001:db8::/32"),
            ),
            Service(name="four", paths=("/admin", "/about"), headers={"X-Version": ("2", "b*")}, health_path="/about"),
            Service(name="five", paths=("/admin",), methods=("POST",), query={"v": ("2", "3*")}, health_path="/admin"),
            Service(name="six", paths=("/*",), methods=("PURGE", "PUT")),
        ),
        balancer=Balancer(https=False),
    )
    listed = [
        rule(each.priority, weighted({each.match.claimant: 1}), conditions_of(each.match))
        for each in sorted(priorities(app), key=lambda each: each.priority)
    ]
    with running(tmp_path_factory.getbasetemp(), target, [*listed, rule(0, NOTHING)]) as (host, port):
        for each in requests:
            wanted = owner(app, replace(each, host=each.host.lower())) or ""
            assert asked(host, port, each)[1] == wanted, str(each)
        for path, name in (("/administrator", "one"), ("/admin", "two"), ("/admin/", "two"), ("/Admin", "one")):
            assert asked(host, port, Request(path, "www.example.com"))[1] == name


def priorities(app: App) -> list[Rule]:
    return [each for found in plan(app).rules.values() for each in found if each.listener == "http"]


def conditions_of(match: Any) -> list[dict[str, Any]]:
    kinds = (("path-pattern", match.paths), ("host-header", match.hosts), ("source-ip", match.addresses))
    plain = [{"Field": field, "Values": list(values)} for field, values in kinds if values]
    named = [{"HttpHeaderName": name, "Values": list(values)} for name, values in match.headers]
    keys = [[{"Key": name, "Value": value} for value in values] for name, values in match.query]
    methods = [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": list(match.methods)}}]
    return [
        *plain,
        *({"Field": "http-header", "HttpHeaderConfig": each} for each in named),
        *({"Field": "query-string", "QueryStringConfig": {"Values": each}} for each in keys),
        *(methods if match.methods else ()),
    ]


REDIRECTS = (
    ({}, "http://shop.example.com:8080/a/b?v=2", "http://shop.example.com:8080/a/b"),
    ({"Protocol": "HTTPS", "Port": "443"}, "https://shop.example.com:443/a/b?v=2", "https://shop.example.com:443/a/b"),
    (
        {"Host": "www.#{host}", "Path": "/new/#{path}/#{port}", "Query": "#{query}&from=#{host}"},
        "http://www.shop.example.com:8080/new/a/b/8080?v=2&from=shop.example.com",
        "http://www.shop.example.com:8080/new/a/b/8080?&from=shop.example.com",
    ),
    (
        {"Protocol": "#{protocol}", "Path": "/50%/it's", "Query": "plain=1"},
        "http://shop.example.com:8080/50%/it's?plain=1",
        "http://shop.example.com:8080/50%/it's?plain=1",
    ),
)


def test_redirects_fill_in_what_they_keep_of_the_request(tmp_path: Path, target: int) -> None:
    found = [
        rule(number, {"Type": "redirect", "RedirectConfig": {**told, "StatusCode": code}}, [header(number)])
        for number, ((told, *_), code) in enumerate(zip(REDIRECTS, ("HTTP_301", "HTTP_302") * 2, strict=True))
    ]
    with running(tmp_path, target, [*found, rule(99, NOTHING)]) as (host, port):
        for number, (_, with_query, without) in enumerate(REDIRECTS):
            for query, wanted in (((("v", "2"),), with_query), ((), without)):
                request = Request("/a/b", headers=(("X-Rule", str(number)),), query=query)
                status, _, location, _ = asked(host, port, request)
                assert (status, location) == ((301, 302)[number % 2], wanted)


def header(number: int) -> dict[str, Any]:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Rule", "Values": [str(number)]}}


def test_a_fixed_response_says_its_text_to_the_letter(tmp_path: Path, target: int) -> None:
    told = {"StatusCode": "418", "ContentType": "text/html", "MessageBody": "a \"b\" \\ $HOME 'c' %[src]\nd"}
    with running(tmp_path, target, [rule(1, {"Type": "fixed-response", "FixedResponseConfig": told})]) as (host, port):
        status, _, _, body = asked(host, port, Request("/"))
    assert (status, body) == (418, told["MessageBody"])


def test_https_is_what_a_redirect_keeps(tmp_path: Path, target: int) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    found = [rule(1, {"Type": "redirect", "RedirectConfig": {"Path": "/x", "StatusCode": "HTTP_301"}})]
    with running(tmp_path, target, found, "HTTPS") as (host, port):
        assert asked(host, port, Request("/"), trusting)[2] == "https://shop.example.com:8080/x"


@pytest.mark.parametrize("weights", [{"one": 75, "two": 25}, {"one": 1, "two": 0, "three": 4}, {"one": 999, "two": 1}])
def test_traffic_is_split_as_the_weights_say(tmp_path: Path, target: int, weights: dict[str, int]) -> None:
    asks = 1000
    with running(tmp_path, target, [rule(1, weighted(weights))]) as (host, port):
        seen = Counter(many(host, port, asks))
    for name, weight in weights.items():
        part = weight / sum(weights.values())
        # Five standard deviations: once in more than a million runs.
        assert abs(seen[name] - asks * part) <= 5 * (asks * part * (1 - part)) ** 0.5 + 1e-9, seen


def test_nobody_answers_where_no_group_has_a_weight(tmp_path: Path, target: int) -> None:
    with running(tmp_path, target, [rule(1, weighted({"one": 0, "two": 0}))]) as (host, port):
        assert asked(host, port, Request("/"))[0] == 503


def test_where_no_target_is_healthy_all_of_them_are_asked_and_without_any_nobody_answers(
    tmp_path: Path, target: int
) -> None:
    """As on an ALB (ELB guide, target group health: fail open)."""
    with running(tmp_path, target, [rule(1, weighted({"one": 1}))]) as (host, port):
        admin = next(tmp_path.glob("*/s"))
        for command in (f"addr 127.0.0.1 port {target}", "state ready"):
            tell(admin, f"set server open-tg-one/s1 {command}")
        tell(admin, "set server tg-one/s1 health down")
        assert asked(host, port, Request("/"))[:2] == (200, "one")
        tell(admin, "set server open-tg-one/s1 state maint")
        assert asked(host, port, Request("/"))[0] == 503
        tell(admin, "set server tg-one/s1 health up")
        assert asked(host, port, Request("/"))[:2] == (200, "one")


def test_a_target_group_of_http2_is_checked_and_asked_in_http2(tmp_path: Path) -> None:
    program, port = find("node"), loopback([9000])
    assert program, "node is not installed"
    text = f"require('http2').createServer((q,r)=>r.end(q.httpVersion)).listen(9000,'{port}')"
    server = subprocess.Popen([program, "-e", text])
    try:
        wait(lambda: answers(port, 9000), "node", 20, server)
        with running(tmp_path, 9, [rule(1, weighted({"one": 1}))], version="HTTP2") as (host, front):
            admin = next(tmp_path.glob("*/s"))
            for command in (f"addr {port} port 9000", "state ready", "health down"):
                tell(admin, f"set server tg-one/s1 {command}")
            wait(lambda: asked(host, front, Request("/"))[0] == 200, "the check", 20)
            status, who, _, body = asked(host, front, Request("/"))
            assert (status, who, body) == (200, "one", "2.0")
    finally:
        stop(server)


@pytest.mark.parametrize("status", ["12", "0"])
def test_a_target_group_of_grpc_is_checked_by_a_call_and_asked_by_calls(tmp_path: Path, status: str) -> None:
    """A target whose call ends otherwise than the matcher says, 12 where none is told, is not healthy; all are asked then."""
    program, address = find("node"), loopback([9000])
    assert program, "node is not installed"
    text = (
        "require('http2').createServer().on('stream',(s)=>{s.resume();s.on('wantTrailers',()=>s.sendTrailers({'grpc-status':'"
        f"{status}'}})).respond({{':status':200,'content-type':'application/grpc'}},{{waitForTrailers:true}});s.end()}}).listen(9000,'{address}')"
    )
    server = subprocess.Popen([program, "-e", text])
    try:
        wait(lambda: answers(address, 9000), "node", 20, server)
        with running(tmp_path, 9, [rule(1, weighted({"one": 1}))], version="GRPC") as (host, front):
            admin = next(tmp_path.glob("*/s"))
            for backend in ("tg-one", "open-tg-one"):
                for command in (f"addr {address} port 9000", "state ready"):
                    tell(admin, f"set server {backend}/s1 {command}")
            tell(admin, "set server tg-one/s1 health down")
            seen = "L7OK" if status == "12" else "L7TOUT"
            wait(lambda: f",{seen}," in tell(admin, "show stat tg-one 4 -1"), f"a check that ends in {seen}", 20)
            with socket.create_connection((host, front)) as talk:
                said = grpc.answered(talk, "/a.B/C", "shop.example.com")
            assert grpc.status_of(said, status) == 200
            assert grpc.told_by(said, rules.TARGET_HEADER) == "tg-one/s1"
    finally:
        stop(server)


def many(host: str, port: int, asks: int) -> Iterator[str]:
    connection = Connection(host, port, Place("/"), None)
    for _ in range(asks):
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        yield re.sub(r"^tg-|/.*$", "", answer.getheader(rules.TARGET_HEADER) or "")
    connection.close()
