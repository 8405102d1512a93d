"""What an ARN that stands in a description has to be: of a partition, of the right service, of a region, an account and a resource."""

from __future__ import annotations

import re

from cfngen._frozen import dataclass
from cfngen.values import Value

_PARTITIONS = {"aws-cn": "cn-", "aws-us-gov": "us-gov-"}
"""How the names of regions begin; all others are of the partition aws."""
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"


@dataclass(frozen=True)
class Shape:
    """The ARNs of one kind of resource: its service, what its last part is, and an example of that.

    IAM is of no region. `service` is empty where any will do.
    """

    what: str
    service: str
    resource: str
    example: str

    @property
    def whole(self) -> str:
        """An example."""
        service = self.service or "sqs"
        region = "" if service == "iam" else "eu-west-1"
        return f"arn:aws:{service}:{region}:123456789012:{self.example}"


ANY = Shape("a resource", "", r"\S+", "orders")
CERTIFICATE = Shape("an ACM certificate", "acm", r"certificate/[\w-]+", "certificate/0b1c2d3e")
FUNCTION = Shape("a Lambda function", "lambda", r"function:[\w-]+(:[\w$-]+)?", "function:smoke-test")
KEY = Shape("a KMS key", "kms", r"key/[\w-]+", "key/0b1c2d3e")
POLICY = Shape("an IAM policy", "iam", r"policy/[\w+=,.@/-]+", "policy/read-orders")
SECRET = Shape(
    "a secret of Secrets Manager", "secretsmanager", r"secret:[\w/+=.@-]+-[A-Za-z0-9]{6}", "secret:mail-AbCdEf"
)
WEB_ACL = Shape(
    "a regional web ACL of AWS WAF", "wafv2", r"regional/webacl/[\w-]+/[\w-]+", "regional/webacl/shop/0b1c2d3e"
)


def wrong_arn(value: Value | None, shape: Shape) -> str:
    """What would fit in the place of a literal that is no such ARN; empty where it is one, or known at deployment only."""
    if value is None or not value.is_literal:
        return ""
    text = str(value.data)
    why = _why(text, shape)
    return f"{why}, as in {shape.whole!r}, or a parameter that the deployer gives" if why else ""


def _why(text: str, shape: Shape) -> str:  # noqa: PLR0911  (one line a part)
    parts = text.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or re.search(r"\s", text):
        return f"the ARN of {shape.what}"
    _, partition, service, region, account, resource = parts
    if partition not in {"aws", *_PARTITIONS}:
        return f"a partition, which is aws, aws-cn or aws-us-gov, and not {partition!r}"
    if shape.service and service != shape.service:
        return f"the ARN of {shape.what}, and not of {service!r}"
    if shape.service == "iam":
        if region:
            return f"no region, since IAM is everywhere, and not {region!r}"
    elif not _is_region(region, partition, is_needed=bool(shape.service)):
        return f"a region of {partition}, and not {region!r}"
    if (
        not re.fullmatch(r"\d{12}", account, re.ASCII)
        and (shape.service or account)
        and (shape, account) != (POLICY, "aws")
    ):
        return f"an account of twelve digits, and not {account!r}"
    if not re.fullmatch(shape.resource, resource, re.ASCII):
        return f"the ARN of {shape.what}, which ends otherwise"
    return ""


def _is_region(region: str, partition: str, *, is_needed: bool) -> bool:
    if not region:
        return not is_needed
    home = next((name for name, begin in _PARTITIONS.items() if region.startswith(begin)), "aws")
    return bool(re.fullmatch(_REGION, region, re.ASCII)) and home == partition
