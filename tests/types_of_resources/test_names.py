"""Replacement, names and values of resources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deployed_types import Deployed, stands
from zoo import ref, zoo

from cfngen.local.provider import LocalProvider, Services
from cfngen.local.types import TYPES
from cfngen.semantics.replacement import create_only
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import Resource

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


def test_a_create_only_property_replaces(provider: LocalProvider) -> None:
    def body(description: str) -> dict[str, Any]:
        group_ = {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": description, "VpcId": ref("Vpc")},
        }
        return {"Resources": {"Vpc": zoo()["Resources"]["Vpc"], "Group": group_}}

    deployed = Deployed(provider, body("one"), "replaced")
    first = deployed.stack.resources["Group"]
    deployed.update(body("two"))
    second = deployed.stack.resources["Group"]
    assert first.physical != second.physical
    assert not stands(provider, first)
    assert "two" in deployed.told("Group")
    assert ("GroupDescription",) in create_only(second.kind)


def test_names_are_of_stack_and_logical_id_and_always_the_same(services: Services, provider: LocalProvider) -> None:
    def named(seed: str, kind: str, place: str) -> str:
        made = LocalProvider(services, seed)
        resource = Resource(place, kind)
        return str(made._named(resource, TYPES[kind]).properties[TYPES[kind].name.prop])  # type: ignore[union-attr]

    queue = named("", "AWS::SQS::Queue", "shop/Web/Jobs")
    assert queue.startswith("shop-Web-Jobs-")
    assert queue == named("", "AWS::SQS::Queue", "shop/Web/Jobs") != named("x", "AWS::SQS::Queue", "shop/Web/Jobs")
    balancer = named("", "AWS::ElasticLoadBalancingV2::LoadBalancer", "a-long-application-name/Cluster/LoadBalancer")
    assert len(balancer) == 32
    assert named("", "AWS::S3::Bucket", "shop/Logs").islower()
    # What is cut must not leave two hyphens, which balancers and target groups refuse.
    group = named("", "AWS::ElasticLoadBalancingV2::TargetGroup", "shop-dev/ServiceAlpha/BlueTargetGroup")
    assert "--" not in group


def test_dynamic_references(provider: LocalProvider) -> None:
    provider.services.call("ssm", "PutParameter", {"Name": "/plain", "Value": "p", "Type": "String"})
    provider.services.call("ssm", "PutParameter", {"Name": "/kept", "Value": "k", "Type": "SecureString"})
    secret = {"Name": "db", "SecretString": json.dumps({"user": "u", "port": 3306})}
    arn = provider.services.call("secretsmanager", "CreateSecret", secret)["ARN"]
    assert provider.dynamic("ssm", "/plain") == "p"
    assert provider.dynamic("ssm", "/plain:1") == "p"
    assert provider.dynamic("ssm-secure", "/kept") == "k"
    assert provider.dynamic("secretsmanager", "db:SecretString:user") == "u"
    assert provider.dynamic("secretsmanager", f"{arn}:SecretString:port::") == "3306"
    assert json.loads(provider.dynamic("secretsmanager", arn)) == {"user": "u", "port": 3306}
    for service, key in (("ssm", "/no"), ("secretsmanager", "db:SecretString:no"), ("kms", "x")):
        with pytest.raises(TemplateError):
            provider.dynamic(service, key)


def test_attributes_that_nobody_has(provider: LocalProvider) -> None:
    with pytest.raises(TemplateError, match="Requested attribute Colour does not exist in schema for AWS::SNS::Topic"):
        provider.attribute(Resource("s/R", "AWS::SNS::Topic", "arn"), "Colour")
