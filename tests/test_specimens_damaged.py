"""Files that somebody has damaged, or that are none of templates: told with their place, and never by a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import Body, by_hand, files, properties

from cfngen.semantics.template import TemplateError
from cfngen.simulate import judge, show
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import Surroundings

DEV = Path(__file__).parent.parent / "templates" / "coffee" / "dev"
JUNK: tuple[Any, ...] = (
    None, [], {}, "x", "", "é", 0, -1, 1.5, 10**30, float("inf"), True, [None], [[1]], {"a": {"b": 1}}, {"Ref": "Nobody"},
    {"Ref": None}, {"Ref": "AWS::NoValue"}, {"Fn::Join": [","]}, {"Fn::GetAtt": "x"}, {"Fn::If": ["a", 1, 2]},
    {"Fn::Sub": "${A.B}"}, {"Fn::Select": ["a", ["b"]]}, {"Fn::FindInMap": []}, {"Fn::Cidr": ["x", 1]},
)  # fmt: skip
Path_ = tuple[Any, ...]


def _whole() -> Body:
    """The system by hand, with something in every section."""
    body = by_hand()
    body["Parameters"] |= {
        "Zones": {
            "Type": "CommaDelimitedList",
            "Default": "a,b",
            "AllowedValues": ["a", "b"],
            "AllowedPattern": "[ab]",
        },
        "Number": {"Type": "Number", "Default": 5, "MinValue": 1},
    }
    body["Conditions"] = {
        "One": {"Fn::Equals": ["a", {"Ref": "Certificate"}]},
        "Other": {"Fn::Not": [{"Condition": "One"}]},
    }
    body["Mappings"] = {"Map": {"a": {"b": "c"}}}
    name = {"Fn::GetAtt": ["WebBlue", "TargetGroupName"]}
    body["Outputs"] = {"Name": {"Value": name, "Condition": "Other", "Export": {"Name": "name"}}}
    return body


def _paths(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path:
        yield path
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _paths(part, (*path, key))


def _damaged(body: Any, path: Path_, junk: Any, *, is_removed: bool) -> Any:
    body = copy.deepcopy(body)
    at = body
    for step in path[:-1]:
        at = at[step]
    if is_removed:
        del at[path[-1]]
    else:
        at[path[-1]] = copy.deepcopy(junk)
    return body


def _judge(told: Files) -> None:
    """It is played and can be shown, or it is refused with the name of a file."""
    try:
        verdict = judge.judge("it", told, Surroundings(), [Readings()], lambda _: None)
    except TemplateError as error:
        refused = str(error)
    else:
        assert json.dumps(show.as_data(verdict))
        assert list(show.verdict(verdict, with_story=True, colour=True))
        return
    assert any(f"{name}: " in refused for name in told.texts), refused


WHOLE = _whole()
DAMAGE = st.tuples(st.sampled_from(JUNK), st.booleans())


@settings(max_examples=150)
@given(st.sampled_from(list(_paths(WHOLE))), DAMAGE)
def test_a_template_with_one_part_damaged_is_judged_or_refused(path: Path_, damage: tuple[Any, bool]) -> None:
    _judge(Files({"system.yaml": json.dumps(_damaged(WHOLE, path, damage[0], is_removed=damage[1]))}))


COFFEE = Files.of(DEV)
BODIES = {name: json.loads(json.dumps(template.body)) for name, template in COFFEE.templates.items()}
PLACES = [(name, path) for name, body in BODIES.items() for path in _paths(body)]


@settings(max_examples=25)
@given(st.sampled_from(PLACES), DAMAGE)
def test_generated_templates_with_one_part_damaged_are_judged_or_refused(
    place: tuple[str, Path_], damage: tuple[Any, bool]
) -> None:
    name, path = place
    _judge(Files({**COFFEE.texts, name: json.dumps(_damaged(BODIES[name], path, damage[0], is_removed=damage[1]))}))


RELEASED = {
    "admin/appspec.yaml": {
        "version": 0.0,
        "Resources": [
            {
                "TargetService": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {"LoadBalancerInfo": {"ContainerName": "admin", "ContainerPort": 8080}},
                }
            }
        ],
        "Hooks": [{"AfterInstall": "function"}],
    },
    "admin/taskdef.json": {
        "containerDefinitions": [{"name": "admin", "image": "x@sha256:y", "portMappings": [{"containerPort": 8080}]}]
    },
}


@settings(max_examples=60)
@given(st.sampled_from([(name, path) for name, body in RELEASED.items() for path in _paths(body)]), DAMAGE)
def test_files_of_a_release_with_one_part_damaged_are_judged_or_refused(
    place: tuple[str, Path_], damage: tuple[Any, bool]
) -> None:
    name, path = place
    body = _damaged(RELEASED[name], path, damage[0], is_removed=damage[1])
    beside = {other: json.dumps(body if other == name else told) for other, told in RELEASED.items()}
    _judge(files(by_hand(), beside=beside))


def _folder(folder: Path, texts: dict[str, str | bytes]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


SYSTEM = json.dumps(by_hand())
NESTED = json.dumps(
    {"Resources": {"In": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "system.yaml"}}}}
)


def _with(path: Path_, value: Any) -> str:
    return json.dumps(_damaged(by_hand(), path, value, is_removed=False))


DEEP = "[" * 3000 + "]" * 3000
ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
REFUSED: dict[str, tuple[dict[str, str | bytes], str]] = {
    "no UTF-8": ({"system.yaml": b"Resources: \xff"}, "system.yaml: is no UTF-8: byte 11"),
    "UTF-16": ({"system.yaml": "Resources: {}".encode("utf-16")}, "system.yaml: is no UTF-8: byte 0"),
    "no YAML": ({"system.yaml": "Resources: {"}, "system.yaml: Template format error: line 2"),
    "a tab": ({"system.yaml": "Resources:\n\tA: 1"}, "system.yaml: Template format error: line 2"),
    "no JSON": ({"system.json": '{"Resources": {"A": '}, "system.json: Template format error: line 1: Expecting value"),
    "nothing": ({"system.yaml": ""}, "system.yaml: Template format error: At least one Resources member"),
    "a list": ({"system.yaml": "[1, 2]"}, "system.yaml: Template format error: At least one Resources member"),
    "a key twice": ({"system.yaml": "Resources: {A: {Type: x}, A: {Type: y}}"}, "system.yaml: "),
    "a key twice in JSON": ({"system.json": '{"Resources": {"A": {}, "A": {}}}'}, "system.json: Template format error: line 1: the"),
    "nested deep": ({"system.yaml": f"Resources: {{A: {{Type: x, Properties: {{P: {DEEP}}}}}}}"}, "system.yaml: "),
    "in itself": ({"system.yaml": "Resources: {A: {Type: x, Properties: &a {P: *a}}}"}, "nested too deep"),
    "aliases of aliases": ({"system.yaml": f"{ALIASES}Resources: {{A: {{Type: x, Properties: {{P: *a11}}}}}}"}, "too much"),
    "a name that is a number": ({"system.yaml": "Resources: {1: {Type: x}}"}, "[/Resources/1] a name must be a string"),
    "a function's form": (
        {"system.yaml": _with(("Resources", "AdminRule", "Properties", "Priority"), {"Fn::Select": [0]})},
        "system.yaml: Template format error: [/Resources/AdminRule/Properties/Priority] Fn::Select wants an index and a list",
    ),
    "a type's form": (
        {"system.yaml": _with(("Resources", "AdminRule", "Properties", "Conditions"), "path")},
        "AdminRule (AWS::ElasticLoadBalancingV2::ListenerRule): a property has another form than the type wants: an object",
    ),
    "a number": (
        {"system.yaml": _with(("Resources", "AdminRule", "Properties", "Priority"), "first")},
        "has another form than the type wants: a number is wanted where 'first' stands",
    ),
    "a property that is missing": (
        {"system.yaml": _with(("Resources", "AdminRule", "Properties"), {})},
        "AdminRule (AWS::ElasticLoadBalancingV2::ListenerRule): the property 'ListenerArn' is missing",
    ),
    "a condition that nobody declares": (
        {"system.yaml": _with(("Resources", "AdminAlarm", "Condition"), "IsProduction")},
        "system.yaml: Template format error: [/Resources/AdminAlarm] Unresolved condition dependencies [IsProduction]",
    ),
    "conditions in a circle": (
        {"system.yaml": _with(("Conditions",), {"A": {"Condition": "B"}, "B": {"Fn::Not": [{"Condition": "A"}]}})},
        "system.yaml: Template format error: Circular dependency between conditions: [A, B]",
    ),
    "a default that is not allowed": (
        {"system.yaml": _with(("Parameters", "Certificate", "AllowedValues"), ["two"])},
        "system.yaml: Parameter 'Certificate' must be one of AllowedValues",
    ),
    "two roots": (
        {"system.yaml": SYSTEM, "other.yaml": SYSTEM},
        "one template is the root, that no other nests; here are other.yaml, system.yaml",
    ),
    "a nested stack that is not there": (
        {"root.yaml": NESTED}, "S3 error: the template system.yaml does not exist"
    ),
    "a nested stack that is damaged": (
        {"root.yaml": NESTED, "system.yaml": "Resources: ["}, "system.yaml: Template format error: line 2"
    ),
    "an AppSpec without a port": (
        {"system.yaml": SYSTEM, "admin/appspec.yaml": "Resources: [{TargetService: {}}]", "admin/taskdef.json": "{}"},
        "admin/appspec.yaml: 'Properties' is missing",
    ),
    "a task definition that is no JSON": (
        {"system.yaml": SYSTEM, **{name: json.dumps(body) for name, body in RELEASED.items()}, "admin/taskdef.json": "{"},
        "admin/taskdef.json: ",
    ),
    "no service that is released": (
        {"system.yaml": "Resources: {A: {Type: 'AWS::SNS::Topic'}}"},
        "no deployment group of CodeDeploy releases one of them: there is nothing to judge",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_played_is_refused_with_its_place(name: str, cfngen: Run, tmp_path: Path) -> None:
    texts, fits = REFUSED[name]
    done = cfngen("simulate", _folder(tmp_path, texts))
    assert (done.status, done.out) == (2, "")
    assert fits in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_files_that_are_no_templates_stand_beside(cfngen: Run, tmp_path: Path) -> None:
    """A root is found beside anything; where several could be it, its file is named."""
    other = {"values.yaml": "a: [1, 2]", "package.json": '{"name": "shop"}', "broken.yml": "a: [", "notes.txt": b"\xff"}
    assert cfngen("simulate", _folder(tmp_path, {"system.json": SYSTEM, **other})).status == 0
    assert cfngen("simulate", _folder(tmp_path, {"second.yaml": SYSTEM})).status == 2
    assert cfngen("simulate", tmp_path / "second.yaml").status == 0
    assert cfngen("simulate", tmp_path / "values.yaml").status == 2
    assert cfngen("simulate", tmp_path / "third.yaml").status == 2


def test_a_nested_template_is_found_by_its_name_wherever_it_is_uploaded(cfngen: Run, tmp_path: Path) -> None:
    for url in (
        "https://s3.amazonaws.com/bucket/v1/system.yaml",
        {"Fn::Sub": "https://${Bucket}.s3.amazonaws.com/system.yaml"},
    ):
        root = json.loads(NESTED)
        properties(root, "In")["TemplateURL"] = url
        root["Parameters"] = {"Bucket": {"Type": "String", "Default": "bucket"}}
        done = cfngen("simulate", _folder(tmp_path, {"system.yaml": SYSTEM, "root.yaml": json.dumps(root)}))
        assert (done.status, done.out) == (0, "")
        assert "2 services, 2 of them released" in done.err


def test_parameters_that_nobody_asks_for_are_refused(cfngen: Run, tmp_path: Path) -> None:
    whole = _folder(tmp_path, {"system.yaml": SYSTEM})
    assert cfngen("simulate", whole, "--parameter", "Certificate=two", "--ssm", "unused=1").status == 0
    for given_, fits in (
        ("Certificat=two", "--parameter: 'Certificat'; no root has such a parameter; did you mean 'Certificate'?"),
        ("Zones=two", "--parameter: 'Zones'; no root has such a parameter; known: Certificate"),
        ("Certificate", "KEY=VALUE"),
        ("=two", "KEY=VALUE"),
    ):
        for how in ((whole,), ("--update", whole, whole)):
            done = cfngen("simulate", *how, "--parameter", given_)
            assert (done.status, done.out) == (2, "")
            assert fits in " ".join(done.err.split())
    assert cfngen("simulate", whole, "--ssm", "nothing").status == 2


def test_a_parameter_that_leads_nowhere_hurts_or_is_refused(cfngen: Run, tmp_path: Path) -> None:
    """The name of another application, a cluster that no service is in: refused by AWS, or not to be played."""
    body = by_hand()
    body["Parameters"]["Minutes"] = {"Type": "Number", "Default": 5, "MinValue": 0}
    told = properties(body, "AdminDeployment")["BlueGreenDeploymentConfiguration"]
    told["TerminateBlueInstancesOnDeploymentSuccess"]["TerminationWaitTimeInMinutes"] = {"Ref": "Minutes"}
    whole = _folder(tmp_path, {"system.yaml": json.dumps(body)})
    assert cfngen("simulate", whole).status == 0
    hurt = cfngen("simulate", whole, "--parameter", "Minutes=0")
    assert hurt.status == 1
    assert "T9" in hurt.out
    for wrong, fits in (("-1", "must be a number between MinValue and MaxValue"), ("soon", "must be a number.")):
        refused = cfngen("simulate", whole, "--parameter", f"Minutes={wrong}")
        assert refused.status == 2
        assert f"system.yaml: Parameter 'Minutes' {fits}" in refused.err
