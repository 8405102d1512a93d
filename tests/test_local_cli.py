"""The real AWS command line deploys into what `cfngen local up` starts, with nothing but the variables that it prints.

Packaged, created, changed, failed, deleted; and each time the services are asked what is there, by their own commands or,
which starts no program, by an SDK.
`CFNGEN_AWS=/usr/local/bin/aws pytest tests/test_local_cli.py` does it with another AWS command line, such as version 2.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).parent.parent
AWS = shlex.split(os.environ.get("CFNGEN_AWS", "")) or [sys.executable, "-m", "awscli"]
BOUND_SECONDS = 240  # for anything one command does, on a machine that is busy with other tests


class Shell:
    """A shell in which somebody has said: eval "$(cfngen local up)"."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AWS, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )

    def aws(self, *words: str) -> Any:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    def package(self, template: Path) -> Path:
        packaged = self.folder / "packaged.yaml"
        given = ("--template-file", str(template), "--s3-bucket", "templates")
        self.aws("cloudformation", "package", *given, "--output-template-file", str(packaged))
        return packaged

    def deploy(self, template: Path, stack: str, *more: str) -> str:
        given = ("--template-file", str(template), "--stack-name", stack, "--s3-bucket", "templates")
        done = self.run("cloudformation", "deploy", *given, "--capabilities", "CAPABILITY_IAM", *more)
        if done.returncode:
            told = self.aws("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"]
            pytest.fail(f"{done.stderr}\n{told[0].get('StackStatusReason')}")
        return done.stdout

    def sdk(self, service: str) -> Any:
        """A client with nothing but what the shell has."""
        given = self.environment
        keys = (given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
        session = boto3.Session(*keys, region_name=given["AWS_DEFAULT_REGION"])
        return session.client(service, endpoint_url=given["AWS_ENDPOINT_URL"])

    def status(self, stack: str) -> str:
        [told] = self.sdk("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return str(told["StackStatus"])

    def services(self) -> dict[str, str]:
        """The ECS services that are there, each with its first task definition."""
        ecs, found = self.sdk("ecs"), {}
        for cluster in ecs.list_clusters()["clusterArns"]:
            if there := ecs.list_services(cluster=cluster)["serviceArns"]:
                for told in ecs.describe_services(cluster=cluster, services=there)["services"]:
                    found[told["serviceName"]] = told["taskDefinition"]
        return found

    def groups(self) -> list[dict[str, Any]]:
        return list(self.sdk("elbv2").describe_target_groups()["TargetGroups"])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shell")
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    own = plain | {"XDG_RUNTIME_DIR": str(folder), "AWS_CONFIG_FILE": os.devnull}

    def local(*words: str) -> str:
        command = [sys.executable, "-m", "cfngen", "local", *words]
        return subprocess.run(command, env=own, capture_output=True, text=True, timeout=120, check=True).stdout

    exported = dict(line.removeprefix("export ").split("=", 1) for line in local("up").splitlines())
    made = Shell(own | exported, folder)
    try:
        made.aws("s3", "mb", "s3://templates")
        yield made
    finally:
        local("down")


def test_coffee_dev_is_created_changed_failed_and_deleted(shell: Shell, tmp_path: Path) -> None:
    stack, cidr = "coffee-dev", ("--parameter-overrides", "TestCidr=203.0.113.0/24")
    folder = tmp_path / "dev"
    shutil.copytree(ROOT / "templates/coffee/dev", folder)
    packaged = shell.package(folder / "coffee.yaml")
    assert f"Successfully created/updated stack - {stack}" in shell.deploy(packaged, stack, *cidr)
    [told] = shell.aws("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"]
    assert told["StackStatus"] == "CREATE_COMPLETE"
    assert {"Url", "TestUrl", "AlertTopic"} <= {each["OutputKey"] for each in told["Outputs"]}
    assert (len(shell.groups()), len(shell.services())) == (4, 2)
    applications = shell.aws("deploy", "list-applications")["applications"]
    groups = shell.aws("deploy", "list-deployment-groups", "--application-name", *applications)["deploymentGroups"]
    given = ("--application-name", *applications, "--deployment-group-name", groups[0])
    group = shell.aws("deploy", "get-deployment-group", *given)["deploymentGroupInfo"]
    [place] = group["ecsServices"]
    given = ("--cluster", place["clusterName"], "--services", place["serviceName"])
    [served] = shell.aws("ecs", "describe-services", *given)["services"]
    assert shell.services()[place["serviceName"]] == served["taskDefinition"]
    assert "No changes to deploy" in shell.deploy(packaged, stack, *cidr, "--no-fail-on-empty-changeset")

    # One service's group changes, and a resource of a nested stack cannot be made: all is as it was.
    before = shell.groups()
    service = folder / "service-customer.yaml"
    text = service.read_text()
    assert "HealthCheckPath: /health" in text
    bad = text.replace("HealthCheckPath: /health", "HealthCheckPath: /other").replace(
        "Resources:\n", "Resources:\n  Nobody:\n    Type: AWS::Nobody::Knows\n    DependsOn: BlueTargetGroup\n", 1
    )
    service.write_text(bad)
    failed = shell.run(
        "cloudformation", "deploy", "--template-file", str(shell.package(folder / "coffee.yaml")),
        "--stack-name", stack, "--capabilities", "CAPABILITY_IAM",
    )  # fmt: skip
    assert failed.returncode == 255
    assert shell.status(stack) == "UPDATE_ROLLBACK_COMPLETE"
    nested = next(
        each["PhysicalResourceId"]
        for each in shell.sdk("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        if each["LogicalResourceId"] == "ServiceCustomer"
    )
    events = shell.aws("cloudformation", "describe-stack-events", "--stack-name", nested)["StackEvents"]
    [reason] = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert "AWS::Nobody::Knows is not supported" in reason
    assert shell.groups() == before

    service.write_text(text.replace("HealthCheckPath: /health", "HealthCheckPath: /other"))
    assert "Successfully" in shell.deploy(shell.package(folder / "coffee.yaml"), stack)
    changed = [each for each in shell.groups() if each not in before]
    assert [each["HealthCheckPath"] for each in changed] == ["/other", "/other"]

    shell.aws("cloudformation", "delete-stack", "--stack-name", stack)
    shell.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", stack)
    assert (shell.groups(), shell.services()) == ([], {})


def test_coffee_prod_stands_and_protects_itself(shell: Shell) -> None:
    certificate = shell.aws("acm", "request-certificate", "--domain-name", "coffee.example")["CertificateArn"]
    packaged = shell.package(ROOT / "templates/coffee/prod/coffee.yaml")
    parameters = ("--parameter-overrides", f"CertificateArn={certificate}", "SourceRepositoryName=coffee")
    shell.deploy(packaged, "coffee-prod", *parameters)
    assert shell.status("coffee-prod") == "CREATE_COMPLETE"
    shell.aws("cloudformation", "delete-stack", "--stack-name", "coffee-prod")
    assert shell.status("coffee-prod") == "DELETE_FAILED"
    [balancer] = [each["LoadBalancerArn"] for each in shell.aws("elbv2", "describe-load-balancers")["LoadBalancers"]]
    off = ("--attributes", "Key=deletion_protection.enabled,Value=false")
    shell.aws("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", balancer, *off)
    [database] = [each["DBInstanceIdentifier"] for each in shell.aws("rds", "describe-db-instances")["DBInstances"]]
    shell.aws("rds", "modify-db-instance", "--db-instance-identifier", database, "--no-deletion-protection")
    shell.aws("cloudformation", "delete-stack", "--stack-name", "coffee-prod")
    shell.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "coffee-prod")
    assert shell.groups() == []
    assert shell.sdk("rds").describe_db_instances()["DBInstances"] == []
    snapshots = shell.sdk("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [each["DBInstanceIdentifier"] for each in snapshots].count(database) == 1
