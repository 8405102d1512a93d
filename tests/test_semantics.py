"""What CloudFormation makes of templates: values, order, replacement, updates, rollbacks.

Expected answers are CloudFormation's documented ones. The provider is a table of resources that can be told to refuse.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from conformance import expected
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen.semantics.document import UnreadableError, read_yaml
from cfngen.semantics.parameters import texts, typed
from cfngen.semantics.resolve import NO_VALUE, Resolver
from cfngen.semantics.template import Template, TemplateError, read_template
from cfngen.semantics.update import Engine, Outcome, Readings, RefusedError, Resource, StackState

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws"}
TOPIC, GROUP = "AWS::SNS::Topic", "AWS::ElasticLoadBalancingV2::TargetGroup"


@dataclass
class Table:
    """Resources by physical id. `refuses` are places of which the next write fails; `ssm` are stored parameters."""

    there: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    ssm: dict[str, str] = field(default_factory=dict)
    wrote: list[str] = field(default_factory=list)
    count: int = 0

    def create(self, resource: Resource) -> str:
        self._write("create", resource)
        self.count += 1
        physical = f"{resource.place}#{self.count}"
        self.there[physical] = (resource.place, resource.properties)
        return physical

    def update(self, resource: Resource, old: Resource) -> None:
        assert resource.physical == old.physical
        self._write("update", resource)
        self.there[resource.physical] = (resource.place, resource.properties)

    def delete(self, resource: Resource) -> None:
        self._write("delete", resource)
        del self.there[resource.physical]

    def attribute(self, resource: Resource, name: str) -> Any:
        return f"{resource.place}.{name}"  # not the physical id, so that it stays when something is replaced

    def reference(self, resource: Resource) -> Any:
        return resource.place if resource.kind == TOPIC else resource.physical

    def dynamic(self, service: str, key: str) -> str:
        return self.ssm[key]

    def _write(self, action: str, resource: Resource) -> None:
        self.wrote.append(f"{action} {resource.place}")
        if f"{action} {resource.place}" in self.refuses:
            raise RefusedError("no")

    @property
    def seen(self) -> dict[str, Mapping[str, Any]]:
        return dict(self.there.values())


def engine(table: Table, children: Mapping[str, Any] | None = None, readings: Readings | None = None) -> Engine:
    return Engine(table, lambda url: Template((children or {})[url]), PSEUDO, readings)


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": TOPIC, "Properties": properties}


def stack(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def created(table: Table, body: Mapping[str, Any], **more: Any) -> StackState:
    outcome = engine(table, **more).create("s", Template(body), {})
    assert outcome.status == "CREATE_COMPLETE", outcome.reason
    assert outcome.stack
    return outcome.stack


# Values


class Around:
    def reference(self, name: str) -> Any:
        return f"id-{name}"

    def attribute(self, name: str, attribute: str) -> Any:
        return f"{name}.{attribute}"

    def dynamic(self, service: str, key: str) -> str:
        return f"<{service} {key}>"

    def imported(self, name: str) -> Any:
        return f"export {name}"


BODY = {
    "Parameters": {"P": {"Type": "String"}, "L": {"Type": "CommaDelimitedList"}},
    "Mappings": {"M": {"eu-west-1": {"x": "1", "list": ["a", "b"]}}},
    "Conditions": {
        "Yes": {"Fn::Equals": [{"Ref": "P"}, "value"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "One": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
    },
    "Resources": {"R": topic(), "Q": topic()},
}
REF, ZONES = {"Ref": "R"}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (REF, "id-R"),
        ({"Ref": "P"}, "value"),
        ({"Ref": "L"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        ({"Fn::GetAtt": ["R", "Arn"]}, "R.Arn"),
        ({"Fn::GetAtt": "R.Endpoint.Port"}, "R.Endpoint.Port"),
        ({"Fn::GetAtt": ["R", {"Ref": "P"}]}, "R.value"),
        ({"Fn::Sub": "${P} ${R} ${R.Arn} ${AWS::Region} ${!P}"}, "value id-R R.Arn eu-west-1 ${P}"),
        ({"Fn::Sub": ["${own}-${P}", {"own": {"Ref": "L"}}]}, "a,b-value"),
        ({"Fn::Join": ["-", ["a", {"Ref": "P"}, 1, True]]}, "a-value-1-true"),
        ({"Fn::Join": [",", {"Ref": "L"}]}, "a,b"),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Fn::GetAZs": ""}]}, ZONES[1]),
        ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, ZONES),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, {"Fn::If": ["One", 3, 4]}]}, 3),
        ({"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "x"]}, "1"),
        ({"Fn::FindInMap": ["M", "here", "x", {"DefaultValue": "0"}]}, "0"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Base64": "abc"}, "YWJj"),
        ({"Fn::ImportValue": {"Fn::Sub": "x-${P}"}}, "export x-value"),
        ({"Fn::Length": {"Ref": "L"}}, 2),
        ("{{resolve:ssm:/a/b}}", "<ssm /a/b>"),
        ({"Fn::Sub": "{{resolve:secretsmanager:${P}:SecretString:key}}"}, "<secretsmanager value:SecretString:key>"),
        ({"Fn::Other": 1}, {"Fn::Other": 1}),
    ],
)
@expected(
    "intrinsics",
    "Ref",
    "pseudo parameters",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::FindInMap",
    "Fn::GetAtt",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "condition functions",
    "dynamic references",
)
def test_values(value: Any, expected: Any) -> None:
    parameters = typed(Template(BODY), {"P": "value", "L": "a, b"}, str)
    assert Resolver(Template(BODY), parameters, PSEUDO, Around()).value(value) == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"Ref": "Nobody"}, "Unresolved resource dependencies [Nobody]"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "references undefined resource Nobody"),
        ({"Fn::Select": [3, ["a"]]}, "cannot select nonexistent value at index 3"),
        ({"Fn::FindInMap": ["M", "eu-west-1", "y"]}, "Unable to get mapping for M::eu-west-1::y"),
        ({"Fn::If": ["Nobody", 1, 2]}, "Unresolved condition Nobody"),
    ],
)
@expected("intrinsics", "Fn::FindInMap", "Fn::Select", "troubleshooting")
def test_values_of_nothing_are_refused(value: Any, told: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Resolver(Template(BODY), {"P": "value", "L": []}, PSEUDO, Around()).value(value)
    assert told in str(refused.value)


PARAMETERS = {
    "Plain": {"Type": "String"},
    "Colour": {"Type": "String", "AllowedValues": ["blue", "green"], "Default": "blue"},
    "Number": {"Type": "Number", "MinValue": 1, "MaxValue": 9, "Default": 5},
    "Pattern": {"Type": "String", "AllowedPattern": "[a-z]+", "Default": "a"},
    "Short": {"Type": "String", "MaxLength": 3, "Default": ""},
}


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({}, "Parameters: [Plain] must have values"),
        ({"Plain": "x", "Other": "y"}, "Parameters: [Other] do not exist in the template"),
        ({"Plain": "x", "Colour": "red"}, "Parameter 'Colour' must be one of AllowedValues"),
        ({"Plain": "x", "Number": "10"}, "between MinValue and MaxValue"),
        ({"Plain": "x", "Number": "ten"}, "must be a number"),
        ({"Plain": "x", "Pattern": "A"}, "Parameter 'Pattern' must match pattern [a-z]+"),
        ({"Plain": "x", "Short": "long"}, "between MinLength and MaxLength"),
    ],
)
@expected("templates", "parameters")
def test_parameters_that_do_not_fit_are_refused(given_: dict[str, str], told: str) -> None:
    with pytest.raises(TemplateError) as refused:
        texts(Template({"Parameters": PARAMETERS, **stack(A=topic())}), given_)
    assert told in str(refused.value)


@expected("templates", "parameters", "API UpdateStack")
def test_parameters_are_given_or_kept_or_default() -> None:
    template = Template({"Parameters": PARAMETERS, **stack(A=topic())})
    found = texts(template, {"Plain": "new"}, {"Plain": "old", "Colour": "green"})
    assert found == {"Plain": "new", "Colour": "green", "Number": "5", "Pattern": "a", "Short": ""}


def test_short_forms_and_json_are_read_alike() -> None:
    yaml = read_template("Resources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Sub '${AWS::Region}-a'}}}")
    assert read_template(json.dumps(yaml.body)).body == yaml.body


# Operations


@expected("lifecycle", "DependsOn")
def test_resources_are_made_after_those_that_they_need() -> None:
    table = Table()
    created(table, stack(A=topic(TopicName={"Ref": "C"}), B={**topic(), "DependsOn": ["A"]}, C=topic()))
    assert table.wrote == ["create s/C", "create s/A", "create s/B"]


def test_what_does_not_depend_on_each_other_may_come_the_other_way_round() -> None:
    table = Table()
    created(table, stack(A=topic(), B=topic(), C=topic(TopicName={"Ref": "A"})), readings=Readings(backwards=True))
    assert table.wrote == ["create s/B", "create s/A", "create s/C"]


def update(table: Table, old: StackState, body: Mapping[str, Any], **more: Any) -> Outcome:
    table.wrote.clear()
    return engine(table, **more).update(old, Template(body), {})


@expected("lifecycle", "update behaviors")
def test_only_what_differs_is_written() -> None:
    table = Table()
    old = created(table, stack(A=topic(DisplayName="a"), B=topic(DisplayName="b")))
    assert update(table, old, stack(A=topic(DisplayName="a"), B=topic(DisplayName="c"))).status == "UPDATE_COMPLETE"
    assert table.wrote == ["update s/B"]
    assert table.seen["s/B"] == {"DisplayName": "c"}


@expected("lifecycle", "update behaviors")
def test_a_create_only_property_replaces_and_the_old_one_goes_last() -> None:
    table = Table()
    user = topic(DisplayName={"Ref": "G"})
    old = created(table, stack(G={"Type": GROUP, "Properties": {"Port": 80}}, A=user))
    new = stack(G={"Type": GROUP, "Properties": {"Port": 81}}, A=user, B=topic())
    assert update(table, old, new).status == "UPDATE_COMPLETE"
    assert table.wrote == ["create s/G", "create s/B", "update s/A", "delete s/G"]


def _named(name: str, port: int) -> Template:
    return Template(stack(Own={"Type": GROUP, "Properties": {"Name": name, "Port": port}}))


@expected("errors", "names of resources")
def test_what_has_a_name_of_its_own_is_not_replaced_under_that_name() -> None:
    table = Table()
    before = engine(table).create("s", _named("shop", 80), {}).stack
    assert before
    refused = engine(table).update(before, _named("shop", 81), {})
    assert refused.status == "UPDATE_ROLLBACK_COMPLETE"
    told = "CloudFormation cannot update a stack when a custom-named resource requires replacing."
    assert refused.reason == f"s/Own: {told} Rename shop and update the stack again."
    assert [properties["Port"] for _, properties in table.there.values()] == [80]
    assert engine(table).update(before, _named("shop-2", 81), {}).status == "UPDATE_COMPLETE"
    assert [properties["Port"] for _, properties in table.there.values()] == [81]


def test_a_policy_of_another_target_keeps_its_name() -> None:
    def scaled(target: str) -> dict[str, Any]:
        kind = "AWS::ApplicationAutoScaling::ScalingPolicy"
        return stack(Own={"Type": kind, "Properties": {"PolicyName": "cpu", "ScalingTargetId": target}})

    table = Table()
    old = created(table, scaled("one"))
    assert update(table, old, scaled("other")).status == "UPDATE_COMPLETE"
    assert table.wrote == ["create s/Own", "delete s/Own"]


@expected("lifecycle", "deletion policy")
def test_what_leaves_the_template_goes_after_all_else_unless_it_is_retained() -> None:
    table = Table()
    kept = {**topic(), "DeletionPolicy": "Retain"}
    old = created(table, stack(A=topic(), B=kept, C=topic()))
    assert update(table, old, stack(C=topic(DisplayName="c"), D=topic())).status == "UPDATE_COMPLETE"
    assert table.wrote == ["update s/C", "create s/D", "delete s/A"]
    assert set(table.seen) == {"s/B", "s/C", "s/D"}


@expected("templates", "conditions")
def test_a_condition_takes_resources_in_and_out() -> None:
    table = Table()
    body = {
        "Parameters": {"On": {"Type": "String", "Default": "yes"}},
        "Conditions": {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        **stack(A=topic(), B={**topic(), "Condition": "IsOn"}),
    }
    old = created(table, body)
    assert set(table.seen) == {"s/A", "s/B"}
    assert engine(table).update(old, Template(body), {"On": "no"}).status == "UPDATE_COMPLETE"
    assert set(table.seen) == {"s/A"}


def test_a_failed_creation_leaves_nothing_but_what_is_retained() -> None:
    table = Table(refuses={"create s/C"})
    body = stack(
        A={**topic(), "DeletionPolicy": "Retain"},
        B={**topic(), "DeletionPolicy": "RetainExceptOnCreate"},
        C=topic(TopicName={"Ref": "B"}),
    )
    outcome = engine(table).create("s", Template(body), {})
    assert (outcome.status, outcome.stack) == ("ROLLBACK_COMPLETE", None)
    assert "s/C: no" in outcome.reason
    assert set(table.seen) == {"s/A"}


@expected("lifecycle", "stack status codes", "continue a rollback")
def test_a_failed_update_restores_first_and_removes_then() -> None:
    table = Table()
    old = created(table, stack(A=topic(DisplayName="a"), G={"Type": GROUP, "Properties": {"Port": 80}}, Z=topic()))
    before = dict(table.there)
    table.refuses = {"update s/Z"}
    new = stack(
        A=topic(DisplayName="b"),
        G={"Type": GROUP, "Properties": {"Port": 81}},
        N=topic(),
        Z={**topic(DisplayName="z"), "DependsOn": ["A", "G", "N"]},
    )
    table.wrote.clear()
    outcome = engine(table).update(old, Template(new), {})
    assert outcome.status == "UPDATE_ROLLBACK_FAILED"  # what refused the new values is asked to take the old ones
    assert table.wrote[-2:] == ["update s/A", "update s/Z"]
    table.there, table.refuses = before, {"create s/Y"}
    outcome = update(table, old, stack(**new["Resources"], Y={**topic(), "DependsOn": "Z"}))
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert table.wrote[-4:] == ["update s/A", "update s/Z", "delete s/N", "delete s/G"]
    assert table.there == before


CHILD = {
    "Parameters": {"Name": {"Type": "String"}, "Ids": {"Type": "CommaDelimitedList", "Default": ""}},
    **stack(Inner=topic(DisplayName={"Ref": "Name"}, Tags={"Ref": "Ids"})),
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Inner", "Arn"]}}},
}


def nested(name: str) -> dict[str, Any]:
    parameters = {"Name": name, "Ids": {"Fn::Join": [",", ["1", "2"]]}}
    child = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "child", "Parameters": parameters},
    }
    return stack(Child=child, User=topic(TopicName={"Fn::GetAtt": ["Child", "Outputs.Arn"]}))


@expected("nested stacks", "nested stacks")
def test_nested_stacks_get_parameters_and_give_outputs() -> None:
    table = Table()
    created(table, nested("a"), children={"child": CHILD})
    assert table.seen == {
        "s/Child/Inner": {"DisplayName": "a", "Tags": ["1", "2"]},
        "s/User": {"TopicName": "s/Child/Inner.Arn"},
    }


@expected("nested stacks", "nested stacks")
def test_a_failure_in_the_parent_rolls_the_child_back() -> None:
    table, children = Table(), {"child": CHILD}
    old = created(table, nested("a"), children=children)
    before = dict(table.there)
    table.refuses = {"create s/Last"}
    new = nested("b")
    new["Resources"]["Last"] = {**topic(), "DependsOn": "User"}
    outcome = update(table, old, new, children=children)
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert table.there == before
    assert table.wrote == ["update s/Child/Inner", "create s/Last", "update s/Child/Inner"]


@expected("nested stacks", "nested stacks")
def test_a_nested_stack_that_goes_takes_what_is_in_it_along() -> None:
    table, children = Table(), {"child": CHILD}
    old = created(table, nested("a"), children=children)
    assert update(table, old, stack(Other=topic()), children=children).status == "UPDATE_COMPLETE"
    assert set(table.seen) == {"s/Other"}


def test_a_deletion_goes_backwards_and_says_what_it_could_not_remove() -> None:
    table = Table()
    body = stack(A=topic(), B=topic(TopicName={"Ref": "A"}))
    old = created(table, body)
    table.refuses = {"delete s/A"}
    outcome = engine(table).delete(old)
    assert (outcome.status, outcome.stack) == ("DELETE_FAILED", old)
    assert "[s/A]" in outcome.reason
    table.refuses.clear()


@pytest.mark.parametrize(("again", "wrote"), [(False, []), (True, ["update s/A"])])
def test_both_readings_of_dynamic_references(again: bool, wrote: list[str]) -> None:
    table = Table(ssm={"colour": "blue"})
    body = stack(A=topic(DisplayName="{{resolve:ssm:colour}}"), B=topic())
    readings = Readings(dynamic_again=again)
    old = created(table, body, readings=readings)
    table.ssm["colour"] = "green"
    changed = stack(A=topic(DisplayName="{{resolve:ssm:colour}}"), B=topic(DisplayName="b"))
    assert update(table, old, changed, readings=readings).status == "UPDATE_COMPLETE"
    assert table.wrote == [*wrote, "update s/B"]


def test_the_reading_in_which_unchanged_resources_are_written() -> None:
    table = Table()
    body = stack(A=topic(), B=topic())
    old = created(table, body)
    update(table, old, body, readings=Readings(rewritten=frozenset({TOPIC})))
    assert table.wrote == ["update s/A", "update s/B"]


NAMES = ("A", "B", "C", "D")


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Small templates in which later resources may refer to earlier ones, and groups are replaced by another port."""
    resources: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        others = [other for other in resources if other < name]
        value: Any = draw(st.sampled_from(["x", "y", *({"Ref": other} for other in others)]))
        if draw(st.booleans()):
            resources[name] = {"Type": GROUP, "Properties": {"Port": draw(st.sampled_from([80, 81])), "VpcId": value}}
        else:
            resources[name] = topic(DisplayName=value)
    return stack(**resources)


def kinds(body: Mapping[str, Any]) -> dict[str, str]:
    return {name: each["Type"] for name, each in body["Resources"].items()}


@settings(derandomize=True, max_examples=400, deadline=None)
@given(bodies(), bodies(), st.sampled_from(NAMES))
def test_an_update_gives_what_a_creation_would_and_a_rollback_what_was_there(
    one: dict[str, Any], other: dict[str, Any], fails: str
) -> None:
    table, fresh = Table(), Table()
    old = created(table, one)
    created(fresh, other)
    before = dict(table.there)
    table.refuses = {f"create s/{fails}"}
    outcome = engine(table).update(old, Template(other), {})
    if outcome.status == "UPDATE_ROLLBACK_COMPLETE":
        assert table.there == before
        table.refuses.clear()
        outcome = engine(table).update(old, Template(other), {})
    if any(kinds(one).get(name, kind) != kind for name, kind in kinds(other).items()):
        assert "Update of resource type is not permitted" in outcome.reason
        return
    assert outcome.status == "UPDATE_COMPLETE"
    assert {place: _shape(each) for place, each in table.seen.items()} == {
        place: _shape(each) for place, each in fresh.seen.items()
    }


def _shape(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without the numbers of physical ids."""
    return {key: str(value).partition("#")[0] for key, value in properties.items()}


def test_a_text_that_contains_itself_is_told_at_once() -> None:
    """Also where somebody lets calls go deeper, as an evaluator of JSONata does for good: it took twenty seconds there."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    began = time.process_time()
    try:
        with pytest.raises(UnreadableError, match="nested too deep"):
            read_yaml("itself: &itself [*itself]")
    finally:
        sys.setrecursionlimit(limit)
    assert time.process_time() - began < 2
