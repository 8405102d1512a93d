"""`cfngen check`: cfn-lint, on small stages, because it takes its time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from breaking import (
    LINT,
    found,
    listener,
    rename,
    stage_of_coffee,
)

from cfngen import (
    S3,
    App,
    Balancer,
    CodeCommit,
    Connection,
    Network,
    Service,
    checks,
    stage_files,
    write,
)
from cfngen._yaml import dump
from cfngen.checks import CHECKS


def _nesting(**parameters: str) -> str:
    told = {"TemplateURL": "child.yaml", "Parameters": parameters}
    kept = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    return dump({"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", **kept, "Properties": told}}})


def test_the_linter_follows_nested_stacks_and_takes_packaging_for_granted(tmp_path: Path) -> None:
    child = dump(listener())
    good = {"root.yaml": _nesting(Balancer="arn"), "child.yaml": child}
    bad = {"root.yaml": _nesting(Balance="arn"), "child.yaml": child}
    assert found(tmp_path / "good", good, LINT) == []
    assert {each.check for each in found(tmp_path / "bad", bad, LINT)} == {"E3043"}


def test_the_linter_tells_all_its_levels(tmp_path: Path) -> None:
    data = listener(Protocol="HTP")
    data["Parameters"]["Unused"] = {"Type": "String"}
    data["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    findings = found(tmp_path, {"a.yaml": dump(data)}, LINT)
    assert {each.check[0]: each.level for each in findings} == {"E": "error", "W": "warning", "I": "info"}
    lines = dump(data).splitlines()
    (wrong,) = (each for each in findings if each.level == "error")
    assert lines[wrong.line - 1].strip() == "Protocol: HTP"
    assert wrong.path == "Resources/Listener/Properties/Protocol"


def test_what_the_linter_says_of_many_regions_is_one_finding(tmp_path: Path) -> None:
    files = {"a.yaml": dump({"Resources": {"A": {"Type": "AWS::Nowhere::Thing"}}})}
    (finding,) = found(tmp_path, files, LINT)
    assert finding.check == "E3006"
    assert all(region in finding.message for region in Connection.regions)


@pytest.mark.parametrize("suffix", ["", ".yaml"])
def test_a_linter_configuration_of_the_place_changes_nothing(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f".cfnlintrc{suffix}").write_text("ignore_checks: [E]\n")
    assert found(tmp_path, {"a.yaml": dump(listener(Protocol="HTP"))}, LINT)


def test_the_source_decides_the_regions(tmp_path: Path) -> None:
    def regions(name: str, files: Mapping[str, str]) -> set[str]:
        found(tmp_path / name, files, [])
        return set(checks.generated(tmp_path / name / "stage")[0].regions)

    files = dict(stage_of_coffee("dev"))
    assert regions("by commit", files) == set(CodeCommit.regions)
    for service in ("customer", "employee"):
        rename(f"pipeline-{service}.yaml", "CodeCommit", "CodeStarSourceConnection")(files)
    assert regions("by connection", files) == set(Connection.regions)
    for service in ("customer", "employee"):
        rename(f"pipeline-{service}.yaml", "CodeStarSourceConnection", "S3")(files)
    assert regions("by object", files) == set(S3.regions)
    assert regions("without", {"a.yaml": "Resources: {}\n"}) == set(Connection.regions)
    assert set(S3.regions) > set(CodeCommit.regions) > set(Connection.regions)


@pytest.mark.parametrize(
    "options",
    [
        {"balancer": Balancer(domain="shop.example.com")},
        {"balancer": Balancer(domain="shop.example.com", https=False)},
        {"cloud9": True},
    ],
    ids=["a domain", "a domain without HTTPS", "an IDE"],
)
def test_what_an_option_adds_is_clean(options: Mapping[str, Any], tmp_path: Path) -> None:
    app = App(name="shop", services=(Service(name="web"),), **options)
    assert [str(each) for each in found(tmp_path, stage_files(app), list(CHECKS)) if each.level != "info"] == []


def test_three_zones_are_not_for_regions_that_have_two(tmp_path: Path) -> None:
    for zones, is_there in ((2, True), (3, False)):
        write(
            {
                tmp_path / f"{zones}": stage_files(
                    App(name="shop", services=(Service(name="web"),), network=Network(zones=zones))
                )
            }
        )
        assert ("us-west-1" in checks.generated(tmp_path / f"{zones}")[0].regions) is is_there
