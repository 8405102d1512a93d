"""What an account says of a deployed stage, asked with boto3; nothing is changed.

Without the stack there is no answer. Everything else that cannot be asked for is noted in `State.unread`, because a
preflight with fewer rights is better than none, as long as it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cfngen.errors import CfngenError
from cfngen.operate import told
from cfngen.operate.state import (
    APPLICATION,
    CLUSTER,
    DEPLOYMENT_GROUP,
    ECS_SERVICE,
    LOAD_BALANCER,
    NESTED_STACK,
    TARGET_GROUP,
    Alarm,
    Change,
    ChangeSet,
    Deployment,
    DeploymentGroup,
    Listener,
    Resource,
    Rule,
    Service,
    Stack,
    State,
    TargetGroup,
    Unread,
)

IN_FLIGHT = ("Created", "Queued", "InProgress", "Baking", "Ready")
PERMISSIONS = (
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudwatch:DescribeAlarms",
    "codedeploy:BatchGetDeployments",
    "codedeploy:GetDeploymentGroup",
    "codedeploy:ListDeployments",
    "ecs:DescribeServices",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)
"""What reading takes, nothing of it with the right to change something."""

_CREDENTIALS = "give them by AWS_PROFILE=NAME, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws configure or aws sso login"
_REGION = "give one by AWS_DEFAULT_REGION, such as eu-west-1, or run aws configure set region eu-west-1"
_DENIED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
}

Client = Callable[[str], Any]


def read(stack: str, change_set: str = "", client: Client | None = None) -> State:
    """Ask the account. `client` makes a client of a service's name; without it boto3's usual chain does.

    Raises `CfngenError` without credentials, region or stack.
    """
    try:
        return _Reader(client or _client()).state(stack, change_set)
    except ClientError as error:
        about = error.response.get("Error", {})
        if about.get("Code") in _DENIED:
            raise CfngenError(f"AWS does not accept the credentials ({about.get('Message')}); {_CREDENTIALS}") from None
        if _is_denied(error):
            needed = "cloudformation:DescribeStacks and cloudformation:ListStackResources of the root"
            raise CfngenError(f"{_said(error)}; without {needed} there is no answer") from None
        raise CfngenError(f"{_said(error)}; --stack is the name that aws cloudformation deploy was given") from None
    except BotoCoreError as error:
        raise CfngenError(f"AWS cannot be asked: {_said(error)}") from None


def _client() -> Client:
    session = boto3.Session()
    if session.get_credentials() is None:
        raise CfngenError(f"there are no AWS credentials; {_CREDENTIALS}. Or read a file with --state")
    if not session.region_name:
        raise CfngenError(f"there is no AWS region; {_REGION}. Or read a file with --state")
    config = Config(retries={"mode": "standard", "max_attempts": 5})
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, config=config)
        return made[service]

    return client


class _Reader:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._unread: dict[Unread, None] = {}

    def state(self, name: str, change_set: str) -> State:
        stacks = tuple(self._stacks(name, ""))
        resources = [each for stack in stacks for each in stack.resources if each.physical_id]

        def physical(kind: str) -> list[str]:
            return [each.physical_id for each in resources if each.type == kind]

        groups = tuple(self._deployment_groups(resources))
        target_groups = self._target_groups(set(physical(TARGET_GROUP)))
        balancers = {each for group in target_groups for each in group.balancers}
        listeners = self._listeners(balancers | set(physical(LOAD_BALANCER)))
        (_, _, _, region, account, *_) = [*stacks[0].id.split(":"), "", "", "", "", ""]
        return State(
            stacks=stacks,
            account=account,
            region=region,
            listeners=listeners,
            rules=tuple(rule for each in listeners for rule in self._rules(each.arn)),
            target_groups=target_groups,
            services=tuple(self._services(physical(ECS_SERVICE), physical(CLUSTER))),
            deployment_groups=groups,
            deployments=tuple(each for group in groups for each in self._deployments(group)),
            alarms=tuple(self._alarms({name for group in groups for name in group.alarms})),
            change_set=self._change_set(change_set, stacks[0].name, stacks[0].parameters) if change_set else None,
            unread=tuple(self._unread),
        )

    def _ask(self, what: str, permission: str, call: Callable[..., list[Any]], *given: Any) -> list[Any]:
        try:
            return call(*given)
        except (ClientError, BotoCoreError) as error:
            self._note(what, permission, error)
            return []

    def _note(self, what: str, permission: str, error: Exception) -> None:
        self._unread[Unread(what, permission, _said(error))] = None

    def _pages(self, service: str, operation: str, key: str, **given: Any) -> list[Any]:
        pages = self._client(service).get_paginator(operation).paginate(**given)
        return [item for page in pages for item in page.get(key, [])]

    def _stacks(self, name: str, path: str) -> Iterator[Stack]:
        """The root has to answer; a nested stack that does not is noted, and the others are told all the same."""
        if path:
            found = self._ask("stacks", "cloudformation:DescribeStacks, cloudformation:ListStackResources", self._stack, name, path)  # fmt: skip
        else:
            found = self._stack(name, path)
        for stack in found:
            yield stack
            for each in stack.of_type(NESTED_STACK):
                if each.physical_id:
                    yield from self._stacks(each.physical_id, f"{path}/{each.logical_id}".strip("/"))

    def _stack(self, name: str, path: str) -> list[Stack]:
        described = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        listed = self._pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
        return [told.stack(described, path, listed)]

    def _target_groups(self, wanted: set[str]) -> tuple[TargetGroup, ...]:
        """Asked for as a whole: one that is gone would fail a question for names."""
        found = self._ask(
            "target groups",
            "elasticloadbalancing:DescribeTargetGroups",
            lambda: self._pages("elbv2", "describe_target_groups", "TargetGroups") if wanted else [],
        )
        return tuple(
            told.target_group(each, self._targets(each["TargetGroupArn"]))
            for each in found
            if each["TargetGroupArn"] in wanted
        )

    def _targets(self, group: str) -> list[Any]:
        def of() -> list[Any]:
            answer = self._client("elbv2").describe_target_health(TargetGroupArn=group)
            return list(answer.get("TargetHealthDescriptions", []))

        return self._ask("target health", "elasticloadbalancing:DescribeTargetHealth", of)

    def _listeners(self, balancers: set[str]) -> tuple[Listener, ...]:
        def of(balancer: str) -> list[Any]:
            return self._pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer)

        return tuple(
            told.listener(each, balancer)
            for balancer in sorted(balancers)
            for each in self._ask("rules", "elasticloadbalancing:DescribeListeners", of, balancer)
        )

    def _rules(self, listener: str) -> Iterator[Rule]:
        def of() -> list[Any]:
            return self._pages("elbv2", "describe_rules", "Rules", ListenerArn=listener)

        for each in self._ask("rules", "elasticloadbalancing:DescribeRules", of):
            if not each.get("IsDefault"):
                yield told.rule(each, listener)

    def _services(self, arns: list[str], clusters: list[str]) -> Iterator[Service]:
        by_cluster: dict[str, list[str]] = {}
        for arn in arns:
            words = arn.split("/")  # service/CLUSTER/NAME; an old short form has no cluster
            by_cluster.setdefault(words[1] if len(words) > 2 else next(iter(clusters), "default"), []).append(arn)
        for cluster, names in by_cluster.items():
            for few in _batches(names, 10):
                yield from map(told.service, self._described(cluster, few))

    def _described(self, cluster: str, arns: list[str]) -> list[Any]:
        def call() -> list[Any]:
            answer = self._client("ecs").describe_services(cluster=cluster, services=arns)
            return [each for each in answer["services"] if each.get("status") != "INACTIVE"]

        return self._ask("services", "ecs:DescribeServices", call)

    def _deployment_groups(self, resources: Iterable[Resource]) -> Iterator[DeploymentGroup]:
        every = list(resources)
        applications = [each.physical_id for each in every if each.type == APPLICATION]
        for each in every:
            if each.type == DEPLOYMENT_GROUP:
                application, _, name = each.physical_id.rpartition("|")
                where = [application] if application else applications
                found = self._ask("deployment groups", "codedeploy:GetDeploymentGroup", self._group, where, name)
                yield from map(told.deployment_group, found)

    def _group(self, applications: list[str], name: str) -> list[Any]:
        """The deployment group of that name, in whichever application it is."""
        client = self._client("codedeploy")
        for application in applications:
            try:
                found = client.get_deployment_group(applicationName=application, deploymentGroupName=name)
                return [found["deploymentGroupInfo"]]
            except client.exceptions.DeploymentGroupDoesNotExistException:
                continue
        return []

    def _deployments(self, group: DeploymentGroup) -> Iterator[Deployment]:
        named = {"applicationName": group.application, "deploymentGroupName": group.name}

        def listed() -> list[Any]:
            return self._pages("codedeploy", "list_deployments", "deployments", includeOnlyStatuses=list(IN_FLIGHT), **named)  # fmt: skip

        ids = self._ask("deployments", "codedeploy:ListDeployments", listed)
        for few in _batches(ids, 25):
            found = self._ask("deployments", "codedeploy:BatchGetDeployments", self._got, few)
            # What is listed is in flight, even when nobody may see more of it.
            for each in found or [{"deploymentId": name, "status": "in flight"} for name in few]:
                yield told.deployment(each, group)

    def _got(self, ids: list[str]) -> list[Any]:
        found = self._client("codedeploy").batch_get_deployments(deploymentIds=ids)
        return list(found.get("deploymentsInfo", []))

    def _alarms(self, names: set[str]) -> Iterator[Alarm]:
        def states(few: list[str]) -> list[Alarm]:
            given = {"AlarmNames": few, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
            both = ("MetricAlarms", "CompositeAlarms")
            pages = self._client("cloudwatch").get_paginator("describe_alarms").paginate(**given)
            found = [each for page in pages for kind in both for each in page.get(kind, [])]
            return [Alarm(each["AlarmName"], each["StateValue"]) for each in found]

        for few in _batches(sorted(names), 100):
            yield from self._ask("alarms", "cloudwatch:DescribeAlarms", states, few)

    def _change_set(self, name: str, stack: str, kept: Mapping[str, str]) -> ChangeSet | None:
        """A change set that was asked for by name has to be there; whoever may not see it learns the rest."""
        given = {"ChangeSetName": name} if name.startswith("arn:") else {"ChangeSetName": name, "StackName": stack}
        try:
            pages = list(self._client("cloudformation").get_paginator("describe_change_set").paginate(**given))
        except ClientError as error:
            if _is_denied(error):
                self._note("change sets", "cloudformation:DescribeChangeSet", error)
                return None
            there = f"aws cloudformation list-change-sets --stack-name {stack} shows those that there are"
            raise CfngenError(f"--change-set {name}: {_said(error)}; {there}") from None
        found = (each["ResourceChange"] for page in pages for each in page.get("Changes", []) if "ResourceChange" in each)  # fmt: skip
        return told.change_set(pages, stack, kept, [self._change(each, stack) for each in found])

    def _change(self, found: Any, stack: str) -> Change:
        nested = found.get("ChangeSetId")
        return told.change(found, self._change_set(nested, stack, {}) if nested else None)


def _is_denied(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in ("AccessDenied", "AccessDeniedException")


def _batches(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
