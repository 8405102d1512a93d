"""Facts of the load balancer: listener rules that CodeDeploy rewrites, target groups, listeners (A6, H)."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import App, Balancer, DescriptionError, LedgerError, Service, stage_files

from .conftest import INNOCENT, PLAIN, ROOT, SMALL, Generated, Render, Resources, changed

RULE, LISTENER, GROUP = (f"ElasticLoadBalancingV2::{kind}" for kind in ("ListenerRule", "Listener", "TargetGroup"))
MANY = tuple(f"/part-{number}/*" for number in range(7))


def https(app: App) -> App:
    return replace(app, balancer=replace(app.balancer, https=True))


def targets(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """The target groups of a rule that only forwards."""
    (action,) = rule["Properties"]["Actions"]
    assert set(action) == {"Type", "ForwardConfig"}
    assert action["Type"] == "forward"
    groups: list[dict[str, Any]] = action["ForwardConfig"]["TargetGroups"]
    return groups


def colours(given: Generated, service: str) -> list[Any]:
    return [given.ref(f"service-{service}", f"{colour}TargetGroup") for colour in ("Blue", "Green")]


def conditions(rule: dict[str, Any]) -> dict[str, list[str]]:
    """The values of each condition, by field."""
    every = {}
    for condition in rule["Properties"]["Conditions"]:
        (config,) = (value for key, value in condition.items() if key != "Field")
        every[config.get("HttpHeaderName", condition["Field"])] = config["Values"]
    return every


# Listener rules (A6)


@pytest.mark.parametrize("paths", [("/plain",), MANY])
@pytest.mark.parametrize("with_https", [False, True])
def test_a6_3_all_rules_of_a_service_share_their_actions(
    paths: tuple[str, ...], with_https: bool, rendered: Render
) -> None:
    app = changed(SMALL, "plain", paths=paths, health_path=paths[0].replace("*", "health"))
    app = replace(app, balancer=Balancer(https=with_https))
    rules = rendered(app).rules("plain")
    assert len(rules) == (2 if len(paths) == 1 else 4)
    first, *others = [rule["Properties"]["Actions"] for rule in rules.values()]
    assert others
    assert all(other == first for other in others)


def test_a6_3_rules_that_came_in_one_step_take_their_colour_from_one_parameter(rendered: Render) -> None:
    before = rendered(SMALL)
    after = rendered(https(changed(SMALL, "plain", paths=("/*", *MANY))), before.ledger)
    new = {name: rule for name, rule in after.rules("plain").items() if name not in before.rules("plain")}
    assert len(new) == 4
    first, *others = [rule["Properties"]["Actions"] for rule in new.values()]
    assert all(other == first for other in others)
    assert len(set(re.findall(r"^  (PlainRule\w+Live):", after.texts["small.yaml"], re.MULTILINE))) == 1


def test_a6_4_every_rule_is_born_with_both_groups_and_weights(stage: Generated, service: str) -> None:
    blue, green = colours(stage, service)
    for rule in stage.rules(service).values():
        assert targets(rule) == [
            {"TargetGroupArn": blue, "Weight": 100},
            {"TargetGroupArn": green, "Weight": 0},
        ]


def test_a6_4_a_rule_that_replaces_another_has_both_groups_too(rendered: Render) -> None:
    after = rendered(https(SMALL), rendered(replace(SMALL, balancer=Balancer(https=False))).ledger)
    for rule in after.rules("plain", "HttpsListener").values():
        groups = targets(rule)
        assert [each["TargetGroupArn"] for each in groups] == colours(after, "plain")
        assert [dict(each["Weight"].parts[1]) for each in groups] == [{"blue": 100, "green": 0}, {"blue": 0, "green": 100}]  # fmt: skip


def test_a6_5_no_rule_does_more_than_forward(stage: Generated) -> None:
    for service in stage.services:
        for rule in stage.rules(service).values():
            assert len(targets(rule)) == 2
    assert not any("authenticate" in text for name, text in stage.texts.items() if name.startswith("service-"))


def test_a6_6_production_begins_at_the_group_of_the_first_tasks(stage: Generated, service: str) -> None:
    (attached,) = stage.only(f"service-{service}", "ECS::Service")["LoadBalancers"]
    production = "HttpsListener" if stage.app.balancer.https else "HttpListener"
    rules = stage.rules(service, production)
    assert rules
    for rule in rules.values():
        assert [each["TargetGroupArn"] for each in targets(rule) if each["Weight"]] == [attached["TargetGroupArn"]]


def test_a6_7_the_test_listener_begins_there_too(stage: Generated, service: str) -> None:
    (attached,) = stage.only(f"service-{service}", "ECS::Service")["LoadBalancers"]
    rules = stage.rules(service, "TestListener")
    assert rules
    for rule in rules.values():
        assert [each["TargetGroupArn"] for each in targets(rule) if each["Weight"]] == [attached["TargetGroupArn"]]


def test_a6_7_every_request_of_production_is_on_the_test_listener_too(stage: Generated, service: str) -> None:
    production = "HttpsListener" if stage.app.balancer.https else "HttpListener"
    wanted = [conditions(rule) for rule in stage.rules(service, production).values()]
    assert wanted
    assert [conditions(rule) for rule in stage.rules(service, "TestListener").values()] == wanted


def test_a6_8_a_later_test_rule_begins_with_the_colour_that_serves(rendered: Render) -> None:
    """After a release the test listener stays on the new group, so no constant would be right."""
    after = rendered(changed(SMALL, "plain", hosts=("shop.example.com",)), rendered(SMALL).ledger)
    production = [targets(rule) for rule in after.rules("plain", "HttpsListener").values()]
    tested = [targets(rule) for rule in after.rules("plain", "TestListener").values()]
    assert production == tested
    assert not any(isinstance(each["Weight"], int) for groups in tested for each in groups)


def test_a6_9_listeners_share_a_balancer_and_no_service_uses_anothers_group(stage: Generated) -> None:
    balancer = stage.ref("cluster", "LoadBalancer")
    listeners = stage.resolved("cluster", LISTENER)
    assert {"HttpListener", "TestListener"} <= set(listeners)
    assert {each["Properties"]["LoadBalancerArn"] for each in listeners.values()} == {balancer}
    assert len(stage.every("ElasticLoadBalancingV2::LoadBalancer")) == 1
    for service in stage.services:
        used = {each["TargetGroupArn"] for rule in stage.rules(service).values() for each in targets(rule)}
        assert used == set(colours(stage, service))


@pytest.mark.parametrize("paths", [("/*",), ("/*", *MANY)])
def test_a6_10_the_service_waits_for_all_of_its_rules(paths: tuple[str, ...], rendered: Render) -> None:
    app = changed(SMALL, "plain", paths=paths)
    for made in (rendered(app), rendered(app, rendered(SMALL).ledger)):
        (service,) = made.of("service-plain", "ECS::Service").values()
        assert sorted(service["DependsOn"]) == sorted(made.of("service-plain", RULE))


def test_a6_10_the_deployment_group_comes_after_the_service(stage: Generated, service: str) -> None:
    """So that a group never names a production listener on which the service has no rule yet."""
    made = stage.only(f"service-{service}", "CodeDeploy::DeploymentGroup", resolved=False)
    assert made["ECSServices"][0]["ServiceName"] == {"Fn::GetAtt": ["Service", "Name"]}


@pytest.mark.parametrize("option", INNOCENT)
def test_a6_11_an_update_that_moves_no_request_leaves_every_rule_alone(
    option: str, generated: dict[str, Generated], after: Callable[[str], Generated]
) -> None:
    before = generated["dev"]
    for service in before.services:
        assert before.rules(service)
        assert after(option).rules(service) == before.rules(service)


def test_a6_11_the_order_of_services_changes_nothing(generated: dict[str, Generated], rendered: Render) -> None:
    before = generated["prod"]
    app = replace(before.app, services=tuple(reversed(before.app.services)))
    assert rendered(app).texts == rendered(app, before.ledger).texts == before.texts


PATHS = ("/*", "/a", "/a/*", "/b/?", "/b/c", "/c*", "/d", "/e", "/f")


@st.composite
def steps(draw: st.DrawFn) -> App:
    """A small application after some change of its routes."""
    one, two = (draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=7, unique=True)) for _ in range(2))
    hosts = draw(st.sampled_from(((), ("a.example.com",), ("a.example.com", "b.example.com"))))
    addresses = draw(st.sampled_from(((), ("203.0.113.0/24",))))
    # Hosts of their own keep the two from claiming the same requests.
    first = Service(name="one", paths=("/h", *one), hosts=(*hosts, "one.example.com"), allowed_addresses=addresses, health_path="/h")  # fmt: skip
    second = Service(name="two", paths=("/h", *two), hosts=("two.example.com",), health_path="/h")
    there = draw(st.sampled_from(((first, second), (second, first), (first,))))
    return App(name="small", services=there, balancer=Balancer(https=draw(st.booleans())))


@st.composite
def histories(draw: st.DrawFn) -> list[Generated]:
    """The same application over several updates, each generated against the ledger of the one before."""
    lived: list[Generated] = []
    for app in draw(st.lists(steps(), min_size=2, max_size=4)):
        lived.append(Generated(app, stage_files(app, lived[-1].ledger if lived else None)))
    return lived


def every_rule(given: Generated) -> Resources:
    return {f"{service}/{name}": rule for service in given.services for name, rule in given.rules(service).items()}


@given(histories())
@settings(max_examples=5, deadline=None, derandomize=True)
def test_a6_12_a_rule_never_changes_under_its_logical_id(lived: list[Generated]) -> None:
    known: Resources = {}
    for given_ in lived:
        for name, rule in every_rule(given_).items():
            assert known.setdefault(name, rule) == rule


@given(histories())
@settings(max_examples=5, deadline=None, derandomize=True)
def test_a6_12_what_a_service_was_born_with_is_blue_and_all_else_asks(lived: list[Generated]) -> None:
    seen: set[str] = set()
    known: set[str] = set()
    for given_ in lived:
        parameters = given_.templates["small.yaml"].get("Parameters", {})
        for service in given_.services:
            for name, rule in given_.rules(service).items():
                weights = [each["Weight"] for each in targets(rule)]
                if service not in seen:
                    known.add(f"{service}/{name}")
                if f"{service}/{name}" in known:
                    assert weights == [100, 0]
                else:
                    (asked,) = {weight.parts[0].parts[0] for weight in weights}
                    assert "Default" not in parameters[asked]
                    assert parameters[asked]["AllowedValues"] == ["blue", "green"]
                    assert service in parameters[asked]["Description"]
        seen.update(given_.services)


def test_a6_12_no_listener_sends_anything_to_a_service(stage: Generated) -> None:
    for listener in stage.resolved("cluster", LISTENER).values():
        (default,) = listener["Properties"]["DefaultActions"]
        assert default["Type"] in ("fixed-response", "redirect")
        if default["Type"] == "fixed-response":
            assert default["FixedResponseConfig"]["StatusCode"] == "404"


def test_a6_13_nothing_reverts_drift_and_the_readme_warns_of_it(stage: Generated) -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"```.*?```", told, re.DOTALL))
    assert "REVERT_DRIFT" not in commands
    assert "never use the deployment mode `REVERT_DRIFT`" in told
    for text in (*stage.texts.values(), (ROOT / "Makefile").read_text(encoding="utf-8")):
        assert "REVERT_DRIFT" not in text


def numbered(count: int, paths: int = 1) -> App:
    """Services that share no request."""
    return App(
        name="many",
        services=tuple(
            Service(
                name=f"s{number}",
                paths=("/h", *(f"/p{path}" for path in range(paths - 1))),
                hosts=(f"s{number}.example.com",),
                health_path="/h",
            )
            for number in range(count)
        ),
        balancer=Balancer(https=False),
    )


def together(count: int) -> App:
    """Services of any host, which have one balancer; each has two rules on either listener."""
    services = tuple(
        Service(name=f"s{number}", paths=tuple(f"/s{number}/{path}" for path in range(8)), health_path=f"/s{number}/1")
        for number in range(count)
    )
    return App(name="many", services=services, balancer=Balancer(https=False))


def test_a6_14_a_balancer_takes_the_groups_of_45_services(rendered: Render) -> None:
    assert len(rendered(numbered(45)).every(GROUP)) == 90
    assert len(rendered(numbered(46)).every(GROUP)) == 90  # of the first root: the last has another balancer


def test_a6_14_a_rule_forwards_to_five_groups_at_most(stage: Generated) -> None:
    rules = [rule for service in stage.services for rule in stage.rules(service).values()]
    assert rules
    assert all(1 <= len(targets(rule)) <= 5 for rule in rules)


words = st.text("abc*?", max_size=8)
hosts_of_a_service = st.lists(words.map(lambda word: f"{word}x.example.com"), max_size=9, unique=True)
paths_of_a_service = st.lists(words.map(lambda word: f"/{word}"), min_size=1, max_size=9, unique=True)
addresses_of_a_service = st.lists(st.integers(0, 30).map(lambda last: f"203.0.113.{last}/32"), max_size=9, unique=True)
headers_of_a_service = st.dictionaries(
    st.sampled_from(("X-Version", "X-Tenant")),
    st.lists(st.sampled_from(("one", "two", "three", "f*r", "?ive")), min_size=1, max_size=5, unique=True).map(tuple),
)


@given(hosts_of_a_service, paths_of_a_service, addresses_of_a_service, headers_of_a_service)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a6_15_a_rule_has_five_values_and_six_wildcards_at_most(
    hosts: list[str], paths: list[str], addresses: list[str], headers: dict[str, tuple[str, ...]]
) -> None:
    try:
        service = replace(
            PLAIN,
            paths=("/h", *paths),
            hosts=tuple(hosts),
            allowed_addresses=tuple(addresses),
            headers=headers,
            health_path="/h",
        )
        made = Generated(app := replace(SMALL, services=(service,)), stage_files(app))
    except DescriptionError:
        return
    rules = made.rules("plain")
    for rule in rules.values():
        values = [value for each in conditions(rule).values() for value in each]
        assert 1 <= len(values) <= 5
        assert sum(value.count("*") + value.count("?") for value in values) <= 6
    on_one = [conditions(rule) for rule in made.rules("plain", "HttpsListener").values()]
    wanted = {
        "path-pattern": ("/h", *paths),
        **({"host-header": hosts} if hosts else {}),
        **({"source-ip": addresses} if addresses else {}),
        **headers,
    }
    asked = Counter(each for rule in on_one for each in product(*(rule[name] for name in wanted)))
    assert asked == Counter(product(*wanted.values()))  # each combination in one rule, and nothing else
    assert all(rule.keys() == wanted.keys() for rule in on_one)


def test_a6_15_a_hundred_rules_fit_and_no_more(rendered: Render) -> None:
    assert len(rendered(together(25)).every(RULE)) == 100
    with pytest.raises(DescriptionError, match="at most 100 on one balancer"):
        rendered(together(26))


def test_a6_15_rules_that_give_way_count_until_they_are_gone(rendered: Render) -> None:
    """A replaced rule is removed only when the update is over, so for a while both are there."""
    before = rendered(numbered(40))
    assert len(before.every(RULE)) == 80
    with pytest.raises(DescriptionError, match="at most 100 on one balancer"):
        rendered(https(before.app), before.ledger)


# Target groups, listeners, balancer (H)


def groups(given: Generated, service: str) -> Iterator[dict[str, Any]]:
    made = given.resolved(f"service-{service}", GROUP)
    assert set(made) == {"BlueTargetGroup", "GreenTargetGroup"}
    yield from (each["Properties"] for each in made.values())


def test_h1_targets_are_addresses(stage: Generated, service: str) -> None:
    assert [each["TargetType"] for each in groups(stage, service)] == ["ip", "ip"]


def test_h2_both_groups_are_alike_and_of_their_birth(stage: Generated, service: str) -> None:
    one, other = groups(stage, service)
    assert one == other
    assert (one["Port"], one["Protocol"], one["ProtocolVersion"]) == (8080, "HTTP", "HTTP1")
    assert one["VpcId"] == stage.ref("network", "Vpc")
    assert "Tags" not in one


@pytest.mark.parametrize(("option", "value"), [("port", 9090), ("health_path", "/other/alive")])
def test_h2_what_would_replace_a_group_is_refused_with_the_ways_out(option: str, value: Any, rendered: Render) -> None:
    before = rendered(SMALL)
    with pytest.raises(LedgerError) as refused:
        rendered(changed(SMALL, "other", **{option: value}), before.ledger)
    (problem,) = refused.value.problems
    assert problem.option.endswith(option)
    assert repr(value) in problem.given
    assert "add a second service of the new form" in problem.fits
    assert "never deployed" in problem.fits
    # Nothing was deployed yet: without a ledger the same description is welcome.
    assert rendered(changed(SMALL, "other", **{option: value})).texts


def test_h3_balancer_and_groups_have_no_names(stage: Generated) -> None:
    made = [*stage.every(GROUP), *stage.every("ElasticLoadBalancingV2::LoadBalancer")]
    assert len(made) == 5
    assert not any("Name" in each for each in made)


def attributes(made: dict[str, Any], name: str = "TargetGroupAttributes") -> dict[str, Any]:
    every = {each["Key"]: each["Value"] for each in made[name]}
    assert len(every) == len(made[name])
    return every


def test_h4_connections_drain_for_half_a_minute_while_blue_still_runs(stage: Generated, service: str) -> None:
    for each in groups(stage, service):
        drain = int(attributes(each)["deregistration_delay.timeout_seconds"])
        assert drain == 30
        release = stage.app.service(service).release
        assert drain <= release.termination_wait_minutes * 60


def test_h5_no_group_starts_slowly(stage: Generated, service: str) -> None:
    for each in groups(stage, service):
        assert set(attributes(each)) == {"deregistration_delay.timeout_seconds"}


def test_h6_green_is_ready_after_half_a_minute(stage: Generated, service: str) -> None:
    for each in groups(stage, service):
        assert each["HealthCheckProtocol"] == "HTTP"
        assert each["HealthCheckPath"] == stage.app.service(service).health_path
        assert each["HealthCheckIntervalSeconds"] == 15
        assert each["HealthCheckTimeoutSeconds"] == 5
        assert each["HealthyThresholdCount"] == 2
        assert each["UnhealthyThresholdCount"] == 3
        assert each["Matcher"] == {"HttpCode": "200-299"}
        assert "HealthCheckPort" not in each  # the traffic's own


def test_h7_every_https_listener_names_its_policy(stage: Generated) -> None:
    listeners = [each["Properties"] for each in stage.resolved("cluster", LISTENER).values()]
    encrypted = [each for each in listeners if each["Protocol"] == "HTTPS"]
    assert len(encrypted) == (2 if stage.app.balancer.https else 0)
    assert all(each["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09" for each in encrypted)
    assert not any("SslPolicy" in each for each in listeners if each not in encrypted)


def test_h8_the_certificate_is_one_that_exists(generated: dict[str, Generated]) -> None:
    prod, dev = generated["prod"], generated["dev"]
    parameter = prod.templates["coffee.yaml"]["Parameters"]["CertificateArn"]
    assert "Default" not in parameter
    pattern = re.compile(parameter["AllowedPattern"])
    assert pattern.fullmatch("arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d")
    assert not pattern.fullmatch("arn:aws:iam::123456789012:server-certificate/shop")
    for name in ("HttpsListener", "TestListener"):
        (certificate,) = prod.resolved("cluster", LISTENER)[name]["Properties"]["Certificates"]
        assert certificate == {"CertificateArn": prod.tree.resolve("coffee.yaml", {"Ref": "CertificateArn"})}
    assert "CertificateArn" not in dev.templates["coffee.yaml"].get("Parameters", {})
    for each in generated.values():
        assert not each.every("CertificateManager::Certificate")


def test_h9_port_80_redirects_and_443_is_production(generated: dict[str, Generated], service: str) -> None:
    prod = generated["prod"]
    http = prod.resolved("cluster", LISTENER)["HttpListener"]["Properties"]
    assert (http["Port"], http["Protocol"]) == (80, "HTTP")
    assert http["DefaultActions"] == [
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    ]
    assert prod.resolved("cluster", LISTENER)["HttpsListener"]["Properties"]["Port"] == 443
    assert not prod.rules(service, "HttpListener")
    (pair,) = prod.only(f"service-{service}", "CodeDeploy::DeploymentGroup")["LoadBalancerInfo"]["TargetGroupPairInfoList"]  # fmt: skip
    assert pair["ProdTrafficRoute"]["ListenerArns"] == [prod.ref("cluster", "HttpsListener")]


def test_h10_https_added_later_gets_rules_that_begin_with_the_live_colour(
    generated: dict[str, Generated], rendered: Render, service: str
) -> None:
    before = generated["dev"]
    after = rendered(https(before.app), before.ledger)
    (pair,) = after.only(f"service-{service}", "CodeDeploy::DeploymentGroup")["LoadBalancerInfo"]["TargetGroupPairInfoList"]  # fmt: skip
    assert pair["ProdTrafficRoute"]["ListenerArns"] == [after.ref("cluster", "HttpsListener")]
    (name,) = [key for key in after.templates["coffee.yaml"]["Parameters"] if key.startswith(f"{service.title()}Rule")]
    assert "Default" not in after.templates["coffee.yaml"]["Parameters"][name]
    asked = after.tree.resolve("coffee.yaml", {"Ref": name})
    (rule,) = after.rules(service, "HttpsListener").values()
    assert [each["Weight"].parts[0] for each in targets(rule)] == [asked, asked]
    # Users on port 80 are sent on; the listener itself stays, and what is on the test listener as well.
    assert not after.rules(service, "HttpListener")
    assert after.rules(service, "TestListener") == before.rules(service, "TestListener")


def test_h11_attributes_of_the_balancer(stage: Generated) -> None:
    made = attributes(stage.only("cluster", "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    wanted = {
        "deletion_protection.enabled": "true" if stage.app.stage == "prod" else "false",
        "idle_timeout.timeout_seconds": "60",
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": "true" if stage.app.stage == "prod" else "false",
    }
    if stage.app.stage == "prod":
        wanted |= {"access_logs.s3.bucket": made["access_logs.s3.bucket"], "access_logs.s3.prefix": "balancer"}
    assert made == wanted


KEEP_ALIVE = """
const { serve } = await import(process.argv[1]);
const server = serve({ app: () => {}, port: 0, log: { info() {}, warn() {} }, close: async () => {} });
console.log(JSON.stringify([server.keepAliveTimeout, server.headersTimeout]));
server.close();
"""


def test_h12_services_keep_connections_longer_than_the_balancer(stage: Generated, service: str) -> None:
    node = shutil.which("node")
    assert node
    module = ROOT / "services" / service / "lifecycle.js"
    run = subprocess.run(
        [node, "--input-type=module", "--eval", KEEP_ALIVE, module.as_uri()],
        capture_output=True, check=True, text=True, timeout=30,
    )  # fmt: skip
    keep_alive, headers = json.loads(run.stdout)
    made = attributes(stage.only("cluster", "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    assert keep_alive > int(made["idle_timeout.timeout_seconds"]) * 1000
    assert headers > keep_alive


def test_h13_the_balancer_may_write_its_logs_in_every_region(generated: dict[str, Generated]) -> None:
    prod = generated["prod"]
    policy = prod.resolved("foundation", "S3::BucketPolicy")["LogBucketPolicy"]["Properties"]
    (statement,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "BalancerLogs"]
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert statement["Action"] == ["s3:PutObject"]
    bucket = prod.ref("foundation", "LogBucket", "Arn")
    account = prod.tree.resolve("foundation.yaml", {"Ref": "AWS::AccountId"})
    assert [each.parts for each in statement["Resource"]] == [(bucket, "/*/AWSLogs/", account, "/*")]
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert source.parts[2].startswith(":elasticloadbalancing:")
    assert source.parts[-1] == ":loadbalancer/*"
    bucket_properties = prod.resolved("foundation", "S3::Bucket")["LogBucket"]["Properties"]
    (rule,) = bucket_properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    made = attributes(prod.only("cluster", "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    assert "AWSLogs" not in made["access_logs.s3.prefix"]


def test_h14_the_balancer_comes_after_the_policy_of_its_log_bucket(generated: dict[str, Generated]) -> None:
    """The bucket's name is an output of the stack that holds the policy, and a nested stack is done when all of it
    is; the output waits for the policy besides, where both stand in one template.
    """
    prod = generated["prod"]
    made = attributes(prod.only("cluster", "ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
    policy = prod.resolved("foundation", "S3::BucketPolicy")["LogBucketPolicy"]["Properties"]
    assert made["access_logs.s3.bucket"] == policy["Bucket"] == prod.ref("foundation", "LogBucket")
    passed = prod.of("coffee", "CloudFormation::Stack")["Cluster"]["Properties"]["Parameters"]
    assert passed["FoundationLogs"] == {"Fn::GetAtt": ["Foundation", "Outputs.Logs"]}
    assert {"Ref": "LogBucketPolicy"} in every_part(prod.templates["foundation.yaml"]["Outputs"]["Logs"])


def every_part(node: Any) -> list[Any]:
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node, *(part for each in below for part in every_part(each))]


def test_h15_one_terminal_action_and_nothing_rewritten(stage: Generated) -> None:
    for service in stage.services:
        for rule in stage.rules(service).values():
            properties = rule["Properties"]
            assert [each["Type"] for each in properties["Actions"]] == ["forward"]
            assert set(properties) == {"ListenerArn", "Priority", "Conditions", "Actions"}
            assert not any("RegexValues" in str(each) for each in properties["Conditions"])


@pytest.mark.parametrize(
    "host", ["*", "localhost", "10.0.0.1", "shop.example.*", "shop.", ".", "shop.example.com:80", "Shop.example.com"]
)
def test_h15_hosts_that_the_balancer_does_not_take_are_refused(host: str) -> None:
    """A dot at least, and letters alone after the last one, says the API of the host-header condition."""
    with pytest.raises(DescriptionError, match="hosts"):
        replace(PLAIN, hosts=(host,))


@pytest.mark.parametrize("host", ["shop.example.com", "*.example.com", "*.com", "s?op.example.com"])
def test_h15_hosts_with_wildcards_are_taken(host: str, rendered: Render) -> None:
    for rule in rendered(changed(SMALL, "plain", hosts=(host,))).rules("plain").values():
        assert conditions(rule)["host-header"] == [host]


@pytest.mark.parametrize("path", ["/grün", "/a b", "/a%20b", "a", "/" + "a" * 128])
def test_h17_paths_that_the_balancer_does_not_take_are_refused(path: str) -> None:
    with pytest.raises(DescriptionError, match="paths"):
        replace(PLAIN, paths=(path,))


@given(histories())
@settings(max_examples=5, deadline=None, derandomize=True)
def test_h16_a_priority_is_given_once_and_never_again(lived: list[Generated]) -> None:
    owner: dict[tuple[Any, int], str] = {}
    for given_ in lived:
        for name, rule in every_rule(given_).items():
            priority = rule["Properties"]["Priority"]
            assert 1 <= priority <= 50000
            # Of one listener, over all of its history: neither shared, nor swapped, nor given to a later rule.
            assert owner.setdefault((rule["Properties"]["ListenerArn"], priority), name) == name


def test_h16_a_rule_that_returns_is_another_rule_with_another_number(rendered: Render) -> None:
    first = rendered(SMALL)
    without = rendered(changed(SMALL, "plain", paths=("/elsewhere", "/health")), first.ledger)
    again = rendered(SMALL, without.ledger)
    for before, after in itertools.product(first.rules("plain").items(), again.rules("plain").items()):
        assert before[0] != after[0]
        if before[1]["Properties"]["ListenerArn"] == after[1]["Properties"]["ListenerArn"]:
            assert before[1]["Properties"]["Priority"] != after[1]["Properties"]["Priority"]
