"""The coffee application: every resource stands, every property is told, failing updates are undone, all is deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deployed_types import engine, snapshots, stands, timeless, told, unseen
from zoo import tagged

from cfngen.local.provider import LocalProvider, Services
from cfngen.local.types import TYPES
from cfngen.semantics.template import Template, read_template
from cfngen.semantics.update import Event, StackState

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


TEMPLATES = Path(__file__).parents[2] / "templates" / "coffee"


def coffee(stage: str) -> dict[str, Template]:
    return {file.name: read_template(file.read_text()) for file in (TEMPLATES / stage).glob("*.yaml")}


def writes(events: list[Event]) -> list[Event]:
    return [each for each in events if each.resource.kind in TYPES]


def parameters(root: Template, certificate: str) -> dict[str, str]:
    known = {"CertificateArn": certificate, "SourceRepositoryName": "coffee"}
    return {name: value for name, value in known.items() if name in root.section("Parameters")}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_coffee_stands_and_every_property_is_told(stage: str, services: Services, certificate: str) -> None:
    provider = LocalProvider(services, seed=stage)
    templates, events = coffee(stage), list[Event]()
    outcome = engine(provider, templates, events).create(
        f"coffee-{stage}", templates["coffee.yaml"], parameters(templates["coffee.yaml"], certificate)
    )
    assert outcome.status == "CREATE_COMPLETE", outcome.reason
    assert outcome.stack
    made = [each for each in outcome.stack.walk() if each.kind in TYPES]
    assert len(made) > 100
    assert [line for each in made for line in unseen(provider, each)] == []

    # Again, with nothing changed: nothing is written.
    events.clear()
    again = engine(provider, templates, events).update(outcome.stack, templates["coffee.yaml"], {})
    assert (again.status, writes(events)) == ("UPDATE_COMPLETE", [])

    if stage == "dev":
        fail_deep_inside(provider, templates, outcome.stack)

    # What protects itself stays; prod has a database and a balancer that do.
    events.clear()
    gone = engine(provider, templates, events).delete(outcome.stack)
    refused = {each.resource.kind: each.reason for each in writes(events) if each.reason}
    if stage == "prod":
        assert gone.status == "DELETE_FAILED"
        assert "deletion protection is enabled" in refused["AWS::ElasticLoadBalancingV2::LoadBalancer"]
        assert "Cannot delete protected DB Instance" in refused["AWS::RDS::DBInstance"]
        assert not any("coffee-prod" in each["DBInstanceIdentifier"] for each in snapshots(provider))
    else:
        assert gone.status == "DELETE_COMPLETE", refused
        retained = {each.resource.place for each in events if each.action == "retain"}
        assert {each.place for each in made if stands(provider, each)} == retained


def fail_deep_inside(provider: LocalProvider, templates: dict[str, Template], stack: StackState) -> None:
    """A child's resource cannot be made after others of the tree have changed: all have their old values again."""
    before = {each.place: timeless(told(provider, each)) for each in stack.walk() if each.kind in TYPES}

    def edited(file: str, edit: Any) -> Template:
        body = json.loads(json.dumps(templates[file].body))
        edit(body["Resources"])
        return Template(body)

    def network(resources: dict[str, Any]) -> None:
        resources["Vpc"]["Properties"]["Tags"] = tagged("changed")

    def service(resources: dict[str, Any]) -> None:
        resources["BlueTargetGroup"]["Properties"]["HealthCheckPath"] = "/changed"
        resources["LogGroup"]["Properties"]["RetentionInDays"] = 3
        resources["More"] = {"Type": "AWS::SQS::Queue"}

    def pipe(resources: dict[str, Any]) -> None:
        resources["Bad"] = {"Type": "AWS::Nobody::Knows", "DependsOn": "Pipeline"}

    changed = {
        **templates,
        "network.yaml": edited("network.yaml", network),
        "service-customer.yaml": edited("service-customer.yaml", service),
        "pipeline-customer.yaml": edited("pipeline-customer.yaml", pipe),
    }
    events: list[Event] = []
    outcome = engine(provider, changed, events).update(stack, templates["coffee.yaml"], {})
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "AWS::Nobody::Knows is not supported" in outcome.reason
    written = {each.action for each in writes(events)}
    assert {"update", "create", "restore", "delete"} <= written
    after = {each.place: timeless(told(provider, each)) for each in stack.walk() if each.kind in TYPES}
    assert {place: before[place] ^ after[place] for place in before if before[place] != after[place]} == {}
