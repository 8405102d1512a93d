"""What both target groups of a service ask, and the bootstrap revision that answers them until the first release.

All of it is write-once: port, protocol version and health path are those of the service's birth (S5, C2.3).
"""

from __future__ import annotations

import json
from typing import Any

from troposphere import ecs, iam, logs
from troposphere import elasticloadbalancingv2 as elb

from cfngen.spec import Service
from cfngen.spec.service import UNIMPLEMENTED
from cfngen.stack import Stack
from cfngen.stacks.common import Common
from cfngen.stacks.task import first_revision
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
    port = ecs.PortMapping(Name=service.name, ContainerPort=service.port, Protocol="tcp")
    command = ["node", "-e", _program(service)]
    return first_revision(stack, common, service.name, image, command, execution, task, group, [port])


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
