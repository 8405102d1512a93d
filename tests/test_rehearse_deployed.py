"""What the rehearsal reads back from the local AWS, of coffee as the real command line deploys it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfngen.rehearse import deployed, parameters, unplayed
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.pushes import check_sources
from cfngen.rehearse.registry import RefusedError
from cfngen.rehearse.release import shift
from cfngen.rehearse.room import room

FOLDER = Path(__file__).parents[1] / "templates" / "coffee"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """At its end nothing of it stays but its log, beside the others."""
    runtime, logs = tmp_path_factory.mktemp("runtime"), tmp_path_factory.mktemp("logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        with room(logs, print) as here:
            made = Account(here, "eu-west-1")
            made.deploy(FOLDER / "dev", "coffee.yaml", "coffee-dev", {"TestCidr": "127.0.1.0/24"})
            yield made
        assert [each for each in runtime.rglob("*") if each.is_file()] == []
        assert "cloudformation ExecuteChangeSet" in (logs / "local-aws.log").read_text(encoding="utf-8")


def test_services_are_those_that_codedeploy_moves(account: Account) -> None:
    customer, employee = deployed.services(account)
    assert [(each.short, each.port, each.desired) for each in (customer, employee)] == [
        ("customer", 8080, 1),
        ("employee", 8080, 1),
    ]
    groups = deployed.target_groups(account)
    assert [groups[arn].name.split("-")[2] for arn in customer.pair] == ["BlueTarge", "GreenTarg"]
    assert groups[employee.pair[0]].told["HealthCheckPath"] == "/admin/health"
    assert groups[employee.pair[0]].drain_seconds == 30
    assert shift(account, customer) == [(100, 0)]
    definition = deployed.task_definition(account, customer.task_definition)
    assert definition["containerDefinitions"][0]["readonlyRootFilesystem"] is True


def test_listeners_have_their_rules_in_order_and_the_addresses_that_may_come(account: Account) -> None:
    production, test = deployed.listeners(account)
    assert (production.port, production.sources) == (80, ("0.0.0.0/0",))
    assert (test.port, test.sources) == (8080, ("127.0.1.0/24",))
    paths = [
        value
        for rule in production.rules
        for each in rule["Conditions"]
        for value in each["PathPatternConfig"]["Values"]
    ]
    assert paths == ["/admin", "/admin/*", "/*"]
    assert production.rules[-1]["IsDefault"]


def test_each_service_has_its_pipeline(account: Account) -> None:
    names = [deployed.pipeline_of(account, service)["name"] for service in deployed.services(account)]
    assert names == ["coffee-dev-customer", "coffee-dev-employee"]
    assert [deployed.migrates(account, service) for service in deployed.services(account)] == [False, True]


def test_secrets_are_read_as_task_definitions_and_buildspecs_name_them(account: Account) -> None:
    database = deployed.database(account)
    assert database is not None
    assert (database.port, database.name) == (3306, "coffee")
    whole = json.loads(account.secret("", database.master))
    assert account.secret("", f"{database.master}:username::") == whole["username"] == "admin"
    assert account.secret("", f"{database.master}:username:AWSCURRENT:") == "admin"
    with pytest.raises(RehearsalError, match="cannot be read"):
        account.secret("", f"{database.master}:username:AWSPREVIOUS:")
    with pytest.raises(RehearsalError, match="has no key 'nobody'"):
        account.secret("", f"{database.master}:nobody::")
    with pytest.raises(RehearsalError, match="cannot be read"):
        account.secret("parameter-store", "/none")


def test_a_push_is_in_ecr_with_its_digest_and_a_scan_that_found_nothing(account: Account) -> None:
    ecr = account.client("ecr")
    name = ecr.describe_repositories()["repositories"][0]["repositoryName"]
    media = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media}).encode()
    account.put(name, "one", manifest, media)
    digest = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "one"}])["imageDetails"][0]["imageDigest"]
    assert digest == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    scan = ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageDigest": digest})
    assert scan["imageScanStatus"]["status"] == "COMPLETE"
    assert scan["imageScanFindings"]["findingSeverityCounts"] == {}
    account.put(name, "two", manifest, media)  # the same again, as of a build that found all its layers
    with pytest.raises(RefusedError, match="immutable"):
        account.put(name, "one", b'{"schemaVersion": 2, "other": 1}', media)
    with pytest.raises(RefusedError, match="no-such"):
        account.put("no-such", "one", b"{}", media)


def test_only_the_authorization_token_logs_in(account: Account) -> None:
    assert account.may_log_in("AWS", "123456789012-auth-token")
    assert not account.may_log_in("AWS", "another")
    assert not account.may_log_in("", "")


def test_a_source_that_no_push_reaches_is_refused_by_name(account: Account) -> None:
    check_sources(account)
    pipelines = account.client("codepipeline")
    told = pipelines.get_pipeline(name="coffee-dev-customer")["pipeline"]
    action = told["stages"][0]["actions"][0]
    action["actionTypeId"]["provider"], action["configuration"] = "ECR", {"RepositoryName": "r"}
    pipelines.create_pipeline(pipeline={**told, "name": "by-image"})
    try:
        with pytest.raises(RehearsalError, match="by-image: a source of ECR is not played"):
            check_sources(account)
    finally:
        pipelines.delete_pipeline(name="by-image")


def test_what_nobody_plays_is_told_by_name(account: Account) -> None:
    rules = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    firewall = account.client("wafv2")
    made = firewall.create_web_acl(
        Name="watch", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=rules, Rules=[]
    )["Summary"]  # fmt: skip
    try:
        found = list(unplayed.told(account))
    finally:
        firewall.delete_web_acl(Name="watch", Scope="REGIONAL", Id=made["Id"], LockToken=made["LockToken"])
    assert [line.partition(":")[0] for line in found if "web ACL" in line] == ["the web ACL watch"]
    assert any(line.startswith("scaling of coffee-dev-") for line in found)
    assert any(line.startswith("off-hours-start of coffee-dev-") for line in found)
    assert any("rds:stop" in line for line in found)


def given(account: Account, folder: Path, place: Path, **values: str) -> dict[str, str]:
    return parameters.made(folder, "coffee.yaml", values, account, Authority(place), testers="127.0.1.0/24")


def test_what_a_root_needs_is_made_up_unless_it_is_given(account: Account, tmp_path: Path) -> None:
    made = given(account, FOLDER / "prod", tmp_path, SourceRepositoryName="mine")
    assert (made["SourceRepositoryName"], made["TestCidr"]) == ("mine", "127.0.1.0/24")
    assert account.client("codecommit").get_repository(repositoryName="mine")["repositoryMetadata"]["Arn"]
    assert given(account, FOLDER / "prod", tmp_path, SourceRepositoryName="mine")["SourceRepositoryName"] == "mine"
    told = account.client("acm").describe_certificate(CertificateArn=made["CertificateArn"])["Certificate"]
    assert told["DomainName"] == "listener"
    assert given(account, FOLDER / "dev", tmp_path) == {"TestCidr": "127.0.1.0/24"}


def test_a_secret_and_a_zone_of_the_account_are_there_to_be_used(account: Account, tmp_path: Path) -> None:
    told = {
        "Parameters": {
            "SealArn": {"Type": "String"},
            "Zone": {"Type": "AWS::Route53::HostedZone::Id"},
            "SourceConnectionArn": {"Type": "String", "AllowedPattern": r"arn:[\w-]+:code(star-)?connections:.+"},
            "Known": {"Type": "String", "Default": "as it is"},
        },
        "Resources": {
            "Role": {"Statement": [{"Action": ["secretsmanager:GetSecretValue"], "Resource": [{"Ref": "SealArn"}]}]},
            "Record": {"Properties": {"HostedZoneId": {"Ref": "Zone"}, "Name": "press.example.com"}},
        },
    }
    (tmp_path / "coffee.yaml").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "taskdef.json").write_text('{"valueFrom": "${STACK_SECRET_SEAL}:wax::"}', encoding="utf-8")
    made = given(account, tmp_path, tmp_path)
    assert set(made) == {"SealArn", "Zone", "SourceConnectionArn"}
    assert account.secret("", f"{made['SealArn']}:wax::") == "rehearsal of SealArn wax"
    zone = account.client("route53").get_hosted_zone(Id=made["Zone"])["HostedZone"]
    assert zone["Name"] == "press.example.com."


def test_parameters_of_which_nothing_can_be_made_up_are_refused_together(account: Account, tmp_path: Path) -> None:
    (tmp_path / "coffee.yaml").write_text(
        "Parameters:\n  Colour:\n    Type: String\n  Shape:\n    Type: String\n\nResources: {}\n", encoding="utf-8"
    )
    with pytest.raises(RehearsalError, match="give --parameter Colour=VALUE --parameter Shape=VALUE"):
        given(account, tmp_path, tmp_path)
    assert given(account, tmp_path, tmp_path, Colour="red", Shape="") == {"Colour": "red", "Shape": ""}
