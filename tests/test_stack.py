"""Stacks: what crosses a border and how, what is refused, and that a stack function works nested and alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troposphere import AWSHelperFn, Equals, GetAtt, If, Join, Not, Parameter, Ref, Sub, Tags, ec2, sns, sqs
from troposphere import Condition as Is

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
from cfngen.values import BucketName, PolicyArn, SecretArn, SubnetIds, Text, VpcId


@dataclass(frozen=True)
class QueueOutputs:
    url: Text
    arn: Text


def queue_stack(stack: Stack, days: int = 4) -> QueueOutputs:
    """Letters that wait."""
    queue = stack.add(sqs.Queue("Letters", MessageRetentionPeriod=days * 86400))
    return QueueOutputs(url=Text(queue.ref()), arn=Text(GetAtt(queue, "Arn")))


def reader_stack(stack: Stack, url: object, name: str = "Reader") -> None:
    stack.add(sqs.Queue(name, QueueName=url))


def _using(build: Callable[[Stack], object], smuggled: object) -> Callable[[Stack], None]:
    """A stack function that builds something of its own and uses what it was never passed."""

    def using(stack: Stack) -> None:
        build(stack)
        reader_stack(stack, smuggled)

    return using


def nothing(stack: Stack, *_given: object) -> None:
    """Use none of what is given."""
    stack.add(sqs.Queue("Reader"))


def parameters_for(template: dict[str, Any], child: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][child]["Properties"].get("Parameters", {})
    return found


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


@dataclass(frozen=True)
class SubnetsOutputs:
    vpc: VpcId
    subnets: SubnetIds


def subnets_stack(stack: Stack, count: int) -> SubnetsOutputs:
    vpc = stack.add(ec2.VPC("Vpc"))
    made = [stack.add(ec2.Subnet(f"Subnet{index}", VpcId=vpc.ref())) for index in range(count)]
    return SubnetsOutputs(VpcId(vpc.ref()), SubnetIds(each.ref() for each in made))


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


# What is refused


def _smuggled() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda stack: reader_stack(stack, queue.url))
    root.templates()


def _smuggled_where_a_resource_has_the_name() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", _using(queue_stack, own.url))
    root.templates()


def _smuggled_where_a_nested_stack_has_the_name() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", _using(lambda stack: stack.nest("queue", queue_stack), queue.url))
    root.templates()


def _smuggled_to_a_grandchild() -> None:
    def child(stack: Stack) -> None:
        stack.nest("queue", queue_stack)
        stack.nest("reader", reader_stack, queue.url)

    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", child)
    root.templates()


def _smuggled_to_a_grandchild_beside_its_double() -> None:
    def both(stack: Stack, own: Text, other: Text) -> None:
        reader_stack(stack, own, "A")
        reader_stack(stack, other, "B")

    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda stack: stack.nest("both", both, stack.nest("queue", queue_stack).url, queue.url))
    root.templates()


def _smuggled_to_the_parent() -> None:
    inside: list[Text] = []
    root = Stack("root")
    root.nest("child", lambda stack: inside.append(queue_stack(stack).url))
    queue_stack(root)
    reader_stack(root, inside[0])
    root.templates()


def _smuggled_into_an_output() -> None:
    root = Stack("root")
    queue = root.nest("queue", queue_stack)
    root.nest("child", lambda _stack: queue)
    root.templates()


def _smuggled_in_a_list() -> None:
    root = Stack("root")
    own = subnets_stack(root, 1)
    root.nest("child", _using(lambda stack: subnets_stack(stack, 1), own.subnets))
    root.templates()


def _smuggled_in_a_function() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", _using(queue_stack, Sub("${Url}-x", Url=own.url)))
    root.templates()


def _smuggled_by_adjusting() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", queue_stack)
    root.nested["child"].find(sqs.Queue, "Letters").QueueName = own.url
    root.templates()


def _a_parameter_inside_a_nested_function() -> None:
    root = Stack("root")
    root.nest("child", lambda stack: reader_stack(stack, Text.parameter("QueueName")))
    root.templates()


def _a_parameter_declared_twice() -> None:
    root = Stack("root")
    for number in (1, 2):
        reader_stack(root, Text.parameter("QueueName", Description=f"{number}"), f"Reader{number}")
    root.templates()


def _a_parameter_and_a_resource_of_one_name() -> None:
    root = Stack("root")
    own = queue_stack(root)
    root.nest("child", reader_stack, own.url, "Letters")
    root.templates()


def _two_values_for_one_parameter() -> None:
    def pair(stack: Stack, one: Text, other: Text) -> None:
        reader_stack(stack, one, "A")
        reader_stack(stack, other, "B")

    root = Stack("root")
    root.add(sqs.Queue("A"))
    root.nest("child", pair, Text(GetAtt("A", "BarBaz")), Text(GetAtt("A", "Bar.Baz")))
    root.templates()


def _with(**resource: Any) -> Callable[[], None]:
    def refused() -> None:
        stack = Stack("root")
        stack.add(sqs.Queue("Letters"))
        stack.add(sqs.Queue("Reader", **resource))
        stack.templates()

    return refused


def _if_in_if() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsDev", Equals("a", "b"))
    stack.add(sqs.Queue("Reader", QueueName=If("IsDev", "a", If("IsProd", "b", "c"))))
    stack.templates()


def _condition_of_a_condition() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsDev", Not(Is("IsProd")))
    stack.templates()


def _reference_of_a_condition() -> None:
    stack = Stack("root")
    stack.add(sqs.Queue("Letters", Condition="IsProd"))
    stack.template.add_condition("IsProd", Equals(Ref("Stage"), "prod"))
    stack.templates()


def _unknown_in_an_output() -> None:
    stack = Stack("root")
    stack.output("Url", Text(Ref("Nobody")))
    stack.templates()


def _resource_of_another_stack() -> None:
    root = Stack("root")
    queue = root.add(sqs.Queue("Letters"))
    root.nest("child", lambda stack: reader_stack(stack, queue.ref()))
    root.templates()


def _twice(*names: str) -> Callable[[], None]:
    def refused() -> None:
        root = Stack("root")
        for name in names:
            root.nest(name, queue_stack)
        root.templates()

    return refused


def _resource_twice() -> None:
    stack = Stack("root")
    queue_stack(stack)
    queue_stack(stack)


def _stack_and_resource() -> None:
    stack = Stack("root")
    queue_stack(stack)
    stack.nest("letters", queue_stack)


@dataclass(frozen=True)
class TwinOutputs:
    foo_bar: Text
    fooBar: Text  # noqa: N815  (what collides)


def _two_outputs_of_one_name() -> None:
    root = Stack("root")
    root.nest("child", lambda stack: TwinOutputs(queue_stack(stack).url, Text(GetAtt("Letters", "Arn"))))
    root.templates()


def _passed(bare: Callable[[Stack], object]) -> Callable[[], None]:
    """Something that is no value, from the parent's resource into a stack that has one of the same name."""

    def refused() -> None:
        root = Stack("root")
        queue_stack(root)
        root.nest("kid", _own_and_given, bare(root))
        root.templates()

    return refused


def _own_and_given(stack: Stack, url: Any) -> None:
    queue_stack(stack)
    reader_stack(stack, url)


def _returned() -> None:
    def queue(stack: Stack) -> object:
        return {"url": queue_stack(stack) and stack.find(sqs.Queue, "Letters").ref()}

    root = Stack("root")
    queue_stack(root)
    reader_stack(root, root.nest("kid", queue)["url"])  # type: ignore[index]


def _outputs(*names: str) -> Callable[[], None]:
    def refused() -> None:
        stack = Stack("root")
        url = queue_stack(stack).url
        for name in names:
            stack.output(name, url)

    return refused


def _bare_output() -> None:
    stack = Stack("root")
    queue_stack(stack)
    stack.output("Url", stack.find(sqs.Queue, "Letters").ref())  # type: ignore[arg-type]


def _root_and_child_of_one_file() -> None:
    Stack("queue").nest("queue", queue_stack)


WRAP = "only a value crosses the border of a stack and is a parameter there, so wrap the reference in its kind, as in "
ELSEWHERE = "pass it to the stack's function as an argument"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "smuggled by closure": (_smuggled, f"'child' uses Text({{'Fn::GetAtt': ['Queue', 'Outputs.Url']}}) of the root; {ELSEWHERE}"),
    "smuggled, resource of the name": (_smuggled_where_a_resource_has_the_name, f"of the root; {ELSEWHERE}"),
    "smuggled, stack of the name": (_smuggled_where_a_nested_stack_has_the_name, f"of the root; {ELSEWHERE}"),
    "smuggled to a grandchild": (_smuggled_to_a_grandchild, "'child' uses Text({'Fn::GetAtt': ['Queue', 'Outputs.Url']}) of the root"),
    "smuggled beside its double": (_smuggled_to_a_grandchild_beside_its_double, "Queue"),
    "smuggled to the parent": (_smuggled_to_the_parent, f"'root' uses Text({{'Ref': 'Letters'}}) of stack 'child'; {ELSEWHERE}"),
    "smuggled into an output": (_smuggled_into_an_output, f"of the root; {ELSEWHERE}"),
    "smuggled in a list": (_smuggled_in_a_list, f"'child' uses SubnetIds([{{'Ref': 'Subnet0'}}]) of the root; {ELSEWHERE}"),
    "smuggled in a function": (_smuggled_in_a_function, f"of the root; {ELSEWHERE}"),
    "smuggled by adjusting": (_smuggled_by_adjusting, f"of the root; {ELSEWHERE}"),
    "parameter inside": (_a_parameter_inside_a_nested_function, f"'child' uses the deployment's parameter 'QueueName'; {ELSEWHERE}"),
    "parameter twice": (_a_parameter_declared_twice, "parameter 'QueueName' is declared twice, differently: by "),
    "parameter and resource": (_a_parameter_and_a_resource_of_one_name, "'child' has a parameter and a resource of the name 'Letters'; rename the resource"),
    "two values": (_two_values_for_one_parameter, "two different values as parameter 'ABarBaz'; pass one of them under another name"),
    "unknown Ref": (_with(QueueName=Ref("Leters")), "Reader uses 'Leters', which is neither a resource nor a parameter of it"),
    "did you mean": (_with(QueueName=Ref("Leters")), "did you mean 'Letters'?"),
    "unknown GetAtt": (_with(QueueName=GetAtt("Nobody", "Arn")), "Reader uses 'Nobody'"),
    "unknown GetAtt in one string": (_with(QueueName=If("X", {"Fn::GetAtt": "Nobody.Arn"}, "")), "Reader uses 'Nobody'"),
    "unknown Ref in GetAtt": (_with(QueueName=GetAtt("Letters", Ref("Nobody"))), "Reader uses 'Nobody'"),
    "unknown in Sub": (_with(QueueName=Sub("a-${Nobody}")), "Reader uses 'Nobody'"),
    "unknown attribute in Sub": (_with(QueueName=Sub("a-${Nobody.Arn}")), "Reader uses 'Nobody'"),
    "unknown in Sub with values": (_with(QueueName=Sub("${a}${Nobody}", a="b")), "Reader uses 'Nobody'"),
    "unknown value of Sub": (_with(QueueName=Sub("${a}", a=Ref("Nobody"))), "Reader uses 'Nobody'"),
    "unknown in DependsOn": (_with(DependsOn="Nobody"), "Reader uses 'Nobody'"),
    "unknown in DependsOn list": (_with(DependsOn=["Letters", "Nobody"]), "Reader uses 'Nobody'"),
    "unknown in an output": (_unknown_in_an_output, "Url uses 'Nobody'"),
    "unknown in a condition": (_reference_of_a_condition, "IsProd uses 'Stage'"),
    "unknown Condition": (_with(Condition="IsProd"), "Reader uses the condition 'IsProd', which it does not have"),
    "unknown Fn::If": (_with(QueueName=If("IsProd", "a", "b")), "Reader uses the condition 'IsProd'"),
    "unknown Fn::If inside": (_with(QueueName=Sub("${a}", a=If("IsProd", "a", "b"))), "Reader uses the condition 'IsProd'"),
    "unknown Fn::If in an Fn::If": (_if_in_if, "Reader uses the condition 'IsProd'"),
    "unknown condition in a condition": (_condition_of_a_condition, "IsDev uses the condition 'IsProd'"),
    "resource of another stack": (_resource_of_another_stack, "'child': Reader uses 'Letters', which is neither a resource"),
    "name twice": (_twice("queue", "queue"), "stack 'root' cannot nest 'queue': 'queue' is there already"),
    "title twice": (_twice("a1", "a-1"), "stack 'root' cannot nest 'a-1': 'A1' is there already"),
    "resource twice": (_resource_twice, "stack 'root' has two resources of the name 'Letters'"),
    "stack named as a resource": (_stack_and_resource, "stack 'root' cannot nest 'letters': 'Letters' is there already"),
    "output twice": (_two_outputs_of_one_name, "FooBar"),
    "bare reference": (_passed(lambda root: root.find(sqs.Queue, "Letters").ref()), f"stack 'kid', url: Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "bare attribute": (_passed(lambda _root: GetAtt("Letters", "Arn")), "stack 'kid', url: GetAtt {'Fn::GetAtt': ['Letters', 'Arn']}; "),
    "bare Sub": (_passed(lambda _root: Sub("${Letters}-x")), "stack 'kid', url: Sub {'Fn::Sub': '${Letters}-x'}; "),
    "bare Join of a value": (_passed(lambda _root: Join("", [Text(Ref("Letters"))])), "stack 'kid', url: Join "),
    "bare resource": (_passed(lambda root: root.find(sqs.Queue, "Letters")), f"stack 'kid', url: Queue 'Letters'; {WRAP}"),
    "bare parameter": (_passed(lambda _root: Parameter("Given", Type="String")), f"stack 'kid', url: Parameter 'Given'; {WRAP}"),
    "bare in a tuple": (_passed(lambda _root: (Text("a"), Ref("Letters"))), "stack 'kid', url 2: Ref {'Ref': 'Letters'}; "),
    "bare in a mapping": (_passed(lambda _root: {"a": Ref("Letters")}), "stack 'kid', url a: Ref {'Ref': 'Letters'}; "),
    "bare in what comes back": (_returned, f"stack 'kid', url: Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "bare in an output": (_bare_output, f"stack 'root', output 'Url': Ref {{'Ref': 'Letters'}}; {WRAP}"),
    "output declared twice": (_outputs("Url", "Url"), "stack 'root' has two outputs of the name 'Url'; rename one of them"),
    **{
        f"output {name!r:.9}": (_outputs(name), f"stack 'root', output {name!r}: a name in letters and digits alone, 255 at most")
        for name in ("", "a-b", "a b", "é", "a" * 256)
    },
    "root and child": (_root_and_child_of_one_file, "queue.yaml"),
    **{
        f"name {name!r}": (lambda name=name: Stack(name), f"stack name {name!r}: lower-case letters, digits and single hyphens")  # type: ignore[misc]
        for name in ("", "Queue", "1st", "a_b", "a--b", "a-", "-a", "a.b", "a/b", "a b", "é")
    },
}  # fmt: skip


@pytest.mark.parametrize(("refused", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(refused: Callable[[], object], says: str) -> None:
    with pytest.raises(WiringError) as caught:
        refused()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")


def test_what_is_right_is_not_refused() -> None:
    stack = Stack("root")
    stack.template.add_condition("IsProd", Equals(Ref("AWS::Region"), "eu-west-1"))
    stack.template.add_condition("IsDev", Not(Is("IsProd")))
    stack.add(sqs.Queue("Letters", Condition="IsProd"))
    text = "${Letters} ${Letters.Arn} ${AWS::Region} ${own} ${!Literal} ${AWS::StackName}"
    stack.add(sqs.Queue("Reader", DependsOn="Letters", QueueName=Sub(text, own=If("IsDev", "a", Ref("AWS::NoValue")))))
    # A policy's Condition is no condition of the template.
    policy = {"Statement": [{"Condition": {"StringEquals": {"a": "b"}}}]}
    stack.add(sns.TopicPolicy("Policy", DependsOn=["Letters", "Reader"], Topics=["a"], PolicyDocument=policy))
    assert list(stack.to_dict()["Resources"]) == ["Letters", "Reader", "Policy"]


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


def test_what_could_not_be_nested_leaves_its_name_free() -> None:
    def fails(stack: Stack, *_given: object) -> None:
        queue_stack(stack)
        raise ZeroDivisionError

    root = Stack("root")
    other = Stack("other").nest("queue", queue_stack)
    for error, build, arguments in (
        (ZeroDivisionError, fails, ()),
        (TypeError, queue_stack, ("too", "many", "of", "them")),
        (WiringError, reader_stack, (Ref("Letters"),)),
        (WiringError, lambda stack: TwinOutputs(queue_stack(stack).url, Text(GetAtt("Letters", "Arn"))), ()),
    ):
        with pytest.raises(error):
            root.nest("queue", build, *arguments)  # type: ignore[arg-type]
        assert root.nested == {}
        assert root.template.resources == {}
    root.nest("queue", queue_stack)
    with pytest.raises(WiringError, match="'queue' is there already"):
        root.nest("queue", fails, other)
    assert list(root.templates()) == ["root.yaml", "queue.yaml"]


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
