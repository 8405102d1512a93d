"""Listeners, rules and target groups as the configuration of haproxy.

Every rule, also one that answers itself or redirects, is a backend, and the default action is the last: haproxy would do
an answer of its own before any `use_backend`, whatever the order. A weight is a variable that can be set while it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cfngen.rehearse.deployed import Listener, TargetGroup
from cfngen.rehearse.errors import RehearsalError

SLOTS = 12
"""How many targets a target group can have at once."""
TARGET_HEADER = "x-rehearsal-target"
"""A response's header that tells the target group and the slot that answered."""
_SCALE = 10000
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


def targets_of(rule: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The target groups of a rule's forward with their weights, in their order; none for another action."""
    action = _last(rule)
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
    """The whole configuration; `speed` is by how much health checks come sooner than on AWS."""
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
    return "\n".join(lines) + "\n"


def _frontend(listener: Listener, groups: Mapping[str, TargetGroup], address: str, certificate: Path) -> list[str]:
    secure = f" ssl crt {certificate}" if listener.protocol == "HTTPS" else ""
    lines = ["", f"frontend port-{listener.port}", f"    bind {address}:{listener.port}{secure}"]
    if any(source != "0.0.0.0/0" for source in listener.sources):
        lines.append(f"    tcp-request connection reject unless {{ src {' '.join(listener.sources)} }}")
    elif not listener.sources:
        lines.append("    tcp-request connection reject")
    lines += [
        f"    http-request set-var(txn.chance) rand({_SCALE})",
        f"    http-request set-header X-Forwarded-Proto {'https' if secure else 'http'}",
        f"    http-request set-header X-Forwarded-Port {listener.port}",
        f"    http-response set-header {TARGET_HEADER} %b/%s",
    ]
    choices, answers = [], []
    for rule in listener.rules:
        conditions = [] if rule["IsDefault"] else _conditions(rule, lines)
        for words, backend, own in _actions(rule, groups):
            test = " ".join([*conditions, *words])
            choices.append(f"    use_backend {backend} if {test}" if test else f"    default_backend {backend}")
            answers += own
    return [*lines, *choices, *answers]


def _actions(rule: Mapping[str, Any], groups: Mapping[str, TargetGroup]) -> Iterable[tuple[list[str], str, list[str]]]:
    """The backends of a rule with what else has to be true, the last one without; and the text of those of its own."""
    targets = targets_of(rule)
    for number, (arn, _) in enumerate(targets[:-1]):
        chance = f"{{ var(txn.chance),sub({variable(rule, number)}) lt 0 }}"
        yield [chance], name_of(groups[arn]), []
    if targets:
        yield [], name_of(groups[targets[-1][0]]), []
        return
    backend = f"rule-{_id(rule)}"
    yield [], backend, ["", f"backend {backend}", f"    http-request {_own_answer(_last(rule))}"]


def _own_answer(action: Mapping[str, Any]) -> str:
    if action["Type"] == "fixed-response":
        told = action["FixedResponseConfig"]
        body = told.get("MessageBody", "").replace("\\", "\\\\").replace('"', '\\"')
        kind = told.get("ContentType") or "text/plain"
        return f'return status {told["StatusCode"]} content-type {kind} string "{body}"'
    if action["Type"] == "redirect":
        told = action["RedirectConfig"]
        kept = {
            "protocol": "http",
            "host": "%[hdr(host),field(1,:)]",
            "port": "%[dst_port]",
            "path": "%[path]",
            "query": "%[query]",
        }
        given = {
            "protocol": told.get("Protocol", ""),
            "host": told.get("Host", ""),
            "port": told.get("Port", ""),
            "path": told.get("Path", ""),
            "query": told.get("Query", ""),
        }
        filled = {
            key: re.sub(r"#\{(\w+)\}", lambda match: kept[match[1]], value or f"#{{{key}}}")
            for key, value in given.items()
        }
        place = f"{filled['protocol'].lower()}://{filled['host']}:{filled['port']}/{filled['path'].removeprefix('/')}"
        return f"redirect code {told['StatusCode'].removeprefix('HTTP_')} location {place.replace('/%[path]', '%[path]')}?{filled['query']}"
    raise RehearsalError(f"a rule's action {action['Type']} is not played by the rehearsal")


def _conditions(rule: Mapping[str, Any], lines: list[str]) -> list[str]:
    """The names of a rule's conditions, all of which must be true; what they are is added to `lines`."""
    names = []
    for number, condition in enumerate(rule["Conditions"]):
        name = f"is{_id(rule)}_{number}"
        names.append(name)
        lines += [f"    acl {name} {test}" for test in _tests(condition)]
    return names


def _tests(condition: Mapping[str, Any]) -> list[str]:
    """What a condition asks: one of these must be true."""

    def values(kind: str) -> Sequence[str]:
        told: Sequence[str] = condition.get(kind, {}).get("Values") or condition.get("Values") or ()
        return told

    match condition["Field"]:
        case "path-pattern":
            return [f"path -m reg {_glob(each)}" for each in values("PathPatternConfig")]
        case "host-header":
            return [f"req.hdr(host),field(1,:) -m reg -i {_glob(each)}" for each in values("HostHeaderConfig")]
        case "http-request-method":
            return [f"method {each}" for each in values("HttpRequestMethodConfig")]
        case "source-ip":
            return [f"src {each}" for each in values("SourceIpConfig")]
        case "http-header":
            header = condition["HttpHeaderConfig"]["HttpHeaderName"]
            return [f"req.hdr({header}) -m reg -i {_glob(each)}" for each in values("HttpHeaderConfig")]
        case "query-string":
            pairs = condition["QueryStringConfig"]["Values"]
            return [_query(each) for each in pairs]
    raise RehearsalError(f"a rule's condition {condition['Field']} is not played by the rehearsal")


def _query(pair: Mapping[str, str]) -> str:
    if key := pair.get("Key"):
        return f"url_param({key}) -m reg -i {_glob(pair['Value'])}"
    return f"query -m reg -i {_glob('*=' + pair['Value']).replace('$', '(&|$)')}"


def _glob(pattern: str) -> str:
    """A pattern with ``*`` and ``?`` as an expression, quoted for haproxy."""
    told = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return "'^" + told.replace("'", "'\\''") + "$'"


def _backend(group: TargetGroup, speed: float) -> list[str]:
    told = group.told
    low, _, high = told.get("Matcher", {}).get("HttpCode", "200").partition("-")
    interval = max(200, round(1000 * told["HealthCheckIntervalSeconds"] / speed))
    timeout = max(500, round(1000 * told["HealthCheckTimeoutSeconds"] / speed))
    check = f"check inter {interval}ms fall {told['UnhealthyThresholdCount']} rise {told['HealthyThresholdCount']}"
    status = f"status {low}-{high}" if high else f"rstatus ^({low.replace(',', '|')})$"
    return [
        "",
        f"backend {name_of(group)}",
        "    balance roundrobin",
        "    option httpchk",
        f"    http-check send meth GET uri {told['HealthCheckPath']} ver HTTP/1.1 hdr Host target hdr User-Agent ELB-HealthChecker/2.0",
        f"    http-check expect {status}",
        f"    timeout check {timeout}ms",
        # A target that refuses connections is left out at once, not only at its next check.
        f"    default-server {check} observe layer4 error-limit 3 on-error mark-down",
        f"    server-template s 1-{SLOTS} 127.0.0.1:9 disabled",
    ]


def _last(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """The action that answers: those before it only let pass."""
    actions: Sequence[Mapping[str, Any]] = rule["Actions"]
    return max(actions, key=lambda action: action.get("Order", 0))


def _id(rule: Mapping[str, Any]) -> str:
    return re.sub(r"\W", "", str(rule["RuleArn"]).rpartition("/")[2])
