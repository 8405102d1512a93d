"""Resources that do not depend on each other are made side by side, as a stack's events show it; and always the same way.

The order and the words are those of stacks of public record (LambStatus#6) and CFN-UG aws-attribute-dependson.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conformance import expected
from test_local_api import refused, speaking, status, text
from test_semantics import Table, created, engine, stack, topic

from cfngen.semantics.records import Event, Readings
from cfngen.semantics.template import Template

ABREAST = Readings(is_abreast=True)
URL = "https://b.s3.amazonaws.com/in.json"
CHILD = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": URL}}


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def client(table: Table) -> Iterator[Any]:
    inside = text(stack(In=topic(DisplayName="a"), Next={**topic(), "DependsOn": "In"}))
    other = text(stack(In=topic(DisplayName="b"), Next={**topic(), "DependsOn": "In"}))
    with speaking(table, {"b/in.json": inside, "b/other.json": other}) as made:
        yield made


def told(client: Any, name: str = "s") -> list[str]:
    """Events, oldest first: resource, status without its verb's object, reason."""
    every = reversed(client.describe_stack_events(StackName=name)["StackEvents"])
    return [
        " ".join((each["LogicalResourceId"], each["ResourceStatus"], each.get("ResourceStatusReason", ""))).strip()
        for each in every
    ]


@expected("lifecycle", "DependsOn", "events of a stack, LambStatus#6")
def test_what_is_independent_begins_together_and_what_depends_waits(client: Any) -> None:
    body = stack(A=topic(), B=topic(), C={**topic(), "DependsOn": "A"})
    client.create_stack(StackName="s", TemplateBody=text(body))
    assert told(client) == [
        "s CREATE_IN_PROGRESS User Initiated",
        "A CREATE_IN_PROGRESS",
        "B CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS Resource creation Initiated",
        "A CREATE_COMPLETE",
        "B CREATE_IN_PROGRESS Resource creation Initiated",
        "B CREATE_COMPLETE",
        "C CREATE_IN_PROGRESS",
        "C CREATE_IN_PROGRESS Resource creation Initiated",
        "C CREATE_COMPLETE",
        "s CREATE_COMPLETE",
    ]


@expected("lifecycle", "events of a stack, LambStatus#6")
def test_what_is_at_work_when_one_fails_is_cancelled(client: Any, table: Table) -> None:
    table.refuses = {"create s/A"}
    body = stack(A=topic(), B=topic(), Child=CHILD, Later={**topic(), "DependsOn": "A"})
    client.create_stack(StackName="s", TemplateBody=text(body))
    assert status(client) == "ROLLBACK_COMPLETE"
    events = told(client)
    at = events.index("A CREATE_FAILED no")
    assert events[at + 1 : at + 4] == [
        "B CREATE_FAILED Resource creation cancelled",
        "Child CREATE_FAILED Resource creation cancelled",
        "s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [A, B, Child]. Rollback requested by user.",
    ]
    assert not any(line.startswith("Later") for line in events)
    assert table.there == {}


@expected("nested stacks", "events of a nested stack, aws-scalable-big-blue-button-example#36")
def test_nested_stacks_grow_side_by_side_and_their_resources_are_cancelled(client: Any, table: Table) -> None:
    table.refuses = {"create s/Two/Next"}
    client.create_stack(StackName="s", TemplateBody=text(stack(One=CHILD, Two=CHILD)))
    every = client.describe_stack_events(StackName="s")["StackEvents"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in every if "PhysicalResourceId" in each}
    assert table.wrote[:4] == ["create s/One/In", "create s/Two/In", "create s/One/Next", "create s/Two/Next"]
    assert "One CREATE_COMPLETE" not in told(client)
    assert [line for line in told(client, ids["Two"]) if "FAILED" in line] == [
        "Next CREATE_FAILED no",
        f"{ids['Two'].split('/')[1]} CREATE_FAILED The following resource(s) failed to create: [Next].",
    ]
    assert [line for line in told(client) if "FAILED" in line][1] == "One CREATE_FAILED Resource creation cancelled"
    assert table.there == {}


@expected("lifecycle", "stack status codes", "events of a stack, LambStatus#6")
def test_an_update_that_fails_cancels_what_is_at_work(client: Any, table: Table) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(), B=topic(), Child=CHILD)))
    table.refuses = {"update s/A"}
    other = {**CHILD, "Properties": {"TemplateURL": URL.replace("in", "other")}}
    table.wrote.clear()

    def refuse_once(resource: Any, old: Any, real: Any = table.update) -> None:
        try:
            real(resource, old)
        finally:
            table.refuses.clear()

    table.update = refuse_once  # type: ignore[method-assign]
    changed = stack(A=topic(DisplayName="x"), B=topic(DisplayName="x"), Child=other, New=topic())
    client.update_stack(StackName="s", TemplateBody=text(changed))
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    events = told(client)
    at = events.index("A UPDATE_FAILED no")
    failed = (
        "The following resource(s) failed to create: [New]. The following resource(s) failed to update: [A, B, Child]."
    )
    assert events[at + 1 : at + 5] == [
        "B UPDATE_FAILED Resource update cancelled",
        "Child UPDATE_FAILED Resource update cancelled",
        "New CREATE_FAILED Resource creation cancelled",
        f"s UPDATE_ROLLBACK_IN_PROGRESS {failed}",
    ]
    assert table.wrote == ["update s/A", "update s/A"]
    assert table.seen["s/A"] == {}


@expected("lifecycle", "update behaviors")
def test_a_replacement_says_why(client: Any) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(FifoTopic=False))))
    client.update_stack(StackName="s", TemplateBody=text(stack(A=topic(FifoTopic=True))))
    why = "Requested update requires the creation of a new physical resource; hence creating one."
    at = told(client).index(f"A UPDATE_IN_PROGRESS {why}")
    assert told(client)[at + 1 : at + 4] == [
        "A UPDATE_IN_PROGRESS Resource creation Initiated",
        "A UPDATE_COMPLETE",
        "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    ]


@expected("errors", "Fn::Select", "events of a stack, LambStatus#6")
def test_a_value_that_cannot_be_had_fails_its_resource(client: Any, table: Table) -> None:
    table.ssm = {"known": "v"}
    body = stack(A=topic(DisplayName="{{resolve:ssm:known}}"), B=topic(DisplayName={"Fn::Select": ["7", ["x"]]}))
    client.create_stack(StackName="s", TemplateBody=text(body))
    [line] = [line for line in told(client) if line.startswith("B")]
    assert line.startswith("B CREATE_FAILED Template error: Fn::Select")
    [root] = [line for line in told(client) if "ROLLBACK_IN_PROGRESS" in line]
    assert "failed to create: [B, A]. Rollback" in root


@expected("errors", "outputs", "stack status codes")
def test_an_output_that_cannot_be_had_rolls_back(client: Any) -> None:
    # Known only when the new one is there: before, it is a text with a colon in it.
    value = {"Fn::Select": ["1", {"Fn::Split": [":", {"Fn::GetAtt": ["B", "Arn"]}]}]}
    body = {**stack(A=topic(), B=topic()), "Outputs": {"O": {"Value": value}}}
    client.create_stack(StackName="s", TemplateBody=text(stack(A=topic(DisplayName="x"))))
    client.update_stack(StackName="s", TemplateBody=text(body))
    [line] = [line for line in told(client) if "UPDATE_ROLLBACK_IN_PROGRESS" in line]
    assert "Fn::Select" in line


@expected("nested stacks", "nested stacks", "stack status codes")
def test_nested_stacks_turn_back_and_go_with_the_root(client: Any, table: Table) -> None:
    client.create_stack(StackName="s", TemplateBody=text(stack(Child=CHILD)))
    [nested] = [each["StackId"] for each in client.describe_stacks()["Stacks"] if "ParentId" in each]
    other = {**CHILD, "Properties": {"TemplateURL": URL.replace("in", "other")}}
    bad = {**topic(), "DependsOn": "Child"}
    table.refuses = {"create s/Bad"}
    client.update_stack(StackName="s", TemplateBody=text(stack(Child=other, Bad=bad)))
    name = nested.split("/")[1]
    own = [line for line in told(client, nested) if line.startswith(name)]
    assert own[-3:] == [
        f"{name} UPDATE_COMPLETE",
        f"{name} UPDATE_ROLLBACK_IN_PROGRESS Parent stack initiated.",
        f"{name} UPDATE_ROLLBACK_COMPLETE",
    ]
    client.delete_stack(StackName="s")
    assert [line for line in told(client, nested) if line.startswith(name)][-2:] == [
        f"{name} DELETE_IN_PROGRESS User Initiated",
        f"{name} DELETE_COMPLETE",
    ]
    assert "does not exist" in refused(client.describe_stacks, StackName="s")


def test_the_same_stack_is_always_played_the_same_way() -> None:
    body = stack(B=topic(), A={**topic(), "DependsOn": "C"}, C=topic(), D={**topic(), "DependsOn": ["B", "C"]})

    def wrote(readings: Readings) -> list[str]:
        table = Table()
        created(table, body, readings=readings)
        return table.wrote

    assert wrote(ABREAST) == ["create s/B", "create s/C", "create s/A", "create s/D"]
    assert wrote(ABREAST) == wrote(ABREAST)
    backwards = Readings(is_abreast=True, backwards=True)
    assert wrote(backwards) == ["create s/C", "create s/B", "create s/D", "create s/A"]


def test_one_after_another_nothing_begins_before_its_turn() -> None:
    heard: list[Event] = []
    for readings in (Readings(), ABREAST):
        one = engine(Table(), readings=readings)
        one.observe = heard.append
        one.create("s", Template(stack(A=topic(), B=topic())), {})
    actions: list[str] = [each.action for each in heard]
    assert actions == ["create", "create", "begin", "begin", "create", "create"]
