"""How CodeDeploy releases a service: its deployment group, its configuration, its role."""

from __future__ import annotations

from collections.abc import Mapping

from awacs import awslambda as function_actions
from awacs import cloudwatch as alarm_actions
from awacs import ecs as ecs_actions
from awacs import elasticloadbalancing as elb_actions
from awacs import iam as iam_actions
from troposphere import GetAtt, codedeploy, ecs, iam
from troposphere import elasticloadbalancingv2 as elb

from cfngen.spec import AllAtOnce, Canary, Linear, Release, Service
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn, from_this_account, in_order, pass_to, role, trust
from cfngen.stacks.service_alarms import ServiceAlarms
from cfngen.values import FunctionArn, Text

_PREDEFINED_CANARY = {(10, 5), (10, 15)}
_PREDEFINED_LINEAR = {(10, 1), (10, 3)}


def group(
    stack: Stack,
    common: Common,
    service: Service,
    cluster: ClusterOutputs,
    made: ecs.Service,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
    execution: iam.Role,
    task: iam.Role,
    alarms: ServiceAlarms,
    hooks: Mapping[str, FunctionArn],
) -> Text:
    """Add the deployment group, which may call `hooks`; return its name."""
    release = service.release
    added = stack.add(
        codedeploy.DeploymentGroup(
            "DeploymentGroup",
            ApplicationName=cluster.deploy_application,
            ServiceRoleArn=GetAtt(_role(stack, common, cluster, made, execution, task, hooks), "Arn"),
            DeploymentConfigName=_config(stack, release),
            DeploymentStyle=codedeploy.DeploymentStyle(
                DeploymentType="BLUE_GREEN", DeploymentOption="WITH_TRAFFIC_CONTROL"
            ),
            ECSServices=[codedeploy.ECSService(ClusterName=cluster.cluster, ServiceName=GetAtt(made, "Name"))],
            LoadBalancerInfo=codedeploy.LoadBalancerInfo(
                TargetGroupPairInfoList=[
                    codedeploy.TargetGroupPairInfo(
                        ProdTrafficRoute=codedeploy.TrafficRoute(ListenerArns=[cluster.production_listener]),
                        TestTrafficRoute=codedeploy.TrafficRoute(ListenerArns=[cluster.test_listener]),
                        TargetGroups=[
                            codedeploy.TargetGroupInfo(Name=GetAtt(each, "TargetGroupName")) for each in (blue, green)
                        ],
                    )
                ]
            ),
            BlueGreenDeploymentConfiguration=codedeploy.BlueGreenDeploymentConfiguration(
                DeploymentReadyOption=_ready(release),
                TerminateBlueInstancesOnDeploymentSuccess=codedeploy.BlueInstanceTerminationOption(
                    Action="TERMINATE", TerminationWaitTimeInMinutes=release.termination_wait_minutes
                ),
            ),
            AutoRollbackConfiguration=codedeploy.AutoRollbackConfiguration(
                Enabled=True, Events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
            ),
            AlarmConfiguration=codedeploy.AlarmConfiguration(
                Enabled=True,
                IgnorePollAlarmFailure=False,
                Alarms=[codedeploy.Alarm(Name=name) for name in (*alarms.rollback, *in_order(release.alarms))],
            ),
        )
    )
    return Text(added.ref())


def _ready(release: Release) -> codedeploy.DeploymentReadyOption:
    if release.continue_within_minutes is None:
        return codedeploy.DeploymentReadyOption(ActionOnTimeout="CONTINUE_DEPLOYMENT", WaitTimeInMinutes=0)
    return codedeploy.DeploymentReadyOption(
        ActionOnTimeout="STOP_DEPLOYMENT", WaitTimeInMinutes=release.continue_within_minutes
    )


def _config(stack: Stack, release: Release) -> object:
    """The name of a predefined configuration (A4.13), or an own one, unnamed so that it can be replaced (A4.14)."""
    match release.strategy:
        case AllAtOnce():
            return "CodeDeployDefault.ECSAllAtOnce"
        case Canary(percent=percent, minutes=minutes):
            if (percent, minutes) in _PREDEFINED_CANARY:
                return f"CodeDeployDefault.ECSCanary{percent}Percent{minutes}Minutes"
            routing = codedeploy.TrafficRoutingConfig(
                Type="TimeBasedCanary",
                TimeBasedCanary=codedeploy.TimeBasedCanary(CanaryPercentage=percent, CanaryInterval=minutes),
            )
        case Linear(percent=percent, minutes=minutes):
            if (percent, minutes) in _PREDEFINED_LINEAR:
                return f"CodeDeployDefault.ECSLinear{percent}PercentEvery{minutes}Minutes"
            routing = codedeploy.TrafficRoutingConfig(
                Type="TimeBasedLinear",
                TimeBasedLinear=codedeploy.TimeBasedLinear(LinearPercentage=percent, LinearInterval=minutes),
            )
    return stack.add(
        codedeploy.DeploymentConfig("DeploymentConfig", ComputePlatform="ECS", TrafficRoutingConfig=routing)
    ).ref()


def _role(
    stack: Stack,
    common: Common,
    cluster: ClusterOutputs,
    made: ecs.Service,
    execution: iam.Role,
    task: iam.Role,
    hooks: Mapping[str, FunctionArn],
) -> iam.Role:
    """What CodeDeploy needs for this one service, instead of AWSCodeDeployRoleForECS (A8.2)."""
    names = {"Cluster": cluster.cluster, "Service": GetAtt(made, "Name")}
    statements = [
        allow(
            [
                ecs_actions.DescribeServices,
                ecs_actions.CreateTaskSet,
                ecs_actions.UpdateServicePrimaryTaskSet,
                ecs_actions.DeleteTaskSet,
            ],
            [made.ref(), arn("ecs", "task-set/${Cluster}/${Service}/*", **names)],
        ),
        allow(
            [
                elb_actions.DescribeListeners,
                elb_actions.DescribeRules,
                elb_actions.DescribeTargetGroups,
                alarm_actions.DescribeAlarms,
            ],
            "*",
        ),
        allow(
            [elb_actions.ModifyListener, elb_actions.ModifyRule],
            [
                arn("elasticloadbalancing", f"{kind}/${{Balancer}}/*", Balancer=cluster.load_balancer)
                for kind in ("listener", "listener-rule")
            ],
        ),
        allow([iam_actions.PassRole], [GetAtt(execution, "Arn"), GetAtt(task, "Arn")], pass_to("ecs-tasks")),
    ]
    if hooks:
        statements.append(allow([function_actions.InvokeFunction], in_order(set(hooks.values()))))
    return role(
        stack,
        "DeployRole",
        common,
        # Only for a deployment group of this application (A8.4).
        trust(
            "codedeploy",
            from_this_account("codedeploy:deploymentgroup:${Application}/*", Application=cluster.deploy_application),
        ),
        statements,
        wildcards="Describe calls of the balancer take no resource; DescribeAlarms shows composite alarms only to *",  # A8.5
    )
