"""CloudFormation as its own client sees it: a conformance list, spoken over the wire with boto3.

Resources are rows of a table here, so that operations, states, events and errors are what is looked at. Expected
answers are those of the CloudFormation API reference and user guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError
from conformance import expected
from test_semantics import GROUP, TOPIC, Table, stack, topic

from cfngen.local.server import Front, answers, api, serving, template_reader

CHILD = {
    "Parameters": {"Name": {"Type": "String"}},
    **stack(Inner=topic(DisplayName={"Ref": "Name"})),
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Inner", "Arn"]}}},
}


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def files() -> dict[str, str]:
    """Objects of buckets, by ``bucket/key``."""
    return {"b/child.json": json.dumps(CHILD)}


@pytest.fixture
def client(table: Table, files: Mapping[str, str]) -> Iterator[Any]:
    with speaking(table, files) as made:
        yield made


@contextmanager
def speaking(table: Table, files: Mapping[str, str]) -> Iterator[Any]:
    """A client of a CloudFormation over a table of resources and objects of buckets."""
    fetch = template_reader(lambda bucket, key: files[f"{bucket}/{key}"])
    front = Front(api(table, fetch, "eu-west-1"), answers(404, ""))
    with serving(front) as url:
        yield boto3.client(
            "cloudformation",
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106  (of nobody)
            config=Config(retries={"total_max_attempts": 1}),
        )


def text(body: Mapping[str, Any]) -> str:
    return json.dumps(body)


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**given)
    answer = error.value.response["Error"]
    return f"{answer['Code']}: {answer['Message']}"


def status(client: Any, name: str = "s") -> str:
    return client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]  # type: ignore[no-any-return]


def events(client: Any, name: str = "s") -> list[str]:
    every = client.describe_stack_events(StackName=name)["StackEvents"]
    return [f"{each['LogicalResourceId']} {each['ResourceStatus']}" for each in reversed(every)]


NESTED = stack(
    Child={
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://b.s3.eu-west-1.amazonaws.com/child.json", "Parameters": {"Name": "a"}},
    },
    User=topic(TopicName={"Fn::GetAtt": ["Child", "Outputs.Arn"]}),
)


@expected("lifecycle", "API DescribeStacks", "API DescribeStackEvents", "API DescribeStackResource")
def test_a_stack_is_created_and_described(client: Any) -> None:
    body = {
        "Description": "what it is",
        "Parameters": {"P": {"Type": "String"}, "Hidden": {"Type": "String", "NoEcho": True, "Default": "x"}},
        **stack(A=topic(DisplayName={"Ref": "P"})),
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["A", "Arn"]}, "Description": "its arn"}},
    }
    given = [{"ParameterKey": "P", "ParameterValue": "v"}]
    made = client.create_stack(
        StackName="s", TemplateBody=text(body), Parameters=given, Tags=[{"Key": "k", "Value": "v"}]
    )
    client.get_waiter("stack_create_complete").wait(StackName="s")
    [shown] = client.describe_stacks(StackName="s")["Stacks"]
    assert shown["StackId"] == made["StackId"]
    assert made["StackId"].startswith("arn:aws:cloudformation:eu-west-1:123456789012:stack/s/")
    assert shown["Description"] == "what it is"
    assert shown["Parameters"] == [*given, {"ParameterKey": "Hidden", "ParameterValue": "****"}]
    assert shown["Outputs"] == [{"OutputKey": "Arn", "OutputValue": "s/A.Arn", "Description": "its arn"}]
    assert shown["Tags"] == [{"Key": "k", "Value": "v"}]
    assert shown["CreationTime"].tzinfo
    [resource] = client.describe_stack_resources(StackName="s")["StackResources"]
    assert (resource["LogicalResourceId"], resource["ResourceType"]) == ("A", TOPIC)
    assert resource["ResourceStatus"] == "CREATE_COMPLETE"
    detail = client.describe_stack_resource(StackName="s", LogicalResourceId="A")["StackResourceDetail"]
    assert detail["PhysicalResourceId"] == resource["PhysicalResourceId"]
    assert json.loads(text(body))["Resources"] == client.get_template(StackName="s")["TemplateBody"]["Resources"]
    assert events(client) == [
        "s CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS",  # first it begins, then it has an id
        "A CREATE_COMPLETE",
        "s CREATE_COMPLETE",
    ]


@pytest.mark.parametrize(
    ("body", "given", "told"),
    [
        ("{", {}, "ValidationError: Template format error"),
        ("{}", {}, "At least one Resources member must be defined"),
        (text(stack(A=topic(DisplayName={"Ref": "B"}))), {}, "Unresolved resource dependencies [B]"),
        (text(stack(A={**topic(), "DependsOn": "A2"}, A2={**topic(), "DependsOn": "A"})), {}, "Circular dependency"),
        (text({"Parameters": {"P": {"Type": "String"}}, **stack(A=topic())}), {}, "Parameters: [P] must have values"),
        (text(stack(A=topic())), {"P": "v"}, "Parameters: [P] do not exist in the template"),
        (
            text(stack(A={"Type": "AWS::IAM::Role"})),
            {},
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            text(stack(A={"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}})),
            {},
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        (
            text(
                {
                    "Parameters": {"P": {"Type": "String", "Default": "b"}},
                    "Rules": {
                        "R": {
                            "Assertions": [
                                {"Assert": {"Fn::Contains": [["a"], {"Ref": "P"}]}, "AssertDescription": "only a"}
                            ]
                        }
                    },
                    **stack(A=topic()),
                }
            ),
            {},
            "rule R: only a",
        ),
    ],
)
@expected("errors", "API ValidateTemplate", "parameters", "API CreateStack", "troubleshooting")
def test_what_is_refused_before_it_begins(client: Any, body: str, given: dict[str, str], told: str) -> None:
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    assert told in refused(client.create_stack, StackName="s", TemplateBody=body, Parameters=parameters)
    assert refused(client.describe_stacks, StackName="s") == "ValidationError: Stack with id s does not exist"


@pytest.mark.parametrize("name", ["1q", "q_1", "a" * 129])
@expected("errors", "API CreateStack")
def test_what_cannot_name_a_stack(client: Any, name: str) -> None:
    body = text(stack(A=topic()))
    given = {"StackName": name, "TemplateBody": body, "ChangeSetName": "first", "ChangeSetType": "CREATE"}
    for ask in (
        partial(client.create_stack, StackName=name, TemplateBody=body),
        partial(client.create_change_set, **given),
    ):
        assert f"ValidationError: 1 validation error detected: Value '{name}' at 'stackName' failed" in refused(ask)
    assert client.list_stacks()["StackSummaries"] == []


@expected("errors", "API CreateStack")
def test_names_of_stacks(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic())))
    told = refused(client.create_stack, StackName="s", TemplateBody=text(stack(A=topic())))
    assert told == "AlreadyExistsException: Stack [s] already exists"
    assert "does not exist" in refused(client.update_stack, StackName="t", TemplateBody=text(stack(A=topic())))
    assert "does not exist" in refused(client.describe_stack_events, StackName="t")
    assert client.delete_stack(StackName="t")["ResponseMetadata"]["HTTPStatusCode"] == 200


@expected("errors", "troubleshooting", "API UpdateStack")
def test_an_update_says_when_there_is_none(client: Any) -> None:
    body = text(stack(A=topic()))
    client.create_stack(StackName="s", TemplateBody=body)
    assert refused(client.update_stack, StackName="s", TemplateBody=body) == (
        "ValidationError: No updates are to be performed."
    )
    client.update_stack(StackName="s", TemplateBody=text(stack(A=topic(DisplayName="a"))))
    assert status(client) == "UPDATE_COMPLETE"
    assert "LastUpdatedTime" in client.describe_stacks(StackName="s")["Stacks"][0]


@expected("lifecycle", "stack status codes")
def test_a_failed_creation_is_rolled_back_and_can_only_be_deleted(client: Any, table: Table) -> None:
    table.refuses = {"create s/B"}
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(), B={**topic(), "DependsOn": "A"})))
    assert status(client) == "ROLLBACK_COMPLETE"
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName="s")
    every = client.describe_stack_events(StackName="s")["StackEvents"]
    [failed] = [each for each in every if each["ResourceStatus"] == "CREATE_FAILED"]
    assert (failed["LogicalResourceId"], failed["ResourceStatusReason"]) == ("B", "no")
    assert not table.there
    told = refused(client.update_stack, StackName="s", TemplateBody=text(stack(A=topic())))
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in told
    client.delete_stack(StackName="s")
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic())))
    assert status(client) == "CREATE_COMPLETE"


@expected("lifecycle", "stack status codes")
def test_a_failed_update_is_rolled_back(client: Any, table: Table) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(DisplayName="a"))))
    table.refuses = {"create s/B"}
    changed = stack(A=topic(DisplayName="b"), B={**topic(), "DependsOn": "A"})
    client.update_stack(StackName="s", TemplateBody=text(changed))
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    assert table.seen == {"s/A": {"DisplayName": "a"}}
    assert client.get_template(StackName="s")["TemplateBody"]["Resources"]["A"]["Properties"] == {"DisplayName": "a"}
    table.refuses.clear()
    client.update_stack(StackName="s", TemplateBody=text(changed))
    assert status(client) == "UPDATE_COMPLETE"


@expected("lifecycle", "deletion policy", "API DeleteStack")
def test_a_stack_is_deleted_but_for_what_is_retained(client: Any, table: Table) -> None:
    body = stack(A={**topic(), "DeletionPolicy": "Retain"}, B=topic())
    made = client.create_stack(StackName="s", TemplateBody=text(body), EnableTerminationProtection=True)
    assert "TerminationProtection is enabled" in refused(client.delete_stack, StackName="s")
    client.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    client.delete_stack(StackName="s")
    client.get_waiter("stack_delete_complete").wait(StackName=made["StackId"])
    assert set(table.seen) == {"s/A"}
    assert status(client, made["StackId"]) == "DELETE_COMPLETE"
    assert "A DELETE_SKIPPED" in events(client, made["StackId"])
    assert "does not exist" in refused(client.describe_stacks, StackName="s")


@expected("lifecycle", "API DeleteStack", "stack status codes")
def test_a_deletion_that_fails_can_be_tried_again(client: Any, table: Table) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic())))
    table.refuses = {"delete s/A"}
    client.delete_stack(StackName="s")
    assert status(client) == "DELETE_FAILED"
    table.refuses.clear()
    client.delete_stack(StackName="s")
    assert not table.there


@expected("nested stacks", "nested stacks", "API DescribeStacks")
def test_nested_stacks_are_stacks(client: Any, table: Table) -> None:
    made = client.create_stack(StackName="s", TemplateBody=text(NESTED))
    every = {each["StackName"]: each for each in client.describe_stacks()["Stacks"]}
    child = next(each for name, each in every.items() if name.startswith("s-Child-"))
    assert (child["ParentId"], child["RootId"]) == (made["StackId"], made["StackId"])
    assert child["Outputs"] == [{"OutputKey": "Arn", "OutputValue": "s/Child/Inner.Arn"}]
    assert child["Parameters"] == [{"ParameterKey": "Name", "ParameterValue": "a"}]
    resources = client.describe_stack_resources(StackName="s")["StackResources"]
    nested = next(each for each in resources if each["LogicalResourceId"] == "Child")
    assert nested["PhysicalResourceId"] == child["StackId"]
    inside = client.list_stack_resources(StackName=child["StackId"])["StackResourceSummaries"]
    assert [each["LogicalResourceId"] for each in inside] == ["Inner"]
    assert "nested" in refused(client.update_stack, StackName=child["StackId"], TemplateBody=text(CHILD))
    client.delete_stack(StackName="s")
    assert status(client, child["StackId"]) == "DELETE_COMPLETE"
    assert not table.there


@expected("nested stacks", "troubleshooting", "events of a nested stack, aws-scalable-big-blue-button-example#36")
def test_a_failure_deep_inside_is_told_at_every_level(client: Any, table: Table) -> None:
    table.refuses = {"create s/Child/Inner"}
    client.create_stack(StackName="s", TemplateBody=text(NESTED))
    assert status(client) == "ROLLBACK_COMPLETE"
    reasons = {
        each["LogicalResourceId"]: each["ResourceStatusReason"]
        for each in client.describe_stack_events(StackName="s")["StackEvents"]
        if each["ResourceStatus"] == "CREATE_FAILED"
    }
    nested = next(
        each["PhysicalResourceId"]
        for each in client.describe_stack_events(StackName="s")["StackEvents"]
        if each["LogicalResourceId"] == "Child" and "PhysicalResourceId" in each
    )
    failed = "The following resource(s) failed to create: [Inner]. "
    assert reasons["Child"] == f"Embedded stack {nested} was not successfully created: {failed}"
    inside = client.describe_stack_events(StackName=nested)["StackEvents"]
    told = {each["LogicalResourceId"]: each for each in inside if each["ResourceStatus"] == "CREATE_FAILED"}
    assert told.pop("Inner")["ResourceStatusReason"] == "no"
    assert [each["ResourceStatusReason"] for each in told.values()] == [failed]


def change_set(client: Any, body: Mapping[str, Any], kind: str = "UPDATE", **more: Any) -> dict[str, Any]:
    given = {"StackName": "s", "ChangeSetName": "c", "TemplateBody": text(body), "ChangeSetType": kind, **more}
    made = client.create_change_set(**given)
    return client.describe_change_set(ChangeSetName=made["Id"])  # type: ignore[no-any-return]


def shown(described: Mapping[str, Any]) -> list[str]:
    return [
        " ".join((each["Action"], each["LogicalResourceId"], each.get("Replacement", ""))).strip()
        for each in (change["ResourceChange"] for change in described["Changes"])
    ]


@expected("change sets", "API CreateChangeSet", "API ExecuteChangeSet")
def test_a_change_set_creates_a_stack(client: Any) -> None:
    described = change_set(client, stack(A=topic(), B=topic()), "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert shown(described) == ["Add A", "Add B"]
    assert status(client) == "REVIEW_IN_PROGRESS"
    assert client.describe_stack_resources(StackName="s")["StackResources"] == []
    client.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert status(client) == "CREATE_COMPLETE"
    assert client.list_change_sets(StackName="s")["Summaries"] == []


@expected("change sets", "API DescribeChangeSet", "update behaviors")
def test_a_change_set_tells_modifications_from_replacements(client: Any, table: Table) -> None:
    user = topic(DisplayName={"Ref": "G"})
    client.create_stack(
        StackName="s",
        TemplateBody=text(
            stack(A=topic(DisplayName="a"), G={"Type": GROUP, "Properties": {"Port": 80}}, U=user, X=topic())
        ),
    )
    before = dict(table.there)
    changed = stack(A=topic(DisplayName="b"), G={"Type": GROUP, "Properties": {"Port": 81}}, U=user, N=topic())
    described = change_set(client, changed)
    assert sorted(shown(described)) == ["Add N", "Modify A False", "Modify G True", "Modify U False", "Remove X"]
    details = {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in described["Changes"]}
    assert [each["Target"]["Name"] for each in details["A"]["Details"]] == ["DisplayName"]
    assert table.there == before  # on paper only
    client.execute_change_set(ChangeSetName="c", StackName="s")
    assert status(client) == "UPDATE_COMPLETE"


@expected("change sets", "API CreateChangeSet")
def test_an_empty_change_set_fails_and_says_so(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(NESTED))
    described = change_set(client, NESTED, IncludeNestedStacks=True)
    assert described["Status"] == "FAILED"
    assert "didn't contain changes" in described["StatusReason"]
    assert "InvalidChangeSetStatus" in refused(client.execute_change_set, ChangeSetName=described["ChangeSetId"])
    client.delete_change_set(ChangeSetName="c", StackName="s")
    assert "ChangeSetNotFound" in refused(client.describe_change_set, ChangeSetName="c", StackName="s")


@expected("change sets", "nested change sets", "API ChangeSetSummary")
def test_nested_change_sets_show_what_is_inside(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(NESTED))
    changed = json.loads(text(NESTED))
    changed["Resources"]["Child"]["Properties"]["Parameters"]["Name"] = "b"
    described = change_set(client, changed, IncludeNestedStacks=True)
    [child] = [each["ResourceChange"] for each in described["Changes"]]
    assert (child["LogicalResourceId"], child["Action"]) == ("Child", "Modify")
    inside = client.describe_change_set(ChangeSetName=child["ChangeSetId"])
    assert shown(inside) == ["Modify Inner False"]
    around = described["ChangeSetId"]
    assert (inside["ParentChangeSetId"], inside["RootChangeSetId"]) == (around, around)
    assert (described["IncludeNestedStacks"], inside["IncludeNestedStacks"]) == (True, True)
    assert "ParentChangeSetId" not in described
    assert "InvalidChangeSetStatus" in refused(client.execute_change_set, ChangeSetName=inside["ChangeSetId"])
    # It is the nested stack's own, and goes with the one that it belongs to.
    nested = client.describe_stack_resource(StackName="s", LogicalResourceId="Child")["StackResourceDetail"]
    stack_id = nested["PhysicalResourceId"]
    assert inside["StackId"] == stack_id
    [listed] = client.list_change_sets(StackName=stack_id)["Summaries"]
    assert (listed["ChangeSetId"], listed["RootChangeSetId"]) == (inside["ChangeSetId"], around)
    client.delete_change_set(ChangeSetName="c", StackName="s")
    assert client.list_change_sets(StackName=stack_id)["Summaries"] == []
    assert client.list_change_sets(StackName="s")["Summaries"] == []
    change_set(client, changed, IncludeNestedStacks=True)
    client.execute_change_set(ChangeSetName="c", StackName="s")
    assert client.list_change_sets(StackName=stack_id)["Summaries"] == []


@expected("change sets", "nested change sets", "API DescribeChangeSet")
def test_change_sets_of_stacks_in_stacks_name_parent_and_root(client: Any, files: dict[str, str]) -> None:
    deep = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json"}}
    files["b/in.json"] = text(stack(Innermost=topic()))
    files["b/child.json"] = text(stack(Middle=deep))
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/child.json"},
    }
    root = change_set(client, stack(Child=child), "CREATE", IncludeNestedStacks=True)

    def inside(described: Mapping[str, Any]) -> dict[str, Any]:
        [change] = described["Changes"]
        return client.describe_change_set(ChangeSetName=change["ResourceChange"]["ChangeSetId"])  # type: ignore[no-any-return]

    middle = inside(root)
    innermost = inside(middle)
    assert middle["ParentChangeSetId"] == root["ChangeSetId"]
    assert innermost["ParentChangeSetId"] == middle["ChangeSetId"]
    assert {middle["RootChangeSetId"], innermost["RootChangeSetId"]} == {root["ChangeSetId"]}
    assert shown(innermost) == ["Add Innermost"]
    alone = change_set(client, stack(Child=child), "CREATE", ChangeSetName="alone")
    assert (alone["IncludeNestedStacks"], "ChangeSetId" in alone["Changes"][0]["ResourceChange"]) == (False, False)


@expected("change sets", "nested change sets", "API DescribeChangeSet")
@pytest.mark.parametrize("include", [True, False])
def test_a_nested_stack_that_goes_is_one_change_of_the_stack_around_it(
    client: Any, files: dict[str, str], table: Table, include: bool
) -> None:
    """With all that is in it; there is no change set of its own to look into."""
    deep = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/in.json"}}
    files["b/in.json"] = text(stack(Innermost=topic()))
    files["b/child.json"] = text(stack(Middle=deep, Inner=topic()))
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/child.json"},
    }
    client.create_stack(StackName="s", TemplateBody=text(stack(Child=child, A=topic())))
    there = client.describe_stack_resource(StackName="s", LogicalResourceId="Child")["StackResourceDetail"]
    described = change_set(client, stack(A=topic()), IncludeNestedStacks=include)
    [change] = [each["ResourceChange"] for each in described["Changes"]]
    told = {"Action": "Remove", "LogicalResourceId": "Child", "ResourceType": "AWS::CloudFormation::Stack"}
    assert told.items() <= change.items()
    assert (change["PhysicalResourceId"], "ChangeSetId" in change) == (there["PhysicalResourceId"], False)
    client.execute_change_set(ChangeSetName="c", StackName="s")
    assert set(table.seen) == {"s/A"}


@expected("nested stacks", "API GetTemplate")
def test_a_nested_stack_tells_its_template(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(NESTED))
    nested = client.describe_stack_resource(StackName="s", LogicalResourceId="Child")["StackResourceDetail"]
    assert client.get_template(StackName=nested["PhysicalResourceId"])["TemplateBody"] == CHILD


@expected("lifecycle", "API ListStackResources", "API DescribeStackEvents")
def test_lists_have_pages(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(**{f"T{number}": topic() for number in range(150)})))
    pages = client.get_paginator("list_stack_resources").paginate(StackName="s")
    assert sum(len(page["StackResourceSummaries"]) for page in pages) == 150
    every = client.get_paginator("describe_stack_events").paginate(StackName="s")
    assert sum(len(page["StackEvents"]) for page in every) == 452


@expected("templates", "API GetTemplateSummary", "API ValidateTemplate")
def test_a_templates_summary(client: Any) -> None:
    body = {"Parameters": {"P": {"Type": "String", "Default": "d"}}, **stack(A={"Type": "AWS::IAM::Role"})}
    summary = client.get_template_summary(TemplateBody=text(body))
    assert summary["Capabilities"] == ["CAPABILITY_IAM"]
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    assert client.validate_template(TemplateBody=text(body))["Parameters"][0]["DefaultValue"] == "d"


def test_what_this_target_does_not_have_says_so(client: Any) -> None:
    assert "this local AWS does not have it" in refused(client.list_types)
