"""Deploy-time values: what only CloudFormation knows, each with its kind.

The kind picks the parameter's type when a value enters a nested stack, and lets the type checker tell a
VPC's id from a secret's ARN. A literal works wherever a value does: ``VpcId("vpc-0123")``.
A value remembers the stack in which it was made (`owner`): used in another one without being passed there,
it is refused when the templates are rendered, even where that stack has a resource of the same name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn, Protocol, Self

from troposphere import AWSHelperFn, GetAtt, Join, Parameter, Ref, Split

from cfngen._data import data as plain
from cfngen._data import gives_data
from cfngen.errors import Problem, WiringError, is_ours, reading, relative, report, shown, users_place, writable

building: ContextVar[object | None] = ContextVar("building", default=None)
"""The stack whose function runs now; `None` outside `Stack.nest`."""


class Renderer(Protocol):
    """What a value asks of the template that it is being written into."""

    def uses(self, value: Value) -> None: ...


rendering: ContextVar[Renderer | None] = ContextVar("rendering", default=None)
"""Who hears of the values that a template uses while it is turned into data."""


class Value(AWSHelperFn):
    """One string that may not be known before the deployment.

    `source` is a literal, or a troposphere function such as ``vpc.ref()`` or ``GetAtt(vpc, "CidrBlock")``.
    """

    cfn_type: ClassVar[str] = "String"
    may_be_empty: ClassVar[bool] = False
    is_sound: bool = True

    def __init__(self, source: str | AWSHelperFn) -> None:
        if not (isinstance(source, AWSHelperFn) or self._takes(source)):
            source = self._refuse(source)
        self.data: Any = source
        self.owner: object | None = building.get()
        self.label = _label(source)
        self.declaration: Parameter | None = None
        self.declared_at = ""

    @classmethod
    def _takes(cls, literal: object) -> bool:
        return isinstance(literal, str) and (bool(literal) or cls.may_be_empty) and writable(literal)

    def _refuse(self, given: object) -> str:
        """Report what is no source; whoever collects problems goes on with a stand-in, and renders nothing."""
        few = "a string" if self.may_be_empty else "a string that is not empty"
        fits = f"{few}, or a function of troposphere, such as a resource's ref() or GetAtt()"
        if isinstance(given, str) and given:
            fits = "text that can be written as UTF-8, without half a surrogate pair"
        self._report(given, fits)
        return "" if self.may_be_empty else "unsound"

    def _report(self, given: object, fits: str) -> None:
        file, line = users_place()
        self.is_sound = False
        report([Problem(type(self).__name__, shown(given), fits, relative(file), line)])

    @classmethod
    def parameter(cls, title: str, **attributes: object) -> Self:
        """A value that the deployer gives, as a parameter of the outermost stack.

        `attributes` are those of a CloudFormation parameter: Description, Default, AllowedPattern …
        """
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", title, re.ASCII):
            spelt = "".join(part[0].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", title))[:255]
            fits = f"a name in letters and digits alone, 255 at most, as in {spelt or 'ApiKeyArn'!r}"
            file, line = users_place()
            report([Problem(f"{cls.__name__}.parameter", repr(title), fits, relative(file), line)])
            title = spelt or "Unsound"  # whoever collects problems goes on for more of them, and renders nothing
        value = cls.from_reference(title)
        value.declaration = Parameter(title, Type=cls.cfn_type, **attributes)
        is_own = is_ours(sys._getframe(1)) and not reading.get()  # noqa: SLF001
        value.declared_at = "cfngen itself" if is_own else _told(users_place())
        return value

    @classmethod
    def from_reference(cls, title: str) -> Self:
        """The value of a parameter of the template in which it is used."""
        return cls(Ref(title))

    @classmethod
    def from_output(cls, stack_title: str, output: str) -> Self:
        """The value of a nested stack's output, as the parent of that stack sees it."""
        return cls(GetAtt(stack_title, f"Outputs.{output}"))

    @property
    def is_literal(self) -> bool:
        return isinstance(self.data, str)

    @property
    def is_reference(self) -> bool:
        """Whether the value is a plain `Ref`, as a parameter is."""
        data = getattr(self.data, "data", None)
        return isinstance(data, dict) and "Ref" in data

    @property
    def text(self) -> str | AWSHelperFn:
        """The value as one string, which is how it crosses the border of a stack."""
        return self if not self.is_literal else str(self.data)

    @gives_data
    def to_dict(self) -> Any:
        renderer = rendering.get()
        if renderer and not self.is_literal:
            renderer.uses(self)
        return plain(self.data)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Value) and type(self) is type(other) and plain(self.data) == plain(other.data)

    def __hash__(self) -> int:
        return hash(repr(plain(self.data)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({plain(self.data)!r})"

    def __str__(self) -> NoReturn:
        msg = f"{type(self).__name__} is known only at deployment: use troposphere's Sub() or Join(), not an f-string or str()"
        raise WiringError(msg)

    def __format__(self, _spec: str) -> NoReturn:
        str(self)
        raise AssertionError  # str() above always raises


class Values(Value):
    """A list of strings; it crosses the border of a stack as one string, joined by commas (K1.3)."""

    cfn_type = "CommaDelimitedList"

    def __init__(self, source: Iterable[str | AWSHelperFn] | AWSHelperFn) -> None:
        super().__init__(source if isinstance(source, AWSHelperFn) else "unsound")
        if not isinstance(source, AWSHelperFn):
            self.data = self._members(source)
        self._text: AWSHelperFn | None = None

    def _members(self, source: object) -> list[str | AWSHelperFn]:
        """Each a string or a function; one string is no list of them, though Python could go through its letters."""
        fits = "a list of strings that are not empty, or of functions of troposphere, or such a function"
        if isinstance(source, str | Mapping) or not isinstance(source, Iterable):
            self._report(source, fits)
            return []
        members = list(source)
        if wrong := [item for item in members if not (isinstance(item, AWSHelperFn) or self._takes(item))]:
            self._report(wrong[0], f"no member of {fits}")
            return []
        return members

    @classmethod
    def from_output(cls, stack_title: str, output: str) -> Self:
        text = Value.from_output(stack_title, output)
        value = cls(Split(",", text))
        value._text, value.label = text, text.label
        return value

    @property
    def is_literal(self) -> bool:
        return isinstance(self.data, list) and all(isinstance(item, str) for item in self.data)

    @property
    def items(self) -> Sequence[str | AWSHelperFn] | None:
        """The members, where they are known one by one."""
        return self.data if isinstance(self.data, list) else None

    @property
    def text(self) -> AWSHelperFn | str:
        if self.is_literal:
            return ",".join(self.data)
        return self._text or Join(",", self)


class Text(Value):
    """Any text, the empty one among them."""

    may_be_empty = True


class Arn(Value):
    """An ARN of no particular kind."""


class CertificateArn(Arn):
    """The ARN of an ACM certificate."""


class FunctionArn(Arn):
    """The ARN of a Lambda function."""


class KeyArn(Arn):
    """The ARN of a KMS key."""


class ListenerArn(Arn):
    """The ARN of a load balancer's listener."""


class PolicyArn(Arn):
    """The ARN of a managed policy, such as a permissions boundary."""


class RoleArn(Arn):
    """The ARN of an IAM role."""


class SecretArn(Arn):
    """The ARN of a secret in Secrets Manager, with its six-character suffix (G4.1)."""


class TopicArn(Arn):
    """The ARN of an SNS topic."""


class AlarmName(Value):
    """The name of a CloudWatch alarm."""


class BucketName(Value):
    """The name of an S3 bucket."""


class ClusterName(Value):
    """The name of an ECS cluster."""


class Colour(Value):
    """The colour that serves now: blue or green."""


class HostedZoneId(Value):
    """The id of a Route 53 hosted zone."""

    cfn_type = "AWS::Route53::HostedZone::Id"


class LoadBalancerFullName(Value):
    """A balancer's name as metrics know it: ``app/name/id``."""


class RepositoryUri(Value):
    """The address of an image repository, without a tag."""


class SecurityGroupId(Value):
    """The id of a security group."""

    cfn_type = "AWS::EC2::SecurityGroup::Id"


class SubnetIds(Values):
    """Ids of subnets."""

    cfn_type = "List<AWS::EC2::Subnet::Id>"


class TargetGroupFullName(Value):
    """A target group's name as metrics know it: ``targetgroup/name/id``."""


class VpcId(Value):
    """The id of a VPC."""

    cfn_type = "AWS::EC2::VPC::Id"


def _told(place: tuple[str, int]) -> str:
    return f"{relative(place[0])}:{place[1]}"


def _label(source: object) -> str:
    """What the producer calls the value; it names the parameter when the value enters a nested stack."""
    data = getattr(source, "data", None)
    if not isinstance(data, dict):
        return ""
    if isinstance(title := data.get("Ref"), str):
        return title.replace("::", "")
    match data.get("Fn::GetAtt"):
        case [str(title), str(attribute)]:
            parts = attribute.removeprefix("Outputs.").split(".")
            return title + "".join([part[:1].upper() + part[1:] for part in parts])
    return ""
