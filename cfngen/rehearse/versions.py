"""Versions of a service to release: a good one, and such that have to go back, each for a reason of its own.

A version is a change of the service's source: of the Dockerfile that its buildspec builds, or of the AppSpec beside that
buildspec. No test is told to fail: the version is really wrong, and something that is deployed has to notice.
"""

from __future__ import annotations

import io
import json
import math
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from cfngen.rehearse import deployed, grpc, metrics, places, rates
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.images import buildspec_of
from cfngen.rehearse.places import Place
from cfngen.rehearse.rules import TELLER
from cfngen.simulate.codedeploy import HOOKS

if TYPE_CHECKING:
    from cfngen.rehearse.rehearsal import Stage

HOOK = "CodeDeployHook_rehearsal"
_SPARE_SECONDS, _CROWD_PAUSE_SECONDS = 5.0, 1.0
_SLOWER = 1.6
"""A slow version takes so many times what its alarm lets pass, so that it does on any machine."""
_HOOK_CODE = '''\
"""Asks the new version through the test listener, and says what it thinks of it."""

import os
import socket
import ssl

import boto3


def ask():
    told = os.environ
    bound = (told["SOURCE"], 0) if told["SOURCE"] else None
    with socket.create_connection((told["ADDRESS"], int(told["PORT"])), timeout=5, source_address=bound) as raw:
        raw.sendall(told["PREAMBLE"].encode())
        secure = ssl.create_default_context(cafile=told["AUTHORITY"]) if told["AUTHORITY"] else None
        talk = secure.wrap_socket(raw, server_hostname=told["ADDRESS"]) if secure else raw
        talk.sendall(bytes.fromhex(told["REQUEST"]))
        said = b"".join(iter(lambda: talk.recv(65536), b""))
        _, _, ended = said.lower().partition(b"grpc-status:")
        is_well = not told["WELL"] or ended.split()[:1] == [told["WELL"].encode()]
        return said.split()[1].decode() if is_well else "a call that ended otherwise"


def handler(event, context):
    seen, status = "nothing", "Failed"
    try:
        seen = ask()
        status = "Succeeded" if seen == os.environ["WANTED"] else "Failed"
    finally:
        boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=status,
        )
    print(f"{os.environ['ASKED']} answers {seen}, {os.environ['WANTED']} is wanted: {status}")
'''
_SLOW_NODE = (
    "require('http').createServer((asked,answer)=>setTimeout(()=>answer.end('slow'),"
    "asked.url.split('?')[0]==={health}?0:{milliseconds})).listen({port})"
)
_SLOW_PYTHON = (
    "import http.server as h,time\n"
    "class A(h.BaseHTTPRequestHandler):\n"
    "  protocol_version='HTTP/1.1'\n"
    "  def do_GET(s):\n"
    "    time.sleep(0 if s.path.split('?')[0]=={health} else {milliseconds}/1000)\n"
    "    s.send_response(200);s.send_header('Content-Length','4');s.end_headers();s.wfile.write(b'slow')\n"
    "  def log_message(s,*a):pass\n"
    "h.ThreadingHTTPServer(('',{port}),A).serve_forever()\n"
)


@dataclass(frozen=True)
class Version:
    """A version of a service. `reason` is what the failure has to say, empty for a version that has to be released.

    `event` is how its deployment ends where it has one; `crowd` are requests a second that it needs beside the usual load, by visitors
    of whom each asks once in `crowd_seconds`; `least_minutes` of AWS the bake lasts for it. One that `is_rejected` gets no approval.
    """

    service: Service
    what: str
    files: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    event: str = "Succeeded"
    crowd: int = 0
    crowd_seconds: float = 0.0
    least_minutes: float = 0.0
    rings: str = ""
    is_rejected: bool = False
    hooks: tuple[str, ...] = ()


def _dockerfile(stage: Stage, service: Service, what: str, more: str = "") -> dict[str, str]:
    name = stage.image_of(service).dockerfile
    label = f'\nLABEL rehearsal="{what} {time.time_ns()}"\n'
    return {name: stage.source.first(name) + label + more}


def good(stage: Stage, service: Service, what: str) -> Version:
    """Another version that does what the first one does."""
    return Version(service, what, _dockerfile(stage, service, what))


def sick(stage: Stage, service: Service) -> Version:
    """One that never answers its health path."""
    what = "a version that never answers"
    files = _dockerfile(stage, service, what, 'ENTRYPOINT []\nCMD ["sleep", "3600"]\n')
    return Version(service, what, files, "is not healthy", "Failed")


def rejected(stage: Stage, service: Service) -> Version | None:
    """A good one to which a person says no; `None` for a service whose pipeline asks nobody."""
    if not deployed.asks(deployed.pipeline_of(stage.account, service)):
        return None
    what = "a version that a person rejects"
    return Version(service, what, _dockerfile(stage, service, what), "rejected", "", is_rejected=True)


def unmigratable(stage: Stage, service: Service) -> Version | None:
    """One whose migration fails; `None` for a service that migrates nothing."""
    if not deployed.migrates(stage.account, service):
        return None
    what = "a version whose migration fails"
    return Version(service, what, _dockerfile(stage, service, what, 'ENTRYPOINT ["/bin/false"]\n'), "ended in", "")


def ringing(stage: Stage, service: Service) -> Version | None:
    """One that makes an alarm of its deployment group ring after the traffic moved; `None` where the group has none.

    It is so slow that the response times that are measured ring, where an alarm looks at them and the image has what an own
    server can be written in. Else a person rings.
    """
    if not (names := service.alarms):
        return None
    client = stage.account.client("cloudwatch")
    alarms = client.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    slow = next((each for each in alarms if any(one[1] == "TargetResponseTime" for one in metrics.leaves(each))), None)
    seconds = _SLOWER * float(slow["Threshold"]) if slow else 0.0
    server = _server(stage, service, seconds) if slow else ""
    reason = "alarms have been activated"
    if not slow or not server:
        stage.story.not_played(f"an alarm of {service.short} by what is measured: it is rung by hand")
        what = "a version under which an alarm rings"
        return Version(service, what, _dockerfile(stage, service, what), reason, "Stopped", rings=names[0])
    what = f"a version that takes {slow['Threshold']:g} s and more to answer"
    # The first slow answers come late, and a machine with much else to do may need a few more.
    minutes = int(slow.get("DatapointsToAlarm") or slow["EvaluationPeriods"]) + 3
    minutes += math.ceil((2 * seconds + _SPARE_SECONDS) * stage.wanted.speed / 60)
    files, crowd = _dockerfile(stage, service, what, server), rates.crowd(slow, stage.wanted.speed)
    return Version(service, what, files, reason, "Stopped", crowd, seconds + _CROWD_PAUSE_SECONDS, minutes)


def _server(stage: Stage, service: Service, seconds: float) -> str:
    """Lines of a Dockerfile for a server that is slow but for its health path; empty where the image has no such language."""
    from cfngen.rehearse.rehearsal import calls_of, health_path

    if calls_of(stage, service) or not set(stage.paths[service.short]) - {health_path(stage, service)}:
        return ""  # nothing of it is known but its health check
    text = stage.source.first(stage.image_of(service).dockerfile).lower()
    health = str(stage.proxy.groups[service.pair[0]].told["HealthCheckPath"])
    values = {"health": repr(health), "milliseconds": round(1000 * seconds), "port": service.port}
    is_h2 = stage.proxy.groups[service.pair[0]].told.get("ProtocolVersion") == "HTTP2"
    if "node" in text:
        slow = _SLOW_NODE.replace("'http'", "'http2'") if is_h2 else _SLOW_NODE
        words = ["node", "-e", slow.format(**values)]
    elif "python" in text and not is_h2:
        words = ["python3", "-c", _SLOW_PYTHON.format(**values)]
    else:
        return ""
    return f"ENTRYPOINT []\nCMD {json.dumps(words)}\n"


def hooked(stage: Stage, service: Service, what: str) -> Version | None:
    """One with all five hooks in its AppSpec, its own and others which ask it through the test listener; `None` without an AppSpec."""
    name = _appspec(stage, service)
    if not name:
        return None
    function = _function(stage, service, "200")
    text, theirs = _without_hooks(stage, name)
    hooks = "".join(f"  - {event}: {theirs.get(event, function)}\n" for event in HOOKS)
    files = _dockerfile(stage, service, what) | {name: f"{text.rstrip()}\nHooks:\n{hooks}"}
    return Version(service, what, files, hooks=HOOKS)


def with_hook(stage: Stage, service: Service, revision: Mapping[str, Any]) -> tuple[Version, dict[str, Any]]:
    """A revision that was released already with a hook after test traffic that wants what nobody answers."""
    event = "AfterAllowTestTraffic" if service.test else "BeforeAllowTraffic"
    spec = yaml.safe_load(revision["appSpecContent"]["content"])
    spec["Hooks"] = [{event: _function(stage, service, "299")}]
    text = yaml.safe_dump(spec, sort_keys=False)
    what = "a version that its hook finds wrong"
    made = {"revisionType": "AppSpecContent", "appSpecContent": {"content": text}}
    return Version(service, what, reason="the hook", event="Failed", hooks=(event,)), made


def asks_first(stage: Stage, service: Service) -> bool:
    """Whether hooks of the service's own look at a version before it takes traffic."""
    name = _appspec(stage, service)
    return bool(name) and bool(_without_hooks(stage, name)[1])


def _without_hooks(stage: Stage, appspec: str) -> tuple[str, dict[str, str]]:
    """The text of an AppSpec as cfngen writes it, but for its hooks, and these by event."""
    text, _, own = stage.source.first(appspec).partition("\nHooks:\n")
    return text, {event: function for each in yaml.safe_load(own) or () for event, function in each.items()}


def _appspec(stage: Stage, service: Service) -> str:
    """The AppSpec's template in the source: beside the buildspec of the service's build project."""
    pipeline = deployed.pipeline_of(stage.account, service)
    for action in (action for each in pipeline["stages"] for action in each["actions"]):
        if action["actionTypeId"]["provider"] == "CodeBuild":
            names = [action["configuration"]["ProjectName"]]
            project = stage.account.client("codebuild").batch_get_projects(names=names)["projects"][0]
            _, told = buildspec_of(project, stage.source.folder)
            file = stage.source.folder / told
            beside = file.with_name("appspec.yaml")
            if file.is_file() and beside.is_file():
                return str(beside.relative_to(stage.source.folder))
    return ""


def _function(stage: Stage, service: Service, wanted: str) -> str:
    """Deploy a function for hooks, as its user would, that wants an answer of this status; returns its name."""
    from cfngen.rehearse.rehearsal import health_path

    listener = next(each for each in stage.listeners if each.arn == (service.test or service.production))
    place = Place.of(health_path(stage, service))
    if service.test:
        place = places.as_tester(listener, place)
    host = place.host or listener.address
    asked = f"GET {place.path} HTTP/1.0\r\nHost: {host}\r\n\r\n"
    values = {
        "ADDRESS": listener.address,
        "PORT": str(listener.port),
        "SOURCE": TELLER if place.address else "",
        "PREAMBLE": place.told(listener.port).decode(),
        "AUTHORITY": str(stage.authority.file) if listener.protocol == "HTTPS" else "",
        "ASKED": place.path,
        "REQUEST": (grpc.request(place.path, host) if place.well else asked.encode()).hex(),
        "WELL": place.well,
        "WANTED": wanted,
    }
    name = f"{HOOK}_{service.short}_{wanted}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("hook.py", _HOOK_CODE)
    stage.account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=service.group["serviceRoleArn"],
        Handler="hook.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
        Environment={"Variables": values},
    )
    return name
