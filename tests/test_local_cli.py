"""The real AWS command line deploys coffee into the local target: packaged, created, changed, failed, deleted."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfngen.local.provider import LocalProvider, Services
from cfngen.local.server import Front, api, serving, template_reader

ROOT = Path(__file__).parent.parent
REGION = "eu-west-1"

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """One port: CloudFormation is ours, all others are moto's."""
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import DomainDispatcherApplication, create_backend_app

    front = Front(api(Any, lambda _: "", REGION), DomainDispatcherApplication(create_backend_app))  # type: ignore[arg-type]
    with serving(front) as url:
        made = Services(url, REGION)

        def read(bucket: str, key: str) -> str:
            answer = made.session.client("s3", endpoint_url=url).get_object(Bucket=bucket, Key=key)
            return answer["Body"].read().decode()  # type: ignore[no-any-return]

        front.api = api(LocalProvider(made), template_reader(read), REGION)
        yield made


def aws(services: Services, *words: str) -> str:
    environment = os.environ | {
        "AWS_ENDPOINT_URL": services.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "awscli", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_coffee_is_packaged_deployed_looked_at_and_deleted(services: Services, tmp_path: Path) -> None:
    template, packaged = ROOT / "templates/coffee/dev/coffee.yaml", tmp_path / "packaged.yaml"
    aws(services, "s3", "mb", "s3://templates")
    aws(
        services, "cloudformation", "package", "--template-file", str(template), "--s3-bucket", "templates",
        "--output-template-file", str(packaged),
    )  # fmt: skip
    deploy = (
        "cloudformation", "deploy", "--template-file", str(packaged), "--stack-name", "coffee-dev",
        "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "TestCidr=203.0.113.0/24",
    )  # fmt: skip
    assert "Successfully created/updated stack - coffee-dev" in aws(services, *deploy)
    [stack] = json.loads(aws(services, "cloudformation", "describe-stacks", "--stack-name", "coffee-dev"))["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {"Url", "TestUrl", "AlertTopic"} <= {each["OutputKey"] for each in stack["Outputs"]}
    groups = json.loads(aws(services, "elbv2", "describe-target-groups"))["TargetGroups"]
    assert len(groups) == 4
    clusters = json.loads(aws(services, "ecs", "list-clusters"))["clusterArns"]
    assert len(json.loads(aws(services, "ecs", "list-services", "--cluster", clusters[0]))["serviceArns"]) == 2
    assert "No changes to deploy" in aws(services, *deploy, "--no-fail-on-empty-changeset")
    aws(services, "cloudformation", "delete-stack", "--stack-name", "coffee-dev")
    aws(services, "cloudformation", "wait", "stack-delete-complete", "--stack-name", "coffee-dev")
    assert json.loads(aws(services, "elbv2", "describe-target-groups"))["TargetGroups"] == []
