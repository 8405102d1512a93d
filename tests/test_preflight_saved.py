"""What `cfngen preflight --save` writes and `--state` reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deployed_shop import deployed, full

from cfngen.errors import DescriptionError
from cfngen.operate import saved
from cfngen.operate.preflight import preflight


def test_a_state_is_read_as_it_was_written() -> None:
    for state in (full(), deployed()):
        assert saved.parse(saved.text(state), "state.json") == state
        assert preflight(saved.parse(saved.text(state), "state.json")) == preflight(state)


def changed(*path: str | int, to: Any = ...) -> str:
    """The text of a state with something else, or nothing, in one place."""
    data = json.loads(saved.text(full()))
    *way, last = path
    inside = data
    for step in way:
        inside = inside[step]
    if to is ...:
        del inside[last]
    else:
        inside[last] = to
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "state.json: state: it is no JSON"),
        ("[]", "state.json: state: []; an object"),
        (changed("format", to=2), "state.json: format: 2; this cfngen reads format 1"),
        (changed("format", to=True), "state.json: format: true;"),
        (changed("format"), "state.json: format: null;"),
        (changed("stacks"), "state.json: stacks: it is missing"),
        (changed("stacks", to=[]), "state.json: stacks: exactly one root"),
        (changed("rules", 1, "priority", to="7"), 'state.json: rules[1].priority: "7"; a whole number'),
        (changed("rules", 1, "priority", to=True), "state.json: rules[1].priority: true; a whole number"),
        (changed("rules", 0, "weights", to={"arn:x": "all"}), "state.json: rules[0].weights['arn:x']: \"all\";"),
        (changed("rules", 0, "weight", to=1), "state.json: rules[0].weight: 1; no such key; did you mean 'weights'?"),
        (changed("services", 0, "task_sets", 0, "id"), "state.json: services[0].task_sets[0].id: it is missing"),
        (changed("services", 0, "task_sets", to={}), "state.json: services[0].task_sets: {}; a list"),
        (changed("deployment_groups", 0, "alarms_enabled", to=0), "alarms_enabled: 0; true or false"),
        (changed("change_set", "changes", 0, "change_set", "id", to=1), "change_set.changes[0].change_set.id: 1; a text"),
        (changed("alarms", 0, to="ALARM"), 'alarms[0]: "ALARM"; an object'),
        (changed("change_set", "parameters"), "state.json: change_set.parameters: it is missing"),
        (changed("rules", 0, "arn", to="\x1b[2J"), 'state.json: rules[0].arn: "\\u001b[2J"; a text that a terminal can show'),
        (changed("alarms", 0, "name", to="\ud800"), 'state.json: alarms[0].name: "\\ud800"; a text that'),
        (changed("rules", 0, "weights", to={"\x07": 1}), 'state.json: rules[0].weights: "\\u0007"; a text that'),
        ("[" * 100_000, "state.json: state: it is no JSON"),
        (changed("region", to=None), "state.json: region: a text"),
    ],
)  # fmt: skip
def test_what_is_no_state_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        saved.parse(text, "state.json")
    assert told in str(refused.value)


def test_change_sets_inside_each_other_without_end_are_refused() -> None:
    inside = json.loads(saved.text(full()))["change_set"]
    for _ in range(150):
        nested = {"action": "Modify", "logical_id": "A", "type": "AWS::CloudFormation::Stack", "change_set": inside}
        inside = inside | {"changes": [nested]}
    with pytest.raises(DescriptionError, match="it is nested too deep"):
        saved.parse(changed("change_set", to=inside), "state.json")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    data = json.loads(changed("rules", 0, "arn", to=1)) | {"alarm": [], "account": 7}
    with pytest.raises(DescriptionError) as refused:
        saved.parse(json.dumps(data), "state.json")
    assert [each.option for each in refused.value.problems] == ["alarm", "account", "rules[0].arn"]
