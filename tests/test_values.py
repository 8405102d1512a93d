"""Deploy-time values: kinds, literals, lists, and that their text is never known too early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from troposphere import GetAtt, Join, Ref, Sub, sqs

from cfngen import DescriptionError, Stack, WiringError, values
from cfngen.errors import shown
from cfngen.values import AlarmName, SecretArn, SubnetIds, Text, Value, Values, VpcId

KINDS = sorted(
    (kind for kind in vars(values).values() if isinstance(kind, type) and issubclass(kind, Value)),
    key=lambda kind: kind.__name__,
)
SPECIAL_TYPES = {
    "HostedZoneId": "AWS::Route53::HostedZone::Id",
    "SecurityGroupId": "AWS::EC2::SecurityGroup::Id",
    "SubnetIds": "List<AWS::EC2::Subnet::Id>",
    "Values": "CommaDelimitedList",
    "VpcId": "AWS::EC2::VPC::Id",
}


def queue_named(stack: Stack, name: object) -> None:
    stack.add(sqs.Queue("Letters", QueueName=name))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_value_becomes_a_parameter_of_its_own_kind(kind: type[Value]) -> None:
    root = Stack("root")
    root.nest("child", queue_named, kind.from_output("Other", "Name"))
    root.add(sqs.Queue("Other"))
    declared = root.templates()["child.yaml"]["Parameters"]
    assert declared == {"OtherName": {"Type": SPECIAL_TYPES.get(kind.__name__, "String")}}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_deployer_gives_a_parameter_of_the_same_kind(kind: type[Value]) -> None:
    root = Stack("root")
    queue_named(root, kind.parameter("Given", Description="what it is"))
    declared = root.to_dict()["Parameters"]
    assert declared == {"Given": {"Type": SPECIAL_TYPES.get(kind.__name__, "String"), "Description": "what it is"}}


def test_a_literal_stands_as_it_is_and_never_becomes_a_parameter() -> None:
    root = Stack("root")
    root.nest("child", queue_named, Text("letters"))
    root.nest("other", queue_named, Values(["a", "b"]))
    templates = root.templates()
    assert templates["child.yaml"]["Resources"]["Letters"]["Properties"] == {"QueueName": "letters"}
    assert templates["other.yaml"]["Resources"]["Letters"]["Properties"] == {"QueueName": ["a", "b"]}
    assert "Parameters" not in templates["child.yaml"]
    assert "Parameters" not in templates["other.yaml"]


@pytest.mark.parametrize(
    ("value", "written", "text"),
    [
        (Text("a"), "a", "a"),
        (Text(Ref("A")), {"Ref": "A"}, {"Ref": "A"}),
        (Text(GetAtt("A", "B.C")), {"Fn::GetAtt": ["A", "B.C"]}, {"Fn::GetAtt": ["A", "B.C"]}),
        (Text(Text(Ref("A"))), {"Ref": "A"}, {"Ref": "A"}),
        (SubnetIds([]), [], ""),
        (SubnetIds(["a", "b"]), ["a", "b"], "a,b"),
        (SubnetIds(id_ for id_ in ("a", "b")), ["a", "b"], "a,b"),
        (SubnetIds(["a", Ref("B")]), ["a", {"Ref": "B"}], {"Fn::Join": [",", ["a", {"Ref": "B"}]]}),
        (SubnetIds([Text("a"), Text("b")]), ["a", "b"], {"Fn::Join": [",", ["a", "b"]]}),
        (SubnetIds(Ref("A")), {"Ref": "A"}, {"Fn::Join": [",", {"Ref": "A"}]}),
        (
            SubnetIds.from_output("Net", "Ids"),
            {"Fn::Split": [",", {"Fn::GetAtt": ["Net", "Outputs.Ids"]}]},
            {"Fn::GetAtt": ["Net", "Outputs.Ids"]},
        ),
    ],
)
def test_a_list_crosses_a_border_as_one_string_joined_by_commas(value: Value, written: Any, text: Any) -> None:
    assert value.to_dict() == written
    crossing = value.text
    assert (crossing if isinstance(crossing, str) else crossing.to_dict()) == text


NOT_EMPTY = "a string that is not empty, or a function of troposphere, such as a resource's ref() or GetAtt()"
ANY = "a string, or a function of troposphere, such as a resource's ref() or GetAtt()"
LIST = "a list of strings that are not empty, or of functions of troposphere, or such a function"


REFUSED: list[tuple[Any, Any, str]] = [
    (SecretArn, None, f"SecretArn: None; {NOT_EMPTY}"),
    (SecretArn, "", f"SecretArn: ''; {NOT_EMPTY}"),
    (SecretArn, "a\ud800", "SecretArn: 'a\\ud800'; text that can be written as UTF-8"),
    (AlarmName, [], f"AlarmName: []; {NOT_EMPTY}"),
    (Value, {"Ref": "A"}, f"Value: {{'Ref': 'A'}}; {NOT_EMPTY}"),
    (VpcId, sqs.Queue("A"), f"VpcId: <troposphere.sqs.Queue object>; {NOT_EMPTY}"),
    (Text, None, f"Text: None; {ANY}"),
    (Text, 5, f"Text: 5; {ANY}"),
    (Text, 10**5000, f"Text: int too long to show; {ANY}"),
    (Text, True, f"Text: True; {ANY}"),
    (Text, b"a", f"Text: b'a'; {ANY}"),
    (SubnetIds, "subnet-1", f"SubnetIds: 'subnet-1'; {LIST}"),
    (SubnetIds, "", f"SubnetIds: ''; {LIST}"),
    (SubnetIds, None, f"SubnetIds: None; {LIST}"),
    (SubnetIds, 5, f"SubnetIds: 5; {LIST}"),
    (SubnetIds, {"a": "b"}, f"SubnetIds: {{'a': 'b'}}; {LIST}"),
    (SubnetIds, ["a", None], f"SubnetIds: None; no member of {LIST}"),
    (SubnetIds, ["a", ""], f"SubnetIds: ''; no member of {LIST}"),
    (Values, [["a"]], f"Values: ['a']; no member of {LIST}"),
    (Values, ["\ud800"], "Values: '\\ud800'; no member of"),
    (Values, b"a", "Values: 97; no member of"),
]


@pytest.mark.parametrize(("kind", "source", "says"), REFUSED, ids=lambda each: shown(each)[:20])
def test_what_is_no_text_and_no_function_is_refused(kind: Any, source: object, says: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        kind(source)
    (problem,) = caught.value.problems
    assert str(replace(problem, file="", line=0)).startswith(says)
    assert Path(problem.file).name == Path(__file__).name
    assert "\n" not in str(problem)
    assert str(problem).encode()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_only_a_text_may_be_empty(kind: Any) -> None:
    if kind is Text:
        assert kind("").to_dict() == ""
    else:
        with pytest.raises(DescriptionError):
            kind("")


@pytest.mark.parametrize(("value", "items"), [(Values(["a", "b"]), ["a", "b"]), (Values(Ref("A")), None)])
def test_the_members_of_a_list_are_known_only_where_it_was_made(value: Values, items: list[str] | None) -> None:
    assert value.items == items


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(str, id="str"),
        pytest.param(lambda value: f"{value}", id="f-string"),
        pytest.param(lambda value: f"{value:>9}", id="f-string with a width"),
        pytest.param("{}".format, id="format"),
        pytest.param(lambda value: "%s" % value, id="percent"),  # noqa: UP031  (so is this)
    ],
)
@pytest.mark.parametrize("value", [VpcId(Ref("Vpc")), VpcId("vpc-1"), SubnetIds(["a"])], ids=["ref", "literal", "list"])
def test_a_value_has_no_text_in_python(value: Value, say: Any) -> None:
    with pytest.raises(WiringError, match=r"is known only at deployment: use troposphere's Sub\(\) or Join\(\)"):
        say(value)


def test_a_value_shows_itself_to_a_person() -> None:
    assert repr(VpcId(Ref("Vpc"))) == "VpcId({'Ref': 'Vpc'})"
    assert f"{SubnetIds(['a'])!r}" == "SubnetIds(['a'])"


def test_values_are_equal_when_kind_and_source_are() -> None:
    assert VpcId(Ref("A")) == VpcId(Ref("A"))
    assert hash(VpcId(Ref("A"))) == hash(VpcId(Ref("A")))
    assert SubnetIds(["a"]) == SubnetIds(["a"])
    for other in (VpcId(Ref("B")), VpcId("A"), Text(Ref("A")), Ref("A"), "A", None):
        assert VpcId(Ref("A")) != other


def test_values_work_inside_troposphere_functions() -> None:
    root = Stack("root")
    queue_named(root, Sub("${Prefix}-letters", Prefix=Text(Ref("Other"))))
    root.add(sqs.Queue("Other", QueueName=Join("-", [Text("a"), Text.parameter("Name")])))
    template = root.to_dict()
    assert template["Resources"]["Letters"]["Properties"] == {
        "QueueName": {"Fn::Sub": ["${Prefix}-letters", {"Prefix": {"Ref": "Other"}}]}
    }
    assert template["Resources"]["Other"]["Properties"] == {"QueueName": {"Fn::Join": ["-", ["a", {"Ref": "Name"}]]}}
    assert template["Parameters"] == {"Name": {"Type": "String"}}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Ref("Queue"), "Queue"),
        (GetAtt("Queue", "Arn"), "QueueArn"),
        (GetAtt("Database", "Endpoint.Address"), "DatabaseEndpointAddress"),
        (GetAtt("Network", "Outputs.Vpc"), "NetworkVpc"),
        (Sub("${Queue}-dead"), "Name"),
    ],
)
def test_a_parameter_is_named_by_its_producer_else_by_the_argument(source: Any, name: str) -> None:
    root = Stack("root")
    for other in ("Queue", "Database", "Network"):
        root.add(sqs.Queue(other))
    root.nest("child", queue_named, Text(source))
    templates = root.templates()
    assert list(templates["child.yaml"]["Parameters"]) == [name]
    assert templates["root.yaml"]["Resources"]["Child"]["Properties"]["Parameters"] == {name: Text(source).to_dict()}


def test_a_pseudo_parameter_may_be_passed_like_any_value() -> None:
    root = Stack("root")
    root.nest("child", queue_named, Text(Ref("AWS::Region")))
    child = root.templates()["child.yaml"]
    (name,) = child.get("Parameters", ("AWS::Region",))
    assert child["Resources"]["Letters"]["Properties"] == {"QueueName": {"Ref": name}}
