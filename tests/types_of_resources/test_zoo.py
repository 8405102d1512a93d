"""Every type that can change: what one property does, and what a rollback of all of it restores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from deployed_types import Deployed, engine, stands, unseen
from zoo import CHANGES, ZOO, zoo

from cfngen.local.provider import LocalProvider
from cfngen.local.types import TYPES
from cfngen.semantics.template import Template
from cfngen.semantics.update import Event

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


ELSEWHERE = {
    "AWS::CertificateManager::Certificate",  # tests/test_certificates.py
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",  # tests/test_certificates.py
    "AWS::Scheduler::ScheduleGroup",
    "AWS::WAFv2::LoggingConfiguration",  # tests/test_web_acl.py
    "AWS::WAFv2::WebACL",  # tests/test_web_acl.py
    "AWS::WAFv2::WebACLAssociation",  # tests/test_certificates.py
}
"""What needs a thing that no template makes, or cannot change."""


def test_each_property_moves_alone_and_a_rollback_restores_all(provider: LocalProvider) -> None:
    provider.services.call("route53", "CreateHostedZone", {"Name": "zoo.example.", "CallerReference": "zoo"})
    deployed = Deployed(provider, zoo(), "zoo")
    before = deployed.stack
    assert {each.kind for each in before.walk()} >= TYPES.keys() - ELSEWHERE
    assert [line for each in before.walk() for line in unseen(provider, each)] == []

    for resource in before.walk():
        clustered = "DBClusterIdentifier" in resource.properties  # its secret is the cluster's
        for attribute in [each for each in TYPES[resource.kind].attributes if not (clustered and "Secret" in each)]:
            assert provider.attribute(resource, attribute) is not None

    # One property of each resource at a time, and back.
    wrong = []
    for nth in range(max(map(len, CHANGES.values()))):
        changes = {name: dict([[*told.items()][nth]]) for name, told in CHANGES.items() if nth < len(told)}
        events: list[Event] = []
        outcome = engine(provider, events=events).update(deployed.stack, Template(zoo(changes)), {})
        assert outcome.stack, outcome.reason
        assert (outcome.status, outcome.left) == ("UPDATE_COMPLETE", ()), outcome.reason
        moved = {each.resource.name: each.action for each in events}
        wrong += [f"{name}: {moved.get(name)} for {changes[name]}" for name in changes if moved.get(name) != "update"]
        wrong += [line for name in changes for line in unseen(provider, outcome.stack.resources[name])]
        back = engine(provider).update(outcome.stack, Template(zoo()), {})
        assert back.stack, back.reason
        assert (back.status, back.left) == ("UPDATE_COMPLETE", ()), back.reason
        wrong += [f"back: {line}" for name in changes for line in unseen(provider, back.stack.resources[name])]
        deployed.stack = back.stack
    assert not wrong, "\n".join(wrong)

    # All of it at once, and then a resource that cannot be made.
    bad = {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "green"}, "DependsOn": [*ZOO]}
    failed = engine(provider).update(deployed.stack, Template(zoo(CHANGES, Bad=bad)), {})
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE", failed.reason
    assert failed.left == ()
    assert "extraneous key [Colour] is not permitted" in failed.reason
    assert [line for each in deployed.stack.walk() for line in unseen(provider, each)] == []

    made = list(deployed.stack.walk())
    gone = deployed.delete()
    assert gone.status == "DELETE_COMPLETE", gone.reason
    assert [each.place for each in made if stands(provider, each)] == []


def test_a_queue_goes_from_one_encryption_to_another(provider: LocalProvider) -> None:
    own, key = {"SqsManagedSseEnabled": True}, {"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": 300}

    def body(encryption: Mapping[str, Any]) -> dict[str, Any]:
        return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": encryption}}}

    def seen() -> tuple[str, str]:
        url = deployed.stack.resources["Queue"].physical
        asked = {"QueueUrl": url, "AttributeNames": ["All"]}
        found = provider.services.call("sqs", "GetQueueAttributes", asked)["Attributes"]
        return found.get("SqsManagedSseEnabled", "false"), found.get("KmsMasterKeyId", "")

    deployed = Deployed(provider, body(own), "encrypted")
    assert seen() == ("true", "")
    deployed.update(body(key))
    assert seen() == ("false", "alias/aws/sqs")
    deployed.update(body(own))
    assert seen() == ("true", "")
    assert deployed.delete().is_good
