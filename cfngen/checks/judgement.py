"""Checks of what cfngen holds right and wrong, where AWS would take either."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfngen.artifacts import APPSPEC, MIGRATION_TASKDEF, TASKDEF
from cfngen.checks.boundary import unbounded
from cfngen.checks.finding import Check, Place
from cfngen.checks.stage import Resource, Service, Stage, Template, dig, mapping, sequence, walk
from cfngen.placeholders import DB_SECRET_ARN, of
from cfngen.semantics.document import Path

_DATABASES = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")
_ROLES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


def unseen_releases(stage: Stage) -> Iterator[Place]:
    """All traffic moves at once, and neither a person nor a hook has looked at green."""
    for service in stage.services:
        for group in service.template.of_type("AWS::CodeDeploy::DeploymentGroup"):
            if _all_at_once(service, group) and not _waits(group) and not _tested(service):
                message = (
                    "all traffic moves at once and nobody sees green first; give the release "
                    "continue_within_minutes, or the strategy Canary() or Linear()"
                )
                yield Place(group.file, group.path("DeploymentConfigName"), message)


def _all_at_once(service: Service, group: Resource) -> bool:
    given = group.get("DeploymentConfigName")
    own = service.template.resource(given)
    return own.get("TrafficRoutingConfig", "Type") in (None, "AllAtOnce") if own else given in (None, "CodeDeployDefault.ECSAllAtOnce")  # fmt: skip


def _waits(group: Resource) -> bool:
    ready = mapping(group.get("BlueGreenDeploymentConfiguration", "DeploymentReadyOption"))
    return ready.get("ActionOnTimeout") == "STOP_DEPLOYMENT" and bool(ready.get("WaitTimeInMinutes"))


def _tested(service: Service) -> bool:
    return any("AfterAllowTestTraffic" in mapping(hook) for hook in sequence(dig(service.data(APPSPEC), "Hooks")))


def plain_http(stage: Stage) -> Iterator[Place]:
    """Users' traffic is not encrypted."""
    for template in stage.templates.values():
        listeners = list(template.of_type("AWS::ElasticLoadBalancingV2::Listener"))
        plain = [each for each in listeners if each.get("Protocol") == "HTTP" and not _redirects(each)]
        if plain:
            names = " and ".join(each.name for each in plain)
            inside = any(
                each.get("Scheme") == "internal"
                for each in template.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer")
            )
            way = "InternalBalancer" if inside else "Balancer"
            message = f"{names}: HTTP without HTTPS, so traffic is not encrypted{' within the VPC' if inside else ''}; {way}(https=True) takes a certificate"
            yield Place(template.file, plain[0].path("Protocol"), message)


def _redirects(listener: Resource) -> bool:
    return any(dig(action, "RedirectConfig", "Protocol") == "HTTPS" for _, action in listener.items("DefaultActions"))


def unexplained_wildcards(stage: Stage) -> Iterator[Place]:
    """A role may do something to everything, and nobody says why."""
    for template in stage.templates.values():
        for role in template.of_type(*_ROLES):
            if not dig(role.body, "Metadata", "Wildcards"):
                for path, statement in walk(role.body.get("Properties")):
                    if _allows_all(statement):
                        message = (
                            f"{role.name} allows something on every resource; say why in its Metadata, as Wildcards"
                        )
                        yield Place(role.file, role.path(*path, "Resource"), message)


def _allows_all(statement: Any) -> bool:
    if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
        return False
    given = statement.get("Resource")
    return "*" in (given if isinstance(given, list) else [given])


_REGION = r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-iso[a-z]?)?-(?:central|(?:north|south)?(?:east|west)?)-\d[a-z]?"
_LITERALS = (
    ("the id of an account", re.compile(r"(?<!\w)(?<![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)\d{12}(?!\w)")),
    ("a region", re.compile(rf"(?<![\w-]){_REGION}(?![\w-])")),
    ("an ARN with a partition", re.compile(r"\barn:aws[\w-]*:")),
)


def literals(stage: Stage) -> Iterator[Place]:
    """Something of one account stands in a file."""
    for file, text in stage.texts.items():
        for what, pattern in _LITERALS:
            for found in pattern.finditer(text):
                message = f"{found[0]!r} is {what}; make it a parameter of the root, or a pseudo parameter such as AWS::Region"
                yield Place(file, (), message, text.count("\n", 0, found.start()) + 1)


def custom_resources(stage: Stage) -> Iterator[Place]:
    """A resource that somebody's code makes."""
    for template in stage.templates.values():
        for resource in template.resources:
            if resource.type.startswith("Custom::") or resource.type == "AWS::CloudFormation::CustomResource":
                message = f"{resource.name} is a {resource.type}: code to run and to keep for the life of the stack"
                yield Place(resource.file, ("Resources", resource.name, "Type"), message)


def exports(stage: Stage) -> Iterator[Place]:
    """A value crosses stacks past outputs and parameters, which freezes or hides what depends on it."""
    for template in stage.templates.values():
        for name, output in template.section("Outputs").items():
            if "Export" in mapping(output):
                message = (
                    f"output {name!r} is exported, which freezes it while anybody imports it; pass it as a parameter"
                )
                yield Place(template.file, ("Outputs", str(name), "Export"), message)
        for key in ("Fn::ImportValue", "Fn::GetStackOutput"):
            for path in _uses(stage, template, key):
                yield Place(template.file, path, f"{key} takes a value past the parameters; make it one of them")


def transforms(stage: Stage) -> Iterator[Place]:
    """A template is not what it says, but what a macro makes of it."""
    for template in stage.templates.values():
        if "Transform" in template.data:
            yield Place(template.file, ("Transform",), f"a transform ({template.data['Transform']}); write its result")
        for path in _uses(stage, template, "Fn::Transform"):
            yield Place(template.file, path, "Fn::Transform; write its result")


def _uses(stage: Stage, template: Template, key: str) -> Iterator[Path]:
    if key.removeprefix("Fn::") in stage.texts[template.file]:
        for path, value in walk(template.data):
            if isinstance(value, dict) and key in value:
                yield (*path, key)


def unmade_users(stage: Stage) -> Iterator[Place]:
    """Services log in to the database as users that no migration makes."""
    made = (each for template in stage.templates.values() for each in template.of_type(*_DATABASES))
    if any(service.has(MIGRATION_TASKDEF) for service in stage.services) or not any(made):
        return  # where no database is made, one exists, and may have its users
    for service in stage.services:
        logins = (path for path, value in walk(service.data(TASKDEF)) if _is_login(value))
        for path in itertools.islice(logins, 1):
            message = (
                f"{service.name!r} logs in as a user of the database that nobody makes; give one service migrate=(...), the "
                "command that makes tables and users, or make them yourself and allow this"
            )
            yield Place(service.file(TASKDEF), path, message)


def _is_login(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(f"{of(DB_SECRET_ARN)}:")


JUDGEMENT = (
    Check("C401", "Somebody sees green before all traffic is there", "A5.9, statement 29", "warning", unseen_releases),
    Check("C402", "Users are served by HTTPS", "H7, H9", "info", plain_http),
    Check(
        "C403", "A role that may act on every resource says why", "statement 33, M2.5", "warning", unexplained_wildcards
    ),
    Check("C404", "No account, region or partition stands in any file", "statement 5, M2.6", "warning", literals),
    Check("C405", "No resource is made by code of its own", "statement 4", "warning", custom_resources),
    Check("C406", "What crosses stacks is an output and a parameter", "statement 4, K1.5", "warning", exports),
    Check("C407", "A template is what it says", "statement 4, P2", "warning", transforms),
    Check("C408", "The database's users are made by a migration", "I2.8, statement 12", "warning", unmade_users),
    Check("C409", "A permissions boundary bounds every role", "M2.4, statement 33", "warning", unbounded),
)
