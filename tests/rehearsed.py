"""A stage on the local AWS of a rehearsal, without the four seconds that the AWS command line takes for it.

tests/test_rehearse_deployed.py, and those of existing networks and of several roots, deploy by the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cfngen.rehearse.account import Account
from cfngen.rehearse.room import wait

_BUCKET = "templates"


def deploy(account: Account, folder: Path, root: str, stack: str, parameters: Mapping[str, str]) -> None:
    """As `Account.deploy`, by the API."""
    s3, cloudformation = account.client("s3"), account.client("cloudformation")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": account.region})
    urls = {
        file.name: f"https://{_BUCKET}.s3.{account.region}.amazonaws.com/{stack}/{file.name}"
        for file in folder.glob("*.yaml")
    }
    for name in urls:
        text = (folder / name).read_text(encoding="utf-8")
        for each, url in urls.items():
            text = text.replace(f"TemplateURL: {each}\n", f"TemplateURL: {url}\n")
        s3.put_object(Bucket=_BUCKET, Key=f"{stack}/{name}", Body=text.encode())
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    able = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    cloudformation.create_stack(StackName=stack, TemplateURL=urls[root], Parameters=given, Capabilities=able)

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    wait(lambda: not status().endswith("IN_PROGRESS"), stack, 300)
    assert status() == "CREATE_COMPLETE"
