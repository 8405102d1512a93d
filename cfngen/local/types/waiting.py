"""What CloudFormation makes by itself."""

from __future__ import annotations

from cfngen.local.types.entry import Context, Type, physical


def _create(context: Context) -> str:
    """A handle that nobody waits for does nothing; people use it where a stack must have a resource."""
    return f"https://cloudformation-waitcondition-{context.api.region}.s3.amazonaws.com/{context.resource.place}"


TYPES = {"AWS::CloudFormation::WaitConditionHandle": Type("cloudformation", _create, attributes={"Id": physical})}
