"""The bucket that CloudFormation reads templates from: objects named by their content, none of them put twice.

A bucket of somebody else's with the right name is refused (`ExpectedBucketOwner`), since whoever owns it could change
templates between the upload and the update.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cfngen.deploy.account import Account, AccountError, asking, said
from cfngen.errors import DescriptionError, Problem
from cfngen.operate.finding import command

_AT_ONCE = 8
_MADE_IN_US_EAST_1 = "us-east-1"


class Bucket:
    """A bucket in the stack's region. `owner` is the account that must own it; by default the stack's."""

    def __init__(self, account: Account, name: str, owner: str = "", kms_key: str = "") -> None:
        self.name = name
        self._account = account
        self._s3 = account.client("s3")
        self._owned = {"Bucket": name, "ExpectedBucketOwner": owner or account.number}
        # As aws cloudformation package: encrypted for sure, whatever the bucket's default is.
        self._encrypted = {"ServerSideEncryption": "AES256"}
        if kms_key:
            self._encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}

    def url(self, key: str) -> str:
        """Where CloudFormation finds an object."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"

    def make(self) -> None:
        """Make it, when it is not there; for a local target, where a bucket is nobody's decision."""
        with asking(f"bucket {self.name}"):
            try:
                self._s3.head_bucket(**self._owned)
            except ClientError:
                place = {"LocationConstraint": self._account.region}
                elsewhere = {"CreateBucketConfiguration": place} if self._account.region != _MADE_IN_US_EAST_1 else {}
                self._s3.create_bucket(Bucket=self.name, **elsewhere)

    def check(self) -> None:
        """Raise `DescriptionError` when it is not there, not ours, or in another region."""
        region = self._account.region
        make = command("aws", "s3", "mb", f"s3://{self.name}", "--region", region)
        try:
            told = self._s3.head_bucket(**self._owned)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                fits = f"there is no such bucket; make it once for all stages: {make}"
            elif status == 403:
                fits = f"it does not belong to account {self._owned['ExpectedBucketOwner']}, or you may not see it (s3:ListBucket); --bucket-owner says another owner"
            else:
                fits = said(error)
            raise DescriptionError([Problem("--bucket", repr(self.name), fits)]) from None
        except BotoCoreError as error:
            raise DescriptionError([Problem("--bucket", repr(self.name), said(error))]) from None
        there = told.get("BucketRegion") or region
        if there != region:
            fits = f"it is in {there}, and the stack in {region}; name one there, or make it: aws s3 mb s3://NAME --region {region}"
            raise DescriptionError([Problem("--bucket", repr(self.name), fits)])

    def put(self, objects: Mapping[str, str]) -> int:
        """Bring the objects there that are not yet; returns how many that were."""
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as several:
            return sum(several.map(lambda item: self._put(*item), objects.items()))

    def _put(self, key: str, text: str) -> bool:
        try:
            self._s3.head_object(Key=key, **self._owned)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in (403, 404):
                raise AccountError(f"s3://{self.name}/{key}: {said(error)}") from None
            # Who may not list a bucket hears 403 for what is not there; then putting it tells.
        except BotoCoreError as error:
            raise AccountError(f"s3://{self.name}/{key}: {said(error)}") from None
        else:
            return False
        given: dict[str, Any] = {"Key": key, "Body": text.encode(), "ContentType": "application/yaml"}
        with asking(f"s3://{self.name}/{key}"):
            self._s3.put_object(**given, **self._owned, **self._encrypted)
        return True
