"""ECS and Lambda: clusters, task definitions, services, functions, who may call them, and what they read from."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Name, Part, Read, Type, arn, physical, property_, tags, update
from cfngen.semantics.update import RefusedError


def _cluster_providers(context: Context) -> None:
    context.call(
        "ecs",
        "PutClusterCapacityProviders",
        cluster=context.physical,
        capacityProviders=context.properties.get("CapacityProviders", []),
        defaultCapacityProviderStrategy=context.properties.get("DefaultCapacityProviderStrategy", []),
    )


# All of them are sent at every update, unchanged ones too (A3.3); what ECS refuses of it is in `standins` (A2).
_SERVICE = (
    "TaskDefinition",
    "LoadBalancers",
    "NetworkConfiguration",
    "CapacityProviderStrategy",
    "DesiredCount",
    "DeploymentConfiguration",
    "DeploymentController",
    "AvailabilityZoneRebalancing",
    "PlacementConstraints",
    "PlacementStrategies",
    "PlatformVersion",
    "HealthCheckGracePeriodSeconds",
    "EnableECSManagedTags",
    "EnableExecuteCommand",
    "PropagateTags",
    "ServiceRegistries",
    "ServiceConnectConfiguration",
    "VolumeConfigurations",
)


def _function_code(context: Context) -> None:
    context.call("lambda", "UpdateFunctionCode", FunctionName=context.physical, **context.properties["Code"])


def _zipped(properties: Body) -> Body:
    """Inline source is packed on the way, under the name that the runtime looks for, as CloudFormation does."""
    code = properties.get("Code", {})
    if not isinstance(code.get("ZipFile"), str):
        return properties
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        name = "index.js" if str(properties.get("Runtime")).startswith("nodejs") else "index.py"
        archive.writestr(zipfile.ZipInfo(name), code["ZipFile"])
    return {**properties, "Code": {**code, "ZipFile": packed.getvalue()}}


_FUNCTION = (
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "VpcConfig",
    "Environment",
    "Runtime",
    "DeadLetterConfig",
    "KmsKeyArn",
    "TracingConfig",
    "Layers",
    "FileSystemConfigs",
    "ImageConfig",
    "EphemeralStorage",
    "LoggingConfig",
)

_PERMISSION = (
    "Action",
    "EventSourceToken",
    "FunctionName",
    "FunctionUrlAuthType",
    "InvokedViaFunctionUrl",
    "Principal",
    "PrincipalOrgID",
    "SourceAccount",
    "SourceArn",
)


def _permit(context: Context) -> str:
    """A statement of the function's policy. Its id is of CloudFormation's making, another one for other properties."""
    made = json.dumps(dict(context.properties), sort_keys=True)
    end = hashlib.sha256(f"{context.resource.place} {made}".encode()).hexdigest()[:12].upper()
    statement = f"{context.resource.place.replace('/', '-')[-87:]}-{end}"
    context.call("lambda", "AddPermission", StatementId=statement, **context.properties)
    return statement


def _statement(context: Context) -> Any:
    """The statement as the function's policy has it, and the name by which it was found."""
    name = context.properties["FunctionName"]
    told = context.call("lambda", "GetPolicy", FunctionName=name)["Policy"]
    for each in json.loads(told)["Statement"]:
        if each["Sid"] == context.physical:
            return {**each, "FunctionName": name}
    raise RefusedError(f"Statement {context.physical} is not found in resource policy.")


_MAPPING = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "KmsKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "TumblingWindowInSeconds",
)


TYPES = {
    "AWS::ECS::Cluster": Type(
        "ecs",
        Call("CreateCluster", names={"ClusterSettings": "settings"}),
        "cluster.clusterName",
        Name("ClusterName", 255),
        parts=(
            update(
                "UpdateCluster",
                "ClusterSettings",
                "Configuration",
                "ServiceConnectDefaults",
                names={"ClusterSettings": "settings"},
                given={"cluster": physical},
                absent={"ClusterSettings": [{"name": "containerInsights", "value": "disabled"}]},
            ),
            Part(
                _cluster_providers, ("CapacityProviders", "DefaultCapacityProviderStrategy"), whole=True, is_update=True
            ),
            tags("TagResource", "UntagResource", "resourceArn", arn("ecs", "cluster/{}")),
        ),
        delete=Call("DeleteCluster", given={"cluster": physical}),
        reads=(
            Read(
                "DescribeClusters",
                {"clusters": [physical], "include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]},
                "clusters[0]",
            ),
        ),
        attributes={"Arn": "clusterArn"},
    ),
    "AWS::ECS::TaskDefinition": Type(
        "ecs",
        Call("RegisterTaskDefinition"),
        "taskDefinition.taskDefinitionArn",
        Name("Family", 255),
        parts=(tags("TagResource", "UntagResource", "resourceArn"),),
        # A revision that is not wanted any more becomes INACTIVE (A3.4).
        delete=Call("DeregisterTaskDefinition", given={"taskDefinition": physical}),
        reads=(Read("DescribeTaskDefinition", {"taskDefinition": physical, "include": ["TAGS"]}),),
        attributes={"TaskDefinitionArn": "taskDefinition.taskDefinitionArn"},
    ),
    "AWS::ECS::Service": Type(
        "ecs",
        Call("CreateService", names={"PlacementStrategies": "placementStrategy"}),
        "service.serviceArn",
        Name("ServiceName", 255),
        parts=(
            update(
                "UpdateService",
                *_SERVICE,
                names={"PlacementStrategies": "placementStrategy"},
                given={"cluster": property_("Cluster"), "service": physical},
                absent={
                    "HealthCheckGracePeriodSeconds": 0,
                    "EnableECSManagedTags": False,
                    "EnableExecuteCommand": False,
                    "PropagateTags": "NONE",
                    "LoadBalancers": [],
                    "ServiceRegistries": [],
                    "PlacementConstraints": [],
                    "PlacementStrategies": [],
                    "DeploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
                },
            ),
            tags("TagResource", "UntagResource", "resourceArn"),
        ),
        delete=Call("DeleteService", given={"cluster": property_("Cluster"), "service": physical, "force": True}),
        reads=(
            Read(
                "DescribeServices",
                {"cluster": property_("Cluster"), "services": [physical], "include": ["TAGS"]},
                "services[0]",
            ),
        ),
        attributes={"ServiceArn": "serviceArn", "Name": "serviceName"},
    ),
    "AWS::Lambda::Function": Type(
        "lambda",
        Call("CreateFunction"),
        "FunctionName",
        Name("FunctionName"),
        folded=_zipped,
        parts=(
            update(
                "UpdateFunctionConfiguration",
                *_FUNCTION,
                given={"FunctionName": physical},
                absent={
                    "Description": "",
                    "Timeout": 3,
                    "MemorySize": 128,
                    "Environment": {"Variables": {}},
                    "Layers": [],
                    "TracingConfig": {"Mode": "PassThrough"},
                    "DeadLetterConfig": {"TargetArn": ""},
                    "KmsKeyArn": "",
                    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
                    "EphemeralStorage": {"Size": 512},
                },
            ),
            Part(_function_code, ("Code",), is_update=True),
            Part(
                Call("PutFunctionConcurrency", ("ReservedConcurrentExecutions",), given={"FunctionName": physical}),
                unset=Call("DeleteFunctionConcurrency", given={"FunctionName": physical}),
            ),
            tags("TagResource", "UntagResource", "Resource", arn("lambda", "function:{}")),
        ),
        delete=Call("DeleteFunction", given={"FunctionName": physical}),
        reads=(
            Read(
                "GetFunction",
                {"FunctionName": physical},
                "{Configuration: Configuration, Tags: Tags, Concurrency: Concurrency}",
            ),
        ),
        attributes={"Arn": "Configuration.FunctionArn"},
        unseen={"Code": "is told by its digest and a link alone"},
    ),
    "AWS::Lambda::Permission": Type(
        "lambda",
        _permit,
        takes=_PERMISSION,
        delete=Call("RemovePermission", given={"FunctionName": property_("FunctionName"), "StatementId": physical}),
        reads=(_statement,),
        attributes={"Id": physical},
    ),
    "AWS::Lambda::EventSourceMapping": Type(
        "lambda",
        Call("CreateEventSourceMapping"),
        "UUID",
        parts=(
            update(
                "UpdateEventSourceMapping",
                *_MAPPING,
                given={"UUID": physical},
                absent={"Enabled": True, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FilterCriteria": {}},
            ),
            tags("TagResource", "UntagResource", "Resource", arn("lambda", "event-source-mapping:{}")),
        ),
        delete=Call("DeleteEventSourceMapping", given={"UUID": physical}),
        reads=(Read("GetEventSourceMapping", {"UUID": physical}),),
        attributes={"Id": physical, "EventSourceMappingArn": arn("lambda", "event-source-mapping:{}")},
        unseen={"FunctionName": "is told by its ARN"},
    ),
}
