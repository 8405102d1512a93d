"""A source in S3: who releases uploads a zip file for each service that a commit changed, and EventBridge hears of the object (D2.1).

Which services these are is the uploader's to know; here they are those of whose build a file was changed.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.images import buildspec_of, built_by

if TYPE_CHECKING:
    from cfngen.rehearse.pipeline import Execution
    from cfngen.rehearse.pushes import Push


def bucket(account: Account, name: str) -> str:
    """A bucket as the root parameter SourceBucketName wants it: it keeps versions and tells EventBridge of its objects."""
    s3 = account.client("s3")
    more: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    s3.create_bucket(Bucket=name, **(more if account.region != "us-east-1" else {}))
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )  # fmt: skip
    return name


def is_promoted(account: Account, pipeline: Mapping[str, Any]) -> bool:
    """Whether what a pipeline takes was built elsewhere: no build of it has a Docker daemon."""
    names = [
        action["configuration"]["ProjectName"]
        for stage in pipeline["stages"]
        for action in stage["actions"]
        if action["actionTypeId"]["provider"] == "CodeBuild"
    ]
    projects = account.client("codebuild").batch_get_projects(names=names)["projects"] if names else []
    return not any(each["environment"].get("privilegedMode") for each in projects)


def bring(account: Account, pipeline: Mapping[str, Any], push: Push) -> dict[str, Any] | None:
    """Upload the commit as the source of a pipeline, where it changed something of it; the event of it, else `None`."""
    if push.before and not any(
        _is_of(folder, path) for folder in _folders(account, pipeline, push) for path in push.paths
    ):
        return None
    told = pipeline["stages"][0]["actions"][0]["configuration"]
    name, key, content = told["S3Bucket"], told["S3ObjectKey"], push.pack()
    summary = {"codepipeline-artifact-revision-summary": push.after}
    made = account.client("s3").put_object(Bucket=name, Key=key, Body=content, Metadata=summary)
    if "VersionId" not in made:
        raise RehearsalError(f"{pipeline['name']}: the bucket {name} keeps no versions, so it is no source")
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "region": account.region,
        "resources": [f"arn:aws:s3:::{name}"],
        "detail": {
            "version": "0",
            "bucket": {"name": name},
            "object": {"key": key, "size": len(content), "etag": made["ETag"].strip('"'), "version-id": made["VersionId"]},
            "reason": "PutObject",
        },
    }  # fmt: skip


def fetch(execution: Execution, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The source action: the newest version of the object, as its files."""
    name, key = settings["S3Bucket"], settings["S3ObjectKey"]
    told = execution.runner.account.client("s3").get_object(Bucket=name, Key=key)
    version = str(told["VersionId"])
    place = execution.place / "source"
    unpack(told["Body"].read(), place)
    execution.commit = version
    execution.artifacts[action["outputArtifacts"][0]["name"]] = place
    execution.variables[action.get("namespace", "")] = {
        "BucketName": name, "ObjectKey": key, "VersionId": version, "ETag": told["ETag"],
    }  # fmt: skip
    execution.report(revisions=[{"actionName": action["name"], "revisionId": version}])
    return f"version {version[:12]} of s3://{name}/{key}"


def hand_on(execution: Execution, action: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The deploy action of S3: an artifact as one object of another stage's bucket.

    Raises `RehearsalError` for one that is to be unpacked there.
    """
    if settings.get("Extract", "true").lower() != "false":
        raise RehearsalError(f"{execution.name}: {action['name']} unpacks an artifact in a bucket, which is not played")
    name, key = settings["BucketName"], settings["ObjectKey"]
    content = pack(execution.artifacts[action["inputArtifacts"][0]["name"]])
    own = settings.get("KMSEncryptionKeyARN", "")
    more = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": own} if own else {}
    execution.runner.account.client("s3").put_object(Bucket=name, Key=key, Body=content, **more)
    return f"s3://{name}/{key}, {len(content)} bytes"


def pack(folder: Path) -> bytes:
    """The files of a folder as a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                packed.write(each, each.relative_to(folder))
    return made.getvalue()


def unpack(content: bytes, place: Path) -> None:
    """The files of a zip file, with their modes and links as they were packed."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for each in packed.infolist():
            mode = each.external_attr >> 16
            made = Path(packed.extract(each, place))
            if stat.S_ISLNK(mode):
                target = made.read_text(encoding="utf-8")
                made.unlink()
                made.symlink_to(target)
            elif mode and not each.is_dir():
                made.chmod(stat.S_IMODE(mode))


def _folders(account: Account, pipeline: Mapping[str, Any], push: Push) -> Iterator[str]:
    """The folders that a pipeline's build reads: of its buildspec, of each Dockerfile and of what it sees."""
    for action in (action for stage in pipeline["stages"] for action in stage["actions"]):
        if action["actionTypeId"]["provider"] != "CodeBuild":
            continue
        names = [action["configuration"]["ProjectName"]]
        project = account.client("codebuild").batch_get_projects(names=names)["projects"][0]
        spec, name = buildspec_of(project, push.folder)
        yield str(PurePosixPath(name).parent)
        for image in built_by(spec):
            yield from (image.context, str(PurePosixPath(image.dockerfile).parent))


def _is_of(folder: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder) or folder == "."
