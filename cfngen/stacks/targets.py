"""What both target groups of a service ask, and the bootstrap revision that answers them until the first release.

All of it is write-once: port, protocol version and health path are those of the service's birth (S5, C2.3).
"""

from __future__ import annotations

import json
from typing import Any

from troposphere import GetAtt, Region, ecs, iam, logs
from troposphere import elasticloadbalancingv2 as elb

from cfngen.spec import Service
from cfngen.spec.service import UNIMPLEMENTED
from cfngen.stack import Stack
from cfngen.stacks.common import Common
from cfngen.values import VpcId

DRAIN_SECONDS = 30

# Speaks HTTP/2 by prior knowledge as well as HTTP/1.1, whichever the health check comes by.
_BOTH = (
    "const a={answer},o=require('http').createServer(a),t=require('http2').createServer(a);"
    "require('net').createServer(s=>s.on('error',()=>{{}}).once('readable',()=>{{const d=s.read();"
    "if(d){{s.unshift(d);(d[0]===80&&d[1]===82?t:o).emit('connection',s)}}}})).listen({port})"
)
# A call of a method that nobody implements ends with status 12, as on every gRPC server; an answer says SERVING.
_GRPC = (
    "require('http2').createServer().on('stream',(s,h)=>{{const c=h[':path']==={path}?'{code}':'12';"
    "s.on('error',()=>{{}}).on('wantTrailers',()=>s.sendTrailers({{'grpc-status':c}}));s.resume();"
    "s.respond({{':status':200,'content-type':'application/grpc'}},{{waitForTrailers:true}});"
    "s.end(Buffer.from(c==='0'?[0,0,0,0,2,8,1]:[]))}}).listen({port})"
)


def target_group(stack: Stack, colour: str, vpc: VpcId, service: Service) -> elb.TargetGroup:
    """Write-once, health path included: both groups and the bootstrap revision have to agree on it."""
    return stack.add(
        elb.TargetGroup(
            f"{colour}TargetGroup",
            VpcId=vpc,
            TargetType="ip",
            Protocol="HTTP",
            ProtocolVersion=service.protocol_version,
            Port=service.port,
            HealthCheckProtocol="HTTP",
            HealthCheckPath=service.health_path,
            HealthCheckIntervalSeconds=15,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
            Matcher=_matcher(service),
            TargetGroupAttributes=[
                elb.TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value=str(DRAIN_SECONDS))
            ],
        )
    )


def _matcher(service: Service) -> elb.Matcher:
    if service.protocol_version == "GRPC":
        return elb.Matcher(GrpcCode=_status(service))
    return elb.Matcher(HttpCode="200-299")


def _status(service: Service) -> str:
    """The gRPC status of a target that can serve: OK, or that of a path which no server implements."""
    return "12" if service.health_path == UNIMPLEMENTED else "0"


def bootstrap(
    stack: Stack,
    common: Common,
    service: Service,
    image: str,
    execution: iam.Role,
    task: iam.Role,
    group: logs.LogGroup,
) -> ecs.TaskDefinition:
    """Stands in until the first release: 200 on the health path, 404 elsewhere (C2.3). Never changed again."""
    container = ecs.ContainerDefinition(
        Name=service.name,
        Image=image,
        Essential=True,
        Command=["node", "-e", _program(service)],
        User="1000:1000",
        ReadonlyRootFilesystem=True,
        # Node as process 1 would not hear SIGTERM (C2.6).
        LinuxParameters=ecs.LinuxParameters(InitProcessEnabled=True, Capabilities=ecs.KernelCapabilities(Drop=["ALL"])),
        PortMappings=[ecs.PortMapping(Name=service.name, ContainerPort=service.port, Protocol="tcp")],
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": group.ref(),
                "awslogs-region": Region,
                "awslogs-stream-prefix": "bootstrap",
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        ),
    )
    return stack.add(
        ecs.TaskDefinition(
            "BootstrapTaskDefinition",
            # Tasks may run on it long after it left the template (A3.4).
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            Family=f"{common.name}-{service.name}",
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            Cpu="256",
            Memory="512",
            ExecutionRoleArn=GetAtt(execution, "Arn"),
            TaskRoleArn=GetAtt(task, "Arn"),
            ContainerDefinitions=[container],
        )
    )


def _program(service: Service) -> str:
    """What Node runs, in one line."""
    path = json.dumps(service.health_path)
    answer = f"(q,r)=>{{r.writeHead(q.url.split('?')[0]==={path}?200:404);r.end('waiting for the first release\\n')}}"
    told: dict[str, Any] = {"answer": answer, "path": path, "code": _status(service), "port": service.port}
    match service.protocol_version:
        case "GRPC":
            return _GRPC.format(**told)
        case "HTTP2":
            return _BOTH.format(**told)
        case _:
            return f"require('http').createServer({answer}).listen({service.port})"
