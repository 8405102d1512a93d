"""`cfngen deploy` and `cfngen destroy` against a local AWS, through the command line and boto3, and what they say."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Golden, Result, Run
from shells import REGION, as_in_a_shell, by_hand, fresh

from cfngen import App, Balancer, Network, Service, stage_files, write
from cfngen.deploy.remains import of_stack
from cfngen.local import background
from cfngen.local.server import answers, listening, serving
from cfngen.operate.state import Resource, Stack

ROOT = Path(__file__).parent.parent
COFFEE = ROOT / "templates/coffee/dev"

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A local AWS with a bucket for templates."""
    with listening() as (address, serve):
        serve(fresh(address))
        place = {"LocationConstraint": REGION}
        client(address, "s3").create_bucket(Bucket="templates", CreateBucketConfiguration=place)
        yield address


@pytest.fixture(autouse=True)
def environment(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a shell has it after `cfngen local up`, in an empty folder."""
    as_in_a_shell(monkeypatch, tmp_path, AWS_ENDPOINT_URL=url)


def client(url: str, service: str) -> Any:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106
    return session.client(service, endpoint_url=url)


def shop(folder: Path, stage: str) -> Path:
    """A small stage, generated into a folder."""
    balancer = Balancer(https=False, deletion_protection=False)
    app = App(name="shop", stage=stage, services=(Service(name="web"),), network=Network(zones=2), balancer=balancer)
    place = folder / "templates/shop" / stage
    write({place: stage_files(app, None)})
    return place


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def with_resource(file: Path, name: str, properties: str) -> None:
    """One more topic in a template."""
    change(file, "Resources:\n", f"Resources:\n  {name}:\n    Type: AWS::SNS::Topic\n    Properties: {properties}\n\n")


_STATES = re.compile(r"(?:^\w+ [A-Z]+_[A-Z_]+(?: \(.*\))?\n)+", re.MULTILINE)


def settled(result: Result) -> str:
    """Without what is another one each time; of stacks side by side, whose turns in time differ, one after another."""
    text = f"{result.out}--- stderr\n{result.err}" if result.err else result.out
    text = _STATES.sub(
        lambda lines: "".join(sorted(lines[0].splitlines(keepends=True), key=lambda line: line.partition(" ")[0])), text
    )
    text = re.sub(r"http://localhost:\d+", "http://localhost:PORT", text)
    text = re.sub(r"cfngen-\d{8}T\d{6}Z-[0-9a-f]{6}", "cfngen-TIME", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(
        r"\b([0-9A-F]{12}|[0-9a-f]{12}|(?<=coffee-dev-)[0-9a-f]{8})\b", "HASH", text.replace("123456789012", "ACCOUNT")
    )


def status(url: str, stack: str) -> str:
    return str(client(url, "cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def change_sets(url: str, stack: str) -> list[str]:
    """Those of the root."""
    found = client(url, "cloudformation").list_change_sets(StackName=stack)["Summaries"]
    return [each["ChangeSetId"] for each in found if re.fullmatch(r"cfngen-\w+-\w{6}", each["ChangeSetName"])]


def objects(url: str) -> dict[str, Any]:
    found = client(url, "s3").list_objects_v2(Bucket="templates").get("Contents", [])
    return {each["Key"]: each["LastModified"] for each in found}


def test_coffee_is_made_looked_at_changed_and_deleted(cfngen: Run, url: str, tmp_path: Path, golden: Golden) -> None:
    folder = tmp_path / "dev"
    shutil.copytree(COFFEE, folder)
    golden("deploy/create.txt", settled(cfngen("deploy", "dev", "--yes", "--parameter", "TestCidr=203.0.113.0/24")))
    assert status(url, "coffee-dev") == "CREATE_COMPLETE"

    before = objects(url)
    again = cfngen("deploy", "dev", "--yes")
    assert (again.status, again.out) == (0, "coffee-dev: nothing to do\n")
    assert objects(url) == before  # nothing is put twice
    assert change_sets(url, "coffee-dev") == []

    change(folder / "service-customer.yaml", "RetentionInDays: 30", "RetentionInDays: 14")
    with_resource(folder / "foundation.yaml", "Extra", "{DisplayName: extra}")
    planned = cfngen("deploy", "dev", "--plan")
    golden("deploy/plan.txt", settled(replace(planned, err="")))
    assert planned.status == 0
    [left] = change_sets(url, "coffee-dev")
    assert f"execute-change-set --change-set-name {left}" in planned.out
    assert status(url, "coffee-dev") == "CREATE_COMPLETE"
    updated = cfngen("deploy", "dev", "--yes")
    assert updated.status == 0
    assert "ServiceCustomer UPDATE_COMPLETE (1/1)" in updated.err.splitlines()
    assert "coffee-dev: UPDATE_COMPLETE" in updated.out.splitlines()
    parameters = client(url, "cloudformation").describe_stacks(StackName="coffee-dev")["Stacks"][0]["Parameters"]
    assert {"ParameterKey": "TestCidr", "ParameterValue": "203.0.113.0/24"} in parameters  # kept

    golden("deploy/destroy.txt", settled(replace(cfngen("destroy", "dev", "--yes"), err="")))
    gone = cfngen("destroy", "dev", "--yes")
    again = cfngen("deploy", "dev", "--yes")
    assert "coffee-dev: CREATE_COMPLETE" in again.out, "beside what was retained"
    assert (gone.status, gone.out) == (0, "coffee-dev: nothing to do\n")
    left = json.loads(cfngen("destroy", "dev", "--yes", "--format", "json").out)["left"]
    assert len(client(url, "logs").describe_log_groups()["logGroups"]) >= 4  # they stay
    what_stays_goes_by_what_is_printed(url, {each["type"]: each for each in left if each["remove"]})


def what_stays_goes_by_what_is_printed(url: str, one_of_each: dict[str, Any]) -> None:
    """A bucket with all that it remembers, too; the README's command for it is the same."""
    bucket = one_of_each["AWS::S3::Bucket"]["physical_id"]
    s3, logs = client(url, "s3"), client(url, "logs")
    s3.delete_bucket_policy(Bucket=bucket)  # nobody gets in without TLS, and the local AWS has none
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key='it\'s "one"', Body=body)
    s3.delete_object(Bucket=bucket, Key='it\'s "one"')
    for each in one_of_each.values():
        by_hand(each["remove"])
    assert bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert one_of_each["AWS::Logs::LogGroup"]["physical_id"] not in str(logs.describe_log_groups())
    repository = one_of_each["AWS::CodeCommit::Repository"]["physical_id"]
    assert repository not in str(client(url, "codecommit").list_repositories())
    key = one_of_each["AWS::KMS::Key"]["physical_id"]
    assert client(url, "kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    page = " ".join(
        (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ").replace("\ndone", "; done").split()
    )
    assert one_of_each["AWS::S3::Bucket"]["remove"].replace(bucket, "NAME") in page


def test_what_s3_does_not_delete_ends_the_command(url: str) -> None:
    """Each time round something has to go, or it would go on for ever."""
    s3 = client(url, "s3")
    place = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="held", CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    for key in ("free", "held"):
        s3.put_object(Bucket="held", Key=key, Body=b"1", ObjectLockLegalHoldStatus="ON" if key == "held" else "OFF")
    stack = Stack("", "shop", "", "DELETE_COMPLETE", (Resource("Held", "held", "AWS::S3::Bucket"),))
    [left] = of_stack(stack, {}, is_kept=True).left
    assert '"Key": "held"' in by_hand(left.remove)
    assert [each["Key"] for each in s3.list_object_versions(Bucket="held")["Versions"]] == ["held"]


def test_an_update_that_fails_deep_inside_names_the_resource_and_leaves_all_as_it_was(
    cfngen: Run, url: str, tmp_path: Path
) -> None:
    folder = shop(tmp_path, "failing")
    assert cfngen("deploy", folder, "--yes").status == 0
    with_resource(folder / "service-web.yaml", "Broken", "{Nonsense: 1}")
    failed = cfngen("deploy", folder, "--yes")
    assert failed.status == 1
    lines = failed.out.splitlines()
    first = lines[lines.index("shop-failing: UPDATE_ROLLBACK_COMPLETE") + 1]
    assert first.startswith("ServiceWeb/Broken (AWS::SNS::Topic): ")
    assert "Nonsense" in first
    assert "Embedded stack" not in failed.out
    assert "nothing is left of the update" in failed.out
    assert status(url, "shop-failing") == "UPDATE_ROLLBACK_COMPLETE"
    told = json.loads(cfngen("deploy", folder, "--yes", "--format", "json").out)
    assert [each["place"] for each in told["failures"]] == ["ServiceWeb/Broken"]
    assert told["status"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_way_back_that_fails_too_is_told_with_what_to_skip(cfngen: Run, url: str, tmp_path: Path) -> None:
    """Somebody has deleted the topic that is changed, so that neither its new nor its old values can be written."""
    folder = shop(tmp_path, "stuck")
    with_resource(folder / "foundation.yaml", "Extra", "{DisplayName: extra}")
    assert cfngen("deploy", folder, "--yes").status == 0
    topics = client(url, "sns")
    every = [each["TopicArn"] for each in topics.list_topics()["Topics"]]
    (own,) = (each for each in every if "shop-stuck" in each and "Extra" in each)
    topics.delete_topic(TopicArn=own)
    change(folder / "foundation.yaml", "{DisplayName: extra}", "{DisplayName: other}")
    failed = cfngen("deploy", folder, "--yes")
    assert "shop-stuck: UPDATE_ROLLBACK_FAILED" in failed.out
    assert re.search(r"continue-update-rollback .*--resources-to-skip shop-stuck-Foundation-\S+\.Extra\n", failed.out)
    refused = cfngen("deploy", folder, "--yes")
    assert refused.status == 1
    assert "shop-stuck is in UPDATE_ROLLBACK_FAILED: an update failed, and the way back too" in refused.err


def test_a_first_creation_that_fails_is_refused_until_it_is_deleted(cfngen: Run, url: str, tmp_path: Path) -> None:
    folder = shop(tmp_path, "first")
    with_resource(folder / "service-web.yaml", "Broken", "{Nonsense: 1}")
    failed = cfngen("deploy", folder, "--yes")
    assert failed.status == 1
    assert "ServiceWeb/Broken (AWS::SNS::Topic): " in failed.out
    assert "can only be deleted" in failed.out
    refused = cfngen("deploy", folder, "--yes")
    assert refused.status == 1
    assert "error: shop-first is in ROLLBACK_COMPLETE: its first creation failed" in refused.err
    assert "aws cloudformation delete-stack --stack-name shop-first" in refused.err
    assert cfngen("destroy", folder, "--yes").status == 0
    with pytest.raises(client(url, "cloudformation").exceptions.ClientError, match="does not exist"):
        status(url, "shop-first")


def test_what_is_replaced_and_removed_stands_out(cfngen: Run, tmp_path: Path) -> None:
    folder = shop(tmp_path, "loud")
    with_resource(folder / "shop.yaml", "Extra", "{TopicName: old}")
    with_resource(folder / "shop.yaml", "Other", "{DisplayName: other}")
    assert cfngen("deploy", folder, "--yes").status == 0
    change(folder / "shop.yaml", "{TopicName: old}", "{TopicName: new}")
    change(folder / "shop.yaml", "  Other:\n    Type: AWS::SNS::Topic\n    Properties: {DisplayName: other}\n\n", "")
    said = cfngen("deploy", folder, "--plan").out
    assert re.search(r"! REPLACE +Extra +AWS::SNS::Topic +TopicName; the old one is deleted\n", said)
    assert re.search(r"- REMOVE +Other +AWS::SNS::Topic +deleted\n", said)
    assert said.index("REMOVE") < said.index("REPLACE")


def test_what_hurts_traffic_is_not_deployed_without_force(cfngen: Run, url: str, tmp_path: Path) -> None:
    folder = shop(tmp_path, "guarded")
    assert cfngen("deploy", folder, "--yes").status == 0
    file = folder / "service-web.yaml"
    change(file, "Weight: 100", "Weight: 99")
    refused = cfngen("deploy", folder, "--yes")
    assert refused.status == 1
    assert "error P7 ServiceWeb/" in refused.out
    assert "--force" in refused.err
    assert change_sets(url, "shop-guarded") == []
    assert status(url, "shop-guarded") == "CREATE_COMPLETE"
    told = json.loads(cfngen("deploy", folder, "--yes", "--format", "json").out)
    assert "P7" in {each["id"] for each in told["findings"]}
    assert told["status"] == ""
    assert cfngen("deploy", folder, "--yes", "--force").status == 0


def test_a_guarded_stage_is_protected_and_says_how_it_goes(cfngen: Run, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    shutil.copytree(COFFEE, folder)
    change(folder / "cluster.yaml", "Key: deletion_protection.enabled\n          Value: 'false'", "Key: deletion_protection.enabled\n          Value: 'true'")  # fmt: skip
    made = cfngen("deploy", folder, "--yes", "--stack", "kept")
    assert "it is protected from deletion from now on" in made.out
    refused = cfngen("destroy", folder, "--yes", "--stack", "kept")
    assert refused.status == 1
    assert "update-termination-protection --stack-name kept --no-enable-termination-protection" in refused.err
    client(url, "cloudformation").update_termination_protection(StackName="kept", EnableTerminationProtection=False)
    refused = cfngen("destroy", folder, "--yes", "--stack", "kept")
    assert refused.status == 1
    assert "Cluster/LoadBalancer is protected from deletion" in refused.err
    [command] = re.findall(r"^ +aws elbv2 (modify-load-balancer-attributes .*)$", refused.err, re.MULTILINE)
    arn = command.split("--load-balancer-arn ")[1].split()[0]
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    client(url, "elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
    assert cfngen("destroy", folder, "--yes", "--stack", "kept").status == 0


def test_a_deletion_that_fails_names_the_resource(cfngen: Run, url: str, tmp_path: Path) -> None:
    folder = shop(tmp_path, "full")
    file = folder / "foundation.yaml"
    change(file, "Resources:\n", "Resources:\n  Full:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Delete\n    Properties: {BucketName: shop-full}\n\n")  # fmt: skip
    assert cfngen("deploy", folder, "--yes").status == 0
    client(url, "s3").put_object(Bucket="shop-full", Key="one", Body=b"1")
    failed = cfngen("destroy", folder, "--yes")
    assert failed.status == 1
    assert "shop-full: DELETE_FAILED" in failed.out
    assert "Foundation/Full (AWS::S3::Bucket): " in failed.out
    assert "--deletion-mode FORCE_DELETE_STACK" in failed.out
    [command] = re.findall(r"^ +(until aws s3 rb s3://shop-full; .*)$", failed.out, re.MULTILINE)
    by_hand(command)
    assert cfngen("destroy", folder, "--yes").status == 0


def test_a_change_set_that_cannot_be_made_leaves_nothing(cfngen: Run, url: str, tmp_path: Path) -> None:
    folder = shop(tmp_path, "unmade")
    failed = cfngen("deploy", folder, "--yes", "--parameter", "TestCidr=nonsense")
    assert failed.status == 2
    assert "TestCidr" in failed.err
    with pytest.raises(client(url, "cloudformation").exceptions.ClientError, match="does not exist"):
        status(url, "shop-unmade")


def test_the_local_target_is_found_by_its_name(
    cfngen: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "CFNGEN_BUCKET",
    ):
        monkeypatch.delenv(name)
    folder = shop(tmp_path, "here")
    missing = cfngen("deploy", folder, "--yes", "--local")
    assert missing.status == 2
    assert missing.err == "error: --local: no local AWS 'default' runs; start it by: cfngen local up\n"
    with background.alone("default"):
        port = int(url.rpartition(":")[2])
        background.tell(background.Running("default", os.getpid(), port, REGION, "", "2026-11-24T00:00:00+00:00"))
        done = cfngen("deploy", folder, "--yes", "--local", "--format", "json")
    told = json.loads(done.out)
    assert (told["stack"], told["status"], told["operation"]) == ("shop-here", "CREATE_COMPLETE", "create")
    assert told["outputs"]["Url"].startswith("http://")
    assert {each["action"] for each in told["changes"]} == {"add"}
    assert status(url, "shop-here") == "CREATE_COMPLETE"


def test_a_description_names_its_stages(cfngen: Run, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    text = 'from dataclasses import replace\nfrom cfngen import App, Balancer, Service\napp = App(name="shop", services=(Service(name="web"),), balancer=Balancer(https=False))\nstages = (app, replace(app, stage="prod"))\n'
    (tmp_path / "services/shop.py").write_text(text, encoding="utf-8")
    several = cfngen("deploy", "--yes")
    assert (several.status, several.err) == (2, "error: --stage: one at a time: --stage dev or --stage prod\n")
    ungenerated = cfngen("deploy", "--yes", "--stage", "dev")
    assert ungenerated.status == 2
    assert "templates/shop/dev: there is no such folder; run cfngen generate first" in ungenerated.err
    assert cfngen("generate").status == 0
    file = Path("templates/shop/dev/service-web.yaml")
    written = file.read_text(encoding="utf-8")
    change(file, "RetentionInDays: 30", "RetentionInDays: 14")
    stale = cfngen("deploy", "--stage", "dev", "--yes")
    assert stale.status == 2
    assert "templates/shop/dev: not what services/shop.py says now: service-web.yaml; " in stale.err
    assert "run: cfngen generate services/shop.py --stage dev, and review" in stale.err
    file.write_text(written, encoding="utf-8")
    assert cfngen("deploy", "--stage", "dev", "--yes", "--stack", "described").status == 0
    change(file, "RetentionInDays: 30", "RetentionInDays: 14")
    assert cfngen("deploy", "templates/shop/dev", "--yes", "--stack", "described").status == 0, "as it is, when named"
    protected = cfngen("destroy", "--stage", "dev", "--yes", "--stack", "described")
    assert "described: it is protected from deletion" in protected.err, "a deletion asks for no fresh folder"


def test_missing_and_unknown_parameters_are_told_at_once(cfngen: Run, tmp_path: Path) -> None:
    folder = shop(tmp_path, "asking")
    root = folder / "shop.yaml"
    change(root, "Parameters:\n", "Parameters:\n  Office:\n    Type: String\n    Description: Where we are\n  Mood:\n    Type: String\n    AllowedValues: [good, bad]\n")  # fmt: skip
    refused = cfngen("deploy", folder, "--yes", "--parameter", "TestCidrs=1")
    assert refused.status == 2
    assert refused.err.splitlines() == [
        "error: --parameter TestCidrs: the root has no such parameter; did you mean 'TestCidr'?",
        "       Office: it has no value yet; give --parameter Office=VALUE: Where we are",
        "       Mood: it has no value yet; give --parameter Mood=VALUE, one of good, bad",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "TestCidr: 203.0.113.0/24\n",
        '[{"ParameterKey": "TestCidr", "ParameterValue": "203.0.113.0/24"}]',
        '{"Parameters": {"TestCidr": "203.0.113.0/24"}}',
        '["TestCidr=203.0.113.0/24"]',
    ],
)
def test_a_file_of_parameters_is_what_the_aws_command_line_takes(
    cfngen: Run, url: str, tmp_path: Path, text: str
) -> None:
    folder = shop(tmp_path, "filed")
    (tmp_path / "given").write_text(text, encoding="utf-8")
    planned = cfngen("deploy", folder, "--plan", "--parameters", "given", "--stack", "filed")
    assert planned.status == 0
    [change_set] = change_sets(url, "filed")
    told = client(url, "cloudformation").describe_change_set(ChangeSetName=change_set)
    assert told["Parameters"] == [{"ParameterKey": "TestCidr", "ParameterValue": "203.0.113.0/24"}]
    client(url, "cloudformation").delete_stack(StackName="filed")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--yes", "--bucket", "nowhere-at-all"], "there is no such bucket; make it once for all stages: aws s3 mb s3://nowhere-at-all --region eu-west-1"),
        (["--yes", "--parameter", "TestCidr"], "--parameter: 'TestCidr'; KEY=VALUE"),
        (["--yes", "--parameters", "missing.json"], "missing.json: --parameters: cannot be read"),
        (["--yes", "--stage", "dev"], "--stage: dev; belongs to APP"),
        ([], "--yes: nobody can be asked here, since this is no terminal"),
    ],
)  # fmt: skip
def test_what_cannot_be_deployed_is_told_before_anything_is_done(
    cfngen: Run, url: str, tmp_path: Path, arguments: list[str], told: str
) -> None:
    folder = shop(tmp_path, "refused")
    refused = cfngen("deploy", folder, *arguments)
    assert refused.status == 2
    assert told in refused.err
    with pytest.raises(client(url, "cloudformation").exceptions.ClientError, match="does not exist"):
        status(url, "shop-refused")


def test_nested_templates_need_a_bucket(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CFNGEN_BUCKET")
    refused = cfngen("deploy", shop(tmp_path, "bare"), "--yes")
    assert refused.status == 2
    assert "name it by --bucket or CFNGEN_BUCKET: aws s3 mb s3://NAME --region eu-west-1" in refused.err


@pytest.mark.parametrize("is_own", [False, True])
def test_templates_are_encrypted_in_the_bucket(cfngen: Run, url: str, tmp_path: Path, *, is_own: bool) -> None:
    stage = "sealed" if is_own else "plain"
    key = client(url, "kms").create_key()["KeyMetadata"]["Arn"]
    words = ["--kms-key-id", key] if is_own else []
    assert cfngen("deploy", shop(tmp_path, stage), "--plan", *words).status == 0
    names = [each for each in objects(url) if each.startswith(f"shop-{stage}/")]
    assert names
    for name in names:
        told = client(url, "s3").head_object(Bucket="templates", Key=name)
        expected = ("aws:kms", key) if is_own else ("AES256", None)
        assert (told["ServerSideEncryption"], told.get("SSEKMSKeyId")) == expected


def test_a_bucket_of_somebody_else_is_refused(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers(403, "")) as denying:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", denying)
        refused = cfngen("deploy", shop(tmp_path, "other"), "--yes")
    assert refused.status == 2
    assert "it does not belong to account 123456789012" in refused.err


@pytest.mark.parametrize(("answer", "is_there"), [(b"n\n", False), (b"y\n", True)])
def test_a_person_is_asked_on_a_terminal(url: str, tmp_path: Path, answer: bytes, *, is_there: bool) -> None:
    shop(tmp_path, "asked")
    stack = f"asked-{is_there}".lower()
    said, ended = on_a_terminal(["deploy", "templates/shop/asked", "--stack", stack], answer, tmp_path)
    assert "deploy this?" in said
    assert ended == (0 if is_there else 1)
    if is_there:
        assert "CREATE_COMPLETE" in said
        assert "ServiceWeb" in said  # the tree
        said, ended = on_a_terminal(["destroy", "templates/shop/asked", "--stack", stack], b"wrong\n", tmp_path)
        assert ended == 1
        assert status(url, stack) == "CREATE_COMPLETE"
        said, ended = on_a_terminal(["destroy", "templates/shop/asked", "--stack", stack], b"asked\n", tmp_path)
        assert ended == 0
    with pytest.raises(client(url, "cloudformation").exceptions.ClientError, match="does not exist"):
        status(url, stack)


def on_a_terminal(arguments: list[str], answer: bytes, folder: Path) -> tuple[str, int]:
    """Run the command line with a terminal of its own, on which somebody types."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cfngen", *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder
    )
    os.close(theirs)
    os.write(ours, answer)
    said = b""
    try:
        while more := os.read(ours, 4096):
            said += more
    except OSError:
        pass  # how a terminal ends
    os.close(ours)
    return said.decode(errors="replace"), process.wait(timeout=60)
