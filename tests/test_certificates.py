"""Several names, certificates and a web ACL on one balancer, in the templates and in the local AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deployed_types import unseen
from resolve import Symbol, differing, rendered
from shells import REGION, fresh
from test_local_everything import Deployment, resources

from cfngen import App, Arn, Balancer, CertificateArn, DescriptionError, Service, stage_files
from cfngen.local.provider import LocalProvider

BLOG, ORG = (CertificateArn.parameter(f"{name}CertificateArn") for name in ("Blog", "Org"))
PLAIN = App(name="shop", services=(Service(name="shop"),), balancer=Balancer(domain="shop.example.com"))


def with_balancer(**options: Any) -> App:
    return replace(PLAIN, balancer=replace(PLAIN.balancer, **options))


ALL = with_balancer(aliases=("www.example.com",), certificates=(BLOG, ORG), web_acl=Arn.parameter("WebAclArn"))


def test_each_further_certificate_is_on_both_listeners() -> None:
    step = rendered(ALL)
    made = step.tree.of_type("AWS::ElasticLoadBalancingV2::ListenerCertificate").values()
    found = {
        (each["Properties"]["ListenerArn"].parts[1], each["Properties"]["Certificates"][0]["CertificateArn"].parts[0])
        for each in made
    }
    names = {"BlogCertificateArn", "OrgCertificateArn"}
    assert found == {(listener, name) for listener in ("HttpsListener", "TestListener") for name in names}
    assert {*names, "WebAclArn"} <= step.tree.bodies[step.tree.root]["Parameters"].keys()


def test_a_certificate_more_writes_no_listener_and_no_rule() -> None:
    before = rendered(with_balancer(certificates=(BLOG,)))
    for certificates in ((BLOG, ORG), (ORG, BLOG)):
        after = rendered(with_balancer(certificates=certificates), before.ledger)
        places = differing(before.tree, after.tree)
        assert {after.tree.resources[place]["Type"].rpartition("::")[2] for place in places} == {"ListenerCertificate"}
        assert len(places) == 2


def requesting(*aliases: str, domain: str = "shop.example.com") -> App:
    return with_balancer(domain=domain, aliases=aliases, request_certificate=True)


CERTIFICATE = "AWS::CertificateManager::Certificate"


def test_acm_issues_a_certificate_for_each_name() -> None:
    step = rendered(requesting("www.example.com"))
    zone = Symbol.of("parameter", "HostedZoneId")
    made = {each["Properties"]["DomainName"]: each["Properties"] for each in step.tree.of_type(CERTIFICATE).values()}
    assert sorted(made) == ["shop.example.com", "www.example.com"]
    for name, each in made.items():
        assert each["ValidationMethod"] == "DNS"
        assert each["DomainValidationOptions"] == [{"DomainName": name, "HostedZoneId": zone}]
    assert "CertificateArn" not in step.tree.bodies[step.tree.root]["Parameters"]
    first = {
        place.partition("/")[2]: step.tree.resources[f"cluster.yaml/{each['Properties']['Certificates'][0]['CertificateArn'].parts[1]}"]["Properties"]["DomainName"]
        for place, each in step.tree.of_type("AWS::ElasticLoadBalancingV2::Listener").items()
        if "Certificates" in each["Properties"]
    }  # fmt: skip
    assert first == {"HttpsListener": "shop.example.com", "TestListener": "shop.example.com"}


def test_a_name_more_replaces_no_certificate_and_writes_no_listener() -> None:
    before = rendered(requesting("www.example.com"))
    after = rendered(requesting("beta.example.com", "www.example.com"), before.ledger)
    assert set(before.tree.resources) < set(after.tree.resources)
    places = differing(before.tree, after.tree)
    kinds = sorted(after.tree.resources[place]["Type"].rpartition("::")[2] for place in places)
    assert kinds == ["Certificate", "ListenerCertificate", "ListenerCertificate", "RecordSet"]
    swapped = rendered(requesting("beta.example.com", "shop.example.com", domain="www.example.com"), after.ledger)
    assert set(after.tree.of_type(CERTIFICATE)) == set(swapped.tree.of_type(CERTIFICATE))
    assert not differing(after.tree, swapped.tree)
    gone = rendered(requesting("beta.example.com", domain="www.example.com"), swapped.ledger)
    places = differing(swapped.tree, gone.tree)
    written = {gone.tree.resources[place]["Type"] for place in places if place in gone.tree.resources}
    assert written == {"AWS::ElasticLoadBalancingV2::Listener"}


def test_each_name_has_a_record_that_leads_to_the_balancer() -> None:
    records = [each["Properties"] for each in rendered(ALL).tree.of_type("AWS::Route53::RecordSet").values()]
    assert sorted(each["Name"] for each in records) == ["shop.example.com", "www.example.com"]
    assert len({repr((each["AliasTarget"], each["HostedZoneId"])) for each in records}) == 1


def test_the_web_acl_looks_at_the_balancer() -> None:
    [each] = rendered(ALL).tree.of_type("AWS::WAFv2::WebACLAssociation").values()
    assert each["Properties"] == {
        "ResourceArn": Symbol.of("ref", "cluster.yaml", "LoadBalancer"),
        "WebACLArn": Symbol.of("parameter", "WebAclArn"),
    }


@pytest.mark.filterwarnings("ignore")  # moto's
def test_all_of_it_stands_locally_and_goes() -> None:
    app = replace(ALL, balancer=replace(ALL.balancer, request_certificate=True))
    provider = fresh("http://localhost:1").region(REGION).front.api.provider
    assert isinstance(provider, LocalProvider)
    deployment = Deployment(provider, stage_files(app, None, "services/shop.py"), "shop-dev", [])
    made = deployment.create("shop.yaml")
    assert made.stack, made.reason
    assert [line for each in resources(made.stack) for line in unseen(provider, each)] == []
    kinds = ("ListenerCertificate", "WebACLAssociation", "CertificateManager::Certificate")
    own = sorted(
        (each for each in resources(made.stack) if each.kind.endswith(kinds)), key=lambda each: each.kind, reverse=True
    )
    assert len(own) == 6 + 1 + 2
    assert all(provider.is_there(each) for each in own)
    zone = next(each for each in resources(made.stack) if each.kind == "AWS::Route53::RecordSet").properties[
        "HostedZoneId"
    ]
    told = provider.services.call("route53", "ListResourceRecordSets", {"HostedZoneId": zone})["ResourceRecordSets"]
    proofs = sorted(each["Name"].partition(".")[2] for each in told if each["Type"] == "CNAME")
    assert proofs == ["shop.example.com.", "www.example.com."]
    for each in own:
        provider.delete(each)
    assert not any(provider.is_there(each) for each in own)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"https": False, "certificates": (BLOG,)}, "certificates"),
        ({"certificates": tuple(CertificateArn.parameter(f"C{number}") for number in range(26))}, "certificates"),
        ({"certificates": (BLOG, BLOG)}, "certificates"),
        ({"aliases": ("www.example.com",)}, "aliases"),
        ({"domain": "example.com", "aliases": ("Www.example.com",)}, "aliases[0]"),
        ({"domain": "example.com", "aliases": ("example.com",)}, "aliases[0]"),
        ({"domain": "example.com", "aliases": ("a.example.com", "a.example.com")}, "aliases[1]"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], option: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        Balancer(**options)
    assert [problem.option for problem in refused.value.problems] == [f"Balancer.{option}"]
