"""Facts about nested stacks and what CloudFormation replaces: K and appendix 1 of domain-facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.config import ConfigMixIn  # type: ignore[import-untyped,unused-ignore]
from cfnlint.runner import Runner, run_template_by_file_path  # type: ignore[import-untyped,unused-ignore]
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped,unused-ignore]

from cfngen import App, Balancer, Canary, OffHours, Scaling, Service

from .conftest import STACK, Rendered, Resource, render, walk

ROOT = "coffee.yaml"


def children(made: Rendered) -> list[Resource]:
    return made.each(STACK)


# K1: nested stacks


def test_k1_1_k1_2_each_child_is_a_file_beside_its_parent(stage: Rendered) -> None:
    found = children(stage)
    assert {each.file for each in found} == {ROOT}
    assert sorted(each["TemplateURL"] for each in found) == sorted(set(stage.templates) - {ROOT})
    assert {name for each in found for name in each.properties} <= {"TemplateURL", "Parameters"}


def test_k1_1_outputs_are_read_by_getatt(stage: Rendered) -> None:
    read = {
        (stage.one(f"{ROOT}/{name}")["TemplateURL"], attribute.removeprefix("Outputs."))
        for node in walk(stage.templates[ROOT])
        if isinstance(node, dict) and "Fn::GetAtt" in node
        for name, attribute in [node["Fn::GetAtt"]]
    }
    assert len(read) > 20
    for file, output in read:
        assert output in stage.templates[file]["Outputs"], (file, output)


def test_k1_2_a_template_that_does_not_change_keeps_its_bytes(apps: Mapping[str, App], prod: Rendered) -> None:
    more = replace(apps["prod"].services[0], name="page", paths=("/page/*",), health_path="/page/health")
    after = render(replace(apps["prod"], services=(*apps["prod"].services, more)), prod.ledger)
    changed = {name for name in prod.templates if prod.files[name] != after.files[name]}
    assert changed == {ROOT, "watch.yaml"}


def test_k1_3_lists_cross_a_border_joined(stage: Rendered) -> None:
    lists = 0
    for child in children(stage):
        declared = stage.templates[child["TemplateURL"]].get("Parameters", {})
        for name, value in child.properties.get("Parameters", {}).items():
            kind = declared[name]["Type"]
            is_list = kind.startswith("List<") or kind == "CommaDelimitedList"
            lists += is_list
            _, real = stage.real(ROOT, value)
            assert isinstance(real, list) == is_list, f"{child.name} {name}"
            assert not isinstance(value, list)
    assert lists > 5
    for template in stage.templates.values():
        assert not [each for each in template.get("Outputs", {}).values() if isinstance(each["Value"], list)]


def lint(folder: Path, files: Mapping[str, str], only: str) -> list[str]:
    for name, text in files.items():
        if name.endswith(".yaml") and "/" not in name:
            (folder / name).write_text(text, encoding="utf-8")
    config = ConfigMixIn(["--config-file", "/dev/null"], regions=["eu-west-1"])
    found = run_template_by_file_path(str(folder / ROOT), config, rules(), ignore_bad_template=False)
    return [str(match.message) for match in found if match.rule.id == only]


@cache
def rules() -> Any:
    return Runner(ConfigMixIn(["--config-file", "/dev/null"])).rules


def test_k1_4_every_child_gets_the_parameters_that_it_declares(tmp_path: Path, dev: Rendered) -> None:
    assert lint(tmp_path, dev.files, "E3043") == []
    other = dev.files["network.yaml"].replace("FoundationLogs", "OtherLogs")
    assert lint(tmp_path, {**dev.files, "network.yaml": other}, "E3043")
    for child in children(dev):
        given = child.properties.get("Parameters", {})
        assert set(given) == set(dev.templates[child["TemplateURL"]].get("Parameters", {})), child.name


def test_k1_5_nothing_is_exported_or_imported(stage: Rendered) -> None:
    keys = {key for node in walk(stage.templates) if isinstance(node, dict) for key in node}
    assert not keys & {"Export", "Fn::ImportValue", "Fn::GetStackOutput"}


def many(app: App, count: int) -> App:
    first = app.services[0]
    more = tuple(
        replace(first, name=f"extra{n}", paths=(f"/extra{n}/*",), health_path=f"/extra{n}/health") for n in range(count)
    )
    return replace(app, services=(*app.services, *more))


def test_k1_6_templates_stay_within_cloudformations_limits(apps: Mapping[str, App]) -> None:
    made = render(many(apps["prod"], 43))
    assert len(made.app.services) == 45
    for name, template in made.templates.items():
        assert len(template["Resources"]) <= 500, name
        for part in ("Parameters", "Outputs", "Mappings"):
            assert len(template.get(part, {})) <= 200, f"{name} {part}"
        assert len(made.files[name].encode()) <= 1_000_000, name
        assert "{{resolve:" not in made.files[name]
    assert sum(len(template["Resources"]) for template in made.templates.values()) <= 2500


def test_k1_7_a_child_cannot_be_deployed_by_itself_unnoticed(stage: Rendered) -> None:
    """Its parameters have no defaults: what only the root knows has to be given."""
    for name, template in stage.templates.items():
        if name not in (ROOT, "foundation.yaml"):
            assert template["Parameters"]
            assert not [key for key, each in template["Parameters"].items() if "Default" in each], name


def test_k1_8_a_child_knows_nothing_that_it_does_not_use(stage: Rendered) -> None:
    """So an update reaches it with the same parameters, unless they matter to it."""
    for name, template in stage.templates.items():
        used = json.dumps([template["Resources"], template.get("Outputs", {})])
        for parameter in template.get("Parameters", {}):
            assert f'{{"Ref": "{parameter}"}}' in used or f"${{{parameter}}}" in used, f"{name} {parameter}"


def test_k1_9_one_capability_is_enough(stage: Rendered) -> None:
    for template in stage.templates.values():
        assert "Transform" not in template
        assert not [each for each in template["Resources"].values() if "Fn::Transform" in each]
    for kind, name in (
        ("Role", "RoleName"),
        ("ManagedPolicy", "ManagedPolicyName"),
        ("InstanceProfile", "InstanceProfileName"),
    ):
        assert not [each for each in stage.each(f"AWS::IAM::{kind}") if name in each.properties]
    assert not [each for each in stage.resources.values() if each.type.startswith("Custom::")]


def tags(resource: Resource) -> dict[str, Any]:
    given = resource.properties.get("Tags", {})
    return given if isinstance(given, dict) else {each["Key"]: each["Value"] for each in given}


WRITE_ONCE = {
    "AWS::CloudFormation::Stack",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
}


def test_k1_10_tags_are_written_and_do_not_flow_down(stage: Rendered) -> None:
    """Tags of a stack would reach listener rules and ECS services, and change what is write-once."""
    for each in stage.resources.values():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", each.type).schema
        if each.type in WRITE_ONCE:
            assert not tags(each), each.place
        elif "Tags" in schema["properties"]:
            assert {"Application": "coffee", "Stage": stage.app.stage}.items() <= tags(each).items(), each.place


def test_k1_11_children_go_with_their_root_and_keep_what_matters(stage: Rendered) -> None:
    for each in children(stage):
        assert (each.body["DeletionPolicy"], each.body["UpdateReplacePolicy"]) == ("Delete", "Delete")
        assert "Condition" not in each.body


def test_k1_11_nothing_refers_to_what_is_made_after_it(stage: Rendered) -> None:
    """Deletion goes the other way round: each child's parameters come from those that stand before it."""
    before: list[str] = []
    for each in children(stage):
        named = {node["Fn::GetAtt"][0] for node in walk(each.body) if isinstance(node, dict) and "Fn::GetAtt" in node}
        assert named <= set(before), each.name
        before.append(each.name)


# K3.4 and the column S of appendix 1: what is kept

KEPT = {
    "AWS::CodeCommit::Repository": ("RetainExceptOnCreate", "Retain"),
    "AWS::ECR::Repository": ("Retain", "Retain"),  # like a bucket, not even a failed creation deletes a full one
    "AWS::ECS::TaskDefinition": ("Retain", "Retain"),
    "AWS::KMS::Key": ("RetainExceptOnCreate", "Retain"),
    "AWS::Logs::LogGroup": ("RetainExceptOnCreate", "Retain"),
    "AWS::RDS::DBInstance": ("Snapshot", "Snapshot"),
    "AWS::S3::Bucket": ("Retain", "Retain"),
    "AWS::S3::BucketPolicy": ("Retain", "Retain"),
    "AWS::SecretsManager::Secret": ("RetainExceptOnCreate", "Retain"),
}


def test_k3_4_what_holds_data_says_twice_that_it_stays(prod: Rendered) -> None:
    seen = set()
    for each in prod.resources.values():
        policies = (each.body.get("DeletionPolicy"), each.body.get("UpdateReplacePolicy"))
        if each.type in KEPT:
            assert policies == KEPT[each.type], each.place
            seen.add(each.type)
        elif each.type != STACK:
            assert policies == (None, None), each.place
    assert seen == set(KEPT) - {"AWS::CodeCommit::Repository"}  # dev's


def test_k3_4_dev_keeps_all_but_what_its_database_goes_with(dev: Rendered) -> None:
    for each in dev.resources.values():
        if each.type in KEPT and each.type != "AWS::SecretsManager::Secret":
            assert (each.body["DeletionPolicy"], each.body["UpdateReplacePolicy"]) == KEPT[each.type], each.place


# Appendix 1: names, and what replaces

# Conditions and triggers know pipelines and builds by their names, and autoscaling and muting want one.
NAMED = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::AlarmMuteRule",
    "AWS::CodeBuild::Project",
    "AWS::CodePipeline::Pipeline",
}


def test_appendix_1_only_these_have_physical_names(stages: Mapping[str, Rendered]) -> None:
    inner = {"DBName", "MasterUsername", "ServiceName"}  # names of things within, or of AWS's own
    named = set()
    for made in stages.values():
        for each in made.resources.values():
            for name in create_only(each.type) - inner:
                given = each.properties.get(name)
                if name.endswith(("Name", "Identifier", "Prefix")) and given and not is_reference(given):
                    named.add(each.type)
    assert named == NAMED


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and bool({"Ref", "Fn::GetAtt"} & value.keys())


@cache
def create_only(kind: str) -> set[str]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    return {each.split("/")[2] for each in schema.get("createOnlyProperties", ())}


def test_appendix_1_a_kept_repository_is_in_nobodys_way(dev: Rendered) -> None:
    name = json.dumps(dev.one("pipeline.yaml/Repository")["RepositoryName"])
    assert '"coffee-dev"' in name
    assert '{"Ref": "AWS::StackId"}' in name


def test_appendix_1_descriptions_that_replace_are_constant(stages: Mapping[str, Rendered]) -> None:
    """Where a description is create-only, no option and no stage is in it."""
    told: dict[tuple[str, str], set[str]] = {}
    for made in stages.values():
        for each in made.resources.values():
            for name in create_only(each.type) & {"Description", "GroupDescription"}:
                told.setdefault((each.type, each.name), set()).add(str(each.properties.get(name)))
    assert ("AWS::EC2::SecurityGroup", "SecurityGroup") in told
    assert ("AWS::RDS::DBParameterGroup", "ParameterGroup") in told
    per_stack = told.pop(("AWS::EC2::SecurityGroup", "SecurityGroup"))
    assert per_stack == {"Database", "Load balancer", "Tasks of a service"}
    assert all(len(texts) == 1 for texts in told.values()), told


def services(app: App, **changes: Any) -> App:
    return replace(app, services=tuple(replace(each, **changes) for each in app.services))


def changes(app: App) -> Iterator[tuple[str, App]]:
    """One option of a stage after the other, set to something else."""
    pipeline, database, network = app.pipeline, app.database, app.network
    assert pipeline
    assert database
    yield "tags", replace(app, tags={"Team": "beans"})
    yield "log_retention_days", replace(app, log_retention_days=7)
    yield "alarm_email", replace(app, alarm_email="coffee@example.com")
    yield "permissions_boundary", replace(app, permissions_boundary=True)
    yield "own_key_for", replace(app, own_key_for=("images", "database"))
    yield "off_hours", replace(app, off_hours=OffHours(start="19:00", end="05:00"))
    yield "zones", replace(app, network=replace(network, zones=3))
    yield "nat", replace(app, network=replace(network, nat="one" if network.nat == "one per zone" else "one per zone"))
    yield "multi_az", replace(app, database=replace(database, multi_az=not database.multi_az))
    yield "protected", replace(app, database=replace(database, protected=not database.protected))
    yield "backup_days", replace(app, database=replace(database, backup_days=9))
    yield "storage", replace(app, database=replace(database, storage_gib=300, storage_ceiling_gib=900))
    yield "writers", replace(app, database=replace(database, readers=(), writers=("customer", "employee")))
    yield "approval", replace(app, pipeline=replace(pipeline, approval=not pipeline.approval))
    yield "scan_threshold", replace(app, pipeline=replace(pipeline, scan_threshold="LOW", build_timeout_minutes=99))
    yield "no test", replace(app, pipeline=replace(pipeline, test_command="", test_report="", runtimes={}))
    yield "branch", replace(app, pipeline=replace(pipeline, source=replace(pipeline.source, branch="next")))
    yield "size", services(app, cpu=2048, memory_mib=4096)
    yield "architecture", services(app, architecture="X86_64")
    yield "environment", services(app, environment={"SHOUT": "yes"}, stop_timeout_seconds=60)
    yield "scaling", services(app, scaling=Scaling(minimum=3, maximum=9, cpu_percent=None, memory_percent=70))
    yield "migrate", services(app, migrate=("node", "other.js"))
    yield "shared", services(app, shared=("lib",), build_context=".")
    yield (
        "release",
        services(
            app,
            release=replace(
                app.services[0].release, strategy=Canary(percent=20, minutes=7), termination_wait_minutes=9
            ),
        ),
    )
    yield "egress_ports", services(app, egress_ports=(443, 8443))
    yield (
        "a service more",
        replace(app, services=(*app.services, Service(name="page", paths=("/page/*",), health_path="/page/health"))),
    )


def replaced(before: Rendered, after: Rendered) -> set[str]:
    return {
        f"{place} {name}"
        for place, resource in before.resources.items()
        if place in after.resources
        for name in create_only(resource.type)
        if resource.properties.get(name) != after.one(place).properties.get(name)
    }


def test_appendix_1_no_option_replaces_a_resource(dev: Rendered, prod: Rendered) -> None:
    in_prod = dict(changes(prod.app))
    del in_prod["zones"]  # it has three already
    in_dev = dict(changes(dev.app))
    tried = [
        *((prod, option, app) for option, app in in_prod.items()),
        *((dev, option, in_dev[option]) for option in ("zones", "nat", "off_hours", "protected", "branch")),
    ]
    for before, option, app in tried:
        after = render(app, before.ledger)
        assert after.files != before.files, option
        assert replaced(before, after) == set(), option


def test_appendix_1_a_replacement_would_be_seen(dev: Rendered, prod: Rendered) -> None:
    found = replaced(dev, prod)
    assert "network.yaml/Vpc CidrBlock" in found
    assert "pipeline-customer.yaml/Pipeline Name" in found
    assert "database.yaml/Instance KmsKeyId" in found


# Outputs of the root


def test_the_address_is_told_as_users_reach_it(apps: Mapping[str, App], prod: Rendered, dev: Rendered) -> None:
    assert dev.templates["coffee.yaml"]["Outputs"]["Url"]["Description"] == "What users reach"
    told = prod.templates["coffee.yaml"]["Outputs"]["Url"]["Description"]
    assert "a DNS name of the certificate must point at this address" in told
    named = render(replace(apps["prod"], balancer=Balancer(domain="shop.example.com", test_port=9000)))
    outputs = named.templates["coffee.yaml"]["Outputs"]
    assert outputs["Url"] == {"Value": "https://shop.example.com", "Description": "What users reach"}
    assert outputs["TestUrl"]["Value"] == "https://shop.example.com:9000"
