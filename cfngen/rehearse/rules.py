"""Listeners, rules and target groups as the configuration of haproxy.

Every rule, also one that answers itself or redirects, is a backend, and the default action is the last: haproxy would do
an answer of its own before any `use_backend`, whatever the order. A weight is a variable that can be set while it runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cfngen.rehearse import answers, conditions, grpc
from cfngen.rehearse.deployed import Listener, TargetGroup

SLOTS = 12
"""How many targets a target group can have at once."""
TARGET_HEADER = "x-rehearsal-target"
"""A response's header that tells the target group and the slot that answered."""
TELLER = "127.64.0.1"
"""The address of loopback from which connections begin with a line of the PROXY protocol."""
_SCALE = 10000
_NOBODY = "nobody"
_OPEN_CONNECT = "1s"
"""How long a target is tried that no check has found healthy."""
_SHORTEST_INTERVAL, _LEAST_CONNECT = 200, 1000
"""Milliseconds: how often a target is checked at most, and how long a check may take to connect at least."""
_LEAST_TOLERANCE = 3.0
_DEVIATIONS = 4
_RAREST = 0.001
"""What is less likely is no chance."""
"""So many standard deviations of an honest draw are let pass: more is chance once in fifteen thousand steps."""
_SETTINGS = """\
global
    stats socket {socket} mode 600 level admin
    maxconn 2000
    log stderr format raw local0 notice
defaults
    mode http
    log global
    timeout connect 2s
    timeout client {idle}s
    timeout server {idle}s
    timeout http-keep-alive {idle}s
    option http-keep-alive
    option forwardfor
    # A target that closes an idle connection must not become an error, nor one that has just gone.
    retries 2
    option redispatch 1
    retry-on conn-failure empty-response
"""


def name_of(group: TargetGroup) -> str:
    """The backend of a target group."""
    return f"tg-{group.name}"


def open_name_of(group: TargetGroup) -> str:
    """The backend with the same targets that no check closes: it takes requests where none of them is healthy (ELB guide, fail open)."""
    return f"open-{name_of(group)}"


def variable(rule: Mapping[str, Any], number: int) -> str:
    """The variable that holds the part of a rule's traffic, of 10000, up to and with its n-th target group."""
    return f"proc.w{_id(rule)}_{number}"


def parts(rule: Mapping[str, Any]) -> list[int]:
    """What the variables of a rule hold: the sums of its weights so far, of 10000."""
    groups = targets_of(rule)
    total = sum(weight for _, weight in groups)
    if not total:
        return [0] * len(groups)
    sums = [sum(weight for _, weight in groups[: number + 1]) for number in range(len(groups))]
    return [each * _SCALE // total for each in sums]


def tolerance(percent: float, requests: int) -> float:
    """By how many points the part of so many requests may differ from its weight, since each is drawn by itself."""
    part = percent / 100
    return max(_LEAST_TOLERANCE, 100 * _DEVIATIONS * math.sqrt(part * (1 - part) / max(requests, 1)))


def may_be_chance(part: float, percent: float, requests: int) -> bool:
    """Whether so many requests may by chance have gone to one group alone, where each of two should get some.

    With few requests the tolerance takes that for the part of a small weight.
    """
    wanted = percent / 100
    missed = 1 - wanted if part <= 0 else wanted if part >= 100 else 1.0
    return not 0 < wanted < 1 or missed**requests > _RAREST


def targets_of(rule: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The target groups of a rule's forward with their weights, in their order; none for another action."""
    action = answers.last(rule)
    if action["Type"] != "forward":
        return []
    told = action.get("ForwardConfig", {}).get("TargetGroups")
    if not told:
        return [(action["TargetGroupArn"], 1)]
    return [(each["TargetGroupArn"], int(each.get("Weight", 1))) for each in told]


def configuration(
    listeners: Iterable[Listener], groups: Mapping[str, TargetGroup], address: str, socket: Path,
    certificate: Path, speed: float, idle: int = 60,
) -> str:  # fmt: skip
    """The whole configuration; `speed` is by how much health checks come sooner than on AWS.

    Raises `RehearsalError` for what haproxy does not play.
    """
    lines = [_SETTINGS.format(socket=socket, idle=idle)]
    for listener in listeners:
        for rule in listener.rules:
            for number, part in enumerate(parts(rule)):
                lines[0] = lines[0].replace(
                    "    maxconn", f"    set-var {variable(rule, number)} int({part})\n    maxconn", 1
                )
        lines += _frontend(listener, groups, address, certificate)
    for group in groups.values():
        lines += _backend(group, speed)
    lines += ["", f"backend {_NOBODY}"]
    return "\n".join(lines) + "\n"


def _frontend(listener: Listener, groups: Mapping[str, TargetGroup], address: str, certificate: Path) -> list[str]:
    secure = f" ssl crt {certificate} alpn h2,http/1.1" if listener.protocol == "HTTPS" else ""
    name = f"port-{listener.port}{f'-at-{listener.address}' if listener.address not in ('', address) else ''}"
    lines = ["", f"frontend {name}", f"    bind {listener.address or address}:{listener.port}{secure}"]
    if listener.inside:  # an address that this machine has with the first task
        lines.append(f"    bind {listener.inside}:{listener.port}{secure} transparent")
    # A connection from there begins with a line that says whose it is.
    lines.append(f"    tcp-request connection expect-proxy layer4 if {{ src {TELLER} }}")
    known = [f"{{ src {' '.join(listener.sources)} }}"] if listener.sources else []
    known += [f"{{ src -f {listener.callers} }}"] if listener.callers else []
    if not known:
        lines.append("    tcp-request session reject")
    elif "0.0.0.0/0" not in listener.sources:
        lines.append(f"    tcp-request session reject unless {' or '.join(known)}")
    lines += [
        f"    http-request set-var(txn.chance) rand({_SCALE})",
        f"    http-request set-header X-Forwarded-Proto {'https' if secure else 'http'}",
        f"    http-request set-header X-Forwarded-Port {listener.port}",
    ]
    choices, backends = [], []
    for rule in listener.rules:
        holds = [] if rule["IsDefault"] else _conditions(rule, lines)
        for words, backend, own in _actions(rule, groups):
            test = " ".join([*holds, *words])
            choices.append(f"    use_backend {backend} if {test}" if test else f"    default_backend {backend}")
            backends += own
    return [*lines, *choices, *backends]


def _actions(rule: Mapping[str, Any], groups: Mapping[str, TargetGroup]) -> Iterable[tuple[list[str], str, list[str]]]:
    """The backends of a rule with what else has to be true, the last one without; and the text of those of its own."""
    for number, (arn, _) in enumerate(targets_of(rule)):
        group, chosen = groups[arn], f"{{ var(txn.chance),sub({variable(rule, number)}) lt 0 }}"
        yield [chosen, f"{{ nbsrv({name_of(group)}) eq 0 }}"], open_name_of(group), []
        yield [chosen], name_of(group), []
    if targets_of(rule):
        # Where no target group has a weight, nobody answers.
        yield [], _NOBODY, []
        return
    backend = f"rule-{_id(rule)}"
    yield [], backend, ["", f"backend {backend}", *(f"    {line}" for line in answers.own(answers.last(rule)))]


def _conditions(rule: Mapping[str, Any], lines: list[str]) -> list[str]:
    """The names of a rule's conditions, all of which must be true; what they are is added to `lines`."""
    names = []
    for number, condition in enumerate(rule["Conditions"]):
        name = f"is{_id(rule)}_{number}"
        names.append(name)
        lines += [f"    acl {name} {test}" for test in conditions.tests(condition)]
    return names


def _backend(group: TargetGroup, speed: float) -> list[str]:
    told = group.told
    is_h2 = told.get("ProtocolVersion") in ("HTTP2", grpc.VERSION)
    interval = max(_SHORTEST_INTERVAL, round(1000 * told["HealthCheckIntervalSeconds"] / speed))
    # That of a healthy target is also how long any check may take to connect, and in HTTP/2 to be greeted.
    steady = max(_LEAST_CONNECT, interval)
    # Not shortened: nobody waits for it, and a machine with much to do is no sick target.
    timeout = round(1000 * told["HealthCheckTimeoutSeconds"])
    check = f"check inter {steady}ms fastinter {interval}ms downinter {interval}ms"
    check += f" fall {told['UnhealthyThresholdCount']} rise {told['HealthyThresholdCount']}"
    # An ALB closes its connections to a target that is deregistered. haproxy keeps those of HTTP/2 that nobody uses, and a server
    # that waits for their end is killed at its stop timeout; so none is kept.
    speaks = " proto h2 pool-max-conn 0" if is_h2 else ""
    # Both backends tell of a target alike.
    tells = f"    http-response set-header {TARGET_HEADER} {name_of(group)}/%s"
    return [
        "",
        f"backend {name_of(group)}",
        "    balance roundrobin",
        tells,
        *_checked(told),
        f"    timeout check {timeout}ms",
        # A target that refuses connections is left out at once, not only at its next check.
        f"    default-server {check}{speaks} observe layer4 error-limit 3 on-error mark-down",
        f"    server-template s 1-{SLOTS} 127.0.0.1:9 disabled",
        "",
        f"backend {open_name_of(group)}",
        "    balance roundrobin",
        tells,
        f"    timeout connect {_OPEN_CONNECT}",
        "    retries 0",
        f"    server-template s 1-{SLOTS} 127.0.0.1:9{speaks} disabled",
    ]


def _checked(told: Mapping[str, Any]) -> list[str]:
    """What a check asks, and what has to be answered."""
    matcher, path = told.get("Matcher", {}), told["HealthCheckPath"]
    if told.get("ProtocolVersion") == grpc.VERSION:
        return grpc.check(path, matcher.get("GrpcCode", "12"))
    low, _, high = matcher.get("HttpCode", "200").partition("-")
    status = f"status {low}-{high}" if high else f"rstatus ^({low.replace(',', '|')})$"
    is_h2 = told.get("ProtocolVersion") == "HTTP2"
    version = "HTTP/2" if is_h2 else "HTTP/1.1"
    return [
        "    option httpchk",
        *(["    default-server check-proto h2"] if is_h2 else []),
        f"    http-check send meth GET uri {path} ver {version} hdr Host target hdr User-Agent ELB-HealthChecker/2.0",
        f"    http-check expect {status}",
    ]


def _id(rule: Mapping[str, Any]) -> str:
    return re.sub(r"\W", "", str(rule["RuleArn"]).rpartition("/")[2])
