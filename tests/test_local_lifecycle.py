"""Failures, protection and what stacks owe each other, spoken over the wire: rollbacks that fail and go on, stack policies,
exports, tags of stacks, and questions while an operation runs.

Expected answers are those of the CloudFormation API reference and user guide.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from conformance import expected
from test_local_api import refused, speaking, status, text
from test_semantics import GROUP, Table, stack, topic

from cfngen.local.server import Front, answers, api, serving
from cfngen.semantics.update import Resource


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def files() -> dict[str, str]:
    """Objects of buckets, by ``bucket/key``."""
    return {}


@pytest.fixture
def client(table: Table, files: Mapping[str, str]) -> Iterator[Any]:
    with speaking(table, files) as made:
        yield made


def last(client: Any, name: str, logical: str) -> tuple[str, str]:
    """The newest event of a resource: status and reason."""
    every = client.describe_stack_events(StackName=name)["StackEvents"]
    event = next(each for each in every if each["LogicalResourceId"] == logical)
    return event["ResourceStatus"], event.get("ResourceStatusReason", "")


def of_root(client: Any, name: str = "s") -> list[str]:
    every = reversed(client.describe_stack_events(StackName=name)["StackEvents"])
    return [each["ResourceStatus"] for each in every if each["LogicalResourceId"] == name]


# Rollbacks that fail


def stuck(client: Any, table: Table) -> None:
    """An update of A and B fails at B, and B then refuses its old values; C was made and waits to be removed."""
    old = stack(A=topic(DisplayName="a"), B={**topic(DisplayName="a"), "DependsOn": "A"})
    new = stack(A=topic(DisplayName="b"), C=topic(), B={**topic(DisplayName="b"), "DependsOn": ["A", "C"]})
    client.create_stack(StackName="s", TemplateBody=text(old))
    table.refuses = {"update s/B"}
    client.update_stack(StackName="s", TemplateBody=text(new))


@expected("lifecycle", "continue a rollback", "API ContinueUpdateRollback")
def test_a_rollback_that_fails_can_go_on(client: Any, table: Table) -> None:
    stuck(client, table)
    assert status(client) == "UPDATE_ROLLBACK_FAILED"
    assert last(client, "s", "B") == ("UPDATE_FAILED", "no")
    assert set(table.seen) == {"s/A", "s/B", "s/C"}
    body = text(stack(A=topic()))
    assert "is in UPDATE_ROLLBACK_FAILED state and can not be updated" in refused(
        client.update_stack, StackName="s", TemplateBody=body
    )
    client.continue_update_rollback(StackName="s")  # still refused
    assert status(client) == "UPDATE_ROLLBACK_FAILED"
    table.refuses.clear()
    client.continue_update_rollback(StackName="s")
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    assert table.seen == {"s/A": {"DisplayName": "a"}, "s/B": {"DisplayName": "a"}}
    assert of_root(client)[-3:] == [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    told = refused(client.continue_update_rollback, StackName="s")
    assert "is in UPDATE_ROLLBACK_COMPLETE state and can not continue rolling back" in told
    client.update_stack(StackName="s", TemplateBody=body)
    assert status(client) == "UPDATE_COMPLETE"


@expected("lifecycle", "continue a rollback")
def test_a_resource_that_cannot_roll_back_is_skipped(client: Any, table: Table) -> None:
    stuck(client, table)
    told = refused(client.continue_update_rollback, StackName="s", ResourcesToSkip=["A"])
    assert "ResourcesToSkip can only contain resources that failed to roll back" in told
    client.continue_update_rollback(StackName="s", ResourcesToSkip=["B"])
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    assert last(client, "s", "B") == ("UPDATE_COMPLETE", "Resource was skipped")
    assert set(table.seen) == {"s/A", "s/B"}


@expected("nested stacks", "API ContinueUpdateRollback")
def test_a_resource_of_a_nested_stack_is_skipped_by_the_stacks_name(
    client: Any, table: Table, files: dict[str, str]
) -> None:
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json"}}
    files["b/in.json"] = text(stack(In=topic(DisplayName="a")))
    client.create_stack(StackName="s", TemplateBody=text(stack(Child=child)))
    files["b/in.json"] = text(stack(In=topic(DisplayName="b")))
    table.refuses = {"update s/Child/In"}
    client.update_stack(StackName="s", TemplateBody=text(stack(Child=child)))
    assert status(client) == "UPDATE_ROLLBACK_FAILED"
    name = next(each["StackName"] for each in client.describe_stacks()["Stacks"] if "ParentId" in each)
    assert "is not nested in s" in refused(client.continue_update_rollback, StackName="s", ResourcesToSkip=["x.In"])
    client.continue_update_rollback(StackName="s", ResourcesToSkip=[f"{name}.In"])
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    assert last(client, name, "In") == ("UPDATE_COMPLETE", "Resource was skipped")


@expected("lifecycle", "stack status codes")
def test_a_stack_that_is_stuck_can_be_deleted(client: Any, table: Table) -> None:
    stuck(client, table)
    client.delete_stack(StackName="s")
    assert not table.there


@expected("lifecycle", "API DeleteStack")
def test_what_fails_to_be_deleted_can_be_retained(client: Any, table: Table) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(), B=topic())))
    told = refused(client.delete_stack, StackName="s", RetainResources=["A"])
    assert "only for a stack in the DELETE_FAILED state" in told
    table.refuses = {"delete s/A"}
    client.delete_stack(StackName="s")
    assert status(client) == "DELETE_FAILED"
    client.delete_stack(StackName="s", RetainResources=["A"])
    assert "does not exist" in refused(client.describe_stacks, StackName="s")
    assert set(table.seen) == {"s/A"}


@expected("lifecycle", "DependsOn")
def test_what_a_resource_needs_that_stays_is_not_tried(client: Any, table: Table, files: dict[str, str]) -> None:
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json"}}
    files["b/in.json"] = text(stack(In=topic()))
    body = stack(A=topic(), B={**topic(), "DependsOn": ["A", "Net"]}, C={**topic(), "DependsOn": "B"}, Net=child)
    client.create_stack(StackName="s", TemplateBody=text(body))
    table.refuses = {"delete s/B"}
    client.delete_stack(StackName="s")
    assert status(client) == "DELETE_FAILED"
    assert set(table.seen) == {"s/A", "s/B", "s/Net/In"}
    assert of_reason(client, "s") == "The following resource(s) failed to delete: [s/B]."
    table.refuses.clear()
    client.delete_stack(StackName="s")
    assert not table.there


def test_what_is_not_rolled_back_on_aws_is_refused_here(client: Any) -> None:
    told = refused(client.create_stack, StackName="s", TemplateBody=text(stack(A=topic())), OnFailure="DELETE")
    assert told.startswith("NotImplemented: This local AWS rolls back whatever fails")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"Transform": "AWS::Serverless-2016-10-31", **stack(A=topic())}, "Transform:"),
        (stack(A=topic(DisplayName={"Fn::ToJsonString": {"a": 1}})), "Fn::ToJsonString:"),
        ({**stack(A=topic()), "Outputs": {"O": {"Value": {"Fn::Transform": {"Name": "x"}}}}}, "Fn::Transform:"),
    ],
)
def test_what_only_aws_reads_is_refused_by_name(client: Any, body: dict[str, Any], named: str) -> None:
    told = refused(client.create_stack, StackName="s", TemplateBody=text(body))
    assert told == f"NotImplemented: {named} AWS reads that, but this local AWS does not"


# Stack policies


def statement(effect: str, action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Principal": "*", "Resource": resource, **more}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Statement": [statement("Allow", "Update:*"), *statements]})


TABLE_BODY = stack(A=topic(DisplayName="a"), G={"Type": GROUP, "Properties": {"Port": 80}}, X=topic())


def changed(**resources: Any) -> str:
    there = {**TABLE_BODY["Resources"], **resources}
    return text({"Resources": {name: each for name, each in there.items() if each}})


@pytest.mark.parametrize(
    ("denied", "change", "logical"),
    [
        (statement("Deny", "Update:*", "LogicalResourceId/A"), {"A": topic(DisplayName="b")}, "A"),
        (statement("Deny", "Update:Modify", "LogicalResourceId/*"), {"A": topic(DisplayName="b")}, "A"),
        (
            statement("Deny", "Update:Replace", Condition={"StringEquals": {"ResourceType": [GROUP]}}),
            {"G": {"Type": GROUP, "Properties": {"Port": 81}}},
            "G",
        ),
        (statement("Deny", "Update:Delete", "LogicalResourceId/X"), {"X": None}, "X"),
    ],
)
@expected("protection", "stack policies")
def test_a_stack_policy_forbids_an_update(
    client: Any, table: Table, denied: dict[str, Any], change: dict[str, Any], logical: str
) -> None:
    client.create_stack(StackName="s", TemplateBody=text(TABLE_BODY), StackPolicyBody=policy(denied))
    assert json.loads(client.get_stack_policy(StackName="s")["StackPolicyBody"]) == json.loads(policy(denied))
    before = dict(table.there)
    client.update_stack(StackName="s", TemplateBody=changed(N=topic(), **change))
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        each["ResourceStatusReason"]
        for each in client.describe_stack_events(StackName="s")["StackEvents"]
        if each["LogicalResourceId"] == logical and each["ResourceStatus"].endswith("_FAILED")
    ]
    told = f"does not allow [{denied['Action']}] for resource [{denied['Resource']}]"
    assert reasons == [f"Action denied by stack policy: Statement [#2] {told}"]
    assert table.there == before
    # For one update another policy may hold.
    client.update_stack(StackName="s", TemplateBody=changed(N=topic(), **change), StackPolicyDuringUpdateBody=policy())
    assert status(client) == "UPDATE_COMPLETE"
    assert json.loads(client.get_stack_policy(StackName="s")["StackPolicyBody"]) == json.loads(policy(denied))


@expected("protection", "stack policies")
def test_what_no_statement_allows_is_denied(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(TABLE_BODY))
    only = {"Statement": [statement("Allow", "Update:*", "LogicalResourceId/G")]}
    client.set_stack_policy(StackName="s", StackPolicyBody=json.dumps(only))
    client.update_stack(StackName="s", TemplateBody=changed(A=topic(DisplayName="b")))
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    client.set_stack_policy(StackName="s", StackPolicyBody=policy())
    client.update_stack(StackName="s", TemplateBody=changed(A=topic(DisplayName="b")))
    assert status(client) == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"Statement": [{"Effect": "Allow"}]}', policy(statement("No", "Update:*"))]
)
@expected("protection", "stack policies", "API SetStackPolicy")
def test_what_is_no_stack_policy(client: Any, body: str) -> None:
    client.create_stack(StackName="s", TemplateBody=text(TABLE_BODY))
    told = refused(client.set_stack_policy, StackName="s", StackPolicyBody=body)
    assert told == "ValidationError: Error validating stack policy: Invalid stack policy"


# Exports


def exporting(value: str = "a", name: str = "net-topic") -> str:
    outputs = {"Out": {"Value": value, "Export": {"Name": {"Fn::Sub": name}}}}
    return text({**stack(A=topic(DisplayName="a")), "Outputs": outputs})


IMPORTING = text(stack(B=topic(DisplayName={"Fn::ImportValue": "net-topic"})))


@expected("protection", "termination protection", "API UpdateTerminationProtection")
def test_a_protected_stack_is_not_deleted_and_its_protection_is_the_roots(
    client: Any, table: Table, files: dict[str, str]
) -> None:
    files["b/in.json"] = text(stack(In=topic()))
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json"}}
    client.create_stack(StackName="s", TemplateBody=text(stack(Child=child)), EnableTerminationProtection=True)
    assert client.describe_stacks(StackName="s")["Stacks"][0]["EnableTerminationProtection"] is True
    assert "cannot be deleted while TerminationProtection is enabled" in refused(client.delete_stack, StackName="s")
    assert set(table.seen) == {"s/Child/In"}
    [nested] = [each["StackId"] for each in client.describe_stacks()["Stacks"] if "ParentId" in each]
    for operation in (client.delete_stack, client.update_termination_protection):
        given = {"EnableTerminationProtection": False} if operation == client.update_termination_protection else {}
        assert refused(operation, StackName=nested, **given).startswith("ValidationError")
    client.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    assert "this local AWS with its root" in refused(client.delete_stack, StackName=nested)
    assert set(table.seen) == {"s/Child/In"}
    client.delete_stack(StackName="s")
    assert not table.there


@expected("protection", "exports", "Fn::ImportValue")
def test_exports_are_used_and_kept_while_they_are(client: Any, table: Table) -> None:
    net = client.create_stack(StackName="net", TemplateBody=exporting(name="${AWS::StackName}-topic"))
    assert client.list_exports()["Exports"] == [{"ExportingStackId": net["StackId"], "Name": "net-topic", "Value": "a"}]
    [output] = client.describe_stacks(StackName="net")["Stacks"][0]["Outputs"]
    assert output["ExportName"] == "net-topic"
    assert refused(client.list_imports, ExportName="net-topic") == (
        "ValidationError: Export 'net-topic' is not imported by any stack."
    )
    client.create_stack(StackName="user", TemplateBody=IMPORTING)
    assert table.seen["user/B"] == {"DisplayName": "a"}
    assert client.list_imports(ExportName="net-topic")["Imports"] == ["user"]

    client.update_stack(StackName="net", TemplateBody=exporting("b"))
    assert status(client, "net") == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export net-topic cannot be updated as it is in use by user" in of_reason(client, "net")
    client.update_stack(StackName="net", TemplateBody=text(stack(A=topic(DisplayName="a"))))
    assert "Export net-topic cannot be deleted as it is in use by user" in of_reason(client, "net")
    client.delete_stack(StackName="net")
    assert "Delete canceled. Cannot delete export net-topic as it is in use by user." in of_reason(client, "net")
    assert "net/A" in table.seen

    client.delete_stack(StackName="user")
    client.update_stack(StackName="net", TemplateBody=exporting("b"))
    assert (status(client, "net"), client.list_exports()["Exports"][0]["Value"]) == ("UPDATE_COMPLETE", "b")
    client.delete_stack(StackName="net")
    assert client.list_exports()["Exports"] == []


def of_reason(client: Any, name: str) -> str:
    return client.describe_stacks(StackName=name)["Stacks"][0].get("StackStatusReason", "")  # type: ignore[no-any-return]


@expected("protection", "exports")
def test_exports_that_nobody_has_and_that_somebody_has(client: Any) -> None:
    client.create_stack(StackName="user", TemplateBody=IMPORTING)
    assert status(client, "user") == "ROLLBACK_COMPLETE"
    assert "No export named net-topic found." in of_reason(client, "user")
    client.create_stack(StackName="net", TemplateBody=exporting())
    client.create_stack(StackName="other", TemplateBody=exporting())
    assert status(client, "other") == "ROLLBACK_COMPLETE"
    assert "Export with name net-topic is already exported by stack net" in of_reason(client, "other")


@expected("lifecycle", "outputs", "API UpdateStack")
def test_an_update_of_outputs_alone_is_one(client: Any) -> None:
    client.create_stack(StackName="net", TemplateBody=exporting("a"))
    client.update_stack(StackName="net", TemplateBody=exporting("b"))
    assert status(client, "net") == "UPDATE_COMPLETE"
    assert "No updates" in refused(client.update_stack, StackName="net", TemplateBody=exporting("b"))


# Tags of stacks


@expected("lifecycle", "resource tags")
def test_tags_of_a_stack_are_its_resources(client: Any, table: Table, files: dict[str, str]) -> None:
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json", "Tags": [{"Key": "Part", "Value": "in"}]},
    }
    files["b/in.json"] = text(stack(In=topic()))
    own = topic(Tags=[{"Key": "Stage", "Value": "own"}])
    body = text(stack(A=topic(), Own=own, Child=child, Plain={"Type": "AWS::IAM::Policy", "Properties": {}}))
    named = ["CAPABILITY_IAM"]
    tags = [{"Key": "Stage", "Value": "dev"}]
    client.create_stack(StackName="s", TemplateBody=body, Tags=tags, Capabilities=named)
    assert table.seen == {
        "s/A": {"Tags": tags},
        "s/Own": {"Tags": [{"Key": "Stage", "Value": "own"}]},
        "s/Child/In": {"Tags": [{"Key": "Part", "Value": "in"}, *tags]},
        "s/Plain": {},
    }
    nested = next(each for each in client.describe_stacks()["Stacks"] if "ParentId" in each)
    assert nested["Tags"] == [{"Key": "Part", "Value": "in"}, *tags]
    assert "No updates" in refused(client.update_stack, StackName="s", TemplateBody=body, Capabilities=named)
    client.update_stack(StackName="s", TemplateBody=body, Tags=[{"Key": "Stage", "Value": "prod"}], Capabilities=named)
    assert status(client) == "UPDATE_COMPLETE"
    assert table.seen["s/A"] == {"Tags": [{"Key": "Stage", "Value": "prod"}]}
    client.update_stack(StackName="s", TemplateBody=body, Tags=[], Capabilities=named)
    assert table.seen["s/A"] == {}


# Questions while an operation runs


class Slow(Table):
    """Resources that are made when somebody says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def create(self, resource: Resource) -> str:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().create(resource)


@pytest.fixture
def slow() -> Iterator[tuple[Any, Slow]]:
    table = Slow()
    front = Front(api(table, lambda _: "", "eu-west-1"), answers(404, ""), patience=0.5)
    with serving(front) as url:
        session = boto3.Session("x", "x", region_name="eu-west-1")
        yield (
            session.client("cloudformation", endpoint_url=url, config=Config(retries={"total_max_attempts": 1})),
            table,
        )
        table.go_on.set()


@expected("lifecycle", "stack status codes")
def test_a_long_operation_is_answered_and_watched(slow: tuple[Any, Slow]) -> None:
    client, table = slow
    made = client.create_stack(StackName="s", TemplateBody=text(stack(A=topic())))
    assert table.begun.is_set()
    assert made["StackId"].startswith("arn:aws:cloudformation:")
    assert status(client) == "CREATE_IN_PROGRESS"
    assert of_root(client) == ["CREATE_IN_PROGRESS"]
    told = refused(client.update_stack, StackName="s", TemplateBody=text(stack(B=topic())))
    assert "is in CREATE_IN_PROGRESS state and can not be updated" in told
    # Another stack waits for its turn, and its client asks again.
    assert refused(client.create_stack, StackName="t", TemplateBody=text(stack(A=topic()))).startswith("Throttling")
    assert "does not exist" in refused(client.describe_stacks, StackName="t")
    table.go_on.set()
    client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})


def test_a_defect_is_told_as_one(client: Any, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Resource) -> str:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(table, "create", broken)
    told = refused(client.create_stack, StackName="s", TemplateBody=text(stack(A=topic())))
    assert told == "InternalFailure: CreateStack met an internal error: broken"
