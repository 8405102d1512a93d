"""`cfngen check`: every check with a good and a bad example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from breaking import (
    APPSPEC,
    BUILDSPEC,
    CLUSTER,
    CONTAINER,
    MIGRATE,
    PIPELINE,
    SECOND,
    SERVICE,
    TASKDEF,
    Edit,
    Files,
    add,
    assert_well_told,
    both,
    data_of,
    drop,
    found,
    properties,
    put,
    remove,
    stage_of_coffee,
    swap,
    text_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import apps
from test_checks_names import MUTANTS

from cfngen import (
    App,
    CodeCommit,
    Database,
    Pipeline,
    Service,
    stage_files,
)
from cfngen._yaml import dump
from cfngen.checks import CHECKS


def _hook(files: Files) -> None:
    files[APPSPEC] += "Hooks:\n  - AfterAllowTestTrafic: some-function\n"


def _unseen(files: Files) -> None:
    ready = "DeploymentGroup", "BlueGreenDeploymentConfiguration", "DeploymentReadyOption", "ActionOnTimeout"
    put(SERVICE, *properties(*ready, "CONTINUE_DEPLOYMENT"))(files)


def _bounded(files: Files) -> None:
    """Every role with a boundary."""
    for name, text in files.items():
        if name.endswith(".yaml") and "/" not in name:
            data = data_of(text, name)
            for each in data["Resources"].values():
                if each["Type"] == "AWS::IAM::Role":
                    each["Properties"]["PermissionsBoundary"] = {"Ref": "Boundary"}
            files[name] = text_of(data, name)


def _bulk(number: int) -> dict[str, Any]:
    return {f"Topic{index}": {"Type": "AWS::SNS::Topic"} for index in range(number)}


def _tree(numbers: list[int]) -> Files:
    """A root that nests templates with so many resources."""
    nested = {
        f"Part{index}": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"part{index}.yaml"}}
        for index in range(len(numbers))
    }
    parts = {f"part{index}.yaml": dump({"Resources": _bulk(number)}) for index, number in enumerate(numbers)}
    return {"root.yaml": dump({"Resources": nested}), **parts}


def _balanced(groups: int, rules: int) -> Files:
    """A balancer in one nested stack, and rules in another, which reach its listener through the root."""
    kind = "AWS::ElasticLoadBalancingV2::"
    balancer = {
        "Resources": {
            "Balancer": {"Type": f"{kind}LoadBalancer"},
            "Listener": {"Type": f"{kind}Listener", "Properties": {"LoadBalancerArn": {"Ref": "Balancer"}}},
            "Other": {"Type": f"{kind}LoadBalancer"},
        },
        "Outputs": {"Listener": {"Value": {"Ref": "Listener"}}},
    }
    made: dict[str, Any] = {f"Group{index}": {"Type": f"{kind}TargetGroup"} for index in range(groups)}
    for index in range(rules):
        mine = [{"TargetGroupArn": {"Ref": f"Group{each}"}} for each in range(groups) if each % rules == index]
        told = {"ListenerArn": {"Ref": "Listener"}, "Actions": [{"ForwardConfig": {"TargetGroups": mine}}]}
        made[f"Rule{index}"] = {"Type": f"{kind}ListenerRule", "Properties": told}
    stack = "AWS::CloudFormation::Stack"
    parameters = {"Listener": {"Fn::GetAtt": ["Cluster", "Outputs.Listener"]}}
    root = {
        "Cluster": {"Type": stack, "Properties": {"TemplateURL": "cluster.yaml"}},
        "Shop": {"Type": stack, "Properties": {"TemplateURL": "./shop.yaml", "Parameters": parameters}},
    }
    shop = {"Parameters": {"Listener": {"Type": "String"}}, "Resources": made}
    return {"root.yaml": dump({"Resources": root}), "cluster.yaml": dump(balancer), "shop.yaml": dump(shop)}


def _entries(section: str, number: int) -> Edit:
    return put(CLUSTER, section, {f"Entry{index}": {"Type": "String", "Value": "a"} for index in range(number)})


EXAMPLES: dict[str, list[Edit]] = {
    "C002": [
        add("more.yaml", "Resources:\n  A: 1\n  A: 2\n"),
        add("more.yaml", "Resources: [\n"),
        add("more.yaml", "a: &a [*a]\n"),
        swap(TASKDEF, '"family"', '"cpu": "256", "family"'),
        swap(TASKDEF, '"FARGATE"', '"FARGATE",'),
        swap(APPSPEC, "version: 0.0", "version: 0.0\nversion: 0.0"),
        swap(BUILDSPEC, "version: 0.2", "version: 0.2: 1"),
    ],
    "C003": [remove("database.yaml"), swap("coffee.yaml", "database.yaml", "databases.yaml")],
    "C004": [remove(*names) for names in ([TASKDEF], [APPSPEC], [BUILDSPEC], [PIPELINE], [SERVICE], [MIGRATE])],
    "C201": [put(TASKDEF, *CONTAINER, "portMapping", []), put(MIGRATE, "cpus", "256"), put(TASKDEF, "tags", 0, "Key", "a")],
    "C202": [
        put(TASKDEF, *CONTAINER, "portMappings", 0, "containerPort", "8080"),
        put(TASKDEF, "cpu", 256),
        put(TASKDEF, *CONTAINER, "essential", "true"),
        put(TASKDEF, *CONTAINER, "stopTimeout", True),
        put(TASKDEF, *CONTAINER, "stopTimeout", "${STACK_REGION}"),
        put(TASKDEF, *CONTAINER, "secrets", {}),
        put(TASKDEF, *CONTAINER, "logConfiguration", "options", []),
        put(MIGRATE, "containerDefinitions", 0, None),
    ],
    "C203": [drop(TASKDEF, "family"), drop(TASKDEF, *CONTAINER, "secrets", 0, "valueFrom"), drop(MIGRATE, "containerDefinitions")],
    "C204": [
        put(TASKDEF, "networkMode", "awsvcp"),
        put(TASKDEF, *CONTAINER, "logConfiguration", "logDriver", "awslog"),
        put(TASKDEF, "tags", 0, "value", "50 % more"),
        put(TASKDEF, "tags", 0, "key", ""),
        put(TASKDEF, "tags", 0, "value", "a" * 257),
        put(TASKDEF, "tags", [{"key": f"key{index}", "value": "a"} for index in range(51)]),
    ],
    "C211": [
        _hook,
        swap(APPSPEC, "version: 0.0", "version: 0.1"),
        swap(APPSPEC, "AWS::ECS::Service", "AWS::Lambda::Function"),
        swap(APPSPEC, "ContainerPort: 8080", "ContainerPort: '8080'"),
        swap(APPSPEC, "        LoadBalancerInfo:", "        LoadBalancer:"),
        swap(APPSPEC, "Resources:", "Resource:"),
        swap(APPSPEC, "ContainerName: employee", "ContainerName:"),
    ],
    "C212": [swap(APPSPEC, "<TASK_DEFINITION>", "TASK_DEFINITION"), swap(APPSPEC, "<TASK_DEFINITION>", "employee:7")],
    "C213": [
        swap(APPSPEC, "        CapacityProviderStrategy:\n          - CapacityProvider: FARGATE\n            Base: 0\n            Weight: 1\n", ""),
        swap(APPSPEC, "- CapacityProvider:", "- Provider:"),
        swap(APPSPEC, "Weight: 1", "Weight: one"),
    ],
    "C214": [
        swap(APPSPEC, "            Subnets: [${STACK_SUBNETS}]\n", ""),
        swap(APPSPEC, "            SecurityGroups: [${STACK_SECURITY_GROUP}]\n", ""),
        swap(APPSPEC, "            AssignPublicIp: DISABLED\n", ""),
        swap(APPSPEC, "AssignPublicIp: DISABLED", "AssignPublicIp: false"),
        swap(APPSPEC, "[${STACK_SUBNETS}]", "${STACK_SUBNETS}"),
    ],
    "C221": [swap(BUILDSPEC, "version: 0.2", "version: 0.1"), swap(BUILDSPEC, "version: 0.2\n", "")],
    "C222": [
        swap(BUILDSPEC, "phases:", "phase:"),
        swap(BUILDSPEC, "  pre_build:", "  prebuild:"),
        swap(BUILDSPEC, "  exported-variables:", "  exported-variable:"),
        put(BUILDSPEC, "phases", "build", "command", []),
        put(BUILDSPEC, "phases", "build", "runtime-versions", {}),
        put(BUILDSPEC, *SECOND, "Image", "file", []),
    ],
    "C223": [
        swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- echo release: made"),
        swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- true"),
        put(BUILDSPEC, "phases", "build", "commands", "make"),
        put(BUILDSPEC, "phases", "build", "finally", [{}]),
    ],
    "C224": [drop(BUILDSPEC, "artifacts", "files"), put(BUILDSPEC, *SECOND, "Image", "files", []), put(BUILDSPEC, *SECOND, "Image", None)],
    "C401": [
        both(_unseen),
        both(drop(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName")), _unseen),
        both(
            put(SERVICE, "Resources", "Config", {"Type": "AWS::CodeDeploy::DeploymentConfig"}),
            put(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName", {"Ref": "Config"})),
            _unseen,
        ),
    ],
    "C403": [drop(SERVICE, "Resources", "DeployRole", "Metadata"), drop(PIPELINE, "Resources", "BuildRole", "Metadata", "Wildcards")],
    "C404": [
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "eu-central-1"),
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "us-gov-west-1a"),
        put(TASKDEF, *CONTAINER, "environment", 0, "value", "123456789012.dkr.ecr.x"),
        put(TASKDEF, "taskRoleArn", "arn:aws:iam::x:role/y"),
        put(TASKDEF, "taskRoleArn", "arn:aws-cn:iam::x:role/y"),
        swap(BUILDSPEC, "docker push", "docker push us-east-1"),
        put(CLUSTER, "Description", "for ap-southeast-2"),
        add("notes.txt", "account 123456789012"),
    ],
    "C405": [put(CLUSTER, "Resources", "A", {"Type": kind}) for kind in ("Custom::Empty", "AWS::CloudFormation::CustomResource")],
    "C406": [
        put(CLUSTER, "Outputs", "A", {"Value": "a", "Export": {"Name": "a"}}),
        put(SERVICE, *properties("BlueTargetGroup", "VpcId", {"Fn::ImportValue": "a"})),
        put(SERVICE, *properties("BlueTargetGroup", "VpcId", {"Fn::GetStackOutput": {"StackName": "a", "OutputName": "b"}})),
    ],
    "C407": [put(CLUSTER, "Transform", "AWS::LanguageExtensions"), put(SERVICE, *properties("BlueTargetGroup", "Tags", [{"Fn::Transform": {"Name": "a"}}]))],
    "C408": [remove(MIGRATE)],
    "C409": [
        put(SERVICE, *properties("TaskRole", "PermissionsBoundary", {"Ref": "Boundary"})),
        *(
            both(_bounded, put(SERVICE, *properties("DeployRole", "Policies", 0, "PolicyDocument", "Statement", 0, {"Effect": "Allow", "Resource": ["a"], **rights})))
            for rights in (
                {"Action": "iam:Create*"},
                {"Action": ["iam:PutRolePermissionsBoundary"], "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": "a"}}},
                {"Action": ["iam:DeleteRolePermissionsBoundary"], "Condition": {"StringEquals": {"iam:PermissionsBoundary": "a"}}},
            )
        ),
    ],
    "C501": [put(CLUSTER, "Resources", _bulk(501))],
    "C502": [_entries(section, 201) for section in ("Parameters", "Outputs", "Mappings")],
    "C503": [put(CLUSTER, "Description", "a" * 1_000_000)],
    "C504": [lambda files: files.update(_tree([499] * 6))],
    "C505": [lambda files: files.update(_balanced(101, 10))],
    "C506": [lambda files: files.update(_balanced(10, 101))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "edit"),
    [pytest.param(name, edit, id=f"{name}-{i}") for name in EXAMPLES for i, edit in enumerate(EXAMPLES[name])],
)
def test_a_bad_example_is_found(check: str, edit: Edit, tmp_path: Path, coffee: Files) -> None:
    edit(coffee)
    bad = [each for each in found(tmp_path, coffee) if each.check == check]
    assert bad
    assert_well_told(bad, check, tmp_path)


def test_every_check_has_a_bad_example_an_id_of_its_own_and_a_source() -> None:
    elsewhere = {"C001", "C100", "C313", "C402"}  # tests of their own
    assert {*EXAMPLES, *elsewhere, *(check for check, _ in MUTANTS.values())} == {check.id for check in CHECKS}
    assert len({check.id for check in CHECKS}) == len({check.sentence for check in CHECKS}) == len(CHECKS)
    assert all(check.source for check in CHECKS)
    assert [check.id for check in CHECKS] == sorted(check.id for check in CHECKS)


def test_unencrypted_traffic_is_a_note_and_encrypted_none(tmp_path: Path) -> None:
    assert [(each.check, each.level) for each in found(tmp_path / "dev", stage_of_coffee("dev"))] == [("C402", "info")]
    assert found(tmp_path / "prod", stage_of_coffee("prod")) == []


@pytest.mark.parametrize("edit", [
    put(SERVICE, *properties("DeploymentGroup", "DeploymentConfigName", "CodeDeployDefault.ECSCanary10Percent5Minutes")),
    lambda files: files.update({APPSPEC: files[APPSPEC] + "Hooks:\n  - AfterAllowTestTraffic: some-function\n"}),
])  # fmt: skip
def test_a_release_that_somebody_sees_first_is_no_warning(edit: Edit, tmp_path: Path, coffee: Files) -> None:
    _unseen(coffee)
    edit(coffee)
    assert [each.check for each in found(tmp_path, coffee)] == ["C402"]


@pytest.mark.parametrize(("check", "files"), [
    ("C501", {"a.yaml": dump({"Resources": _bulk(500)})}),
    ("C503", {"a.yaml": dump({"Resources": {}, "Description": "a" * 999_900})}),
    ("C504", _tree([499, 499, 499, 499, 499])),
    ("C505", _balanced(100, 10)),
    ("C506", _balanced(10, 100)),
])  # fmt: skip
def test_a_limit_may_be_reached(check: str, files: Files, tmp_path: Path) -> None:
    assert check not in {each.check for each in found(tmp_path, files)}


@pytest.mark.parametrize(("files", "message"), [
    (_tree([499] * 5 + [1]), "2,502 where 2,500 is the limit of resources a root with all that it nests"),
    (_balanced(102, 10), "102 where 100 is the limit of target groups a load balancer"),
    (_balanced(7, 150), "150 where 100 is the limit of rules a load balancer, over all its listeners"),
])  # fmt: skip
def test_a_limit_is_told_with_its_number(files: Files, message: str, tmp_path: Path) -> None:
    assert message in {each.message for each in found(tmp_path, files)}


def test_a_balancer_is_found_through_the_tree(tmp_path: Path) -> None:
    (finding,) = (each for each in found(tmp_path, _balanced(101, 2)) if each.check == "C505")
    assert (finding.file.rpartition("/")[2], finding.path) == ("cluster.yaml", "Resources/Balancer")


def test_a_template_nested_twice_counts_twice(tmp_path: Path) -> None:
    files = _tree([490, 490, 490])
    data = data_of(files["root.yaml"], "root.yaml")
    data["Resources"] |= {f"Again{name}": body for name, body in data["Resources"].items()}
    files["root.yaml"] = dump(data)
    assert "C504" in {each.check for each in found(tmp_path, files)}


def test_the_end_of_an_id_is_no_account(tmp_path: Path, coffee: Files) -> None:
    put(TASKDEF, *CONTAINER, "environment", 0, "value", "x-123456789012/0a1b2c3d-4444-5555-6666-210987654321")(coffee)
    told = [each.message for each in found(tmp_path, coffee) if "is the id of an account" in each.message]
    assert [message.partition(" ")[0] for message in told] == ["'123456789012'"]


def test_a_template_that_nests_itself_ends(tmp_path: Path) -> None:
    files = _tree([1])
    files["part0.yaml"] = files["root.yaml"]
    found(tmp_path, files)


@pytest.mark.parametrize(("edit", "hint"), [
    (put(TASKDEF, *CONTAINER, "portMapping", []), "unknown key 'portMapping'; did you mean 'portMappings'?"),
    (put(TASKDEF, "networkMode", "awsvcp"), "networkMode is 'awsvcp'; did you mean 'awsvpc'?"),
    (put(TASKDEF, *CONTAINER, "stopTimeout", "30"), "stopTimeout is '30'; a whole number is wanted"),
    (drop(TASKDEF, *CONTAINER, "secrets", 0, "name"), "secrets[0] lacks 'name'"),
    (_hook, "unknown hook 'AfterAllowTestTrafic'; did you mean 'AfterAllowTestTraffic'?"),
    (swap(BUILDSPEC, "  pre_build:", "  prebuild:"), "unknown key 'prebuild'; did you mean 'pre_build'?"),
    (swap(BUILDSPEC, '- docker push "$REPOSITORY_URI:$IMAGE_TAG"', "- echo release: made"), "the colon makes a mapping of the command 'echo release: made'; put it in quotes, or after a |"),
    (swap(PIPELINE, "#{Build.MIGRATION_TASK_", "#{Build.MIGRATIO_TASK_"), "the buildspec does not export 'MIGRATIO_TASK_DEFINITION'; did you mean 'MIGRATION_TASK_DEFINITION'?"),
])  # fmt: skip
def test_a_finding_says_what_would_fit(edit: Edit, hint: str, tmp_path: Path, coffee: Files) -> None:
    edit(coffee)
    assert hint in [each.message for each in found(tmp_path, coffee)]


@pytest.mark.parametrize(
    ("database", "migrate", "finds"),
    [
        (
            {"readers": ("web",)},
            (),
            [("web/taskdef.json", "'web' logs in as a user of the database that nobody makes")],
        ),
        (
            {"writers": ("web",)},
            (),
            [("web/taskdef.json", "'web' logs in as a user of the database that nobody makes")],
        ),
        ({"writers": ("web",)}, ("node", "migrate.js"), []),
        ({}, (), []),
        (None, (), []),
    ],
)
def test_who_makes_the_databases_users(
    database: dict[str, Any] | None, migrate: tuple[str, ...], finds: list[tuple[str, str]], tmp_path: Path
) -> None:
    app = App(
        name="shop",
        services=(Service(name="web", migrate=migrate), Service(name="admin", paths=("/a/*",), health_path="/a/up")),
        database=None if database is None else Database(**database),
        pipeline=Pipeline(source=CodeCommit()),
    )
    told = [each for each in found(tmp_path, stage_files(app)) if each.check == "C408"]
    assert [each.file.removeprefix(f"{tmp_path.as_posix()}/stage/") for each in told] == [file for file, _ in finds]
    for each, (_, says) in zip(told, finds, strict=True):
        assert each.message.startswith(says)
        assert each.line > 1


@settings(max_examples=10)
@given(apps())
def test_what_cfngen_generates_agrees_with_itself(tmp_path_factory: pytest.TempPathFactory, app: Any) -> None:
    ids = {each.check for each in found(tmp_path_factory.mktemp("app"), stage_files(app))}
    # A user may want to release unseen and without HTTPS, and may name a secret by its ARN.
    assert ids <= {"C401", "C402", "C404", "C408"}


@settings(max_examples=50)
@given(st.data())
def test_no_check_fails_on_broken_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    files = dict(stage_of_coffee("dev"))
    name = data.draw(st.sampled_from(sorted(set(files) - {APPSPEC, "customer/appspec.yaml"})))
    inner = body = data_of(files[name], name)
    while True:
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not inner[key] or not isinstance(inner[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
            break
        inner = inner[key]
    inner[key] = data.draw(
        st.sampled_from([None, "", "text", 0, -1, True, [], {}, [None], {"a": {}}, [[]], {"Ref": 1}, {"Ref": "A"}])
    )
    files[name] = text_of(body, name)
    found(tmp_path_factory.mktemp("broken"), files)
