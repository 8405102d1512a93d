"""Stacks: what crosses a border and how, and that a stack function works nested and alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import QueueOutputs, SubnetsOutputs, parameters_for, queue_stack, reader_stack, subnets_stack
from troposphere import AWSHelperFn, GetAtt, Ref, Tags, ec2, sns, sqs

from cfngen import (
    Common,
    Database,
    DatabaseOutputs,
    FoundationOutputs,
    Network,
    NetworkOutputs,
    OffHours,
    Secret,
    Stack,
    WiringError,
    database_stack,
    foundation_stack,
    network_stack,
    render,
    title,
)
from cfngen.values import BucketName, PolicyArn, SecretArn, Text, VpcId


def nothing(stack: Stack, *_given: object) -> None:
    """Use none of what is given."""
    stack.add(sqs.Queue("Reader"))


# What crosses a border


def test_whole_tree() -> None:
    root = Stack("shop", "The shop")
    queue = root.nest("queue", queue_stack, days=2)
    root.nest("reader", reader_stack, queue.url)
    root.output("Url", queue.url, "Where letters go")
    kept = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete", "Type": "AWS::CloudFormation::Stack"}
    version = {"AWSTemplateFormatVersion": "2010-09-09"}
    assert root.templates() == {
        "shop.yaml": {
            **version,
            "Description": "The shop",
            "Resources": {
                "Queue": {**kept, "Properties": {"TemplateURL": "queue.yaml"}},
                "Reader": {
                    **kept,
                    "Properties": {
                        "TemplateURL": "reader.yaml",
                        "Parameters": {"QueueUrl": {"Fn::GetAtt": ["Queue", "Outputs.Url"]}},
                    },
                },
            },
            "Outputs": {"Url": {"Description": "Where letters go", "Value": {"Fn::GetAtt": ["Queue", "Outputs.Url"]}}},
        },
        "queue.yaml": {
            **version,
            "Description": "Letters that wait.",
            "Resources": {"Letters": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 172800}}},
            "Outputs": {"Url": {"Value": {"Ref": "Letters"}}, "Arn": {"Value": {"Fn::GetAtt": ["Letters", "Arn"]}}},
        },
        "reader.yaml": {
            **version,
            "Parameters": {"QueueUrl": {"Type": "String"}},
            "Resources": {"Reader": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "QueueUrl"}}}},
        },
    }


def test_values_pass_through_a_middle_stack_in_both_directions() -> None:
    def middle(stack: Stack, url: Text) -> QueueOutputs:
        stack.nest("reader", reader_stack, url)
        return stack.nest("queue", queue_stack)

    root = Stack("root")
    above = root.nest("queue", queue_stack)
    below = root.nest("middle", middle, above.url)
    root.output("Below", below.arn)
    root.output("Same", root.nest("again", lambda _stack, given: given, above).arn)
    made = root.templates()
    assert parameters_for(made["root.yaml"], "Middle") == {"QueueUrl": {"Fn::GetAtt": ["Queue", "Outputs.Url"]}}
    assert made["middle.yaml"]["Parameters"] == {"QueueUrl": {"Type": "String"}}
    assert parameters_for(made["middle.yaml"], "Reader") == {"QueueUrl": {"Ref": "QueueUrl"}}
    assert made["middle.reader.yaml"]["Resources"]["Reader"]["Properties"] == {"QueueName": {"Ref": "QueueUrl"}}
    assert made["middle.queue.yaml"]["Outputs"]["Arn"] == {"Value": {"Fn::GetAtt": ["Letters", "Arn"]}}
    assert made["middle.yaml"]["Outputs"]["Arn"] == {"Value": {"Fn::GetAtt": ["Queue", "Outputs.Arn"]}}
    assert made["root.yaml"]["Outputs"]["Below"] == {"Value": {"Fn::GetAtt": ["Middle", "Outputs.Arn"]}}
    assert made["again.yaml"]["Outputs"]["Arn"] == {"Value": {"Ref": "QueueArn"}}


def test_a_list_crosses_joined_by_commas_and_is_a_list_again() -> None:
    def endpoint(stack: Stack, network: SubnetsOutputs) -> None:
        stack.add(ec2.VPCEndpoint("Endpoint", VpcId=network.vpc, SubnetIds=network.subnets))

    root = Stack("root")
    network = root.nest("network", subnets_stack, 2)
    root.nest("child", endpoint, network)
    endpoint(root, network)
    made = root.templates()
    ids = {"Fn::GetAtt": ["Network", "Outputs.Subnets"]}
    assert made["network.yaml"]["Outputs"]["Subnets"]["Value"] == {
        "Fn::Join": [",", [{"Ref": "Subnet0"}, {"Ref": "Subnet1"}]]
    }
    assert parameters_for(made["root.yaml"], "Child")["NetworkSubnets"] == ids
    assert made["child.yaml"]["Parameters"]["NetworkSubnets"] == {"Type": "List<AWS::EC2::Subnet::Id>"}
    assert made["child.yaml"]["Resources"]["Endpoint"]["Properties"]["SubnetIds"] == {"Ref": "NetworkSubnets"}
    assert made["root.yaml"]["Resources"]["Endpoint"]["Properties"]["SubnetIds"] == {"Fn::Split": [",", ids]}


def test_a_list_of_the_parents_own_resources_is_joined_for_the_child() -> None:
    root = Stack("root")
    own = subnets_stack(root, 2)
    root.nest("child", reader_stack, own.subnets)
    joined = {"Fn::Join": [",", [{"Ref": "Subnet0"}, {"Ref": "Subnet1"}]]}
    assert parameters_for(root.to_dict(), "Child") == {"Url": joined}


def test_values_cross_inside_mappings_tuples_and_descriptions() -> None:
    def child(stack: Stack, named: Mapping[str, Text], both: tuple[Text, ...], secret: Secret) -> None:
        stack.add(sqs.Queue("A", QueueName=named["url"], Tags=Tags(Both=both[1], Secret=secret.arn)))

    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    secret = Secret(arn=SecretArn(GetAtt("Queue", "Outputs.Url")), key="password")
    root.nest(
        "child",
        child,
        {"url": queue.url},
        (Text("literal"), queue.arn),
        replace(secret, arn=SecretArn("arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail-AbCdEf")),
    )
    assert list(parameters_for(root.to_dict(), "Child")) == ["QueueArn", "QueueUrl"]

    other = Stack("root")
    queue = other.nest("queue", queue_stack)
    other.nest("child", child, {"url": Text("a")}, (Text("a"), Text("b")), secret)
    assert list(parameters_for(other.to_dict(), "Child")) == ["QueueUrl"]


def test_a_list_of_values_crosses_like_a_tuple() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda stack, urls: reader_stack(stack, urls[0]), [queue.url])
    assert list(parameters_for(root.to_dict(), "Child")) == ["QueueUrl"]


def test_a_function_may_return_a_single_value() -> None:
    root = Stack("root")
    url = root.nest("queue", lambda stack: queue_stack(stack).url)
    root.output("Url", url)
    made = root.templates()
    (name,) = made["queue.yaml"]["Outputs"]
    assert name.isalnum()
    assert made["root.yaml"]["Outputs"]["Url"] == {"Value": {"Fn::GetAtt": ["Queue", f"Outputs.{name}"]}}


def test_unused_values_become_no_parameter() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", nothing, queue, Text.parameter("Given"))
    made = root.templates()
    assert "Parameters" not in made["child.yaml"]
    assert "Parameters" not in made["root.yaml"]
    assert parameters_for(made["root.yaml"], "Child") == {}


def test_what_is_no_longer_used_is_no_longer_passed() -> None:
    root = Stack("root")
    root.nest("child", reader_stack, root.nest("queue", queue_stack).url)
    assert parameters_for(root.to_dict(), "Child")
    del root.nested["child"].find(sqs.Queue, "Reader").properties["QueueName"]
    assert parameters_for(root.to_dict(), "Child") == {}


def test_renaming_an_argument_changes_no_template() -> None:
    def renamed(stack: Stack, address: Text) -> None:
        reader_stack(stack, address)

    made = []
    for function in (reader_stack, renamed):
        root = Stack("root")
        root.nest("child", function, root.nest("queue", queue_stack).url)
        made.append(render(root))
    assert made[0] == made[1]


def test_values_may_be_given_by_name_or_position() -> None:
    made = []
    for named in (True, False):
        root = Stack("root")
        url = root.nest("queue", queue_stack).url
        root.nest("child", reader_stack, url=url) if named else root.nest("child", reader_stack, url)
        made.append(render(root))
    assert made[0] == made[1]


# Parameters of the deployer


def test_a_parameter_used_by_a_function_called_directly_is_declared_at_the_root() -> None:
    def named(stack: Stack) -> None:
        reader_stack(stack, Text.parameter("QueueName", Default="letters", AllowedPattern="[a-z]+"))

    root = Stack("root")
    named(root)
    assert root.to_dict()["Parameters"] == {
        "QueueName": {"Type": "String", "Default": "letters", "AllowedPattern": "[a-z]+"}
    }


def test_a_parameter_passed_down_two_levels_is_declared_on_each_way() -> None:
    root = Stack("root")
    vpc = VpcId.parameter("VpcId", Description="An existing VPC")
    root.nest("middle", lambda stack, given: stack.nest("child", reader_stack, given), vpc)
    made = root.templates()
    assert made["root.yaml"]["Parameters"] == {"VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "An existing VPC"}}
    assert made["middle.yaml"]["Parameters"] == {"VpcId": {"Type": "AWS::EC2::VPC::Id"}}
    assert made["middle.child.yaml"]["Parameters"] == {"VpcId": {"Type": "AWS::EC2::VPC::Id"}}


def test_the_same_parameter_may_be_made_twice() -> None:
    root = Stack("root")
    for name in ("A", "B"):
        reader_stack(root, Text.parameter("QueueName"), name)
    assert root.to_dict()["Parameters"] == {"QueueName": {"Type": "String"}}


class Pair(NamedTuple):
    url: Text
    days: int


@pytest.mark.parametrize("url", [None, Text("literal")])
def test_a_named_tuple_crosses_and_keeps_its_names(url: Text | None) -> None:
    def child(stack: Stack, pair: Pair) -> Pair:
        assert pair.days == 4
        reader_stack(stack, pair.url)
        return Pair(queue_stack(stack).url, pair.days + 1)

    root = Stack("root")
    back = root.nest("child", child, Pair(url or root.nest("queue", queue_stack).url, 4))
    root.output("Url", back.url)
    assert isinstance(back, Pair)
    assert back.days == 5
    made = root.templates()
    assert list(parameters_for(made["root.yaml"], "Child")) == ([] if url else ["QueueUrl"])
    assert list(made["child.yaml"]["Outputs"]) == ["Url"]


# Names and files


def test_stacks_of_one_name_under_different_parents_have_different_files() -> None:
    root = Stack("root")
    for name in ("a", "b"):
        root.nest(name, lambda stack, days: stack.nest("queue", queue_stack, days), len(name))
    made = root.templates()
    assert list(made) == ["root.yaml", "a.yaml", "a.queue.yaml", "b.yaml", "b.queue.yaml"]
    assert made["b.yaml"]["Resources"]["Queue"]["Properties"]["TemplateURL"] == "b.queue.yaml"
    assert root.nested["a"].nested["queue"].path == "a.queue"
    assert [stack.name for stack in root.walk()] == ["root", "a", "queue", "b", "queue"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("order-api", "task role"), "OrderApiTaskRole"),
        (("order-api",), "OrderApi"),
        (("s3",), "S3"),
        (("a.b_c/d",), "ABCD"),
        (("xRay",), "XRay"),
        (("zone", "1"), "Zone1"),
    ],
)
def test_title(words: tuple[str, ...], name: str) -> None:
    assert title(*words) == name


# Adjusting


def test_a_resource_is_adjusted_where_no_option_covers_a_need() -> None:
    root = Stack("root")
    root.nest("queue", queue_stack)
    root.nested["queue"].find(sqs.Queue, "Letters").FifoQueue = True
    assert "FifoQueue: true" in render(root)["queue.yaml"]


def test_find_names_what_there_is() -> None:
    stack = Stack("root")
    queue_stack(stack)
    stack.add(sns.Topic("Letter"))
    with pytest.raises(KeyError, match="stack 'root' has no Queue 'Leters'; did you mean 'Letters'"):
        stack.find(sqs.Queue, "Leters")
    with pytest.raises(KeyError, match="no Queue 'Letter'"):
        stack.find(sqs.Queue, "Letter")
    with pytest.raises(KeyError, match="there is none"):
        stack.find(ec2.VPC, "Vpc")


def test_an_adjusted_resource_is_checked_as_well() -> None:
    root = Stack("root")
    root.nest("queue", queue_stack)
    root.nested["queue"].find(sqs.Queue, "Letters").QueueName = Ref("Nobody")
    with pytest.raises(WiringError, match="stack 'queue': Letters uses 'Nobody'"):
        root.templates()


def test_a_stack_is_described_by_the_first_line_of_its_function_or_in_its_own_words() -> None:
    root = Stack("root")
    root.nest("queue", queue_stack)
    assert "Description" not in root.to_dict()
    root.describe("The root")
    root.nested["queue"].describe("Another")
    made = root.templates()
    assert (made["root.yaml"]["Description"], made["queue.yaml"]["Description"]) == ("The root", "Another")


def test_rendering_twice_gives_the_same() -> None:
    root = Stack("root")
    root.nest("reader", reader_stack, root.nest("queue", queue_stack).url)
    assert root.templates() == root.templates()


# Nested or alone: the same resources


def _resolved(templates: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The resources of a tree in one dictionary, each parameter and output replaced by what it stands for."""
    root = next(iter(templates))
    above = {
        resource["Properties"]["TemplateURL"]: (file, resource["Properties"].get("Parameters", {}))
        for file, template in templates.items()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }

    def resolve(node: Any, file: str) -> Any:
        match node:
            case {"Ref": name} if file != root and name in templates[file].get("Parameters", {}):
                parent, passed = above[file]
                found = resolve(passed[name], parent)
                is_list = "List" in templates[file]["Parameters"][name]["Type"]
                return resolve({"Fn::Split": [",", found]}, file) if is_list else found
            case {"Fn::GetAtt": [name, attribute]} if attribute.startswith("Outputs."):
                child = templates[file]["Resources"][name]["Properties"]["TemplateURL"]
                return resolve(templates[child]["Outputs"][attribute.removeprefix("Outputs.")]["Value"], child)
            case {"Fn::Split": [",", whole]}:
                parts = resolve(whole, file)
                return parts["Fn::Join"][1] if isinstance(parts, dict) and "Fn::Join" in parts else {"Fn::Split": parts}
            case dict():
                return {key: resolve(part, file) for key, part in node.items()}
            case list():
                return [resolve(part, file) for part in node]
        return node

    return {
        name: resolve(resource, file)
        for file, template in templates.items()
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CloudFormation::Stack"
    }


networks = st.builds(
    Network,
    cidr=st.sampled_from(("10.0.0.0/16", "172.16.32.0/20", "192.168.0.0/18")),
    zones=st.sampled_from((2, 3)),
    nat=st.sampled_from(("one", "one per zone")),
)
databases = st.builds(
    Database,
    instance_class=st.sampled_from(("db.t4g.micro", "db.m7g.large")),
    storage_gib=st.integers(20, 90),
    multi_az=st.booleans(),
    backup_days=st.integers(1, 35),
    protected=st.booleans(),
)
commons = st.builds(
    Common,
    application=st.just("shop"),
    stage=st.sampled_from(("dev", "prod")),
    own_key_for=st.lists(st.sampled_from(("logs", "artifacts", "database")), unique=True).map(tuple),
)
Nest = Callable[..., Any]


@given(
    networks, databases, commons, st.booleans(), st.none() | st.just("a@example.com"), st.none() | st.builds(OffHours)
)
@settings(max_examples=40)
def test_the_same_function_called_directly_or_nested_makes_the_same_resources(
    network: Network, database: Database, common: Common, bounded: bool, email: str | None, off_hours: OffHours | None
) -> None:
    def fill(nest: Nest) -> DatabaseOutputs:
        boundary = PolicyArn.parameter("Boundary") if bounded else None
        shared = replace(common, permissions_boundary=boundary)
        foundation: FoundationOutputs = nest("foundation", foundation_stack, shared, email)
        made: NetworkOutputs = nest("network", network_stack, network, foundation.logs)
        outputs: DatabaseOutputs = nest(
            "database", database_stack, shared, foundation, made, database, "8.4.8", off_hours
        )
        return outputs

    alone, tree = Stack("shop"), Stack("shop")
    alone.output("Host", fill(lambda _name, build, *given: build(alone, *given)).host)
    tree.output("Host", fill(tree.nest).host)
    nested, flat = tree.templates(), alone.templates()
    assert len(nested) == 4
    assert len(flat) == 1
    assert _resolved(nested) == _resolved(flat)
    declared = [template.get("Parameters", {}) for template in (nested["shop.yaml"], flat["shop.yaml"])]
    assert declared[0] == declared[1]
    for template in nested.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                child = nested[resource["Properties"]["TemplateURL"]]
                assert parameters_for(template, name).keys() == child.get("Parameters", {}).keys()


def test_one_stack_function_in_somebody_elses_template_with_literals() -> None:
    stack = Stack("theirs")
    made = network_stack(stack, Network(), BucketName("logs-of-ours"))
    stack.add(ec2.SecurityGroup("Group", GroupDescription="ours", VpcId=made.vpc))
    template = stack.to_dict()
    assert "Parameters" not in template
    assert template["Resources"]["Group"]["Properties"]["VpcId"] == {"Ref": "Vpc"}
    assert template["Resources"]["FlowLog"]["Properties"]["LogDestination"] == {
        "Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/flow/", {"Bucket": "logs-of-ours"}]
    }


def test_values_are_helper_functions_so_that_they_fit_every_property() -> None:
    assert issubclass(Text, AWSHelperFn)
