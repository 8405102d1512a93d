"""Whatever cfngen can render stands in the local target: applications with options drawn at random, and random trees.

`CFNGEN_LOCAL_APPS=50 pytest tests/test_local_everything.py` plays more of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from deployed_types import stands, unseen
from hypothesis import HealthCheck, Phase, given, settings
from shells import REGION, fresh
from strategies import apps

from cfngen import App, stage_files
from cfngen.local.provider import LocalProvider
from cfngen.local.server import pseudo_parameters
from cfngen.local.types import TYPES
from cfngen.semantics.records import Readings
from cfngen.semantics.template import read_template
from cfngen.semantics.update import Engine, Event, Outcome, Resource, StackState

EXAMPLES = int(os.environ.get("CFNGEN_LOCAL_APPS", "2"))

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


@dataclass
class Deployment:
    """An application in a target of its own region of names."""

    provider: LocalProvider
    files: Mapping[str, str]
    name: str
    events: list[Event]

    @property
    def engine(self) -> Engine:
        self.events.clear()
        return Engine(
            self.provider,
            lambda url: read_template(self.files[url]),
            pseudo_parameters(REGION),
            Readings(is_abreast=True),
            observe=self.events.append,
        )

    def create(self, root: str) -> Outcome:
        template = read_template(self.files[root])
        declared = template.section("Parameters")
        given_ = {name: self.value(name) for name, each in declared.items() if "Default" not in each}
        return self.engine.create(self.name, template, given_)

    def value(self, name: str) -> str:
        """A parameter as a person would give it: an ARN of the right service."""
        made = {
            "WebAclArn": self._web_acl,
            "CertificateArn": self._certificate,
            "HostedZoneId": self._hosted_zone,
            "DatabaseSecurityGroupId": self._group,
            "VpcId": self._vpc,
            "SubnetIds": self._subnets,
        }
        for end, make in made.items():
            if name.endswith(end):
                return make()
        account = f"{REGION}:123456789012"
        known = {
            "TestCidr": "203.0.113.0/24",
            "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "OwnPolicyArn": "arn:aws:iam::aws:policy/SecurityAudit",
            "SourceBucketName": "sources",
            "PromotionAccountId": "210987654321",
            "PromotionBucketName": "promoted",
            "SourceConnectionArn": f"arn:aws:codeconnections:{account}:connection/1",
        }
        if name.endswith("KeyArn"):
            return f"arn:aws:kms:{account}:key/1"
        return known.get(name) or (f"arn:aws:secretsmanager:{account}:secret:{name}" if name.endswith("Arn") else name)

    def _web_acl(self) -> str:
        seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "own"}
        told = {"Name": "own", "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": seen}
        return str(self.provider.services.call("wafv2", "CreateWebACL", told)["Summary"]["ARN"])

    def _certificate(self) -> str:
        told = {"DomainName": "shop.example"}
        return str(self.provider.services.call("acm", "RequestCertificate", told)["CertificateArn"])

    def _hosted_zone(self) -> str:
        told = {"Name": "example.com.", "CallerReference": "shop"}
        return str(self.provider.services.call("route53", "CreateHostedZone", told)["HostedZone"]["Id"]).rpartition(
            "/"
        )[2]

    def _vpc(self) -> str:
        return str(self.provider.services.call("ec2", "DescribeVpcs", {})["Vpcs"][0]["VpcId"])

    def _group(self) -> str:
        return str(self.provider.services.call("ec2", "DescribeSecurityGroups", {})["SecurityGroups"][0]["GroupId"])

    def _subnets(self) -> str:
        return ",".join(
            each["SubnetId"] for each in self.provider.services.call("ec2", "DescribeSubnets", {})["Subnets"][:3]
        )

    @property
    def written(self) -> list[str]:
        return [f"{each.action} {each.resource.place}" for each in self.events if each.resource.kind in TYPES]

    def unprotect(self, stack: StackState) -> None:
        """What people do before they delete for good."""
        off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        for each in stack.walk():
            if each.kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
                asked: dict[str, Any] = {"LoadBalancerArn": each.physical, "Attributes": off}
                self.provider.services.call("elbv2", "ModifyLoadBalancerAttributes", asked)
            if each.kind == "AWS::RDS::DBInstance":
                asked = {"DBInstanceIdentifier": each.physical, "DeletionProtection": False}
                self.provider.services.call("rds", "ModifyDBInstance", asked)
            if each.kind == "AWS::RDS::DBCluster":
                asked = {"DBClusterIdentifier": each.physical, "DeletionProtection": False}
                self.provider.services.call("rds", "ModifyDBCluster", asked)


def resources(stack: StackState) -> Iterator[Resource]:
    yield from (each for each in stack.walk() if each.kind in TYPES)


@settings(
    max_examples=EXAMPLES,
    derandomize="CFNGEN_LOCAL_APPS" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # whole applications take minutes to shrink
)
@given(app=apps())
def test_any_application_stands_is_told_and_goes(app: App) -> None:
    target = fresh("http://localhost:1")
    files = stage_files(app, None, "services/shop.py")
    provider = target.region(REGION).front.api.provider
    assert isinstance(provider, LocalProvider)
    deployment = Deployment(provider, files, f"{app.name}-{app.stage}", [])
    made = deployment.create(f"{app.name}.yaml")
    assert made.status == "CREATE_COMPLETE", made.reason
    stack = made.stack
    assert stack
    assert [line for each in resources(stack) for line in unseen(provider, each)] == []

    again = deployment.engine.update(stack, stack.template, {})
    assert (again.status, deployment.written) == ("UPDATE_COMPLETE", [])

    deployment.unprotect(stack)
    gone = deployment.engine.delete(stack)
    assert gone.status == "DELETE_COMPLETE", [each.reason for each in deployment.events if each.reason]
    retained = {each.resource.place for each in deployment.events if each.action == "retain"}
    assert {each.place for each in resources(stack) if stands(provider, each)} == retained
    for each in resources(stack):
        if each.place not in retained:
            provider.delete(each)  # a deletion that comes again, after one that failed elsewhere, finds it gone
