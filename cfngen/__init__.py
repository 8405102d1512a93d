"""cfngen: one short description of an application in, plain CloudFormation and its CI/CD files out.

A name is imported when it is asked for, so that nobody waits for parts that are not used. ``__init__.pyi`` tells type
checkers the same names.
"""

import sys
from importlib import import_module
from types import ModuleType

import cfngen._deferred  # noqa: F401
from cfngen._version import VERSION as __version__  # noqa: F401

_HOMES = {
    "disk": ("write",),
    "errors": ("CfngenError", "DescriptionError", "LedgerError", "OutputError", "Problem", "WiringError"),
    "ledger": ("Ledger",),
    "outputs": ("outputs_of",),
    "plan": ("Plan", "plan"),
    "render": ("render", "stage_files", "tree_files"),
    "sources": ("S3", "CodeCommit", "Connection", "Promotion", "PromotionTarget"),
    "spec": (
        "AllAtOnce",
        "App",
        "BackupPlan",
        "Balancer",
        "Canary",
        "Container",
        "Database",
        "HealthCheck",
        "InternalBalancer",
        "Linear",
        "LogRouter",
        "ManagedRules",
        "Network",
        "OffHours",
        "Pipeline",
        "Queue",
        "Redirect",
        "Release",
        "RestartPolicy",
        "Scaling",
        "ScheduledScaling",
        "ScheduledTask",
        "Secret",
        "Serverless",
        "Service",
        "SmokeTest",
        "SsmParameter",
        "Statement",
        "Telemetry",
        "Worker",
        "WorkerScaling",
    ),
    "stack": ("Stack", "title"),
    "stacks.application": ("application_stack", "cell_roots"),
    "stacks.cluster": ("ClusterOutputs", "cluster_stack"),
    "stacks.common": ("Common",),
    "stacks.database": ("DatabaseOutputs", "database_stack"),
    "stacks.foundation": ("FoundationOutputs", "foundation_stack"),
    "stacks.network": ("NetworkOutputs", "network_stack"),
    "stacks.service": ("ServiceOutputs", "service_stack"),
    "values": (
        "AlarmName",
        "Arn",
        "BucketName",
        "CertificateArn",
        "ClusterName",
        "Colour",
        "FunctionArn",
        "HostedZoneId",
        "KeyArn",
        "ListenerArn",
        "LoadBalancerFullName",
        "PolicyArn",
        "RepositoryUri",
        "RoleArn",
        "SecretArn",
        "SecurityGroupId",
        "SubnetIds",
        "TargetGroupFullName",
        "Text",
        "TopicArn",
        "Value",
        "VpcId",
    ),
}
"""The public names, by the module that each is defined in."""
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted((*_HOME, "__version__"))  # noqa: PLE0605


class _Package(ModuleType):
    """A package whose names come from their modules when they are asked for."""

    def __getattr__(self, name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        value = getattr(import_module(f"{self.__name__}.{_HOME[name]}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        """Some functions are called like their module, which the import puts here under that name: the function stays."""
        if isinstance(value, ModuleType) and _HOME.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_HOME})


sys.modules[__name__].__class__ = _Package
