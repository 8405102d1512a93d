"""The act of promotion: what a pipeline hands on to another stage's bucket. That stage itself is not rehearsed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfngen.rehearse import deployed
from cfngen.rehearse.account import Account
from cfngen.rehearse.rehearsal import Stage

_IMAGES = "cfngen-images.json"


@dataclass(frozen=True)
class Handed:
    """Where a pipeline puts what it hands on."""

    pipeline: str
    bucket: str
    key: str


def is_there(stage: Stage) -> bool:
    """Whether a pipeline promotes."""
    return any(True for _ in handed(stage.account))


def promotions(stage: Stage) -> None:
    """Each release that succeeded was handed on, with the image by the digest that was released, and no other release."""
    services = {deployed.pipeline_of(stage.account, each)["name"]: each for each in stage.services}
    for each in handed(stage.account):
        told = f"what the stage makes of it that {each.pipeline} hands on to: a rehearsal has one stage"
        stage.story.not_played(told)
        versions = _versions(stage.account, each)
        if (service := services.get(each.pipeline)) is None:
            what = f"{each.pipeline} hands on what it released"
            stage.story.check(
                "promotion", what, f"{len(versions)} times, s3://{each.bucket}/{each.key}", passed=bool(versions)
            )
            continue
        released = [
            one for one in stage.deployer.played if one.service.name == service.name and _is_of(each.pipeline, one.told)
        ]
        good = [one for one in released if one.status == "Succeeded"]
        what = f"{each.pipeline} hands on each release of {service.short} that succeeds, and no other"
        counts = f"{len(versions)} times, {len(good)} of {len(released)} releases succeeded"
        stage.story.check("promotion", what, counts, passed=len(versions) == len(good) > 0)
        if versions and good:
            images = _images(stage.account, each, versions[0])
            definition = deployed.task_definition(stage.account, good[-1].revision.task_definition)
            mine = {str(one["image"]).partition("@")[2] for one in definition["containerDefinitions"]} - {""}
            given = {image.partition("@")[2] for image in images.values()}
            what = f"what {each.pipeline} hands on names the image of {service.short} by the digest that runs"
            stage.story.check("promotion", what, ", ".join(sorted(given))[:80], passed=bool(given & mine))


def handed(account: Account) -> Iterator[Handed]:
    """Each object that a pipeline hands on to another stage."""
    for name in [each["name"] for each in account.all("codepipeline", "list_pipelines", "pipelines")]:
        told = account.client("codepipeline").get_pipeline(name=name)["pipeline"]
        for action in (action for stage in told["stages"] for action in stage["actions"]):
            kind = action["actionTypeId"]
            if (kind["category"], kind["provider"]) == ("Deploy", "S3"):
                yield Handed(name, action["configuration"]["BucketName"], action["configuration"]["ObjectKey"])


def _is_of(pipeline: str, told: Mapping[str, Any]) -> bool:
    return str(told.get("description", "")).startswith(f"{pipeline} ")


def _versions(account: Account, each: Handed) -> list[str]:
    """The versions of an object, the newest first."""
    told = account.client("s3").list_object_versions(Bucket=each.bucket, Prefix=each.key)
    found = [one for one in told.get("Versions") or () if one["Key"] == each.key]
    return [str(one["VersionId"]) for one in sorted(found, key=lambda one: not one["IsLatest"])]


def _images(account: Account, each: Handed, version: str) -> dict[str, str]:
    content = account.client("s3").get_object(Bucket=each.bucket, Key=each.key, VersionId=version)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        found: dict[str, str] = json.loads(packed.read(_IMAGES))
    return found
