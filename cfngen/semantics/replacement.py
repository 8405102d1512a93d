"""Which change of a property makes CloudFormation replace a resource: the registry's own data, carried by cfn-lint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

_REGION = "us-east-1"  # has every type, and create-only properties are the same everywhere


NAMES: Mapping[str, str] = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodeDeploy::Application": "ApplicationName",
    "AWS::CodeDeploy::DeploymentConfig": "DeploymentConfigName",
    "AWS::CodeDeploy::DeploymentGroup": "DeploymentGroupName",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
"""The property that names a resource, by types that people name themselves (CFN-UG aws-properties-name).

A scaling policy is not among them: it has to have a name, which is its own within its scalable target."""


def kept_name(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The name that people gave a resource and that its replacement would have too; empty when there is none."""
    key = NAMES.get(kind, "")
    return str(new[key]) if key in old and old[key] == new.get(key) else ""


def replacing(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The create-only properties of a type that differ, as paths such as ``Port`` or ``Source/Type``."""
    return ["/".join(path) for path in create_only(kind) if list(_at(old, path)) != list(_at(new, path))]


@cache
def create_only(kind: str) -> tuple[tuple[str, ...], ...]:
    """Paths of the properties of a type that cannot change in place; none for a type that the registry lacks."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    except ResourceNotFoundError:
        return ()
    told = schema.get("createOnlyProperties", ())
    return tuple(sorted(tuple(path.removeprefix("/properties/").split("/")) for path in told))


def _at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for each in value:
            yield from _at(each, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])
