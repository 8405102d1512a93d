"""The account of a rehearsal: a local AWS of its own, and what the parts of the rehearsal ask it.

What moto would make up is told here instead: a scan of an image ends without findings because nothing looks for any,
and the report says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cfngen.local import background
from cfngen.local.target import PLAY_PATH
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.registry import RefusedError
from cfngen.rehearse.room import Room, environment

_BUCKET = "cfngen-rehearsal-templates"


class Account:
    """A local AWS that runs as long as the room is there."""

    def __init__(self, room: Room, region: str) -> None:
        self.room = room
        self.region = region
        running = background.start(f"rehearsal-{os.getpid()}", 0, region, "")
        room.end.callback(_end, running, room.log("local-aws"))
        self.environment = dict(running.environment)
        self.url = running.url
        self._session = boto3.Session("test", "test", region_name=region)
        self._made = cache(self._client)
        self._has_bucket = False
        self._making = threading.Lock()  # a session makes one client at a time

    def client(self, service: str) -> Any:
        """The client of a service, the same for every thread."""
        with self._making:
            return self._made(service)

    def _client(self, service: str) -> Any:
        config = Config(retries={"max_attempts": 2}, max_pool_connections=20)
        return self._session.client(service, endpoint_url=self.url, config=config)

    def play(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """Report what AWS's own machinery did, or ask what it is to do; raises `RehearsalError` for what is refused."""
        told = {"region": self.region, "service": service, "operation": operation, "arguments": arguments}
        asked = urllib.request.Request(  # noqa: S310  (loopback)
            f"{self.url}{PLAY_PATH}", json.dumps(told, default=str).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refused:
            raise RehearsalError(f"{service} {operation}: {refused.read().decode(errors='replace')[:300]}") from None
        return found

    def all(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every entry of a listing, page by page."""
        client = self.client(service)
        if not client.can_paginate(operation):
            yield from getattr(client, operation)(**arguments)[key]
            return
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page[key]

    def deploy(self, folder: Path, root: str, stack: str, parameters: Mapping[str, str]) -> None:
        """Deploy a folder of templates by the AWS command line; raises `RehearsalError` with what it said."""
        aws, packaged = where("aws"), self.room.path("templates") / f"{stack}.yaml"
        talks = environment(**self.environment)
        if not self._has_bucket:
            place = (
                {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            )
            self.client("s3").create_bucket(Bucket=_BUCKET, **place)
            self._has_bucket = True
        words = [aws, "cloudformation", "package", "--template-file", root, "--s3-bucket", _BUCKET]
        self.room.run("deploy", [*words, "--output-template-file", str(packaged)], talks, folder=folder)
        words = [aws, "cloudformation", "deploy", "--template-file", str(packaged), "--stack-name", stack]
        words += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "--s3-bucket", _BUCKET]
        if parameters:
            words += ["--parameter-overrides", *(f"{key}={value}" for key, value in parameters.items())]
        self.room.run("deploy", words, talks)

    def certificate(self, file: Path, key: Path) -> str:
        """Import a certificate, as ACM keeps it for listeners; returns its ARN."""
        own = file.read_bytes().removesuffix(key.read_bytes())
        answer = self.client("acm").import_certificate(Certificate=own, PrivateKey=key.read_bytes())
        return str(answer["CertificateArn"])

    def secret(self, kind: str, name: str) -> str:
        """A value of the Parameter Store or of Secrets Manager, as CodeBuild and ECS write their names."""
        try:
            if kind == "parameter-store" or ":ssm:" in name:
                last = name.partition(":parameter")[2] or name
                answer = self.client("ssm").get_parameter(Name=last, WithDecryption=True)
                return str(answer["Parameter"]["Value"])
            return self._of_secrets_manager(name)
        except ClientError as error:
            raise RehearsalError(f"{name}: cannot be read: {error.response['Error']['Message']}") from None

    def _of_secrets_manager(self, name: str) -> str:
        """``ARN[:key[:stage[:version]]]``, or in a buildspec ``name[:key…]``."""
        parts = name.split(":")
        size = 7 if name.startswith("arn:") else 1
        identity, (key, stage, version, *_) = ":".join(parts[:size]), (*parts[size:], "", "", "")
        which = {name: told for name, told in (("VersionStage", stage), ("VersionId", version)) if told}
        text = str(self.client("secretsmanager").get_secret_value(SecretId=identity, **which)["SecretString"])
        if not key:
            return text
        found = json.loads(text)
        if key not in found:
            raise RehearsalError(f"{identity}: the secret has no key {key!r}; it has {', '.join(sorted(found))}")
        return str(found[key])

    # What the registry's front asks.

    def may_log_in(self, user: str, password: str) -> bool:
        """Whether this is the token that GetAuthorizationToken gives."""
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode() == f"{user}:{password}"

    def put(self, repository: str, tag: str, manifest: bytes, media_type: str) -> None:
        """Take an image and scan it where the repository scans at a push; raises `RefusedError` in ECR's words."""
        ecr = self.client("ecr")
        told = {"imageManifestMediaType": media_type} if media_type else {}
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        try:
            found = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
            self._refuse_second(found, tag)
            ecr.put_image(
                repositoryName=repository, imageManifest=manifest.decode(), imageTag=tag, imageDigest=digest, **told
            )
        except ClientError as error:
            raise RefusedError(error.response["Error"]["Message"].replace('"', "'")) from None
        if found.get("imageScanningConfiguration", {}).get("scanOnPush"):
            self._scan(repository, digest)

    def _refuse_second(self, repository: Mapping[str, Any], tag: str) -> None:
        if repository.get("imageTagMutability") != "IMMUTABLE":
            return
        name = repository["repositoryName"]
        tags = {
            tag
            for image in self.all("ecr", "list_images", "imageIds", repositoryName=name)
            for tag in [image.get("imageTag")]
        }
        if tag in tags:
            raise RefusedError(
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
                "repository is immutable."
            )

    def _scan(self, repository: str, digest: str) -> None:
        answer = {
            "repositoryName": repository,
            "registryId": "123456789012",
            "imageId": {"imageDigest": digest},
            "imageScanFindings": {"findings": [], "findingSeverityCounts": {}},
            "imageScanStatus": {
                "status": "COMPLETE",
                "description": "a rehearsal has no scanner: nothing was looked for",
            },
        }
        body = json.dumps({"results": [answer], "region": self.region}).encode()
        place = f"{self.url}/moto-api/static/ecr/scan-finding-results"
        asked = urllib.request.Request(place, body, {"Content-Type": "application/json"})  # noqa: S310  (loopback)
        with urllib.request.urlopen(asked, timeout=10) as answered:  # noqa: S310
            answered.read()
        ecr = self.client("ecr")
        # An image that comes again under another tag was scanned when it came first.
        with suppress(ecr.exceptions.LimitExceededException):
            ecr.start_image_scan(repositoryName=repository, imageId={"imageDigest": digest})


def _end(running: background.Running, log: Path) -> None:
    """End the local AWS; what it said is kept where the other logs are, and nothing of it stays elsewhere."""
    background.stop(running)
    with suppress(OSError):
        shutil.copyfile(running.log, log)
    background.forget(running.name)
