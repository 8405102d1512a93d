"""A stage of two roots in a local AWS: by `cfngen deploy`, by the commands that generate prints, and away again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Run
from shells import REGION, as_in_a_shell, by_hand, fresh

from cfngen.local.server import listening

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's
DESCRIPTION = """\
name: shop
balancer: {https: false, deletion_protection: false}
network: {zones: 2}
services_per_cell: 1
services:
  web: {}
  aa: {hosts: [aa.example.com]}
"""
FIRST, CELL = "shop-dev", "shop-dev-cell-2"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A local AWS with a bucket for templates, as a shell has it."""
    with listening() as (address, serve):
        serve(fresh(address))
        as_in_a_shell(monkeypatch, tmp_path, AWS_ENDPOINT_URL=address)
        boto3.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield address


def told(stack: str) -> Any:
    return boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]


def parameters(stack: str) -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in told(stack)["Parameters"]}


def outputs(stack: str) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in told(stack)["Outputs"]}


def test_both_roots_come_and_go_by_every_way(cfngen: Run, url: str) -> None:
    assert url
    Path("cfngen.yaml").write_text(DESCRIPTION, encoding="utf-8")
    commands = re.findall(r"^  ((?:mkdir|aws) .*)$", cfngen("generate").err, re.MULTILINE)
    folder = "templates/shop/dev"

    planned = cfngen("deploy", folder, "--plan", "--yes")
    assert f"{CELL}: planned when {FIRST} is deployed" in planned.err
    made = json.loads(cfngen("deploy", folder, "--yes", "--format", "json").out)
    assert (made["stack"], made["status"]) == (FIRST, "CREATE_COMPLETE")
    (cell,) = made["cells"]
    assert (cell["stack"], cell["status"]) == (CELL, "CREATE_COMPLETE")
    assert {each["source"] for each in cell["parameters"].values()} == {"first"}
    assert parameters(CELL).items() <= outputs(FIRST).items()
    again = cfngen("deploy", folder, "--yes")
    assert again.out == f"{FIRST}: nothing to do\n{CELL}: nothing to do\n"

    seen = cfngen("preflight", folder, "--stack", FIRST)
    assert (seen.status, seen.err) == (
        0,
        f"{FIRST}; errors: 0, warnings: 0, notes: 0\n{CELL}; errors: 0, warnings: 0, notes: 0\n",
    )

    before = parameters(CELL)
    assert cfngen("destroy", f"{folder}/cell-2", "--yes").status == 0
    assert told(FIRST)["StackStatus"] == "CREATE_COMPLETE"
    by_hand("\n".join(commands).replace("BUCKET", "templates"))
    assert (told(CELL)["StackStatus"], parameters(CELL)) == ("CREATE_COMPLETE", before)

    changed = cfngen("deploy", folder, "--yes", "--parameter", "TestCidr=203.0.113.0/24")
    assert changed.status == 0, changed.err
    assert parameters(CELL)["TestCidr"] == outputs(FIRST)["TestCidr"] == "203.0.113.0/24"

    gone = json.loads(cfngen("destroy", folder, "--yes", "--format", "json").out)
    assert [gone["status"], gone["cells"][0]["status"]] == ["DELETE_COMPLETE", "DELETE_COMPLETE"]
    assert cfngen("destroy", folder, "--yes").out == f"{FIRST}: nothing to do\n"


NAMED = """\
name: shop
balancer: {https: false, deletion_protection: false, domain: shop.example.com, aliases: [aa.example.com]}
network: {zones: 2}
services_per_cell: 1
services:
  web: {}
  aa: {hosts: [aa.example.com]}
"""


def test_a_cell_that_is_left_goes_before_its_names_are_made_elsewhere(cfngen: Run, url: str) -> None:
    assert url
    zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    given = ("--parameter", f"HostedZoneId={zone.rpartition('/')[2]}")
    Path("cfngen.yaml").write_text(NAMED, encoding="utf-8")
    cfngen("generate")
    assert cfngen("deploy", "cfngen.yaml", "--yes", *given).status == 0
    Path("cfngen.yaml").write_text(NAMED.rpartition("  aa")[0], encoding="utf-8")
    told = cfngen("generate").err
    assert (
        f"delete that stack BEFORE deploying the first root: aws cloudformation delete-stack --stack-name {CELL}"
        in told
    )
    refused = cfngen("deploy", "cfngen.yaml", "--yes")
    assert refused.status == 1
    assert f"{CELL}: no service lives there any more, but the records of aa.example.com do" in refused.err
    boto3.client("cloudformation").delete_stack(StackName=CELL)
    boto3.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=CELL)
    deployed = cfngen("deploy", "cfngen.yaml", "--yes")
    assert (deployed.status, "nothing to do" in deployed.out) == (0, False), deployed.err
